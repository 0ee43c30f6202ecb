"""The state of one result on the page: its data, the visitor's edits, and the player's position."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.errors import StreamlitAPIException

from emotion_core.charts.ribbon import run_rows
from emotion_core.errors import EmotionCoreError
from emotion_core.model.adaptation import Adaptation
from emotion_core.results.annotations import Edits, edited_clip, shown_clip
from emotion_core.results.edits_file import change_edits, load_edits, refresh_edits
from emotion_core.results.export import read_faces
from emotion_core.results.face_table import FaceTable, legible_run_s
from emotion_core.results.paths import CLIP, EDITS, FACES, read_summary
from emotion_core.results.summary import origin_of
from emotion_core.ui.common.adaptation import found_again
from emotion_core.ui.common.downloads import can_play, play_video
from emotion_core.ui.common.file_links import OfferedFile
from emotion_core.ui.common.playhead import followed_chart
from emotion_core.ui.video_page.jobs import job_store


@dataclass(frozen=True, slots=True, eq=False)
class ResultData:
    """What is worked out once for all redraws: half an hour of runs takes half a second.

    Attributes:
        edits: the visitor's changes.
        whole: every face, with the tracklets taken apart.
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


def load_result_data(folder: Path) -> ResultData:
    """The faces of a results folder, as the visitor's changes of this moment have them.

    Raises:
        InputError: there is no table of faces.
    """
    refresh_edits(folder)
    return _result_data(str(folder), _changed(folder / FACES), _changed(folder / EDITS))


@st.cache_resource(max_entries=6, show_spinner="Reading the table …")
def _table(folder: str, changed: tuple[int, int]) -> FaceTable:
    """One copy for all visitors; it is never written to. `changed` tells its versions apart."""
    del changed
    return read_faces(Path(folder) / FACES)


@st.cache_resource(max_entries=12, show_spinner="Reading the table …")
def _result_data(folder: str, changed: tuple[int, int], edited: tuple[int, int]) -> ResultData:
    del edited
    edits = load_edits(Path(folder))
    whole = edits.parted(_table(folder, changed))
    table = edits.apply(whole)
    least_s = legible_run_s(table.frame_times, max(1, len(table.people)))
    return ResultData(edits, whole, table, run_rows(table, edits), run_rows(table, edits, least_s))


def is_playable(clip: Path) -> bool:
    """Whether there is a clip and the page can play it."""
    try:
        return can_play(clip.stat().st_size)
    except OSError:
        return False


def play_clip(clip: Path, *, key: str) -> None:
    """A player for a clip that `is_playable`."""
    play_video(OfferedFile(clip.name, "video/mp4", clip, inline=True), key=key)


def redraw_result() -> None:
    """Draw this result again, and nothing else where that is possible."""
    try:
        st.rerun(scope="fragment")
    except StreamlitAPIException:
        # The whole page is being run (a reload met a changed widget), not this part of it.
        st.rerun()


class ResultView:
    """One result with the visitor's edits applied: what the parts of its page share.

    Args:
        job_id: of the analysis.
        folder: the results folder.
        name: the video's name as the visitor knows it.
        data: the faces, with and without edits.
    """

    def __init__(self, job_id: str, folder: Path, name: str, data: ResultData) -> None:
        # Unique to the job and the video; widgets and state carry it.
        self.key = f"{job_id}_{folder.name}"
        self.job_id, self.folder, self.name = job_id, folder, name
        self.edits, self.whole, self.table = data.edits, data.whole, data.table
        self.runs, self.drawn_runs = data.runs, data.drawn_runs
        self.summary: dict[str, Any] = read_summary(folder)
        self.followed_charts: list[dict[str, Any]] = []

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
        drawn = edited_clip(self.folder, self.edits).is_file()
        return self.edits.people_changed and not drawn and first.is_file()

    @property
    def origin_s(self) -> float:
        """The source's time at which the annotated clip begins."""
        return origin_of(self.summary)

    @property
    def model_name(self) -> str:
        """Of the network that the faces were read with; "" where that was not kept."""
        return str((self.summary.get("model") or {}).get("name", ""))

    def adaptation(self) -> Adaptation | None:
        """The adaptation that the faces were read with; None without one.

        Raises:
            InputError: it is not available any more.
        """
        state = job_store().state(self.job_id)
        given = ["", *(state.options.get("arguments", []) if state else [])]
        place = given.index("--adaptation") + 1 if "--adaptation" in given else 0
        described = (self.summary.get("model") or {}).get("adaptation")
        return found_again(described, given[place])

    def change(self, change: Callable[[Edits], Edits]) -> None:
        """Keep a change and draw again; tells where it cannot be kept.

        Args:
            change: applied to what is kept at this moment, which another tab may have changed since
                this one was drawn.
        """
        self.keep(change)
        redraw_result()

    def keep(self, change: Callable[[Edits], Edits]) -> None:
        """The same for a widget's callback, after which the page is drawn again anyway."""
        try:
            change_edits(self.folder, change)
        except EmotionCoreError as error:
            st.session_state[f"{self.key}_problem"] = str(error)

    def follow(self, key: str, span: tuple[float, float]) -> None:
        """Let a chart show the player's position, and move the player where it is clicked.

        Args:
            key: of the chart.
            span: the seconds of the source at the ends of its time axis.
        """
        self.followed_charts.append(followed_chart(key, span))

    def seek(self, time_s: float) -> None:
        """Move the player to a time of the source, in this run of the page."""
        state = st.session_state
        state[f"{self.key}_seek"] = max(0.0, time_s - self.origin_s)
        state[f"{self.key}_nonce"] = state.get(f"{self.key}_nonce", 0) + 1
