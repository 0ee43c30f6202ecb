"""Presentations: the researcher's tab, and the participant's page as far as it needs no browser."""

from pathlib import Path

import cv2
import pytest
from page_driver import run, words
from streamlit.testing.v1 import AppTest
from study_page_driver import PAGE, add, folder_of, open_tab, page

from emotion_core.errors import SettingsError
from emotion_core.media.synthetic import sample_photo
from emotion_core.study.folder import Study
from emotion_core.study.presentation.plan import STIMULI, Item, ItemKind, Plan, read_plan, save_plan
from emotion_core.study.presentation.sessions import take_number
from emotion_core.study.store import SESSION, StudyStore
from emotion_core.ui.common.file_links import LINKS
from emotion_core.ui.presentation_page.item_editor import _table, items_of
from emotion_core.ui.presentation_page.runs import RUNS, Runs

CONSENT = "We study **films**. You may stop."
PLAN = Plan(
    title="Films",
    consent=CONSENT,
    items=(
        Item("cat", ItemKind.PICTURE, "cat.png", 2.0),
        Item("liked", ItemKind.QUESTION, text="Liked?", low="no", high="yes"),
        Item("dog", ItemKind.PICTURE, "cat.png", 2.0),
    ),
)


@pytest.fixture(autouse=True)
def whole_program(monkeypatch: pytest.MonkeyPatch) -> None:
    """As with the routes of Home.py, and without a browser for the video."""
    monkeypatch.setattr(LINKS, "served", True)
    monkeypatch.setattr("streamlit_webrtc.component.get_this_session_info", lambda: None)


@pytest.fixture
def token(work: Path) -> str:
    token = add(work)
    stimuli = folder_of(work, token) / STIMULI
    stimuli.mkdir()
    cv2.imwrite(str(stimuli / "cat.png"), sample_photo())
    (stimuli / "broken.png").write_bytes(b"no picture")
    return token


@pytest.fixture
def link(work: Path, token: str) -> str:
    save_plan(folder_of(work, token), PLAN)
    return StudyStore(work / "studies").invitation(token, SESSION)


def session_page(link: str, **parameters: str) -> AppTest:
    app = AppTest.from_file(PAGE, default_timeout=60)
    for name, value in {"session": link, **parameters}.items():
        app.query_params[name] = value
    return run(app)


def press(app: AppTest, label: str) -> AppTest:
    next(b for b in app.button if b.label == label).click()
    return run(app)


