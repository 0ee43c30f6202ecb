"""The documentation site: it builds without a warning, loads nothing from outside, and is whole."""

import csv
import io
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

import emotion_core
from emotion_core.api.openapi import description
from emotion_core.lsl.channels import CHANNELS
from emotion_core.results.export import column_dictionary

ROOT = Path(__file__).resolve().parents[1]
# Attributes that a browser loads by itself; `a href` is only followed by a person.
LOADED = {
    "audio": "src",
    "iframe": "src",
    "img": "src",
    "link": "href",
    "script": "src",
    "source": "src",
    "video": "src",
}


class Loads(HTMLParser):
    """Collects the addresses that a page loads."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        address = dict(attrs).get(LOADED.get(tag, ""))
        if address and dict(attrs).get("rel") != "canonical":
            self.found.append(address)


def outside(html: str) -> list[str]:
    parser = Loads()
    parser.feed(html)
    return [a for a in parser.found if re.match(r"(https?:)?//", a)]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)],
        cwd=ROOT,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert done.returncode == 0, done.stderr
    return folder


def test_no_page_loads_anything_from_outside(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert len(pages) >= 9
    assert {page.name: outside(page.read_text("utf-8")) for page in pages} == {
        page.name: [] for page in pages
    }


def test_no_style_sheet_loads_anything_from_outside(site: Path) -> None:
    sheets = list(site.rglob("*.css"))
    assert sheets
    for sheet in sheets:
        assert not re.search(r"(@import|url\()\s*[\"']?(https?:)?//", sheet.read_text("utf-8"))


def test_an_outside_font_would_be_seen() -> None:
    page = '<link rel="stylesheet" href="https://fonts.example.org/x.css"><a href="https://x.org">'
    assert outside(page) == ["https://fonts.example.org/x.css"]


def test_every_column_of_faces_csv_is_described_as_the_program_does() -> None:
    text = (ROOT / "docs" / "data.md").read_text("utf-8")
    section = text.partition("## faces.csv")[2].partition("\n## ")[0]
    described = re.findall(r"^\| `(\w+)` \| (.+) \|$", section, re.MULTILINE)
    rows = list(csv.reader(io.StringIO(column_dictionary())))[1:]
    assert [list(row) for row in described] == rows


def test_every_column_of_lsl_markers_csv_is_described() -> None:
    columns = pytest.importorskip("emotion_core.lsl.marker_file", reason="needs the extra lsl")
    text = (ROOT / "docs" / "data.md").read_text("utf-8")
    section = text.partition("### lsl_markers.csv")[2].partition("\n## ")[0]
    described = re.findall(r"^\| `(\w+)` \| .+ \|$", section, re.MULTILINE)
    assert tuple(described) == columns.COLUMNS


def test_every_channel_and_every_request_is_on_its_page() -> None:
    lsl = (ROOT / "docs" / "lsl.md").read_text("utf-8")
    assert len(CHANNELS) == 12
    assert [c.label for c in CHANNELS[7:] if f"`{c.label}`" not in lsl] == []
    server = (ROOT / "docs" / "api-server.md").read_text("utf-8")
    paths = [path for path in description("")["paths"] if path != "/openapi.json"]
    assert [path for path in paths if f"{path}`" not in server] == []


def test_every_public_name_is_on_the_api_page(site: Path) -> None:
    page = (site / "api.html").read_text("utf-8")
    missing = [n for n in emotion_core.__all__ if f'id="emotion_core.{n}"' not in page]
    assert missing == []
