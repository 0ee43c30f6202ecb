"""A session in a real Chromium: consent, stimuli, a rating, a reload, the row of the study, and the
markers against the frames that show what they mark."""

import statistics
from collections.abc import Iterator
from pathlib import Path

import pytest
from browser.app_server import OpenBrowser, Server, running_server
from browser.pictures import barriers, keep, keep_whole, settle, sticking_out
from browser.presentation_driver import (
    add_presentation,
    agree_and_record,
    film_the_stage,
    flashes_of,
    start_camera,
    write_flashes,
    write_white,
)
from playwright.sync_api import Page

from emotion_core.study.folder import Study
from emotion_core.study.presentation.plan import Item, ItemKind, Plan

FLASHES_S = [0.5, 1.2, 1.9]
MOST_MEDIAN_ERROR_S = 0.040
DELAY_S = 0.150


@pytest.fixture(scope="module")
def session_server(tmp_path_factory: pytest.TempPathFactory, chromium: str) -> Iterator[Server]:
    with running_server(tmp_path_factory.mktemp("session_server")) as running:
        yield running


@pytest.fixture(scope="module")
def stimuli(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("stimuli")
    return [write_flashes(folder / "clip.mp4", FLASHES_S, 2.5), write_white(folder / "white.png")]


PLAN = Plan(
    title="What do you see?",
    consent="We are the *laboratory*. Do you agree?",
    thanks="Goodbye, and thank you!",
    keep_video=True,
    items=(
        Item("rest", ItemKind.PAUSE, seconds=0.7, baseline=True),
        Item("white", ItemKind.PICTURE, "white.png", 1.0),
        Item("bright", ItemKind.QUESTION, text="How bright?", points=5, low="dark", high="bright"),
        Item("clip", ItemKind.CLIP, "clip.mp4"),
        Item("white again", ItemKind.PICTURE, "white.png", 0.7),
    ),
)


def rate(page: Page, number: int) -> None:
    page.get_by_role("radio", name=str(number)).click()
    page.get_by_role("button", name="Continue").click()


@pytest.mark.alone
def test_a_session_is_shown_recorded_and_marked_at_the_right_frames(
    session_server: Server, open_browser: OpenBrowser, stimuli: list[Path]
) -> None:
    work = session_server.log.parent / "work"
    token, link, folder = add_presentation(work, PLAN, stimuli)
    context = open_browser(None, viewport={"width": 1440, "height": 900})
    page = context.new_page()
    # The pictures of the camera are as late as on a slow network.
    film_the_stage(page, DELAY_S)
    page.goto(f"{session_server.url}/Study?session={link}")
    page.get_by_role("button", name="I agree", exact=True).wait_for()
    settle(page)
    keep_whole(page, "session_consent_desktop")
    assert barriers(page) == []
    agree_and_record(page, page.url)
    keep(page, "session_begin_desktop")
    page.get_by_role("button", name="Begin").click()
    page.get_by_role("radio", name="1, dark").wait_for()
    assert page.get_by_text("This session is being recorded.", exact=True).last.is_visible()
    keep(page, "session_question_desktop")
    assert barriers(page) == []
    # A reload goes on with the question that was not answered yet.
    page.reload()
    page.get_by_role("button", name="Stop, delete my recording").wait_for()
    keep(page, "session_reload_desktop")
    start_camera(page)
    page.get_by_role("button", name="Continue").click()
    rate(page, 4)
    page.get_by_text("Goodbye, and thank you!").wait_for()
    study = Study.open(folder)
    (row,) = study.recordings
    assert row.variables == {
        "order": "white > clip > white again",
        "session_ended": "complete",
        "rating_bright_white": "4",
    }
    labels = [event.label for event in study.events if event.kind == "stimulus"]
    assert labels == ["white", "clip", "white again"]
    flashes = flashes_of(folder, row.recording, FLASHES_S)
    assert len(flashes) == 5
    assert -0.4 < row.clock_offset_s < -DELAY_S
    # Half of the distance between two frames is 17 ms where all of them are read.
    errors = [abs(flash.error_s) for flash in flashes]
    assert statistics.median(errors) <= MOST_MEDIAN_ERROR_S, flashes
    show_tab(page, f"{session_server.url}/Study?study={token}")
    assert not session_server.errors()


def show_tab(page: Page, address: str) -> None:
    """The researcher finds the session."""
    page.goto(address)
    page.get_by_role("tab", name="Presentation").click()
    page.get_by_text("Sessions: 1").wait_for()
    settle(page)
    keep_whole(page, "session_tab_desktop")
    assert barriers(page) == []


def test_a_participant_stops_on_a_phone_and_nothing_is_left(
    session_server: Server, open_browser: OpenBrowser, stimuli: list[Path]
) -> None:
    work = session_server.log.parent / "work"
    _, link, folder = add_presentation(work, PLAN, stimuli)
    page = open_browser(None, viewport={"width": 390, "height": 844}).new_page()
    film_the_stage(page)
    agree_and_record(page, f"{session_server.url}/Study?session={link}")
    keep(page, "session_begin_phone")
    page.get_by_role("button", name="Begin").click()
    page.get_by_role("radio", name="1, dark").wait_for()
    keep(page, "session_question_phone")
    page.get_by_role("button", name="Stop", exact=True).click()
    keep(page, "session_stop_phone")
    page.get_by_role("button", name="Stop, delete my recording").click()
    page.get_by_text("Your recording was deleted").wait_for()
    assert sticking_out(page) == []
    assert Study.open(folder).recordings == ()
    assert not list((folder / "recordings").glob("*"))
    # Nothing of the study but the session.
    assert page.get_by_role("tab").count() == 0
    assert not session_server.errors()
