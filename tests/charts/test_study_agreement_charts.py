"""Charts of agreement: what is missing is left out, and every one has a text alternative."""

import numpy as np
import pandas as pd
import pytest

from emotion_core.charts.matrix import matrix_chart
from emotion_core.charts.study_agreement import bland_altman_chart, coefficient_chart
from emotion_core.charts.svg import chart_svg


@pytest.mark.parametrize("low", [0.4, np.nan])
def test_coefficients_with_and_without_intervals(low: float) -> None:
    rows = pd.DataFrame(
        {
            "category": ["happy", "smile", "sad"],
            "value": [0.6, -0.2, np.nan],
            "low": [low, np.nan, np.nan],
            "high": [low + 0.4, np.nan, np.nan],
        }
    )
    picture = chart_svg(coefficient_chart(rows, "Cohen’s κ (time)"))
    assert "Cohen’s κ (time) of each category" in picture
    for name in ("happy", "smile", "sad"):
        assert f">{name}<" in picture


def test_bland_altman_chart_draws_participants_and_lines() -> None:
    points = pd.DataFrame(
        {"participant": ["A", "B"], "mean": [0.2, 0.4], "difference": [0.1, -0.1]}
    )
    points = points.assign(first=points["mean"], second=points["mean"])
    lines = pd.DataFrame(
        {
            "measure": ["bias", "limit_low", "limit_high"],
            "label": ["x", "y", "z"],
            "value": [0.0, -0.3, np.nan],
            "low": [-0.1, np.nan, np.nan],
            "high": [0.1, np.nan, np.nan],
        }
    )
    picture = chart_svg(bland_altman_chart(points, lines, "happy", ("Anna", "machine")))
    assert "Bland–Altman chart of the share of time with happy, Anna and machine" in picture
    assert "Anna minus machine" in picture
    # The bias, and the limit that is known.
    assert picture.count('stroke-dasharray="1,0"') == 1
    assert picture.count('stroke-dasharray="6,4"') == 1


def test_a_matrix_has_the_rows_and_columns_that_are_asked_for() -> None:
    order = ["nothing", "happy", "happy + sad"]
    cells = [(a, b, 1.0, 0.5) for a in order for b in order]
    table = pd.DataFrame(cells, columns=["first_code", "second_code", "count", "share"])
    picture = chart_svg(
        matrix_chart(
            table,
            row=("first_code", "Anna"),
            column=("second_code", "Ben"),
            shade="share",
            text="share",
            order=order,
        )
    )
    assert "Shaded table of 3 by 3: Anna in the rows, Ben in the columns." in picture
    assert picture.count(">50%<") == 9
