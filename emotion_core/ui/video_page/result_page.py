"""The page of one result: player, timeline, people, moments, downloads."""

from collections.abc import Callable

import streamlit as st

from emotion_core.errors import EmotionCoreError, OutputError
from emotion_core.jobs.log import FAILED, FileState, problem_of
from emotion_core.media.encoder import NO_ENCODER, clip_encoder
from emotion_core.results.annotations import Marker, edited_clip
from emotion_core.results.edits_file import DAMAGED
from emotion_core.results.face_table import valid_share
from emotion_core.results.summary import network_words
from emotion_core.ui.common.playhead import show_playhead
from emotion_core.ui.common.text import duration_words, escape
from emotion_core.ui.video_page.downloads import show_exports
from emotion_core.ui.video_page.jobs import job_store
from emotion_core.ui.video_page.key_moments import show_moments
from emotion_core.ui.video_page.markers import show_markers
from emotion_core.ui.video_page.people import show_people_list
from emotion_core.ui.video_page.result_view import (
    ResultView,
    is_playable,
    load_result_data,
    play_clip,
    redraw_result,
)
from emotion_core.ui.video_page.timeline import show_statistics, show_timelines


def show_result(job_id: str, file: FileState) -> None:
    """Draw everything about one video; a changed name or marker redraws only this part."""
    assert file.folder is not None
    folder = file.folder

    @st.fragment
    def draw() -> None:
        try:
            data = load_result_data(folder)
        except (EmotionCoreError, OSError) as error:
            st.error(str(error), icon=":material/error:")
            return
        show_with_clip(ResultView(job_id, folder, file.name, data), _offer_redraw)

    draw()


def show_with_clip(view: ResultView, below_player: Callable[[ResultView], None]) -> None:
    """The whole result, top to bottom.

    Args:
        view: the result.
        below_player: draws what belongs under the player's clock.
    """
    show_facts(view)
    left, right = st.columns([3, 2], gap="medium")
    with left:
        player = st.container(key="player")
        bar = st.container()
    with right:
        show_people_list(view)
    _show_parts(view, moments=True)
    # Last: a press on a moment above moves the player in the same run.
    with player:
        show_player(view)
    with bar:
        show_clock(view)
        below_player(view)


def show_without_clip(view: ResultView) -> None:
    """The result of a recording of which no picture was kept: no player and no moments."""
    show_facts(view)
    if len(view.table):
        show_people_list(view)
    _show_parts(view, moments=False)


def _show_parts(view: ResultView, *, moments: bool) -> None:
    """What there is to see besides the clip, a tab each: on a phone one below the other is far."""
    parts: dict[str, Callable[[ResultView], None]] = {}
    if len(view.table):
        parts["Timeline"] = show_timelines
        if moments:
            parts["Key moments"] = show_moments
        parts["Share of time"] = show_statistics
    else:
        show_nobody(view)
    parts["Markers"] = show_markers
    parts["Downloads"] = show_exports
    for tab, show in zip(st.tabs(list(parts)), parts.values(), strict=True):
        with tab:
            show(view)


def _show_problems(view: ResultView) -> None:
    problem = st.session_state.pop(f"{view.key}_problem", "")
    if problem:
        st.error(problem, icon=":material/error:")
    if view.edits.lost:
        st.warning(
            "Some of your names, merges or markers are damaged and were skipped. When you next "
            f"change something, the present file is kept as {DAMAGED} next to the results.",
            icon=":material/warning:",
        )


def show_facts(view: ResultView) -> None:
    """How many people and frames, how fast, by which network; problems first."""
    _show_problems(view)
    summary, frames = view.summary, len(view.whole.frame_times)
    people = len(view.table.people)
    words = [
        f"**{escape(view.name)}**",
        f"{people} {'person' if people == 1 else 'people'}",
        f"{frames:,} frames analysed",
        f"a face in {valid_share(view.table):.0%} of them",
    ]
    if summary.get("spent_s") and summary.get("times_real_time"):
        speed = f"{summary['times_real_time']:.1f}× real time"
        words.append(f"took {duration_words(summary['spent_s'])} ({speed})")
    model = network_words(summary.get("model") or {})
    words += [f"network {escape(model)}"] if model else []
    st.markdown(" · ".join(words))


