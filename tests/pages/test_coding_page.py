"""Coding: the researcher's tab, and the coder's page as far as it needs no browser."""

import shutil
from pathlib import Path

import pytest
from page_driver import run, words
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Toggle
from study_page_driver import PAGE, add, folder_of, open_tab, page

from emotion_core.errors import OutputError
from emotion_core.media.write import sample_video
from emotion_core.study.coding.plans import Plan, Window
from emotion_core.study.coding.replay import Action, Key
from emotion_core.study.coding.scheme import Scheme, read_scheme
from emotion_core.study.coding.store import FILE, CodingStore
from emotion_core.study.definitions import Recording
from emotion_core.study.folder import Study
from emotion_core.study.store import StudyStore
from emotion_core.ui.coding_page.keyboard import key_of
from emotion_core.ui.coding_page.videos import codable_video
from emotion_core.ui.common.keys import KeyPress


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sample_video(tmp_path_factory.mktemp("clip") / "film.mp4", 4.0, 10.0)


@pytest.fixture
def token(work: Path, clip: Path) -> str:
    """A study of two recordings, one of which has no video."""
    token = add(work)
    folder = folder_of(work, token)
    shutil.copy(clip, folder / "P01_secret.mp4")
    rows = [
        Recording("P01_happy", "P01_secret.mp4", "P01", {"condition": "happy"}),
        Recording("P02_sad", "gone.mp4", "P02", {"condition": "sad"}),
    ]
    Study.open(folder).with_recordings(rows)
    return token


@pytest.fixture
def store(work: Path, token: str) -> CodingStore:
    store = CodingStore(folder_of(work, token))
    store.add_plan("w", Plan(), [Window("P01_happy", 0.0, 2.0), Window("P01_happy", 2.0, 4.0)])
    return store


@pytest.mark.parametrize(("end_s", "last_s"), [(None, 4.0), (3.0, 3.0), (9.0, 4.0)])
def test_what_can_be_coded_ends_with_the_video(
    work: Path, token: str, end_s: float | None, last_s: float
) -> None:
    study = Study.open(folder_of(work, token))
    recording = Recording("P01_happy", "P01_secret.mp4", "P01", start_s=1.0, end_s=end_s)
    assert codable_video(study, recording).span == pytest.approx((1.0, last_s))


def test_keys_of_intensity_do_nothing_where_the_scheme_has_none() -> None:
    press_q = KeyPress("a" * 24, "q", 1.0)
    assert key_of(press_q, Scheme()) == Key("a" * 24, Action.INTENSITY, 1.0, value=1)
    assert key_of(press_q, Scheme(intensity=False)) is None


def test_recordings_that_lack_the_same_are_told_in_one_warning(work: Path, token: str) -> None:
    study = Study.open(folder_of(work, token))
    gone = [Recording(f"P{n}", f"gone{n}.mp4", f"P{n}") for n in range(10, 16)]
    study.with_recordings([*study.recordings, *gone])
    app = open_tab(page(token), token, "Coding")
    (told,) = [w.value for w in app.warning if "the file is missing" in w.value]
    assert told.replace("\\", "").startswith("P02_sad, P10, P11")


def coder_page(parameter: str, token: str, name: str = "") -> AppTest:
    app = AppTest.from_file(PAGE, default_timeout=60)
    app.query_params[parameter] = token
    app.query_params["coder"] = name
    return run(app)


def no_room(*_: object) -> None:
    raise OutputError("The disk is full.")


def press(app: AppTest, label: str) -> AppTest:
    next(b for b in app.button if b.label == label).click()
    return run(app)


def test_a_plan_is_made_and_deleted_on_the_tab(work: Path, token: str) -> None:
    app = open_tab(page(token), token, "Coding")
    assert "P02_sad: the file is missing" in words(app).replace("\\", "")
    key = f"study_{token[:8]}_plan"
    app.selectbox(key=f"{key}_sampling").set_value("random")
    app = run(app)
    app.number_input(key=f"{key}_length").set_value(1.0)
    app.number_input(key=f"{key}_number").set_value(3)
    app = run(app)
    assert "3 clips of 1 recording," in words(app)
    app = press(app, "Make this plan")
    store = CodingStore(folder_of(work, token))
    (plan,) = store.plans()
    assert (plan.units, plan.settings["sampling"], plan.settings["length_s"]) == (3, "random", 1.0)
    assert "3 clips, seed 1" in words(app)
    press(app, "Delete plan")
    assert store.plans() == ()


def test_the_scheme_is_changed_on_the_tab(work: Path, token: str) -> None:
    app = open_tab(page(token), token, "Coding")
    another = open_tab(page(token), token, "Coding")
    toggle(app, "One stretch at a time").set_value(False)
    press(app, "Save categories")
    scheme, problems = read_scheme(Study.open(folder_of(work, token)))
    expected = (False, True, 7, ())
    assert (scheme.exclusive, scheme.intensity, len(scheme.categories), problems) == expected
    # Another visitor, whose page was drawn before, does not change it back.
    toggle(another, "Intensity").set_value(False)
    another = press(another, "Save categories")
    assert "Somebody else has changed the categories" in words(another)
    assert read_scheme(Study.open(folder_of(work, token)))[0] == scheme
    toggle(another, "Intensity").set_value(False)
    press(another, "Save categories")
    scheme, _ = read_scheme(Study.open(folder_of(work, token)))
    assert (scheme.exclusive, scheme.intensity) == (False, False)


def toggle(app: AppTest, label: str) -> Toggle:
    (found,) = [t for t in app.toggle if t.label.startswith(label)]
    return found


