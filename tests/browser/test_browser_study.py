"""The study page in a real Chromium: the sample, from the click to the printed report."""

import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from browser.app_server import OpenBrowser, Server, running_server
from browser.pictures import barriers, keep_whole, settle, sticking_out
from playwright.sync_api import Page, ViewportSize, expect

from emotion_core.cli import main
from emotion_core.media.write import sample_video
from emotion_core.study.definitions import Event, EventKind, Recording
from emotion_core.study.folder import Study
from emotion_core.study.freshness import is_current
from emotion_core.study.sample import make_sample_study
from emotion_core.study.store import StudyStore

SIZES: dict[str, ViewportSize] = {
    "desktop": {"width": 1440, "height": 900},
    "phone": {"width": 390, "height": 844},
}
TABS = (
    *("Recordings", "Events", "Measures", "Statistics", "Curves", "Two people", "Coding"),
    *("Agreement", "Report"),
)
PLAYER = ".st-key-player video"


@pytest.fixture(scope="module")
def study_server(tmp_path_factory: pytest.TempPathFactory, chromium: str) -> Iterator[Server]:
    with running_server(tmp_path_factory.mktemp("study_server")) as running:
        yield running


@pytest.fixture(scope="module")
def computed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample with its results; only for `open_copy`."""
    folder = tmp_path_factory.mktemp("computed") / "study"
    make_sample_study(folder)
    assert main(["study", "run", str(folder)]) == 0
    return folder


def work_of(server: Server) -> Path:
    return server.log.parent / "work"


def open_sample(page: Page, server: Server) -> Path:
    """Open the sample and wait for its results; returns the study's folder."""
    page.goto(f"{server.url}/Study")
    page.get_by_role("button", name="Open the sample study").click()
    page.get_by_role("tab", name="Recordings").wait_for()
    page.get_by_text("All data of this study are synthetic").wait_for()
    page.wait_for_url(re.compile(r"study="))
    token = page.url.partition("study=")[2].partition("&")[0]
    folder = work_of(server) / "studies" / token / "study"
    end = time.monotonic() + 120
    while not (folder / "results" / ".inputs").is_file():
        assert time.monotonic() < end, "the results were not computed"
        page.wait_for_timeout(200)
    expect(page.get_by_role("button", name="Cancel")).to_have_count(0)
    settle(page)
    return folder


def open_copy(page: Page, server: Server, computed: Path) -> Path:
    """Open a study of somebody that is the sample with its results; returns its folder."""
    store = StudyStore(work_of(server) / "studies")
    token = store.add("somebody", lambda folder: shutil.copytree(computed, folder))
    page.goto(f"{server.url}/Study?study={token}")
    page.get_by_role("tab", name="Recordings").wait_for()
    settle(page)
    expect(page.get_by_role("button", name="Update results")).to_have_count(0)
    folder = store.find(token)
    assert folder is not None
    return folder


def study_with_a_video(server: Server) -> tuple[str, Study]:
    """A study of one recording, whose events' clock is ten seconds ahead; and its token."""

    def fill(folder: Path) -> None:
        study = Study.create(folder, "One film")
        (folder / "videos").mkdir()
        sample_video(folder / "videos" / "P01.mp4", 8.0, 10.0)
        row = Recording("P01", "videos/P01.mp4", "P01", clock_offset_s=10.0)
        study.change_recordings(lambda _: [row])

    store = StudyStore(work_of(server) / "studies")
    token = store.add("somebody", fill)
    folder = store.find(token)
    assert folder is not None
    return token, Study.open(folder)


def to_tab(page: Page, name: str) -> None:
    page.get_by_role("tab", name=name, exact=True).click()
    page.wait_for_timeout(150)
    settle(page, rest_ms=400)


