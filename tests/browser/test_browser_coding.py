"""Coding in a real Chromium: clips by keys, a reload, and a second coder of the same name."""

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from browser.app_server import OpenBrowser, Server, running_server
from browser.pictures import barriers, keep_whole, settle, sticking_out
from playwright.sync_api import Page

from emotion_core.media.write import sample_video
from emotion_core.study.coding.plans import Plan, Sampling, Window, sample
from emotion_core.study.coding.records import Unit
from emotion_core.study.coding.store import CodingStore
from emotion_core.study.definitions import Recording
from emotion_core.study.folder import Study
from emotion_core.study.store import StudyStore

VIDEO = ".st-key-player video"
LENGTH_S = 6.0


@pytest.fixture(scope="module")
def coding_server(tmp_path_factory: pytest.TempPathFactory, chromium: str) -> Iterator[Server]:
    with running_server(tmp_path_factory.mktemp("coding_server")) as running:
        yield running


@pytest.fixture
def study(coding_server: Server, tmp_path: Path) -> tuple[str, Path]:
    """Token and folder of a study of one video, three windows of which are coded."""
    video = sample_video(tmp_path / "film.mp4", LENGTH_S, 25.0)
    studies = StudyStore(coding_server.log.parent / "work" / "studies")

    def fill(folder: Path) -> None:
        study = Study.create(folder, "Coded")
        shutil.copy(video, folder / "secret_name.mp4")
        study.with_recordings(
            [Recording("P01_happy", "secret_name.mp4", "P01", {"condition": "happy"})]
        )

    token = studies.add("somebody", fill)
    folder = studies.find(token)
    assert folder is not None
    plan = Plan(Sampling.RANDOM, length_s=1.5, number=3, seed=4)
    found = sample(Study.open(folder), plan, {"P01_happy": (0.0, LENGTH_S)})
    CodingStore(folder).add_plan("windows", plan, found.windows)
    return token, folder


def place_in(page: Page) -> float:
    return float(page.eval_on_selector(VIDEO, "video => video.currentTime"))


def at(page: Page, time_s: float) -> None:
    """Show a moment of the video."""
    page.eval_on_selector(VIDEO, "(video, time) => { video.currentTime = time }", time_s)
    page.wait_for_function(
        f"(t => {{ const v = document.querySelector('{VIDEO}');"
        f" return !v.seeking && Math.abs(v.currentTime - t) < 0.05 }})({time_s})"
    )
    page.wait_for_timeout(60)


def ready(page: Page) -> None:
    page.locator(VIDEO).wait_for()
    page.wait_for_function(f"document.querySelector('{VIDEO}')?.readyState >= 2")
    page.wait_for_function(f"document.querySelector('{VIDEO}').dataset.shown === '1'")
    settle(page, rest_ms=200)


def codes_shown(page: Page, count: int) -> None:
    page.get_by_text(f"Codes of this clip: {count}").wait_for()


def begin(page: Page, server: Server, token: str) -> None:
    """From the study's tab to the first clip."""
    page.goto(f"{server.url}/Study?study={token}")
    page.get_by_role("tab", name="Coding").click()
    settle(page)
    keep_whole(page, "coding_tab_desktop")
    assert barriers(page) == []
    page.get_by_role("button", name="Code clips").click()
    page.get_by_role("textbox", name="Your name").fill("Anna B.")
    page.get_by_role("button", name="Begin").click()
    ready(page)


def code_the_others(page: Page, units: Sequence[Unit]) -> None:
    """Done with the clip that is shown, and "cannot tell" for all of the others."""
    for number, unit in enumerate(units, 1):
        page.get_by_role("button", name="Done, next").click()
        page.get_by_text(f"{number} of 3 clips done").wait_for()
        page.wait_for_function(
            f"Math.abs(document.querySelector('{VIDEO}').currentTime - {unit.start_s}) < 0.1"
        )
        ready(page)
        page.keyboard.press("x")
        codes_shown(page, 1)
    page.get_by_role("button", name="Done, next").click()
    page.get_by_text("All of your clips are coded").wait_for()


