"""What travels to the browser: few marks for long videos, true numbers under the pointer."""

import json
from dataclasses import replace

import numpy as np
import pytest

from emotion_core.charts.encoding import time_axis
from emotion_core.charts.ribbon import BRUSH, ribbon, run_rows
from emotion_core.charts.shares import share_chart
from emotion_core.charts.timeline import drawn_rows, person_rows, timeline, timeline_chart
from emotion_core.labels import COLOURS, EXPRESSIONS
from emotion_core.results.annotations import Edits, Marker
from emotion_core.results.face_table import FaceTable


def person(rows: int, step: float = 0.04) -> FaceTable:
    probs = np.full((rows, 7), 0.05, np.float32)
    probs[np.arange(rows), (np.arange(rows) // 25) % 7] = 0.7
    times, no = np.asarray(np.arange(rows) * step, np.float64), np.zeros(rows, bool)
    ones, boxes = np.ones(rows, np.float32), np.zeros((rows, 4), np.float32)
    ids = np.ones(rows, np.int64)
    return FaceTable(np.arange(rows), times, ids, boxes, probs, ones, no, no, times)


@pytest.mark.parametrize(("rows", "drawn"), [(1, 1), (2, 2), (30, 30), (45_000, 400)])
def test_a_timeline_holds_few_rows_and_all_numbers(rows: int, drawn: int) -> None:
    spec = timeline(person(rows), "Ada").to_dict()
    assert max(len(data) for data in spec["datasets"].values()) == drawn
    assert spec["usermeta"]["embedOptions"]["renderer"] == "svg"
    (columns,) = [layer for layer in spec["layer"] if layer["mark"]["type"] == "rule"]
    said = [field["field"] for field in columns["encoding"]["tooltip"]]
    assert said == ["time_s", *EXPRESSIONS]


def test_all_rows_can_be_downloaded_though_few_are_drawn() -> None:
    half_an_hour = person(45_000)
    assert len(person_rows(half_an_hour)) == 45_000
    assert len(drawn_rows(half_an_hour)) == 400


@pytest.mark.parametrize(
    ("span", "title", "ticks"),
    [
        ((0.0, 2.5), "seconds", [i / 5 for i in range(13)]),
        ((0.0, 20.0), "seconds", list(range(0, 21, 2))),
        ((0.0, 70.0), "minutes : seconds", list(range(0, 71, 5))),
        ((0.0, 300.0), "minutes : seconds", [0, 30, 60, 90, 120, 150, 180, 210, 240, 270, 300]),
        ((50.0, 1800.0), "minutes : seconds", list(range(120, 1801, 120))),
        ((0.0, 40_000.0), "minutes : seconds", list(range(0, 39_601, 3600))),
    ],
)
def test_long_times_are_told_in_minutes(
    span: tuple[float, float], title: str, ticks: list[int]
) -> None:
    axis = time_axis(span).to_dict()
    assert axis["title"] == title
    assert axis["scale"]["domain"] == list(span)
    assert (axis.get("axis") or {}).get("values") == ticks


def test_markers_are_drawn_where_they_are_seen() -> None:
    markers = [Marker(1, 1, "here"), Marker(90, 95, "elsewhere")]
    text = json.dumps(timeline(person(100), "Ada", markers, (0.0, 4.0)).to_dict())
    assert "here" in text
    assert "elsewhere" not in text


def test_a_ribbon_shows_the_people_asked_for() -> None:
    runs = run_rows(person(200), Edits({1: "Ada"}))
    spec = ribbon(runs, ["Ada"], (0.0, 8.0), brush=True).to_dict()
    assert len(next(iter(spec["datasets"].values()))) == len(runs) == 8
    assert spec["params"][0]["name"] == BRUSH
    nobody = ribbon(runs, [], (0.0, 8.0)).to_dict()
    assert not any(nobody.get("datasets", {}).values())
    assert "params" not in nobody


def test_speaking_is_a_band_below_the_lines() -> None:
    told = np.zeros(100, np.int8)
    told[10:20] = told[50:75] = 1
    told[90:] = -1
    chart = timeline(replace(person(100), speaking=told), "Ada").to_dict()
    (band,) = [layer for layer in chart["layer"] if layer["mark"]["type"] == "rect"]
    rows = chart["datasets"][band["data"]["name"]]
    assert [(row["time_s"], row["end_s"]) for row in rows] == [(0.4, 0.8), (2.0, 3.0)]
    assert band["encoding"]["y"]["value"] == {"expr": "height - 7"}
    assert band["encoding"]["y2"]["value"] == "height"


def test_nobody_speaks_and_there_is_no_band() -> None:
    chart = timeline(person(100), "Ada").to_dict()
    assert "rect" not in [layer["mark"]["type"] for layer in chart["layer"]]


@pytest.mark.parametrize(("rows", "drawn"), [(1, 1), (50, 50), (2000, 2000), (5000, 1667)])
def test_long_timelines_are_thinned(rows: int, drawn: int) -> None:
    chart = timeline_chart(person_rows(person(rows)), title="Person #1")
    assert len(chart.data) == drawn
    spec = chart.to_dict()
    assert spec["encoding"]["color"]["scale"]["range"] == list(COLOURS.values())
    assert "Person #1" in spec["description"]


def test_stacked_shares_end_at_100_percent() -> None:
    share = dict.fromkeys(EXPRESSIONS, 1 / 7) | {"happy": 1 / 7 + 1e-9}
    spec = share_chart({"Ada": share, "Bo": share}).to_dict()
    assert spec["encoding"]["x"]["scale"]["domain"] == [0, 1]
    assert "scale" not in share_chart({"Ada": share}).to_dict()["encoding"]["x"]