def test_coders_are_added_changed_and_deleted_on_the_tab(store: CodingStore, token: str) -> None:
    app = open_tab(page(token), token, "Coding")
    key = f"study_{token[:8]}_coding"
    app.text_input(key=f"{key}_add_name").set_value("Bo")
    app.slider(key=f"{key}_add_share").set_value(50)
    app = press(run(app), "Add")
    assert [(c.name, c.share) for c in store.coders()] == [("Bo", 0.5)]
    app.slider(key=f"{key}_share").set_value(100)
    app = press(run(app), "Set this share")
    assert store.coders()[0].share == 1.0
    assert next(b for b in app.button if b.label == "Delete coder").disabled
    app.checkbox(key=f"{key}_sure").check()
    press(run(app), "Delete coder")
    assert store.coders() == ()


def test_training_clips_are_made_of_a_coders_codes(store: CodingStore, token: str) -> None:
    store.add_coder("Anna")
    unit = store.units_of("Anna")[0]
    store.press("Anna", unit.id, [Key("a", Action.CODE, unit.start_s, "happy")])
    store.finish("Anna", unit.id)
    app = press(open_tab(page(token), token, "Coding"), "Make training clips")
    assert not app.error
    store.add_coder("Bo")
    training = store.units_of("Bo")[0]
    assert training.training
    app = coder_page("study", token, "Bo")
    assert "training: the known answers are shown" in words(app)
    app = press(app, "Done, next")
    assert "The same codes in 0% of the clip’s time" in words(app)
    assert "happy 0.00–2.00 s" in words(app).replace("\\", "")
    app = press(app, "Next clip")
    assert "Clip 2 of 2" in words(app)


def test_a_coder_begins_codes_and_continues(store: CodingStore, token: str) -> None:
    app = coder_page("study", token)
    app.text_input[0].set_value("Anna")
    app = press(app, "Begin")
    assert app.title[0].value == "Coding"
    assert "Clip 1 of 2" in words(app)
    assert len(app.get("video")) == 1
    assert not app.tabs
    for secret in ("P01", "P02", "secret", "condition"):
        assert secret not in words(app)
    unit = store.units_of("Anna")[0]
    store.press("Anna", unit.id, [Key("a", Action.CODE, unit.start_s + 0.5, "happy")])
    app = coder_page("study", token, "Anna")
    assert "Running: happy" in words(app)
    note = next(t for t in app.text_input if t.label.startswith("Note on “happy”"))
    note.set_value("with teeth")
    app = run(app)
    assert store.codes()["note"].tolist() == ["with teeth"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CodingStore, "press", no_room)
        note = next(t for t in app.text_input if t.label.startswith("Note on “happy”"))
        note.set_value("no teeth")
        assert "The note is not saved yet. The disk is full." in words(run(app))
    assert store.codes()["note"].tolist() == ["with teeth"]
    app = coder_page("study", token, "Anna")
    app = press(press(app, "Done, next"), "Done, next")
    assert "All of your clips are coded" in app.success[0].value
    app = press(app, "Look at the last clip again")
    assert "Clip 2 of 2" in words(app)
    app = press(app, "Previous clip")
    assert "Clip 1 of 2" in words(app)
    assert "Previous clip" not in [b.label for b in app.button]
    assert "Recordings" in [t.label for t in press(app, "Leave coding").tabs]


def test_two_coders_of_one_name_are_told(store: CodingStore, token: str) -> None:
    store.add_coder("Anna")
    app = coder_page("study", token)
    app.text_input[0].set_value("anna ")
    app = press(app, "Begin")
    assert "There is a coder “Anna” here already, with 0 of 2 clips done" in words(app)
    assert "Clip 1" not in words(app)
    app.text_input[0].set_value("Anna B.")
    assert "Coding as **Anna B.**" in words(press(app, "Begin")).replace("\\", "")
    app = coder_page("study", token)
    app.text_input[0].set_value("anna ")
    app = press(press(app, "Begin"), "I am Anna: continue")
    assert "Coding as **Anna**" in words(app)


def test_an_invitation_shows_the_clips_only(work: Path, store: CodingStore, token: str) -> None:
    del store
    invitation = StudyStore(work / "studies").invitation(token)
    assert StudyStore(work / "studies").invitation(token) == invitation != token
    app = coder_page("coding", invitation)
    app.text_input[0].set_value("Cy")
    app = press(app, "Begin")
    assert "Clip 1 of 2" in words(app)
    app = press(app, "Leave coding")
    assert "Who is coding?" in words(app)
    assert not app.tabs
    assert "ask who invited you" in words(coder_page("coding", "x" * 22))
    assert StudyStore(work / "studies").invited("../" + invitation) is None


@pytest.mark.parametrize("parameter", ["study", "coding"])
def test_a_damaged_store_is_told_on_every_page(work: Path, token: str, parameter: str) -> None:
    path = folder_of(work, token) / FILE
    path.parent.mkdir()
    path.write_bytes(b"no database" * 100)
    place = token if parameter == "study" else StudyStore(work / "studies").invitation(token)
    assert "is damaged" in words(coder_page(parameter, place, "Anna"))
    assert "is damaged" in words(open_tab(page(token), token, "Coding"))
    assert path.read_bytes() == b"no database" * 100


def test_a_clip_whose_plan_was_deleted_meanwhile_is_told(store: CodingStore, token: str) -> None:
    store.add_coder("Anna")
    app = coder_page("study", token, "Anna")
    store.delete_plan(store.plans()[0].id)
    assert "There are no clips for you yet" in words(press(app, "Done, next"))
    store.delete_coder("Anna")
    assert "There is no coder “Anna” here" in words(run(app))
