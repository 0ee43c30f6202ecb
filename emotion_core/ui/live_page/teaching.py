"""A personal adaptation from guided takes: the page asks for each expression in turn."""

from typing import Final

import numpy as np
import streamlit as st

from emotion_core.labels import COLOURS, EXPRESSIONS
from emotion_core.live.guided_takes import TAKES, GuidedTakes, Prompt
from emotion_core.live.processor import LiveProcessor
from emotion_core.model.bundle import ModelBundle
from emotion_core.pipeline.network_hash import network_hash
from emotion_core.ui.common.adaptation import fit_own, offer_own

_GUIDE, _OVER = "live_guide", "live_guide_over"
_STYLE: Final = """<style>
.lab-prompt { border-radius: .6rem; padding: .6rem .9rem; border: 2px solid; }
.lab-prompt b { font-size: 1.7rem; line-height: 1.2; display: block; }
</style>"""


def teaching_panel(processor: LiveProcessor | None, bundle: ModelBundle, *, recorded: bool) -> None:
    """Begin, follow and end guided takes, and fit an adaptation to them; call it from a fragment.

    Args:
        processor: of the running stream; None without one.
        bundle: the network that reads.
        recorded: whether a recording is under way, whose readings must not change.
    """
    running = processor is not None and not processor.reading().ended
    guide = _current(processor) if running else None
    if guide is None and (earlier := _taken_earlier(bundle)) is not None:
        _offer(processor if running else None, earlier, bundle)
    elif processor is None or not running:
        st.caption("Start the camera to teach the network your face.")
    elif guide is None:
        _begin(processor, bundle, recorded)
    elif (prompt := guide.prompt(processor.now_s())) is not None:
        _follow(processor, guide, prompt)
    else:
        _offer(processor, guide, bundle)


def is_teaching(processor: LiveProcessor | None) -> bool:
    """Whether takes are being asked for now, so that the page looks often."""
    guide = _current(processor)
    return guide is not None and processor is not None and bool(guide.prompt(processor.now_s()))


def has_takes(processor: LiveProcessor | None) -> bool:
    """Whether takes were begun, in this stream or before, so that their place is open."""
    return _current(processor) is not None or bool(_kept()[1])


def _kept() -> tuple[int, GuidedTakes | None, str]:
    """Which stream was asked for takes, the takes, and the network that read them."""
    return st.session_state.get(_GUIDE) or (0, None, "")


def _current(processor: LiveProcessor | None) -> GuidedTakes | None:
    """The takes of this stream."""
    stream, guide, _ = _kept()
    return guide if stream == id(processor) else None


def _taken_earlier(bundle: ModelBundle) -> GuidedTakes | None:
    """What was taken before the camera was stopped, as this network read it; None without."""
    _, guide, network = _kept()
    if guide is None or network != network_hash(bundle):
        return None
    guide.stop()
    return guide if len(guide.taken()[1]) else None


def _forget(processor: LiveProcessor | None) -> None:
    st.session_state.pop(_GUIDE, None)
    if processor is not None:
        processor.guide_with(None)


def _begin(processor: LiveProcessor, bundle: ModelBundle, recorded: bool) -> None:
    st.markdown(
        f"The page asks for each of the seven expressions, {TAKES} times, for a minute and a half. "
        "Show each one as you would show it to a friend; skip what you cannot. From these takes a "
        "correction for your own face is fitted. Of your takes only the network's numbers are "
        "kept, until you close the page; no picture is."
    )
    if recorded:
        st.caption("Finish the recording first: its readings must not change half-way.")
    if st.button(
        "Start", icon=":material/school:", key="live_teach", disabled=recorded, width="content"
    ):
        guide = GuidedTakes(processor.now_s())
        st.session_state[_GUIDE] = (id(processor), guide, network_hash(bundle))
        processor.guide_with(guide)
        st.rerun()


def _follow(processor: LiveProcessor, guide: GuidedTakes, prompt: Prompt) -> None:
    colour = COLOURS[prompt.expression]
    what = "Hold it" if prompt.holding else "Get ready"
    seen = f" · {prompt.readings} readings" if prompt.holding else ""
    st.html(
        f"{_STYLE}<div class='lab-prompt' style='border-color:{colour}' role='status'>"
        f"{what} … {max(1, round(prompt.left_s + 0.5))}{seen}<b>{prompt.expression}</b></div>"
    )
    st.progress(prompt.done / prompt.of, text=f"{prompt.done} of {prompt.of} takes done")
    with st.container(horizontal=True):
        st.button(
            "Skip",
            icon=":material/skip_next:",
            key="live_teach_skip",
            on_click=lambda: guide.skip(processor.now_s()),
        )
        st.button("Stop", icon=":material/stop:", key="live_teach_stop", on_click=guide.stop)


def _offer(processor: LiveProcessor | None, guide: GuidedTakes, bundle: ModelBundle) -> None:
    if processor is not None and st.session_state.get(_OVER) is not guide:
        # The stream is read as before, and the page need not look so often any more.
        st.session_state[_OVER] = guide
        processor.guide_with(None)
        st.rerun()
    probs, labels = guide.taken()
    counts = np.bincount(labels, minlength=len(EXPRESSIONS))
    words = ", ".join(f"{e} {n}" for e, n in zip(EXPRESSIONS, counts, strict=True) if n)
    st.markdown(f"**Your takes**: {words}" if words else "No take shows your face.")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.text_input("Name", "my face", max_chars=60, key="live_teach_name", width=200)
        make = st.button(
            "Create adaptation",
            icon=":material/model_training:",
            key="live_teach_make",
            disabled=not words,
        )
        if st.button("Start over", icon=":material/undo:", key="live_teach_again"):
            _forget(processor)
            st.rerun()
    if make:
        fit_own(probs, labels, None, name=name, bundle=bundle)
    offer_own(name, key="live_teach_file")