def test_three_clips_are_coded_by_keys_over_a_reload(
    coding_server: Server, open_browser: OpenBrowser, study: tuple[str, Path]
) -> None:
    token, folder = study
    store = CodingStore(folder)
    page = open_browser(None, viewport={"width": 1440, "height": 900}).new_page()
    begin(page, coding_server, token)
    units = store.units_of("anna b.")
    first = units[0]
    # Blind: no name, condition or file, and nothing but the clip itself.
    shown = page.locator("[data-testid=stMain]").inner_html()
    assert not [word for word in ("P01", "happy_", "secret", "Recordings") if word in shown]
    assert abs(place_in(page) - first.start_s) < 0.06
    page.keyboard.press("4")
    codes_shown(page, 1)
    page.keyboard.press("r")
    page.get_by_text("Running: happy · 4").wait_for()
    at(page, first.start_s + 0.6)
    page.keyboard.press("6")
    codes_shown(page, 2)
    page.reload()
    ready(page)
    codes_shown(page, 2)
    page.get_by_text("Running: sad").wait_for()
    # It plays on to the end of the clip and no further, where the running code ends, too.
    page.keyboard.press("Space")
    page.get_by_text("Nothing is running.").wait_for()
    assert place_in(page) <= first.end_s + 0.05
    page.keyboard.press("4")
    page.keyboard.press("u")
    page.get_by_text("Nothing is running.").wait_for()
    keep_whole(page, "coding_clip_desktop")
    assert sticking_out(page) == []
    assert barriers(page) == []
    code_the_others(page, units[1:])
    codes = store.codes()
    mine = codes[codes["unit"] == first.id].reset_index(drop=True)
    assert mine["code"].tolist() == ["happy", "sad"]
    assert mine["intensity"].tolist()[0] == 4
    ends = [mine["start_s"][0], mine["end_s"][0], mine["end_s"][1]]
    assert ends == pytest.approx([first.start_s, first.start_s + 0.6, first.end_s], abs=0.06)
    assert codes["cannot_tell"].tolist().count(True) == 2
    assert store.units()["done"].all()
    assert not coding_server.errors()


def test_an_invited_coder_of_a_known_name_is_asked_on_a_phone(
    coding_server: Server, open_browser: OpenBrowser, study: tuple[str, Path]
) -> None:
    token, folder = study
    store = CodingStore(folder)
    store.add_coder("Bo")
    studies = StudyStore(coding_server.log.parent / "work" / "studies")
    page = open_browser(None, viewport={"width": 390, "height": 844}).new_page()
    page.goto(f"{coding_server.url}/Study?coding={studies.invitation(token)}")
    page.get_by_role("textbox", name="Your name").fill(" bo ")
    page.get_by_role("button", name="Begin").click()
    page.get_by_text("There is a coder “Bo” here already").wait_for()
    keep_whole(page, "coding_name_phone")
    page.get_by_role("button", name="I am Bo: continue").click()
    ready(page)
    # The buttons do what the keys do.
    page.get_by_role("button", name="7 surprise").click()
    codes_shown(page, 1)
    page.get_by_role("button", name="Delete").first.wait_for()
    keep_whole(page, "coding_clip_phone")
    # An invitation leads to the clips and to nothing else of the study.
    assert page.get_by_role("tab").count() == 0
    assert token[:8] not in page.content() + page.url
    assert sticking_out(page) == []
    assert barriers(page) == []
    page.get_by_role("button", name="Delete").first.click()
    codes_shown(page, 0)
    assert len(store.codes()) == 0
    # A deletion is taken back, too, where no code is left.
    page.get_by_role("button", name="Undo").click()
    codes_shown(page, 1)
    assert store.codes()["code"].tolist() == ["surprise"]
    assert not coding_server.errors()


def test_the_end_of_the_video_ends_a_code_once_so_that_it_can_be_taken_back(
    coding_server: Server, open_browser: OpenBrowser, study: tuple[str, Path]
) -> None:
    token, folder = study
    store = CodingStore(folder)
    (plan,) = store.plans()
    store.delete_plan(plan.id)
    store.add_plan("whole", Plan(), [Window("P01_happy", 0.0, LENGTH_S)])
    store.add_coder("Cy")
    page = open_browser(None, viewport={"width": 1440, "height": 900}).new_page()
    page.goto(f"{coding_server.url}/Study?study={token}&coder=Cy")
    ready(page)
    at(page, LENGTH_S - 0.6)
    page.keyboard.press("4")
    page.get_by_text("Running: happy").wait_for()
    page.keyboard.press("Space")
    page.wait_for_function(f"document.querySelector('{VIDEO}').ended")
    page.get_by_text("Nothing is running.").wait_for()
    page.keyboard.press("u")
    page.get_by_text("Running: happy").wait_for()
    page.wait_for_timeout(500)
    (unit,) = store.units_of("Cy")
    assert [code.running for code in store.coded("Cy", unit).codes] == [True]
    # Played again from the start, it does not last from the end to there.
    page.keyboard.press("Space")
    page.get_by_text("Nothing is running.").wait_for()
    (code,) = store.coded("Cy", unit).codes
    assert [code.start_s, code.end_s] == pytest.approx([LENGTH_S - 0.6, LENGTH_S], abs=0.06)