def files_of(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def test_a_participant_reads_the_text_first_and_may_decline(
    work: Path, token: str, link: str
) -> None:
    before = files_of(folder_of(work, token))
    app = session_page(link)
    assert app.title[0].value == "Session"
    assert CONSENT in words(app)
    assert "is **not kept**" in words(app)
    assert not app.tabs
    assert "Empty" not in words(app)
    app = press(app, "I do not agree")
    assert "nothing was recorded" in app.success[0].value
    assert CONSENT not in words(app)
    assert files_of(folder_of(work, token)) == before
    app = press(app, "Read the text again")
    assert CONSENT in words(app)


def test_who_agrees_comes_to_the_camera_and_nothing_is_recorded_yet(
    work: Path, token: str, link: str
) -> None:
    before = files_of(folder_of(work, token))
    app = session_page(link)
    app.text_input(key="session_code_asked").set_value("A" * 40)
    app = press(app, "I agree")
    assert "Nothing is recorded yet" in words(app)
    app = press(app, "Start recording")
    assert "no picture from the camera yet" in words(app)
    assert files_of(folder_of(work, token)) == before
    # A code in the address need not be typed.
    app = session_page(link, participant="Bo")
    assert not app.text_input
    assert "Nothing is recorded yet" in words(press(app, "I agree"))


@pytest.mark.parametrize("plan", [Plan(consent="Yes?"), Plan(items=PLAN.items)])
def test_what_is_not_ready_is_told_without_details(work: Path, token: str, plan: Plan) -> None:
    save_plan(folder_of(work, token), plan)
    app = session_page(StudyStore(work / "studies").invitation(token, SESSION))
    assert "not ready yet" in app.info[0].value
    assert not app.button


def test_a_session_that_is_over_is_told_after_a_reload(link: str) -> None:
    app = session_page(link, run="x" * 22)
    assert "This session has ended" in app.info[0].value
    app = press(app, "Begin a new session")
    assert CONSENT in words(app)


def test_links_lead_to_one_page_each(work: Path, token: str, link: str) -> None:
    store = StudyStore(work / "studies")
    coding = store.invitation(token)
    assert len({token, link, coding}) == 3
    assert store.invitation(token, SESSION) == link
    assert store.invited(coding, SESSION) is None
    assert store.invited(link) is None
    assert "ask who invited you" in words(session_page("x" * 22))
    assert "ask who invited you" in words(session_page(coding))


def test_a_plan_is_written_on_the_tab(work: Path, token: str) -> None:
    folder = folder_of(work, token)
    app = open_tab(page(token), token, "Presentation")
    key = f"study_{token[:8]}_session"
    assert "The consent text is empty" in words(app)
    assert "There is no picture and no clip" in words(app)
    app.text_area(key=f"{key}_consent").set_value(CONSENT)
    app.toggle(key=f"{key}_keep").set_value(True)
    app = press(app, "Save texts")
    assert (read_plan(folder).consent, read_plan(folder).keep_video) == (CONSENT, True)
    assert "consent text is empty" not in words(app)
    save_plan(folder, PLAN)
    app = run(app)
    app.selectbox(key=f"{key}_order_kind").set_value("counterbalanced")
    app = press(app, "Save order")
    assert "2 orders balance 2 trials" in words(app)
    assert "number 1, who comes next, sees: cat → liked → dog" in words(app)
    take_number(folder)
    assert "number 2, who comes next, sees: dog → cat → liked" in words(run(app))
    app.button(key=f"{key}_link_make").click()
    link = StudyStore(work / "studies").invitation(token, SESSION)
    assert any(link in code.value for code in run(app).code)


def test_a_broken_file_and_a_broken_plan_are_told_on_the_tab(work: Path, token: str) -> None:
    folder = folder_of(work, token)
    broken = Item("bad", ItemKind.PICTURE, "broken.png", 1.0)
    save_plan(folder, Plan(consent=CONSENT, items=(broken,)))
    app = open_tab(page(token), token, "Presentation")
    assert "broken.png is no picture that can be read" in words(app)
    (folder / "presentation.toml").write_text("order = 'latin'")
    assert "order must be one of" in words(run(app))
    (folder / "presentation.toml").unlink()
    app = press(run(app), "Delete 2 that no item shows")
    assert not list((folder / STIMULI).iterdir())


def test_a_session_whose_server_died_is_finished_and_told_on_the_tab(
    work: Path, token: str
) -> None:
    study = Study.open(folder_of(work, token))
    left = Runs().start(study, PLAN, "Anna", "2026-01-01T10:00:00Z", {"name": "tiny"}).session
    left._faces.__exit__(None, None, None)
    left._held.close()
    app = open_tab(page(token), token, "Presentation")
    assert "Finished after an interruption of the server: Anna." in app.warning[0].value
    assert "Anna" in [row.recording for row in study.reopened().recordings]
    assert "Finished after" not in words(run(app))


def test_the_table_of_items_is_read_by_place() -> None:
    table = _table(PLAN)
    assert items_of(table) == PLAN.items
    table.loc[2, "place"] = 1.5
    assert [item.name for item in items_of(table)] == ["cat", "dog", "liked"]
    # A row that was begun has no values yet, as the editor gives them.
    table = table.astype(object)
    table.loc[3] = [None] * len(table.columns)
    with pytest.raises(SettingsError, match="Choose a kind"):
        items_of(table)
    table.loc[3, "name"], table.loc[3, "kind"], table.loc[3, "seconds"] = "rest", "pause", 3.0
    assert items_of(table)[-1] == Item("rest", ItemKind.PAUSE, seconds=3.0)
    assert not RUNS.of(Path("nowhere"))
