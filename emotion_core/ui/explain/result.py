"""A finished explanation on a page: pictures and figures, each with one sentence to read it."""

import base64
from html import escape
from pathlib import Path
from typing import Any, Final

import cv2
import streamlit as st

from emotion_core.datatypes import ImageArray
from emotion_core.errors import EmotionCoreError
from emotion_core.labels import COLOURS, EXPRESSIONS
from emotion_core.results.explanation import ARRAYS, VALUES, Explanation, load_explanation
from emotion_core.results.summary import adaptation_words
from emotion_core.ui.common.charts import probability_bars_html
from emotion_core.ui.common.text import escape as markdown_escape
from emotion_core.vision.saliency_overlay import draw_drop, draw_heat, enlarged

# Pictures fill as many columns as the window has room for.
_STYLE: Final = """<style>
.lab-figures { display: grid; gap: 1rem; }
.lab-figures.large { grid-template-columns: repeat(auto-fit, minmax(15rem, 1fr)); }
.lab-figures.small { grid-template-columns: repeat(auto-fill, minmax(5.2rem, 1fr)); gap: .6rem; }
.lab-figures figure { margin: 0; }
.lab-figures img { width: 100%; border-radius: .5rem; display: block; }
.lab-figures.large img { max-width: 19rem; }
.lab-figures.small img { max-width: 7rem; }
.lab-figures figcaption { font-size: .87rem; opacity: .85; line-height: 1.45; padding-top: .4rem;
  max-width: 24rem; }
.lab-parts { display: grid; grid-template-columns: max-content 1fr max-content; gap: .3rem .7rem;
  align-items: center; font-size: .9rem; }
.lab-parts .track { background: #8883; border-radius: .3rem; height: .6rem; overflow: hidden; }
.lab-parts .fill { height: 100%; border-radius: .3rem; }
.lab-parts .pct { font-variant-numeric: tabular-nums; }
</style>"""


def show_result(folder: Path, key: str, who: str) -> None:
    """Draw the explanation in a folder; a changed choice redraws only this part."""
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
        answers = _answers(found)
        *places, right = st.columns(len(answers) + 1, gap="medium")
        for place, (title, probs, words) in zip(places, answers, strict=True):
            with place:
                st.html(probability_bars_html([float(p) for p in probs], who=title))
                st.caption(words)
        with right:
            _parts(found, expression)
        _near(found)
        _downloads(folder, key)

    draw()


def _pictures(found: Explanation, expression: int) -> None:
    name = EXPRESSIONS[expression]
    lies = (
        f"the brighter a place glows, the more what is seen there speaks for {name} (HiResCAM)."
        if found.heat[expression].any()
        else found.no_heat or "nothing in this face speaks for it."
    )
    if found.adapted is not None and found.heat[expression].any():
        lies += " It explains the network's own answer, before the adaptation."
    covered = draw_drop(found.crop, found.drop[expression], found.full_drop(expression))
    _figures(
        (
            enlarged(found.crop),
            "What the network sees",
            "the face in grey, 48×48 pixels, nothing around it.",
        ),
        (
            draw_heat(found.crop, found.heat[expression]),
            f"Where the evidence for {name} lies",
            lies,
        ),
        (
            covered,
            "A grey square is moved over the face",
            f"where it is orange, {name} loses certainty when the square lies there; where it is "
            "blue, it gains.",
        ),
    )


def _figures(*figures: tuple[ImageArray, str, str], size: str = "large") -> None:
    """Pictures (H, W, 3) BGR, each with a title and a sentence, which are its alternative text."""
    parts = []
    for picture, title, words in figures:
        data = base64.b64encode(cv2.imencode(".png", picture)[1].tobytes()).decode()
        alt = escape(f"{title}: {words}", quote=True)
        between = ": " if size == "large" else "<br>"
        parts.append(
            f'<figure><img alt="{alt}" src="data:image/png;base64,{data}">'
            f"<figcaption><b>{escape(title)}</b>{between}{escape(words)}</figcaption></figure>"
        )
    st.html(f'{_STYLE}<div class="lab-figures {size}">{"".join(parts)}</div>')


def _answers(found: Explanation) -> list[tuple[str, Any, str]]:
    """The answer step by step: a title, (7,) probabilities, and a sentence."""
    calibrated = "Fitted on validation faces so that 80% sure is right 80% of the time."
    steps: list[tuple[str, Any, str]] = [
        ("Before calibration", found.before, "The network's raw answer."),
        ("After calibration", found.after, calibrated),
    ]
    if found.adapted is not None:
        words = markdown_escape(adaptation_words(found.adaptation))
        words = f"{words[:1].upper()}{words[1:]}."
        steps.append(("With the adaptation", found.adapted, words))
    return steps


def _parts(found: Explanation, expression: int) -> None:
    """What is left of the probability with each part covered, the most telling part first."""
    name = EXPRESSIONS[expression]
    whole = float(found.answer[expression])
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
    _figures(
        *(
            (enlarged(image, 112), face.expression, f"{face.similarity:.3f}")
            for face, image in zip(found.near, found.near_images, strict=True)
        ),
        size="small",
    )
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