@pytest.mark.parametrize(("scheme", "size"), [("light", "desktop"), ("dark", "phone")])
def test_the_tour_of_the_sample(
    scheme: Literal["light", "dark"],
    size: str,
    study_server: Server,
    open_browser: OpenBrowser,
    computed: Path,
) -> None:
    page = open_browser(None, color_scheme=scheme, viewport=SIZES[size]).new_page()
    if size == "desktop":
        open_sample(page, study_server)
    else:
        open_copy(page, study_server, computed)
    for name in TABS:
        to_tab(page, name)
        assert page.get_by_test_id("stException").count() == 0, name
        for chart in page.locator("[data-testid=stVegaLiteChart]:visible").all():
            expect(chart).to_have_attribute("aria-label", re.compile(r"^(?!Vega visualization).+"))
        keep_whole(page, f"study_{name.lower().replace(' ', '_')}_{scheme}_{size}")
        assert sticking_out(page) == [], name
        assert barriers(page) == [], name
    # The sentence that explains the test, and what was planted.
    to_tab(page, "Statistics")
    page.get_by_text("linear mixed model").first.wait_for()
    contrast = page.get_by_role("combobox", name="Contrast")
    expect(contrast).to_have_value("group: A − B at stimulus = funny film")
    assert not study_server.errors()


def test_the_report_is_downloaded_and_printed(
    study_server: Server, open_browser: OpenBrowser, computed: Path, tmp_path: Path
) -> None:
    context = open_browser(None, viewport=SIZES["desktop"])
    page = context.new_page()
    folder = open_copy(page, study_server, computed)
    to_tab(page, "Report")
    with page.expect_download() as download:
        page.get_by_role("link", name="Report to print").click()
    assert download.value.suggested_filename == "Sample study (synthetic data).html"
    report = tmp_path / "report.html"
    download.value.save_as(report)
    assert report.read_bytes() == (folder / "results" / "report.html").read_bytes()
    asked: list[str] = []
    context.set_offline(True)
    paper = context.new_page()
    paper.on("request", lambda request: asked.append(request.url))
    paper.goto(report.as_uri())
    paper.get_by_role("heading", name="Methods").wait_for()
    assert asked == [report.as_uri()]
    assert barriers(paper) == []
    paper.set_viewport_size(SIZES["phone"])
    assert paper.evaluate("document.documentElement.scrollWidth") <= 390
    printed = paper.pdf(format="A4")
    pages = len(re.findall(rb"/Type\s*/Page\b", printed))
    assert 3 <= pages <= 8
    assert not study_server.errors()


def test_a_typed_value_is_kept_and_makes_the_results_old(
    study_server: Server, open_browser: OpenBrowser, computed: Path
) -> None:
    page = open_browser(None, viewport=SIZES["desktop"]).new_page()
    folder = open_copy(page, study_server, computed)
    to_tab(page, "Events")
    grid = page.get_by_test_id("stDataFrameResizable").first
    box = grid.bounding_box()
    assert box is not None
    # The end of the first event, a row below the head: 3 s become 2.5.
    page.mouse.dblclick(box["x"] + box["width"] - 60, box["y"] + 35 + 17)
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type("2.5", delay=80)
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Update results").wait_for()
    assert Study.open(folder).events[0].end_s == 2.5
    page.get_by_role("button", name="Update results").click()
    expect(page.get_by_role("button", name="Update results")).to_have_count(0)
    while not is_current(Study.open(folder)):
        page.wait_for_timeout(200)
    expect(page.get_by_role("button", name="Cancel")).to_have_count(0)
    to_tab(page, "Measures")
    page.get_by_text("Left out: 3").wait_for()
    assert not study_server.errors()


