"""The tab Agreement: choices, figures, disagreements, and the coded faces."""

from pathlib import Path

import pytest
from coded_studies import Codes, add_codes, analysed_study
from page_driver import run, words
from study_page_driver import add, folder_of, open_tab, page

from emotion_core.study.agreement.kept_settings import keep_settings, kept_settings
from emotion_core.study.agreement.report import AgreementSettings
from emotion_core.study.coding.replay import Action, Key
from emotion_core.study.coding.scheme import Category, Scheme, save_scheme
from emotion_core.study.coding.store import CodingStore
from emotion_core.study.folder import Study
from emotion_core.ui.study_page.agreement import shared_words

TRUE = [(0, "happy", 4), (2, "sad", 2), (4, "neutral", 1)]
READ = ["happy", "happy", "sad", "sad", "sad", "neutral"]


@pytest.fixture(scope="module")
def coded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("coded") / "study"
    study = analysed_study(folder, {f"P{i}": READ for i in range(6)})
    late = [(0, "happy", 3), (2.4, "sad", 2), (4, "neutral", 1)]
    codes: dict[str, dict[str, Codes]] = {
        "Anna": {f"P{i}": TRUE for i in range(6)},
        "Ben *1*": {"P0": late, "P1": TRUE},
    }
    add_codes(study, 6.0, codes)
    return folder


def test_a_study_without_codes_says_what_to_do(work: Path) -> None:
    token = add(work)
    app = open_tab(page(token), token, "Agreement")
    assert "finish clips in the tab Coding" in words(app)


def test_figures_disagreements_and_sentences(work: Path, coded: Path) -> None:
    token = add(work, coded)
    app = open_tab(page(token), token, "Agreement")
    key = f"study_{token[:8]}"
    (pair,) = [s for s in app.selectbox if s.key == f"{key}_agree_pair"]
    assert pair.options == ["Anna and Ben *1*", "Anna and the machine", "Ben *1* and the machine"]
    shown = words(app)
    assert "Disagreements: 1" in shown
    assert "fewer than 5 participants" in app.dataframe[0].value["note"].iloc[0]
    assert "McGraw & Wong, 1996" in shown
    assert "coders Anna and Ben" in shown
    assert "added without a video" in shown
    pair.set_value("Anna and the machine")
    app = run(app)
    assert "Disagreements: 6" in words(app)
    figures = app.dataframe[0].value.set_index("figure")
    assert figures.loc["Cohen’s κ (time)", "value"] == "0.75"
    assert len(app.get("vega_lite_chart")) == 3


def test_choices_are_kept_in_the_study(work: Path, coded: Path) -> None:
    token = add(work, coded)
    app = open_tab(page(token), token, "Agreement")
    key = f"study_{token[:8]}_agree"
    (tolerance,) = [n for n in app.number_input if str(n.key).startswith(f"{key}_tolerance")]
    tolerance.set_value(0.3)
    app = run(app)
    (coders,) = [m for m in app.multiselect if str(m.key).startswith(f"{key}_coders")]
    coders.set_value(["Anna", "machine"])
    app = run(app)
    study = Study.open(folder_of(work, token))
    assert kept_settings(study) == (AgreementSettings(("Anna", "machine"), 0.3), ())
    assert not [s for s in app.selectbox if s.key == f"{key}_pair"], "there is one pair"
    assert "within 0.3 s" in words(app)


def test_codes_and_categories_that_are_new_are_shown(work: Path, coded: Path) -> None:
    token = add(work, coded)
    app = open_tab(page(token), token, "Agreement")
    assert "of 2 recordings" in words(app)
    study = Study.open(folder_of(work, token))
    store = CodingStore(study.folder)
    (unit,) = [u for u in store.units_of("Ben *1*") if u.recording == "P2"]
    store.press("Ben *1*", unit.id, [Key("new", Action.CODE, 0.0, "happy")])
    store.finish("Ben *1*", unit.id)
    app = run(app)
    assert "of 3 recordings" in words(app)
    save_scheme(study, Scheme(categories=(Category("1", "smirk"),)))
    app = run(app)
    key = f"study_{token[:8]}_agree_uncoded"
    (uncoded,) = [s for s in app.selectbox if str(s.key).startswith(key)]
    assert "smirk" in uncoded.options


def test_settings_that_cannot_be_used_are_told(work: Path, coded: Path) -> None:
    token = add(work, coded)
    study = Study.open(folder_of(work, token))
    keep_settings(study, AgreementSettings(tolerance_s=2.0))
    text = (study.folder / "study.toml").read_text("utf-8")
    (study.folder / "study.toml").write_text(text.replace("tolerance_s = 2.0", "tolerance_s = -2"))
    app = open_tab(page(token), token, "Agreement")
    assert "tolerance must be from 0 to 60 seconds" in words(app)


def test_faces_that_cannot_be_cut_out_are_told(work: Path, coded: Path) -> None:
    token = add(work, coded)
    app = open_tab(page(token), token, "Agreement")
    app.button(key=f"study_{token[:8]}_faces_make").click()
    app = run(app)
    assert "No face can be written" in words(app)
    assert "P0: The video is outside of the study" in words(app).replace("\\", "")


def test_names_that_coders_gave_themselves_are_shown_as_they_are(work: Path) -> None:
    folder = work / "lonely"
    study = analysed_study(folder, {"P0": READ})
    add_codes(study, 6.0, {"![](http://e.example/a.png)": {"P0": TRUE}})
    keep_settings(study, AgreementSettings(("![](http://e.example/a.png)",)))
    token = add(work, folder)
    told = words(open_tab(page(token), token, "Agreement"))
    assert "e.example" in told
    assert "![](http" not in told


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "Compared: 2 min of 2 recordings and 1 participant."),
        ({"untold_s": 3.0}, "Left out: 3 s that one of the two could not judge."),
        ({"first_only_s": 2.0, "second_only_s": 5.0}, "Left out: 7 s that only one has coded."),
    ],
)
def test_what_is_compared_is_stated(changes: dict[str, float], said: str) -> None:
    shared = {"recordings": 2, "participants": 1, "shared_s": 120.0, "untold_s": 0.0}
    shared |= {"first_only_s": 0.0, "second_only_s": 0.0}
    assert said in shared_words({**shared, **changes})
