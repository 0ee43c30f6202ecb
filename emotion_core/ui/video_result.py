"""The result of one video: player, timeline, people, moments, exports."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import streamlit as st
from streamlit.errors import StreamlitAPIException

from emotion_core.analysis.edits import (
    DAMAGED,
    Edits,
    Marker,
    change_edits,
    edited_clip,
    load_edits,
    shown_clip,
)
from emotion_core.analysis.edits import FILE as EDITS
from emotion_core.analysis.export import read_faces
from emotion_core.analysis.folders import CLIP, FACES, read_summary
from emotion_core.analysis.timeline import FaceTable, legible_run_s, valid_share
from emotion_core.analysis.video_clip import LARGEST_CLIP_BYTES
from emotion_core.errors import EmotionCoreError, OutputError
from emotion_core.ui.job_log import FAILED, FileState, problem_of
from emotion_core.ui.video_charts import run_rows
from emotion_core.ui.video_jobs import job_store
from emotion_core.ui.video_progress import duration_words

_SEEK_SCRIPT: Final = Path(__file__).parent / "assets" / "player_seek.js"
_SEEK_HTML: Final = """<div class="bar"><span class="clock">0:00.00</span>
<button type="button" data-name="mark">Mark this moment</button></div>"""
_SEEK_CSS: Final = """.bar { display: flex; gap: .8rem; align-items: center; font-size: .9rem; }
.clock { font-variant-numeric: tabular-nums; min-width: 4.5rem; }
button { font: inherit; color: inherit; background: none; border: 1px solid #8886;
  border-radius: .5rem; padding: .2rem .7rem; cursor: pointer; }
button:hover { border-color: currentColor; }"""


def show_result(job_id: str, file: FileState) -> None:
    """Draw everything about one video; a changed name or marker redraws this part alone."""
    assert file.folder is not None
    folder = file.folder

    @st.fragment
    def draw() -> None:
        try:
            reading = reading_of(folder)
        except (EmotionCoreError, OSError) as error:
            st.error(str(error), icon=":material/error:")
            return
        View(job_id, folder, file.name, reading).draw()

    draw()


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """What is worked out once for all redraws: half an hour of runs takes half a second.

    Attributes:
        edits: the visitor's changes.
        whole: every face.
        table: with the edits applied.
        runs: the dominant runs as rows.
        drawn_runs: fewer and longer ones, as many as a screen can show.
    """

    edits: Edits
    whole: FaceTable
    table: FaceTable
    runs: Any
    drawn_runs: Any


def _changed(path: Path) -> tuple[int, int]:
    """Differs from one writing of a file to the next; zeros where there is none."""
    try:
        # The clock of a disk may tick so slowly that two changes have the same time.
        return (stat := path.stat()).st_mtime_ns, stat.st_ino
    except FileNotFoundError:
        return 0, 0


def reading_of(folder: Path) -> Reading:
    """The faces of a results folder, as the visitor's changes of this moment have them.

    Raises:
        InputError: there is no table of faces.
    """
    return _reading(str(folder), _changed(folder / FACES), _changed(folder / EDITS))


@st.cache_resource(max_entries=6, show_spinner="Reading the table …")
def _table(folder: str, changed: tuple[int, int]) -> FaceTable:
    """One copy for all visitors; nobody writes to it. `changed` tells its versions apart."""
    del changed
    return read_faces(Path(folder) / FACES)


@st.cache_resource(max_entries=12, show_spinner="Reading the table …")
def _reading(folder: str, changed: tuple[int, int], edited: tuple[int, int]) -> Reading:
    del edited
    whole, edits = _table(folder, changed), load_edits(Path(folder))
    table = edits.apply(whole)
    least_s = legible_run_s(table.frame_times, max(1, len(table.people)))
    return Reading(edits, whole, table, run_rows(table, edits), run_rows(table, edits, least_s))


def is_playable(clip: Path) -> bool:
    """Whether the page can play a clip; `st.video` keeps the whole file in the server's memory."""
    return clip.is_file() and clip.stat().st_size <= LARGEST_CLIP_BYTES