def test_the_film_and_the_curve_move_together(
    study_server: Server, open_browser: OpenBrowser, computed: Path, tmp_path: Path
) -> None:
    film = sample_video(tmp_path / "film.mp4", 6.0, 10.0)
    page = open_browser(None, viewport=SIZES["desktop"]).new_page()
    open_copy(page, study_server, computed)
    to_tab(page, "Curves")
    page.get_by_text("Show the stimulus next to the curve").click()
    page.locator("[class*=stimulus] input[type=file]").set_input_files(str(film))
    page.locator(PLAYER).wait_for()
    page.wait_for_function(f"document.querySelector('{PLAYER}')?.readyState >= 2")
    page.eval_on_selector(PLAYER, "video => { video.currentTime = 4 }")
    page.wait_for_function("document.querySelectorAll('.lab-playhead').length === 2")
    share = """() => {
        const line = document.querySelector('.lab-playhead')
        const frame = line.parentElement.querySelector('.role-frame.root path.background')
        const plot = frame.getBoundingClientRect()
        return (line.getBoundingClientRect().x + 1 - plot.x) / plot.width
    }"""
    page.wait_for_timeout(300)
    # The axis goes from -1 to 14.9 s.
    assert abs(page.evaluate(share) - 5 / 15.9) < 0.02
    frame = page.evaluate("""() => {
        const host = document.querySelector('[data-testid=stVegaLiteChart]')
        host.scrollIntoView({ block: 'center' })
        const plot = host.querySelector('svg .role-frame.root path.background')
        const { x, y, width, height } = plot.getBoundingClientRect()
        return { x, y, width, height }
    }""")
    page.mouse.click(frame["x"] + 3 / 15.9 * frame["width"], frame["y"] + frame["height"] / 2)
    page.wait_for_function(f"Math.abs(document.querySelector('{PLAYER}').currentTime - 2) < 0.2")
    settle(page)
    keep_whole(page, "study_stimulus")
    assert barriers(page) == []
    assert not study_server.errors()


def with_keys(page: Page, server: Server, token: str) -> Page:
    """Open the player and its keys on the tab Events."""
    page.goto(f"{server.url}/Study?study={token}")
    to_tab(page, "Events")
    page.get_by_text("Mark by key").click()
    page.wait_for_function(f"document.querySelector('{PLAYER}')?.readyState >= 2")
    page.get_by_role("button", name="1 event").wait_for()
    return page


def events_of(page: Page, study: Study, count: int) -> tuple[Event, ...]:
    """The events, as soon as there are so many and the page waits for none."""
    end = time.monotonic() + 10
    while (
        len(found := study.reopened().events) != count or page.get_by_text("Saving …").count() > 0
    ):
        assert time.monotonic() < end, found
        page.wait_for_timeout(50)
    return found


def test_events_are_marked_by_key_while_the_video_plays(
    study_server: Server, open_browser: OpenBrowser
) -> None:
    token, study = study_with_a_video(study_server)
    page = open_browser(None, viewport=SIZES["desktop"]).new_page()
    player = with_keys(page, study_server, token).locator(PLAYER)
    player.evaluate("video => { video.muted = true; video.mine = true }")
    # While it plays: faster than the server answers, and without a jump back.
    page.keyboard.press("Space")
    page.wait_for_function(f"document.querySelector('{PLAYER}').currentTime > 0.5")
    for key in "121":
        page.keyboard.press(key)
    found = events_of(page, study, 3)
    page.wait_for_function(f"document.querySelector('{PLAYER}').currentTime > 1.5")
    page.keyboard.press("Space")
    assert player.evaluate("video => [video.paused, video.mine]") == [True, True]
    assert [e.label for e in found] == ["event", "baseline", "event"]
    assert all(e.recording == "P01" and 10.5 <= e.start_s < 11.5 for e in found)
    # Step by step: the time is that of the frame shown. The running interval ends there.
    player.evaluate("video => { video.currentTime = 3 }")
    for key in (".", ".", "2"):
        page.wait_for_timeout(250)
        page.keyboard.press(key)
    page.get_by_text("baseline: ").wait_for()
    baseline = events_of(page, study, 3)[1]
    assert (baseline.kind, baseline.end_s) == (EventKind.BASELINE, 13.2)
    for key, count in (("3", 4), ("Backspace", 3), ("3", 4)):
        page.keyboard.press(key)
        events_of(page, study, count)
    # Nothing while a field has the focus; an interval that runs outlives a reload.
    page.get_by_role("combobox", name="Recording").focus()
    page.keyboard.press("1")
    page.get_by_text("Keys are off").wait_for()
    with_keys(page, study_server, token)
    page.get_by_role("button", name="3 not usable since 0:13.20", pressed=True).wait_for()
    assert len(events_of(page, study, 4)) == 4
    assert barriers(page) == []
    keep_whole(page, "study_keys_desktop")
    page.set_viewport_size(SIZES["phone"])
    settle(page, rest_ms=300)
    assert sticking_out(page) == []
    keep_whole(page, "study_keys_phone")
    assert not study_server.errors()
