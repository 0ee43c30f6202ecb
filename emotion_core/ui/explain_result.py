"""A finished explanation on a page: pictures and figures, each with one sentence to read it."""

from html import escape
from pathlib import Path
from typing import Any, Final

import streamlit as st

from emotion_core.analysis.explanation import ARRAYS, VALUES, Explanation, load_explanation
from emotion_core.errors import EmotionCoreError
from emotion_core.labels import COLOURS, EXPRESSIONS
from emotion_core.ui.charts import probability_bars_html
from emotion_core.vision.heat import draw_drop, draw_heat, enlarged

_PICTURE_PX: Final = 260
_STYLE: Final = """<style>
.lab-parts { display: grid; grid-template-columns: max-content 1fr max-content; gap: .3rem .7rem;
  align-items: center; font-size: .9rem; }
.lab-parts .track { background: #8883; border-radius: .3rem; height: .6rem; overflow: hidden; }
.lab-parts .fill { height: 100%; border-radius: .3rem; }
.lab-parts .pct { font-variant-numeric: tabular-nums; }
</style>"""


def show_result(folder: Path, key: str, who: str) -> None:
    """Draw the explanation in a folder; a changed choice draws this part alone."""
    try:
        found = load_explanation(folder)
    except EmotionCoreError as error:
        st.error(str(error), icon=":material/error:")
        return

    @st.fragment
    def draw() -> None:
        top = EXPRESSIONS[found.top]
        st.markdown(f"##### {who}: why {top}?")
        chosen = st.segmented_control(
            "Evidence for",
            list(EXPRESSIONS),
            default=top,
            required=True,
            key=f"explain_for_{key}",
        )
        expression = EXPRESSIONS.index(chosen or top)
        _pictures(found, expression)
        left, middle, right = st.columns([1, 1, 1], gap="medium")
        with left:
            _bars("Before calibration", found.before)
        with middle:
            _bars("After calibration", found.after)
        with right:
            _parts(found, expression)
        _near(found)
        _downloads(folder, key)

    draw()


def _pictures(found: Explanation, expression: int) -> None:
    name = EXPRESSIONS[expression]
    full = found.full_drop(expression)
    pictures = (
        (
            enlarged(found.crop),
            "**What the network sees**: the face in grey, 48×48 pixels, nothing around it.",
        ),
        (
            draw_heat(found.crop, found.heat[expression]),
            f"**Where the evidence for {name} lies**: the brighter a place glows, the more what is "
            f"seen there speaks for {name} (HiResCAM)."
            if found.heat[expression].any()
            else f"**Where the evidence for {name} lies**: nothing in this face speaks for it.",
        ),
        (
            draw_drop(found.crop, found.drop[expression], full),
            f"**A grey square is moved over the face**: where it is orange, {name} loses certainty "
            "when the square lies there; where it is blue, it gains.",
        ),
    )
    for column, (picture, words) in zip(st.columns(3, gap="medium"), pictures, strict=True):
        with column:
            st.image(picture[:, :, ::-1], width=_PICTURE_PX)
            st.caption(words)


def _bars(title: str, probs: Any) -> None:
    st.html(probability_bars_html([float(p) for p in probs], who=title))
    if title.startswith("Before"):
        st.caption("The network's raw answer.")
    else:
        st.caption("Fitted on validation faces so that 80 % sure is right 80 % of the time.")


def _parts(found: Explanation, expression: int) -> None:
    """What is left of the probability with each part covered, the most telling part first."""
    name = EXPRESSIONS[expression]
    whole = float(found.after[expression])
    st.markdown(f"**With a part covered**, {name} goes from {_percent(whole)} to …")
    rows = []
    for part, _ in found.part_drops(expression):
        probs = found.parts[part]
        value = float(probs[expression])
        wins = EXPRESSIONS[int(probs.argmax())]
        now = "" if wins == EXPRESSIONS[found.top] else f" · now {wins}"
        rows.append(
            f'<span>{escape(part)}</span><div class="track"><div class="fill" style="width:'
            f'{100 * value:.1f}%;background:{COLOURS[name]}"></div></div>'
            f'<span class="pct">{_percent(value)}{now}</span>'
        )
    st.html(f'{_STYLE}<div class="lab-parts">{"".join(rows)}</div>')
    st.caption(
        "The parts are fixed areas of the crop, approximate for any one face. The shorter a bar, "
        "the more the answer rests on that part."
    )


def _percent(value: float) -> str:
    """Percent with a digit more where rounding would hide a change near 0 or 1."""
    return f"{value:.1%}" if 0.001 <= value <= 0.999 else f"{value:.2%}"


def _near(found: Explanation) -> None:
    st.markdown("**The nearest training faces**")
    if found.no_near:
        st.caption(found.no_near)
        return
    for column, face, image in zip(
        st.columns(len(found.near)), found.near, found.near_images, strict=True
    ):
        with column:
            st.image(enlarged(image, 144)[:, :, ::-1], width=110)
            st.caption(f"{face.expression} · {face.similarity:.3f}")
    st.caption(
        "The faces that the network learnt from and that look most alike to it, with the label "
        "people gave them and the cosine similarity of its last hidden layer."
    )


def _downloads(folder: Path, key: str) -> None:
    with st.container(horizontal=True):
        for label, file, mime in (
            ("Values (JSON)", VALUES, "application/json"),
            ("Maps (NPZ)", ARRAYS, "application/octet-stream"),
        ):
            st.download_button(
                label,
                (folder / file).read_bytes,
                file_name=file,
                mime=mime,
                key=f"explain_get_{file}_{key}",
                type="tertiary",
                icon=":material/download:",
                on_click="ignore",
            )
