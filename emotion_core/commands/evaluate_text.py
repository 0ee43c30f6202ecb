"""Scores as text for a terminal."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from emotion_core.results.summary import adaptation_words

# Columns of the terminal's table: its heading, and the name of the score.
_ROWS = (
    ("accuracy", "accuracy"),
    ("balanced accuracy", "balanced_accuracy"),
    ("macro-F1", "macro_f1"),
    ("recall of disgust and fear", "rare_recall"),
    ("accuracy of the surest 90%", "accuracy_at_90"),
    ("accuracy of the surest 80%", "accuracy_at_80"),
    ("ECE (15 bins)", "ece"),
    ("negative log-likelihood", "nll"),
)


def report_text(report: dict[str, Any]) -> str:
    """The report as a table for a terminal; shares in percent, 95% intervals in brackets."""
    headline = report["headline"]
    scores = report["scores"][headline["label_set"]]
    lines = [
        f"{report['model']} on the {report['split']} split, {scores['name']} "
        f"({headline['images']:,} of {report['images']:,} images count)",
        *_adaptation_lines(report),
        "",
        *_score_lines(scores),
        "",
        *_class_lines(scores["full"]),
        "",
        *_confusion_lines(scores["full"]),
        "",
        *_other_lines(report, scores),
    ]
    return "\n".join(lines)


def _adaptation_lines(scores: dict[str, Any]) -> list[str]:
    words = adaptation_words(scores.get("adaptation"))
    return [words] if words else []


def _score_lines(scores: dict[str, Any]) -> list[str]:
    without = scores["without_near_duplicates"]
    lines = [f"{'':28}{'all':>26}" + (f"{'without near-duplicates':>26}" if without else "")]
    for title, key in _ROWS:
        show = _plain if key == "nll" else _percent
        cells = [_cell(block[key], show) for block in (scores["full"], without) if block]
        lines.append(f"{title:28}" + "".join(f"{cell:>26}" for cell in cells))
    if without:
        lines.append(f"{'images':28}{scores['full']['images']:>24,}{without['images']:>24,}")
    return lines


def _cell(score: dict[str, float], show: Callable[[float], str]) -> str:
    return f"{show(score['value'])} [{show(score['low'])}, {show(score['high'])}]"


def _percent(value: float) -> str:
    return "-" if value is None or math.isnan(value) else f"{100 * value:.1f}"


def _plain(value: float) -> str:
    return "-" if value is None or math.isnan(value) else f"{value:.3f}"


def _class_lines(block: dict[str, Any]) -> list[str]:
    lines = [f"{'':12}{'images':>8}{'precision':>11}{'recall':>9}{'F1':>9}"]
    for expression, row in block["per_class"].items():
        figures = [_percent(row[k]["value"]) for k in ("precision", "recall", "f1")]
        lines.append(
            f"{expression:12}{row['images']:>8,}{figures[0]:>11}{figures[1]:>9}{figures[2]:>9}"
        )
    return lines


def _confusion_lines(block: dict[str, Any]) -> list[str]:
    names = list(block["per_class"])
    lines = ["confusion: truth in the rows, answer in the columns"]
    lines.append(f"{'':12}" + "".join(f"{name:>10}" for name in names))
    for name, row in zip(names, block["confusion_matrix"], strict=True):
        lines.append(f"{name:12}" + "".join(f"{count:>10,}" for count in row))
    return lines


def _other_lines(report: dict[str, Any], scores: dict[str, Any]) -> list[str]:
    lines = []
    if people := scores.get("human_agreement"):
        lines.append(f"one voter against the majority of the others: {_cell(people, _percent)}%")
    chance = scores["chance"]
    lines.append(f"always the most frequent expression: {_percent(chance['largest'])}%")
    lines.append(f"ECE before calibration: {_percent(scores['full']['ece_uncalibrated'])}")
    if report.get("adaptation"):
        lines[-1] += ", without the adaptation"
    if near := report["served_against_float"]:
        points = near["served_minus_float_points"][report["headline"]["label_set"]]
        lines.append(
            f"served int8 against float: {points['accuracy']:+.2f} points of accuracy, same answer "
            f"for {_percent(near['same_answer'])}%"
        )
    speed = report["speed"]
    lines.append(
        f"one face on one thread: {speed['served_ms_per_face_one_thread']:.2f} ms; "
        f"{speed['served_bytes'] / 1e6:.2f} MB"
    )
    return lines


def other_faces_text(scores: dict[str, Any]) -> str:
    """Scores on faces of other origin for a terminal; 95% intervals in brackets."""
    cross = scores["cross_score"]
    lines = [
        f"cross-data-set score {_with_interval(cross)}: mean of the recalls below",
        *_adaptation_lines(scores),
    ]
    for block in scores["sets"]:
        lines.append(
            f"{block['name']}: {block['images']:,} faces of {block['people']:,} people; "
            f"ECE {block['ece']:.3f}, unsure {block['unsure']:.1%}"
        )
        lines += [f"  {name:<9} {_with_interval(r)}" for name, r in block["recall"].items()]
    return "\n".join(lines)


def _with_interval(score: dict[str, float]) -> str:
    return f"{score['value']:.3f} [{score['low']:.3f}, {score['high']:.3f}]"
