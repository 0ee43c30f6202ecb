"""Bars and timelines: the words and numbers that reach the visitor."""

import numpy as np
from streamlit.testing.v1 import AppTest

from emotion_core.datatypes import FrameResult, QualityHint
from emotion_core.labels import COLOURS
from emotion_core.ui.common.charts import people_html, probability_bars_html

PROBS = [0.02, 0.03, 0.05, 0.6, 0.2, 0.06, 0.04]


def people(n: int) -> FrameResult:
    probs = np.tile(np.array(PROBS, np.float32), (n, 1))
    boxes, ones = np.zeros((n, 4), np.float32), np.ones(n, np.float32)
    no = np.zeros(n, bool)
    hints = tuple((QualityHint.SMALL, QualityHint.DARK) if i == 0 else () for i in range(n))
    return FrameResult(0, 0.0, boxes, np.arange(1, n + 1), probs, probs, ones, no, ~no, hints)


def test_nobody_is_no_html() -> None:
    assert people_html(people(0)) == ""


def test_everybody_has_a_card_with_name_hints_and_doubt() -> None:
    html = people_html(people(2), names={2: "Ada & <b>"})
    assert html.count('class="lab-person"') == 2
    assert "Person #1" in html
    assert "Ada &amp; &lt;b&gt;" in html
    assert "unsure · move closer · more light" in html


def test_the_largest_probability_is_the_headline() -> None:
    html = probability_bars_html(PROBS, who="Person #1")
    assert "happy<small>60%</small>" in html
    assert 'aria-label="Person #1: angry 2%' in html
    assert all(colour in html for colour in COLOURS.values())


def test_show_timeline_says_that_there_is_nothing() -> None:
    def page() -> None:
        import pandas as pd

        from emotion_core.ui.common.charts import show_timeline

        show_timeline(pd.DataFrame(), title="x", key="x")

    app = AppTest.from_function(page, default_timeout=60).run()
    assert not app.exception
    assert "No reading" in app.info[0].value
