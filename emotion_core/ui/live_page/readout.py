"""The parts next to and below the live video: rates, people, the last minute.

Drawn by fragments that refresh on their own, so that the stream is never touched. Nothing here
needs pandas or altair: the page is shown before those would have been imported.
"""

from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any, Final

import streamlit as st

from emotion_core.labels import COLOURS, EXPRESSIONS
from emotion_core.live.history import HISTORY_S, Reading, readings_csv
from emotion_core.live.processor import LiveProcessor
from emotion_core.live.status import LiveReading
from emotion_core.results.valence_arousal import valence_arousal
from emotion_core.ui.common.charts import download_data, people_html, show_legend

# More people than this are listed by number only: a wall of charts cannot be read.
MOST_PEOPLE: Final = 4
_CHART_STEP_S: Final = 0.25
# The trail of the valence-arousal dot: so many seconds, every so many readings a point.
TRAIL_S: Final = 3.0
_TRAIL_STEP: Final = 4
_SCRIPT: Final = Path(__file__).parents[1] / "assets" / "live_timeline.js"
_STYLE: Final = """<style>
.lab-rates { display: flex; flex-wrap: wrap; gap: .4rem 1.6rem; margin: 0 0 .6rem; }
.lab-rates div { line-height: 1.2; }
.lab-rates b { display: block; font-size: 1.35rem; font-variant-numeric: tabular-nums; }
.lab-rates span { font-size: .8rem; opacity: .75; }
/* To be read across a room. */
.lab-live .lab-person .now { font-size: 2.9rem; line-height: 1.15; }
.lab-live .lab-person .now small { font-size: 1.5rem; }
.lab-empty { border: 1px dashed #8888; border-radius: .6rem; padding: 1.1rem 1rem; opacity: .85; }
</style>"""


def rates_html(reading: LiveReading) -> str:
    """Faces and rates in one row; a dash for what is not known yet."""
    faces = "–" if reading.result is None else str(len(reading.result))
    latency = "–" if reading.latency_ms is None else f"{reading.latency_ms:.0f} ms"
    values = (
        ("Faces", faces),
        ("Analysis fps", f"{reading.analysis_fps:.0f}"),
        ("Display fps" if reading.sends_back else "Camera fps", f"{reading.display_fps:.0f}"),
        ("Latency in the server", latency),
    )
    cells = "".join(f"<div><b>{value}</b><span>{name}</span></div>" for name, value in values)
    return f'{_STYLE}<div class="lab-rates">{cells}</div>'


def show_readings(processor: LiveProcessor, names: Mapping[int, str] | None = None) -> None:
    """Rates and each person's current expression; call it from a refreshing fragment."""
    reading = processor.reading()
    processor.show_with_page(reading.result)
    trails = affect_trails(processor.history())
    problem = _note(reading.picture_error) if reading.picture_error else ""
    st.html(rates_html(reading) + problem + _people_or_reason(reading, names, trails))


def affect_trails(people: Mapping[int, Reading]) -> dict[int, list[tuple[float, float]]]:
    """Identity → valence and arousal of the last seconds, newest last."""
    trails = {}
    for track, (times, probs) in people.items():
        recent = valence_arousal(probs[times >= times[-1] - TRAIL_S][::-1][::_TRAIL_STEP][::-1])
        trails[track] = [(float(valence), float(arousal)) for valence, arousal in recent]
    return trails


def _people_or_reason(
    reading: LiveReading,
    names: Mapping[int, str] | None = None,
    trails: Mapping[int, list[tuple[float, float]]] | None = None,
) -> str:
    if reading.error:
        return _note(f"The latest frame could not be analysed: {reading.error}")
    if reading.result is None:
        return _note("Analysing the first frame …")
    if not len(reading.result):
        return _note("No face in view. Face the camera, with light from the front.")
    return f'<div class="lab-live">{people_html(reading.result, names, trails)}</div>'


def _note(text: str) -> str:
    return f'<div class="lab-empty">{escape(text)}</div>'


def show_last_minute(processor: LiveProcessor, names: Mapping[int, str] | None = None) -> None:
    """The scrolling timeline with its legend; call it from a refreshing fragment."""
    people = processor.history()
    newest = sorted(people, key=lambda track: people[track][0][-1], reverse=True)[:MOST_PEOPLE]
    chart = st.components.v2.component(
        "emotion_lab_live_timeline",
        html='<div><canvas role="img" style="width:100%;display:block"></canvas></div>',
        css="canvas { color: var(--st-text-color); font-family: var(--st-font); }",
        js=_SCRIPT.read_text("utf-8"),
    )
    show_legend()
    chart(
        key="live_timeline",
        data=_chart_data(processor, {t: people[t] for t in sorted(newest)}, names or {}),
    )
    if len(people) > len(newest):
        st.caption(f"The {len(newest)} most recently seen of {len(people)} people are shown.")


def _chart_data(
    processor: LiveProcessor, people: dict[int, Reading], names: Mapping[int, str]
) -> dict[str, Any]:
    ended = processor.reading().ended
    last = max((times[-1] for times, _ in people.values()), default=0.0)
    return {
        "now": round(float(last if ended else processor.now_s()), 3),
        "span": HISTORY_S,
        "running": not ended,
        "colours": {e: COLOURS[e] for e in EXPRESSIONS},
        "alt": f"Probabilities of seven expressions in the last minute, {len(people)} people",
        "people": [
            {"name": names.get(track, f"Person #{track}"), **_person(*people[track])}
            for track in people
        ],
    }


def _person(times: Any, probs: Any) -> dict[str, Any]:
    """One person's readings, thinned to what a screen can show, as plain numbers."""
    keep = [0] if len(times) else []
    for i, time_s in enumerate(times):
        if time_s - times[keep[-1]] >= _CHART_STEP_S:
            keep.append(i)
    return {
        "times": [round(float(times[i]), 2) for i in keep],
        "probs": [[round(float(p), 3) for p in probs[i]] for i in keep],
    }


def offer_download(processor: LiveProcessor) -> None:
    """The last minute as a table."""
    download_data(
        lambda: readings_csv(processor.history()),
        "live_last_minute.csv",
        key="live_csv",
        label="Download the last minute as CSV",
    )
