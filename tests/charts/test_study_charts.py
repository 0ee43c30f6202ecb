"""The charts of a study: named, told apart without colour, and fit for paper."""

import re
from typing import Any

import numpy as np
import pandas as pd
import pytest

from emotion_core.charts.groups import group_keys
from emotion_core.charts.study_curves import curve_chart
from emotion_core.charts.study_effects import forest_chart, means_chart
from emotion_core.charts.study_synchrony import pair_chart, partners_chart, windows_chart
from emotion_core.charts.svg import chart_svg
from emotion_core.labels import COLOURS, EXPRESSIONS


def effects() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "signal": list(EXPRESSIONS),
            "effect_size": np.linspace(-1, 1, 7),
            "effect_low": np.linspace(-1.5, 0.5, 7),
            "effect_high": np.linspace(-0.5, 1.5, 7),
            "effect_name": "Hedges' g",
            "p": 0.01,
            "p_holm": [0.04, 0.2, 0.3, 0.4, 0.05, 0.06, 0.01],
        }
    )


def curves() -> pd.DataFrame:
    times = np.arange(-10, 30) / 10
    return pd.concat(
        pd.DataFrame({"time_s": times, "group": g, "mean": 0.2, "low": 0.1, "high": 0.3})
        for g in ("A", "B")
    )


def means() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "film [1]": ["a.b", "a.b", "c", "c"],
            "group": ["A", "B", "A", "B"],
            "mean": [0.1, 0.2, 0.3, 0.4],
            "ci_low": 0.0,
            "ci_high": 0.5,
            "participants": 12,
        }
    )


def signals() -> pd.DataFrame:
    times = np.tile(np.arange(50) / 10, 2)
    groups = np.repeat(["P1", "P2"], 50)
    return pd.DataFrame({"time_s": times, "group": groups, "value": np.sin(times)})


WINDOWS = pd.DataFrame({"time_s": [1.0, 2.0], "r": [0.5, np.nan], "lag_s": [0.1, np.nan]})
PAIRS = pd.DataFrame({"pair": ["d1", "d2"], "r": [0.5, 0.4], "shuffled": [0.1, np.nan]})
CHARTS: dict[str, Any] = {
    "forest": lambda: forest_chart(effects(), "group: A − B"),
    "forest without values": lambda: forest_chart(
        effects().assign(effect_size=np.nan), "group: A − B"
    ),
    "means": lambda: means_chart(means(), ["film [1]", "group"], "happy", "happy, 0 to 1"),
    "one mean": lambda: means_chart(means().iloc[:1], [], "happy", "happy, 0 to 1"),
    "curves": lambda: curve_chart(
        curves(), title="happy around film", unit="happy", clusters=[(0.5, 1.5)]
    ),
    "shares": lambda: curve_chart(
        curves().drop(columns=["low", "high"]), title="happy around film", unit="share", share=True
    ),
    "pair": lambda: pair_chart(signals(), ["P1", "P2"], "happy"),
    "windows": lambda: windows_chart(WINDOWS, 0.1, (0.0, 5.0)),
    "windows without surrogates": lambda: windows_chart(WINDOWS, float("nan"), (0.0, 5.0)),
    "partners": lambda: partners_chart(PAIRS),
}


@pytest.mark.parametrize("name", CHARTS)
def test_every_chart_is_drawn_on_paper_with_words_and_always_the_same(name: str) -> None:
    make = CHARTS[name]
    svg = chart_svg(make())
    assert svg == chart_svg(make())
    label = re.search(r'aria-label="([^"]+)"', svg)
    assert label is not None
    assert len(label[1]) > 20
    assert "NaN" not in svg


def texts(svg: str) -> list[str]:
    return re.findall(r"<text[^>]*>([^<]+)</text>", svg)


def test_axes_are_named_once() -> None:
    words = texts(chart_svg(CHARTS["curves"]()))
    assert words.count("seconds from the start of the event") == 1
    assert "happy" in words
    # A column and a level whose names mean something to Vega-Lite.
    assert {"a.b", "c"} <= set(texts(chart_svg(CHARTS["means"]())))


def test_only_what_is_left_after_the_correction_is_filled() -> None:
    spec = forest_chart(effects(), "x").to_dict()
    rows = next(rows for rows in spec["datasets"].values() if "after correction" in rows[0])
    filled = [row["signal"] for row in rows if row["after correction"] == "p < .05"]
    assert filled == ["angry", "surprise"]


def test_groups_differ_in_more_than_colour_and_from_the_expressions() -> None:
    keys = group_keys(["A", "B", "C"])
    assert len({key.line for key in keys}) == 3
    assert not {key.colour for key in keys} & set(COLOURS.values())
    assert group_keys(["A"]) == []
    assert {key.line for key in group_keys(["A", "B"], lines=False)} == {""}


def test_a_long_recording_is_thinned() -> None:
    times = np.arange(36_000) / 10
    rows = pd.concat(
        pd.DataFrame({"time_s": times, "group": g, "value": 0.5}) for g in ("P1", "P2")
    )
    spec = pair_chart(rows, ["P1", "P2"], "happy").to_dict()
    (drawn,) = spec["datasets"].values()
    assert len(drawn) <= 4100
    assert drawn[-1]["time_s"] > 3590
