"""A report that can be printed: one HTML file that needs nothing else, charts as SVG inside."""

import base64
from datetime import datetime
from html import escape
from pathlib import Path
from typing import Any, Final

import numpy as np

from emotion_core.labels import COLOURS, EXPRESSIONS
from emotion_core.results.annotations import Edits
from emotion_core.results.face_table import (
    FaceTable,
    averaged,
    dominant_runs,
    key_moments,
    legible_run_s,
    row_seconds,
    shares,
    valid_share,
)
from emotion_core.results.paths import MOMENTS, read_summary
from emotion_core.results.summary import marker_statistics, network_words
from emotion_core.results.thumbnails import moment_picture, picture_bytes
from emotion_core.results.time_ticks import counts_minutes, tick_words, time_ticks

_WIDTH, _HEIGHT, _AXIS_PX = 860, 150, 16
_MOST_PEOPLE: Final = 20
_SCALE: Final = "".join(
    f"<line x2='{_WIDTH}' y1='{y}' y2='{y}' stroke='#d9dee4' stroke-dasharray='3 4'/>"
    f"<text x='{_WIDTH - 32}' y='{y + 11}' font-size='10' fill='#5b6673'>{share}%</text>"
    for share, y in ((100, 2), (50, 2 + (_HEIGHT - 4) // 2))
)
_EVERY: Final = {1: "every frame", 2: "every second frame", 3: "every third frame"}
# More stretches than this cannot be told apart on paper.
_MOST_RUNS: Final = 600
_STYLE: Final = """
body { font: 15px/1.5 system-ui, sans-serif; color: #17202a; max-width: 880px; margin: 2rem auto;
  padding: 0 1rem; }
h1 { font-size: 1.6rem; margin-bottom: .2rem; } h2 { font-size: 1.15rem; margin: 1.6rem 0 .4rem; }
table { border-collapse: collapse; width: 100%; } td, th { padding: .2rem .6rem; text-align: left;
  border-bottom: 1px solid #d9dee4; font-variant-numeric: tabular-nums; }
.note, figcaption { color: #5b6673; font-size: .85rem; } figure { margin: .4rem 0; }
.moments { display: flex; flex-wrap: wrap; gap: .8rem; } .moments figure { margin: 0; }
.moments img { width: 92px; border-radius: 6px; display: block; }
.key span { margin-right: .9rem; white-space: nowrap; }
.dot { display: inline-block; width: .7em; height: .7em; border-radius: 50%; margin-right: .3em; }
section { break-inside: avoid; }
/* Printers leave backgrounds out otherwise: the dots are the key to the colours. */
* { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
@media print { body { margin: 0; } }
"""


def report_html(folder: Path, table: FaceTable, edits: Edits, name: str) -> str:
    """The report of one video.

    Args:
        folder: the results folder, for pictures and summary.
        table: the faces, without edits.
        edits: names, merges, exclusions and markers.
        name: the video's name as its owner knows it.

    Returns:
        A whole HTML document; it holds no script and loads nothing.
    """
    edited, summary = edits.apply(table), read_summary(folder)
    by_rows = sorted(edited.people, key=lambda i: -int((edited.track_id == i).sum()))
    people = ""
    for track_id in by_rows[:_MOST_PEOPLE]:
        person = edited.person(track_id)
        moments = _moments(folder / MOMENTS, table, edits, person)
        people += _person(person, edits.name_of(track_id), moments)
    more = len(by_rows) - _MOST_PEOPLE
    rest = f"<p class='note'>{more} more people, seen for a shorter time.</p>" if more > 0 else ""
    key = "".join(f"<span>{_dot(e)}{e}</span>" for e in EXPRESSIONS)
    title = f"Facial expressions in {escape(name)}"
    made = datetime.now().astimezone().strftime("%d %B %Y, %H:%M")
    return (
        f"<!doctype html><html lang='en'><head><meta charset='utf-8'><title>{title}</title>"
        f"<style>{_STYLE}</style></head><body><h1>{title}</h1>"
        f"<p class='note'>Report made on {made}</p>"
        f"{_facts(edited, edits, summary)}<p class='key'>{key}</p>"
        f"{people or '<p>No face was found.</p>'}{rest}{_markers(edited, edits)}"
        f"<section><h2>Methods</h2>{_methods(summary)}</section>"
        "<p class='note'>Probabilities of a network that learnt how people label faces. An "
        "expression is not a felt emotion; a reading marked unsure is weak.</p></body></html>"
    )


def _facts(table: FaceTable, edits: Edits, summary: dict[str, Any]) -> str:
    source, model = summary.get("source") or {}, summary.get("model") or {}
    out = len(edits.excluded)
    rows = [
        ("Length", f"{source.get('duration_s') or 0:.1f} s"),
        ("Read", _settings_words(summary.get("settings"))),
        ("Frames read", f"{len(table.frame_times):,}"),
        ("A face was seen in", f"{valid_share(table):.0%} of them"),
        ("People", str(len(table.people)) + (f", and {out} left out" if out else "")),
        ("Network", escape(network_words(model))),
        ("File (SHA-256)", str(source.get("sha256", ""))[:16] + " …"),
    ]
    return "<table>" + "".join(f"<tr><th>{k}</th><td>{v}</td></tr>" for k, v in rows) + "</table>"


def _settings_words(settings: dict[str, Any] | None) -> str:
    """Which frames and faces were read."""
    if settings is None:
        return "a live stream, as fast as the computer could"
    every, rate = settings.get("every") or 1, settings.get("rate")
    start, end = settings.get("start_s") or 0.0, settings.get("end_s")
    words = [f"{rate:g} frames a second" if rate else _EVERY.get(every, f"every {every}th frame")]
    if start or end is not None:
        words.append(f"from {start:g} s to " + ("the end" if end is None else f"{end:g} s"))
    if settings.get("largest_face"):
        words.append("the largest face of each frame only")
    if settings.get("one_person"):
        words.append("every face taken for the one participant’s")
    return ", ".join(words)


def _methods(summary: dict[str, Any]) -> str:
    """What was done to the video, as a paper would tell it."""
    model, used = summary.get("model") or {}, summary.get("versions") or {}
    versions = ", ".join(
        f"{escape(str(k))} {escape(str(v))}" for k, v in used.items() if v != "not installed"
    )
    digest = str(model.get("sha256") or "")[:16]
    network = escape(network_words(model)) + (f" (SHA-256 {digest} …)" if digest else "")
    smoothed = (
        "smoothed as set while recording"
        if summary.get("settings") is None
        else "smoothed over time, within one person"
    )
    # A detector from outside is named; without one it was the cascade.
    found = escape(str(model.get("detector") or "OpenCV’s frontal Haar cascade"))
    return (
        f"<p>Faces were found with {found} and followed from frame to frame. {_recognised(summary)}"
        "Each face was cut out, "
        f"scaled to 48×48 grey pixels and read by the convolutional network {network}, which gives "
        f"a probability for each of seven expressions; these were {smoothed}. A reading is called "
        "unsure where its highest probability lies below the network’s own threshold. The dominant "
        "expression is the most probable one.</p>"
        f"<p class='note'>{versions}</p>"
    )


def _recognised(summary: dict[str, Any]) -> str:
    """How people who return were treated; nothing for results of earlier versions."""
    settings, identities = summary.get("settings") or {}, summary.get("identities") or {}
    if settings.get("one_person"):
        return "There was one participant. "
    if not settings.get("reidentify"):
        return ""
    times = len(identities.get("joined") or [])
    count = f"{times} time{'' if times == 1 else 's'}" if times else "never"
    return (
        "People who return after a gap or a cut are recognised by gradients of the face and the "
        f"colours of hair and clothes: {count} in this video. "
    )


def _dot(expression: str) -> str:
    return f"<i class='dot' style='background:{COLOURS[expression]}'></i>"


def _person(person: FaceTable, name: str, moments: str) -> str:
    seconds = float(row_seconds(person.time_s, person.frame_times).sum())
    unsure = float(person.unsure.mean())
    return (
        f"<section><h2>{escape(name)}</h2>"
        f"<p class='note'>seen for {seconds:.1f} s · unsure in {unsure:.0%} of the frames</p>"
        f"{_share_bar(person)}{_lines(person)}{_ribbon(person)}{moments}</section>"
    )


def _share_bar(person: FaceTable) -> str:
    share, x, parts = shares(person), 0.0, []
    for name in EXPRESSIONS:
        width = share[name] * _WIDTH
        parts.append(f"<rect x='{x:.1f}' width='{width:.1f}' height='22' fill='{COLOURS[name]}'/>")
        x += width
    said = " · ".join(f"{n} {share[n]:.0%}" for n in EXPRESSIONS if share[n] >= 0.005)
    return _figure(22, "".join(parts), f"Share of time: {said}")


def _figure(height: int, content: str, caption: str) -> str:
    return (
        f"<figure><svg viewBox='0 0 {_WIDTH} {height}' width='100%' role='img' "
        f"aria-label='{caption}'>{content}</svg><figcaption>{caption}</figcaption></figure>"
    )


def _span(person: FaceTable) -> tuple[float, float]:
    low, high = float(person.frame_times[0]), float(person.frame_times[-1])
    return low, max(high, low + 0.04)


def _lines(person: FaceTable) -> str:
    """The seven probabilities; a line breaks where the person was away."""
    low, high = _span(person)
    times, probs = averaged(person)
    x = (times - low) / (high - low) * _WIDTH
    starts = np.isnan(probs[:, 0]).astype(int)
    parts = []
    for k, name in enumerate(EXPRESSIONS):
        y = (1 - probs[:, k]) * (_HEIGHT - 4) + 2
        path = "".join(
            f"{'M' if i == 0 or starts[i - 1] else 'L'}{x[i]:.1f} {y[i]:.1f}"
            for i in np.flatnonzero(~np.isnan(y))
        )
        parts.append(f"<path d='{path}' fill='none' stroke='{COLOURS[name]}' stroke-width='1.6'/>")
    frame = f"<rect width='{_WIDTH}' height='{_HEIGHT}' fill='none' stroke='#d9dee4'/>{_SCALE}"
    frame += _time_axis((low, high), _HEIGHT)
    how = ", means of short stretches" if len(times) < len(person) else ""
    unit = "minutes and seconds" if counts_minutes((low, high)) else "seconds"
    words = f"Probability of each expression over time ({unit}){how}"
    return _figure(_HEIGHT + _AXIS_PX, frame + "".join(parts), words)


def _time_axis(span: tuple[float, float], top: int) -> str:
    """Ticks with their times, below a chart that is `top` pixels high."""
    write, parts = tick_words(span), []
    for tick in time_ticks(span):
        x = (tick - span[0]) / (span[1] - span[0]) * _WIDTH
        anchor = "start" if x < 12 else "end" if x > _WIDTH - 12 else "middle"
        parts.append(
            f"<line x1='{x:.1f}' x2='{x:.1f}' y1='{top}' y2='{top + 4}' stroke='#5b6673'/>"
            f"<text x='{x:.1f}' y='{top + 14}' font-size='10' fill='#5b6673' "
            f"text-anchor='{anchor}'>{write(tick)}</text>"
        )
    return "".join(parts)


def _ribbon(person: FaceTable) -> str:
    low, high = _span(person)
    scale = _WIDTH / (high - low)
    least_s = legible_run_s(person.frame_times, most=_MOST_RUNS)
    runs = sorted(dominant_runs(person, least_s), key=lambda run: -run.seconds)[:_MOST_RUNS]
    parts = "".join(
        f"<rect x='{(r.start_s - low) * scale:.1f}' width='{max(0.5, r.seconds * scale):.1f}' "
        f"height='16' fill='{COLOURS[r.expression]}'/>"
        for r in runs
    )
    words = f"Dominant expression (stretches under {least_s:.1f} s join their neighbour)"
    return _figure(16 + _AXIS_PX, parts + _time_axis((low, high), 16), words)


def _moments(pictures: Path, whole: FaceTable, edits: Edits, person: FaceTable) -> str:
    figures = []
    for moment in key_moments(person):
        file = moment_picture(pictures, whole, edits, moment)
        picture = ""
        if file:
            data = base64.b64encode(picture_bytes(file, edits)).decode()
            picture = f"<img alt='' src='data:image/jpeg;base64,{data}'>"
        words = f"{moment.expression} {moment.probability:.0%}<br>at {moment.time_s:.1f} s"
        figures.append(f"<figure>{picture}<figcaption>{words}</figcaption></figure>")
    return f"<div class='moments'>{''.join(figures)}</div>"


def _markers(table: FaceTable, edits: Edits) -> str:
    """Every marker; below an interval what each person showed in it."""
    if not edits.markers:
        return ""
    rows = []
    for m in edits.markers:
        rows.append(
            f"<tr><td>{m.start_s:.2f} s</td><td>{m.end_s:.2f} s</td><td>{escape(m.label)}</td></tr>"
        )
        for figures in marker_statistics(table, m.start_s, m.end_s, edits):
            share = figures["share"]
            said = " · ".join(f"{e} {share[e]:.0%}" for e in EXPRESSIONS if share[e] >= 0.005)
            name = escape(edits.name_of(figures["track_id"]))
            rows.append(f"<tr><td></td><td colspan='2' class='note'>{name}: {said}</td></tr>")
    head = "<tr><th>From</th><th>To</th><th>Label</th></tr>"
    return f"<section><h2>Markers</h2><table>{head}{''.join(rows)}</table></section>"
