"""The head of the model page: what is missing, the headline figures, and two models in a word."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from typing import Any, Final

import streamlit as st

from emotion_core.evaluation import paired_comparison
from emotion_core.evaluation.evaluate import SCORE_NAMES
from emotion_core.labels import FOLDER_LABELS
from emotion_core.ui.common.network_choice import network_problem
from emotion_core.ui.common.text import escape
from emotion_core.ui.model_page.elements import model_dot
from emotion_core.ui.model_page.selection import Choice

_FIGURES: Final = (
    ("Accuracy", "accuracy", ".1%", "Share of the images that are named rightly."),
    ("Macro-F1", "macro_f1", ".1%", "Mean F1 of the expressions: rare ones weigh as much."),
    ("Rare faces found", "rare_recall", ".1%", "Mean recall of disgust and fear."),
    ("Calibration (ECE)", "ece", ".3f", "Mean gap of confidence and accuracy, 15 bins."),
)
# As many columns of cards as the window has room for, two on a phone.
_STYLE: Final = """<style>
[class*="st-key-headline_"] { display: grid !important; gap: .7rem;
  grid-template-columns: repeat(auto-fit, minmax(9.6rem, 1fr)); }
[class*="st-key-headline_"] > div { width: 100% !important; min-width: 0; }
[class*="st-key-headline_"] [data-testid="stMetric"] { padding: 0; }
[class*="st-key-headline_"] [data-testid="stMetric"] > div { padding: .55rem .9rem .7rem; }
[class*="st-key-headline_"] [data-testid="stMetricValue"] { font-size: 1.75rem; }
@media (max-width: 640px) {
  [class*="st-key-headline_"] > div:last-child { grid-column: 1 / -1; }
}
.lab-model { display: inline-flex; align-items: center; gap: .45rem; font-weight: 700; }
.lab-model i { width: .8rem; height: .8rem; border-radius: 50%; flex: none; }
</style>"""


def show_problems(choices: Sequence[Choice]) -> None:
    """Name the files that are missing or damaged; the rest of the page goes on."""
    for choice in choices:
        if choice.record.is_external and (why := network_problem(choice.name)):
            st.error(f"{choice.name} cannot be used: {why}", icon=":material/error:")
    problems = list(dict.fromkeys(p for choice in choices for p in choice.record.problems))
    if not problems:
        return
    noun = "file is" if len(problems) == 1 else "files are"
    with st.expander(
        f"{len(problems)} {noun} missing or damaged; the rest is shown", icon=":material/warning:"
    ):
        st.markdown("\n".join(f"- {problem}" for problem in problems))


def show_headline(choices: Sequence[Choice]) -> None:
    """Five figures a model, each with its interval; two models with a sentence on both."""
    st.html(_STYLE)
    st.markdown(_whose(choices))
    for index, choice in enumerate(choices):
        if len(choices) > 1:
            learnt = html.escape(choice.record.learnt)
            st.html(f"{model_dot(index, choice.name)} &nbsp;<small>learnt {learnt}</small>")
        if choice.blocks:
            _show_figures(choice)
        else:
            st.info(_not_measured(choice), icon=":material/monitoring:")
    if len(choices) > 1:
        _compare(*choices[:2])


def _not_measured(choice: Choice) -> str:
    evaluate = f"`python -m emotion_core evaluate --data PATH --model {choice.name}"
    if not choice.key:
        return f"{choice.name} was not measured here: {evaluate}` measures it."
    if choice.label_set == FOLDER_LABELS:
        return (
            f"{choice.name} was not measured on these faces. {evaluate} --out scores` measures "
            "each network on faces of people who are in no training or validation split."
        )
    return (
        f"{choice.name} was not measured on these images by these labels: {evaluate} "
        f"--split {choice.split or 'test'}` measures it."
    )


def _whose(choices: Sequence[Choice]) -> str:
    first = choices[0]
    images = "your own faces" if first.faces else f"{first.split} split"
    judged_by = SCORE_NAMES[first.label_set]
    words = f"**{judged_by[:1].upper()}{judged_by[1:]}, {images}**" if first.key else ""
    if first.blocks:
        words += f": {first.blocks['full']['images']:,} images carry a label that counts."
    if len(choices) == 1 and not first.record.metadata:
        return words
    if len(choices) == 1:
        return f"{words} The network learnt {escape(first.record.learnt)}."
    learnt = {choice.record.learnt for choice in choices}
    if len(learnt) > 1:
        words += (
            " **The two models learnt different labels**: here both are judged by "
            f"{'the ' if first.label_set == FOLDER_LABELS else ''}{judged_by}, which favours the "
            "one that learnt them."
        )
    return words


def _show_figures(choice: Choice) -> None:
    full = choice.blocks["full"]
    with st.container(key=f"headline_{choice.name}"):
        for title, name, show, words in _FIGURES:
            value, interval = _figure(full[name], show)
            st.metric(
                title,
                value,
                interval,
                "off",
                help=words,
                delta_arrow="off",
                border=True,
            )
        _show_speed(choice)


def _figure(score: dict[str, float], show: str) -> tuple[str, str]:
    """A score and its interval; a dash where no image shows what it is about."""
    if math.isnan(score["value"]):
        return "–", "no image shows them"
    return f"{score['value']:{show}}", f"95%: {score['low']:{show}} – {score['high']:{show}}"


def _show_speed(choice: Choice) -> None:
    speed: dict[str, Any] = (choice.report or {}).get("speed") or {}
    if speed.get("served_ms_per_face_one_thread") is None:
        st.metric("One face, one thread", "not measured", border=True)
        return
    st.metric(
        "One face, one thread",
        f"{speed['served_ms_per_face_one_thread']:.2f} ms",
        f"{(speed.get('served_bytes') or 0) / 1e6:.2f} MB served",
        "off",
        help="Mean on the machine that ran `evaluate`"
        + ("." if choice.record.is_external else "; the served network is int8 inside."),
        delta_arrow="off",
        border=True,
    )


def _compare(first: Choice, second: Choice) -> None:
    """Whether the difference is more than luck with these images."""
    if first.images is None or second.images is None:
        return
    pair = paired_comparison.compare(first.images, second.images)
    if pair is None or _other_faces(first, second):
        st.info("The two models were measured on different images: their scores cannot be paired.")
        return
    gap, more = pair.difference, first.name if pair.difference.value >= 0 else second.name
    verdict = (
        f"**{more} is right more often**"
        if pair.decided
        else "**Too close to call on these images**"
    )
    st.markdown(
        f"{verdict}: {first.name} minus {second.name} is {100 * gap.value:+.1f} points of accuracy "
        f"(95%: {100 * gap.low:+.1f} to {100 * gap.high:+.1f}, paired over {pair.images:,} "
        f"images). Only {first.name} is right on {pair.first_only:,}, only {second.name} on "
        f"{pair.second_only:,}, both on {pair.both:,}, neither on {pair.neither:,}."
    )


def _other_faces(first: Choice, second: Choice) -> bool:
    """Whether these are the folders of two data sets, in which files may have the same names."""
    if first.label_set != FOLDER_LABELS:
        return False
    return len({(choice.report or {}).get("fingerprint") for choice in (first, second)}) > 1
