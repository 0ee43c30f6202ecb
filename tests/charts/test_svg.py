"""Charts as SVG: named, the same each time, and without anything from elsewhere."""

import re
import sys
from html.parser import HTMLParser
from pathlib import Path

import altair as alt
import pandas as pd
import pytest

from emotion_core.charts.svg import chart_svg
from emotion_core.errors import MissingDependencyError

ROWS = pd.DataFrame({"a": [1, 2, 3], "b": [2, 1, 3], "name": ["<b>Ada</b>", "Bo & Co", '"']})


def bars(description: str = "Bars.") -> alt.Chart:
    return (
        alt.Chart(ROWS).mark_bar().encode(x="b:Q", y="name:N").properties(description=description)
    )


def clipped(colour: str) -> alt.Chart:
    gradient = alt.Gradient(
        gradient="linear",
        stops=[alt.GradientStop(color="white", offset=0), alt.GradientStop(color=colour, offset=1)],
    )
    return alt.Chart(ROWS).mark_area(clip=True, color=gradient).encode(x="a:Q", y="b:Q")


class Elements(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))


def test_a_chart_is_one_picture_named_by_its_description() -> None:
    elements = Elements(chart_svg(bars('What "A" & <b> showed'), width=500)).seen
    tag, attributes = elements[0]
    assert tag == "svg"
    assert attributes["role"] == "img"
    assert attributes["aria-label"] == 'What "A" & <b> showed'
    assert (attributes.get("viewbox") or "").startswith("0 0 500 ")
    assert not {"b", "script"} & {tag for tag, _ in elements}
    assert sum("aria-label" in a for _, a in elements) == 1


@pytest.mark.parametrize("chart", [bars(), clipped("red")], ids=["bars", "clipped"])
def test_the_same_chart_gives_the_same_text(chart: alt.Chart) -> None:
    assert chart_svg(chart) == chart_svg(chart)


def test_charts_of_one_document_share_no_ids_and_refer_to_their_own() -> None:
    pictures = [chart_svg(clipped("red")), chart_svg(clipped("blue"))]
    ids = [set(re.findall(r'\bid="([^"]+)"', picture)) for picture in pictures]
    assert all(len(found) == 2 for found in ids)
    assert not ids[0] & ids[1]
    for picture, own in zip(pictures, ids, strict=True):
        assert set(re.findall(r"url\(#([^)]+)\)", picture)) == own


def test_a_picture_names_no_place_elsewhere() -> None:
    found = set(re.findall(r"\w+://[^\"]+", chart_svg(clipped("red"))))
    assert found == {"http://www.w3.org/2000/svg"}


@pytest.mark.parametrize("place", ["https://example.org/a.csv", "file"])
def test_a_chart_that_loads_data_is_refused(tmp_path: Path, place: str) -> None:
    if place == "file":
        ROWS.to_csv(tmp_path / "a.csv")
        place = (tmp_path / "a.csv").as_uri()
    layer = alt.layer(bars(), alt.Chart(alt.UrlData(place)).mark_point().encode(x="a:Q"))
    with pytest.raises(ValueError, match="part of it"):
        chart_svg(layer)


def test_a_missing_converter_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'emotion-lab\[app\]'"):
        chart_svg(bars())