def show_nobody(view: ResultView) -> None:
    """Why there is nothing to draw."""
    if view.edits.excluded and len(view.whole):
        st.info("Everyone is excluded. Include someone in the list of people to see results.")
    else:
        st.info(
            "No face was found in this video. Faces must be turned towards the camera and at "
            "least about 40 pixels wide.",
            icon=":material/face_retouching_off:",
        )


def show_player(view: ResultView) -> None:
    """The annotated clip, or why there is none."""
    clip = view.clip
    if not clip.is_file():
        st.info(_why_no_clip(view), icon=":material/movie_off:")
    elif not is_playable(clip):
        size = clip.stat().st_size / 2**20
        st.info(f"The clip is {size:.0f} MB. Download it and play it on your computer.")
    else:
        play_clip(clip, key=f"{view.key}_clip")


def _why_no_clip(view: ResultView) -> str:
    if view.clip_is_older:
        return "Faces are hidden, so the original clip is not shown. Redraw it with your changes."
    return "This analysis has no clip." + ("" if clip_encoder() else f" {NO_ENCODER}")


def show_clock(view: ResultView, *, can_mark: bool = True, autoplay: bool = False) -> None:
    """The player's clock, which also ties charts and player; it belongs below all of them.

    Args:
        view: the result.
        can_mark: show a button that marks the moment shown.
        autoplay: begin at once, without sound.
    """
    if not view.has_clip:
        return
    state = st.session_state
    mark_s = show_playhead(
        view.key,
        view.followed_charts,
        origin_s=view.origin_s,
        seek=(state.get(f"{view.key}_seek", 0.0), state.get(f"{view.key}_nonce", 0)),
        can_mark=can_mark,
        autoplay=autoplay,
    )
    marked = f"{view.key}_marked"
    if words := state.pop(marked, ""):
        st.toast(words, icon=":material/bookmark_added:")
    if mark_s is not None:
        time_s = round(mark_s + view.origin_s, 2)
        state[marked] = f"Marked at {time_s:.2f} s. Name it under Markers."
        view.change(
            lambda edits: edits.add_marker(
                Marker(time_s, time_s, f"marker {len(edits.markers) + 1}")
            )
        )


def _offer_redraw(view: ResultView) -> None:
    """Offer a clip with the visitor's changes where the one shown is without them."""
    if not view.clip_is_older:
        return
    store, key = job_store(), edited_clip(view.folder, view.edits).name
    state = store.after(view.job_id, view.folder, key)
    if state is not None and state.running:
        _drawing(view, key)
        return
    if state is not None and state.status == FAILED:
        st.error(problem_of(state), icon=":material/error:")
    with st.container(horizontal=True, vertical_alignment="center"):
        pressed = view.summary.get("status") == "done" and st.button(
            "Redraw the clip with your changes",
            icon=":material/movie_edit:",
            key=f"{view.key}_redraw",
            help="Applies your names, exclusions and hidden faces.",
        )
        if not view.edits.hides:
            st.caption("The clip shows people as detected, without your changes.", width="content")
    if not pressed:
        return
    try:
        begun = store.start_after(view.job_id, view.folder, ["--redraw"], key)
    except OutputError as error:
        st.error(str(error), icon=":material/error:")
        return
    if begun is None:
        st.error("The video has been deleted. Upload it again.", icon=":material/error:")
        return
    redraw_result()


def _drawing(view: ResultView, key: str) -> None:
    """How far the new clip is; what was found stays in view meanwhile."""

    @st.fragment(run_every=1.0)
    def look() -> None:
        state = job_store().after(view.job_id, view.folder, key)
        if state is None or not state.running:
            st.rerun()
            return
        left_s = state.files[0].left_s
        words = f"Redrawing the clip: {state.fraction:.0%}"
        words += f", about {duration_words(left_s)} left" if left_s is not None else ""
        st.progress(state.fraction, text=state.message or words)
        if st.button("Cancel", icon=":material/stop:", key=f"{view.key}_redraw_cancel"):
            job_store().cancel(state.job_id)

    look()