def _again() -> None:
    """Draw this result again, and nothing else where that is possible."""
    try:
        st.rerun(scope="fragment")
    except StreamlitAPIException:
        # The whole page is being run (a reload met a changed widget), not this part of it.
        st.rerun()


class View:
    """One video's result with the visitor's edits applied.

    Args:
        job_id: of the analysis.
        folder: the results folder.
        name: the video's name as the visitor knows it.
        reading: the faces, with and without edits.
    """

    def __init__(self, job_id: str, folder: Path, name: str, reading: Reading) -> None:
        # Unique to the job and the video; widgets and state carry it.
        self.key = f"{job_id}_{folder.name}"
        self.job_id, self.folder, self.name = job_id, folder, name
        self.edits, self.whole, self.table = reading.edits, reading.whole, reading.table
        self.runs, self.drawn_runs = reading.runs, reading.drawn_runs
        self.summary: dict[str, Any] = read_summary(folder)
        self._charts: list[dict[str, Any]] = []

    @property
    def clip(self) -> Path:
        """The clip to show and to hand out, whether there is one or not."""
        return shown_clip(self.folder, self.edits)

    @property
    def has_clip(self) -> bool:
        """Whether there is a player to follow and to move."""
        return is_playable(self.clip)

    @property
    def clip_is_older(self) -> bool:
        """Whether the clip shows people as they were before the visitor's changes."""
        first = self.folder / CLIP
        return self.edits.people_changed and self.clip == first and first.is_file()

    @property
    def origin_s(self) -> float:
        """The source's time at which the annotated clip begins."""
        return float((self.summary.get("clip") or {}).get("origin_s", 0.0))

    def change(self, change: Callable[[Edits], Edits]) -> None:
        """Keep a change and draw again; tells where it cannot be kept.

        Args:
            change: applied to what is kept at this moment, which another tab may have changed since
                this one was drawn.
        """
        self.keep(change)
        _again()

    def keep(self, change: Callable[[Edits], Edits]) -> None:
        """The same for a widget's callback, after which the page is drawn again anyway."""
        try:
            change_edits(self.folder, change)
        except EmotionCoreError as error:
            st.session_state[f"{self.key}_problem"] = str(error)

    def follow(self, key: str, span: tuple[float, float]) -> None:
        """Let a chart show where the player stands, and move it where it is clicked.

        Args:
            key: of the chart.
            span: the seconds of the source at the ends of its time axis.
        """
        self._charts.append({"key": key, "from": span[0], "to": span[1]})

    def seek(self, time_s: float) -> None:
        """Move the player to a time of the source, in this run of the page."""
        state = st.session_state
        state[f"{self.key}_seek"] = max(0.0, time_s - self.origin_s)
        state[f"{self.key}_nonce"] = state.get(f"{self.key}_nonce", 0) + 1

    def draw(self) -> None:
        """The whole result, top to bottom."""
        from emotion_core.ui.video_exports import show_exports
        from emotion_core.ui.video_markers import show_markers
        from emotion_core.ui.video_moments import show_moments
        from emotion_core.ui.video_people import show_people_list
        from emotion_core.ui.video_timeline import show_statistics, show_timelines

        self._facts()
        left, right = st.columns([3, 2], gap="medium")
        with left:
            player = st.container(key="player")
            bar = st.container()
        with right:
            show_people_list(self)
        if not len(self.table):
            self._nobody()
        else:
            show_timelines(self)
            show_moments(self)
            show_statistics(self)
        show_markers(self)
        show_exports(self)
        # Last: a press on a moment above moves the player in the same run.
        with player:
            self._player()
        with bar:
            self._seek_bar()
            self._redraw()

    def _say_problems(self) -> None:
        problem = st.session_state.pop(f"{self.key}_problem", "")
        if problem:
            st.error(problem, icon=":material/error:")
        if self.edits.lost:
            st.warning(
                "Some of your names, merges or markers are damaged and left out here. With your "
                f"next change the file as it is now is kept as {DAMAGED}, beside the results.",
                icon=":material/warning:",
            )

    def _facts(self) -> None:
        self._say_problems()
        summary, frames = self.summary, len(self.whole.frame_times)
        people = len(self.table.people)
        words = [
            f"{people} {'person' if people == 1 else 'people'}",
            f"{frames:,} frames read",
            f"a face in {valid_share(self.table):.0%} of them",
        ]
        if summary.get("spent_s") and summary.get("times_real_time"):
            speed = f"{summary['times_real_time']:.1f}× real time"
            words.append(f"took {duration_words(summary['spent_s'])} ({speed})")
        model = (summary.get("model") or {}).get("name")
        words += [f"network “{model}”"] if model else []
        st.markdown(" · ".join(words))

    def _nobody(self) -> None:
        if self.edits.excluded and len(self.whole):
            st.info("Everybody is excluded. Include somebody again in the list of people.")
        else:
            st.info(
                "No face was found in this video. Faces must look roughly into the camera and be "
                "at least about 40 pixels wide.",
                icon=":material/face_retouching_off:",
            )

    def _player(self) -> None:
        clip = self.clip
        if not clip.is_file():
            st.info("No clip was made for this analysis.", icon=":material/movie_off:")
        elif not is_playable(clip):
            size = clip.stat().st_size / 2**20
            st.info(f"The clip has {size:.0f} MB: download it below and play it on your computer.")
        else:
            st.video(str(clip), format="video/mp4", width="stretch")

    def _seek_bar(self) -> None:
        """A clock with a button that marks the moment shown; it also ties charts and player."""
        if not self.has_clip:
            return
        bar = st.components.v2.component(
            "emotion_lab_player_seek",
            html=_SEEK_HTML,
            css=_SEEK_CSS,
            js=_SEEK_SCRIPT.read_text("utf-8"),
        )
        data = {
            "clip": self.key,
            "at": st.session_state.get(f"{self.key}_seek", 0.0),
            "nonce": st.session_state.get(f"{self.key}_nonce", 0),
            "origin": self.origin_s,
            "charts": self._charts,
        }
        found = bar(key=f"{self.key}_bar", data=data, on_mark_change=lambda: None)
        if found.mark is not None:
            time_s = round(float(found.mark) + self.origin_s, 2)
            self.change(
                lambda edits: edits.add_marker(
                    Marker(time_s, time_s, f"marker {len(edits.markers) + 1}")
                )
            )

    def _redraw(self) -> None:
        """Offer a clip with the visitor's changes where the one shown is without them."""
        if not self.clip_is_older:
            return
        store, key = job_store(), edited_clip(self.folder, self.edits).name
        state = store.after(self.job_id, self.folder, key)
        if state is not None and state.running:
            self._drawing(key)
            return
        if state is not None and state.status == FAILED:
            st.error(problem_of(state), icon=":material/error:")
        with st.container(horizontal=True, vertical_alignment="center"):
            pressed = self.summary.get("status") == "done" and st.button(
                "Draw the clip with your changes",
                icon=":material/movie_edit:",
                key=f"{self.key}_redraw",
                help="With the names you gave, and without whoever you left out.",
            )
            st.caption("The clip shows everybody as they were found.", width="content")
        if not pressed:
            return
        try:
            begun = store.start_after(self.job_id, self.folder, ["--redraw"], key)
        except OutputError as error:
            st.error(str(error), icon=":material/error:")
            return
        if begun is None:
            st.error("The video is not here any more: read it again.", icon=":material/error:")
            return
        _again()

    def _drawing(self, key: str) -> None:
        """How far the new clip is; what was found stays in view meanwhile."""

        @st.fragment(run_every=1.0)
        def look() -> None:
            state = job_store().after(self.job_id, self.folder, key)
            if state is None or not state.running:
                st.rerun()
                return
            left_s = state.files[0].left_s
            words = f"Drawing the clip with your changes: {state.fraction:.0%}"
            words += f", about {duration_words(left_s)} left" if left_s is not None else ""
            st.progress(state.fraction, text=state.message or words)
            if st.button("Cancel", icon=":material/stop:", key=f"{self.key}_redraw_cancel"):
                job_store().cancel(state.job_id)

        look()
