"""Study: the start, the tour of the sample, what is asked, and studies that hardly are any."""

import time
from dataclasses import replace
from pathlib import Path

import pytest
from page_driver import run, words
from streamlit.testing.v1 import AppTest
from study_page_driver import TABS, add, folder_of, open_tab, page, token_of

from emotion_core.commands.study_run import compute
from emotion_core.errors import SettingsError
from emotion_core.media.write import sample_video
from emotion_core.progress import ignore_progress
from emotion_core.study.folder import Study
from emotion_core.study.store import StudyStore
from emotion_core.study.tables import long_table
from emotion_core.ui.study_page.study_view import StudyView


def test_the_start_offers_three_ways_and_lists_nobody_elses(work: Path) -> None:
    token = add(work)
    app = page()
    assert app.title[0].value == "Study"
    labels = {b.label for b in app.button}
    assert {"Open the sample study", "Create study"} <= labels
    assert "Your studies" not in words(app)
    assert "until you delete it" in app.caption[-1].value
    app = page(token)
    assert "Empty" in words(app)
    app.button(key="study_leave").click()
    assert "Your studies" in words(run(app))


def test_a_study_is_created_found_again_and_deleted(work: Path) -> None:
    app = page()
    app.button(key="study_create").click()
    assert "Give the study a name" in words(run(app))
    app.text_input(key="study_name").set_value("Käse *1*")
    app.button(key="study_create").click()
    app = run(app)
    token = token_of(app)
    assert "Käse \\*1\\*" in words(app)
    assert Study.open(folder_of(work, token)).name == "Käse *1*"
    assert "0 recordings" in words(page(token))
    app.button(key="study_delete").click()
    assert "Your studies" not in words(run(app))
    assert "was deleted" in words(page(token))


def test_one_click_opens_the_sample_and_computes_it(work: Path) -> None:
    app = page()
    app.button(key="study_sample").click()
    app = run(app)
    token = token_of(app)
    assert "All data of this study are synthetic" in words(app)
    end = time.monotonic() + 120
    while not (folder_of(work, token) / "results" / "report.html").is_file():
        assert time.monotonic() < end, "the results were not computed"
        time.sleep(0.5)
        app = run(app)
    while any(b.key == "study_cancel" for b in app.button):
        assert time.monotonic() < end
        time.sleep(0.2)
        app = run(app)
    assert not any(b.key == "study_run" for b in app.button), "the results are current"


def test_every_tab_of_the_sample_shows_its_part(work: Path, computed: Path) -> None:
    token = add(work, computed)
    folder = folder_of(work, token)
    # A copy has other times of change: its results count as older.
    compute(Study.open(folder), None, ignore_progress)
    app = page(token)
    assert [tab.label for tab in app.tabs] == TABS
    found = {name: words(open_tab(app, token, name)) for name in TABS}
    assert "Recordings in each cell" in found["Recordings"]
    assert "baseline" in found["Events"]
    assert "Left out: 3" in found["Measures"]
    assert "linear mixed model" in found["Statistics"]
    assert "was higher" in found["Statistics"] or "was lower" in found["Statistics"]
    assert "cluster-based permutation" in found["Curves"]
    assert "Mean peak correlation" in found["Two people"]
    assert "without seeing what the machine reads" in found["Coding"]
    assert "byte for byte" in found["Report"]
    app = open_tab(app, token, "Statistics")
    assert len(app.get("vega_lite_chart")) == 2
    labels = {b.proto.label for b in open_tab(app, token, "Report").get("download_button")}
    assert {"Report to print", "Whole study (zip)", "Long table", "Tests"} <= labels


def test_what_is_asked_is_kept_in_the_study(work: Path, computed: Path) -> None:
    token = add(work, computed)
    folder = folder_of(work, token)
    app = open_tab(page(token), token, "Statistics")
    key = f"study_{token[:8]}_ask"
    (measure,) = [s for s in app.selectbox if str(s.key).startswith(f"{key}_measure")]
    measure.set_value("max")
    app = run(app)
    assert Study.open(folder).design["measure"] == "max"
    (events,) = [m for m in app.multiselect if str(m.key).startswith(f"{key}_events")]
    events.set_value(["funny film"])
    app = run(app)
    (factors,) = [m for m in app.multiselect if str(m.key).startswith(f"{key}_factors")]
    factors.set_value(["group"])
    app = run(app)
    design = Study.open(folder).design
    assert design["events"] == ["funny film"]
    assert design["synthetic"] is True
    assert "Welch" in words(app)
    assert any(b.key == "study_run" for b in app.button), "the report is older now"


def test_settings_are_saved_and_make_the_results_old(work: Path, computed: Path) -> None:
    token = add(work, computed)
    folder = folder_of(work, token)
    compute(Study.open(folder), None, ignore_progress)
    app = open_tab(page(token), token, "Measures")
    assert not any(b.key == "study_run" for b in app.button)
    another = open_tab(page(token), token, "Measures")
    app = saved(app, "Least valid share", 0.9)
    assert Study.open(folder).settings.min_valid_share == 0.9
    assert any(b.key == "study_run" for b in app.button)
    another = saved(another, "A point event lasts (s)", 7.0)
    settings = Study.open(folder).settings
    assert (settings.min_valid_share, settings.event_s) == (0.9, 7.0), "both changes are kept"


def saved(app: AppTest, label: str, value: float) -> AppTest:
    """The page after one setting was changed and saved on it."""
    (number,) = [n for n in app.number_input if n.label == label]
    number.set_value(value)
    (save,) = [b for b in app.button if b.label == "Save settings"]
    save.click()
    return run(app)


def test_the_stimulus_plays_next_to_the_curve(work: Path, computed: Path, tmp_path: Path) -> None:
    token = add(work, computed)
    app = open_tab(page(token), token, "Curves")
    assert not app.get("video")
    clip = sample_video(tmp_path / "film.mp4", 1.0, 10.0).read_bytes()
    app.file_uploader[0].set_value(("film.mp4", clip, "video/mp4"))
    app = run(app)
    assert (folder_of(work, token) / "stimuli" / "funny film.mp4").read_bytes() == clip
    assert len(app.get("video")) == 1
    app.button(key=f"study_{token[:8]}_stimulus_remove").click()
    assert not run(app).get("video")


def test_a_damaged_study_can_be_left_and_deleted(work: Path) -> None:
    token = add(work)
    (folder_of(work, token) / "study.toml").write_text("[[[")
    app = page(token)
    assert "cannot be read" in words(app)
    app.button(key="study_delete").click()
    run(app)
    assert StudyStore(work / "studies").find(token) is None


def test_pairs_of_a_column_are_compared_with_shuffled_partners(work: Path, computed: Path) -> None:
    token = add(work, computed)
    study = Study.open(folder_of(work, token))
    films = [r.recording for r in study.recordings if r.variables["stimulus"] == "funny film"]
    dyads = {name: f"d{i // 2}" for i, name in enumerate(films)}
    study.change_recordings(
        lambda rows: [
            replace(r, variables={**r.variables, "dyad": dyads.get(r.recording, "")}) for r in rows
        ]
    )
    app = page(token)
    app.session_state[f"study_{token[:8]}_pairs_way"] = "All pairs of a column"
    app = open_tab(app, token, "Two people")
    assert "Over 12 pairs" in words(app)
    assert len(app.get("vega_lite_chart")) == 1


def odd(kind: str, study: Study) -> Study:
    """The sample, reduced to something that hardly makes a study."""
    rows = list(study.recordings)
    if kind == "one participant":
        return study.with_recordings([r for r in rows if r.participant == "P01"])
    if kind == "one recording":
        return study.with_recordings(rows[:1])
    if kind == "nothing included":
        return study.with_recordings([replace(r, include=False, reason="x") for r in rows])
    if kind == "no participants":
        return study.with_recordings([replace(r, participant="") for r in rows])
    if kind == "no events":
        return study.with_events([])
    if kind == "a participant in two groups":
        other = [replace(rows[0], variables={**rows[0].variables, "group": "B"})]
        return study.with_recordings([*other, *rows[1:]])
    if kind == "no variables":
        return study.with_recordings([replace(r, variables={}) for r in rows])
    assert kind == "nonsense in [design]"
    return study.with_design({**study.design, "measure": "joy", "factors": "group"})


@pytest.mark.parametrize(
    "kind",
    [
        "one participant",
        "one recording",
        "nothing included",
        "no participants",
        "no events",
        "a participant in two groups",
        "no variables",
        "nonsense in [design]",
    ],
)
def test_odd_studies_are_shown_with_a_sentence(kind: str, work: Path, computed: Path) -> None:
    token = add(work, computed)
    study = odd(kind, Study.open(folder_of(work, token)))
    if "design" in kind:
        with pytest.raises(SettingsError, match="joy"):
            compute(study, None, ignore_progress)
    else:
        compute(study, None, ignore_progress)
        assert (study.folder / "results" / "report.html").stat().st_size > 5000
    app = page(token)
    found = {name: words(open_tab(app, token, name)) for name in TABS}
    assert "Traceback" not in "".join(found.values())
    expected = {
        "one recording": ("Two people", "Two recordings with results are needed"),
        "nothing included": ("Statistics", "No event is left to compare"),
        "no participants": ("Statistics", "No participant is left"),
        "no events": ("Curves", "There are no events"),
        "a participant in two groups": ("Recordings", "P01"),
        "nonsense in [design]": ("Statistics", "joy"),
    }
    if kind in expected:
        tab, said = expected[kind]
        assert said in found[tab], found[tab]


def test_variables_called_like_results_leave_these_alone(work: Path, computed: Path) -> None:
    """They are written under another name, by which values can be compared."""
    token = add(work, computed)
    own = {"included": "yes", "occurrence": "first"}
    study = Study.open(folder_of(work, token)).change_recordings(
        lambda rows: [replace(row, variables={**row.variables, **own}) for row in rows]
    )
    compute(study, None, ignore_progress)
    truth, shown = long_table(study), StudyView(token, study.folder).long_table()
    assert not truth["included"].all()
    for column in ("included", "occurrence"):
        assert shown[column].astype(float).tolist() == truth[column].astype(float).tolist()
    assert shown["included_variable"].eq("yes").all()
    app = open_tab(page(token), token, "Statistics")
    (factors,) = [m for m in app.multiselect if m.label == "Compare by"]
    assert "included_variable" in factors.options
    assert "included" not in factors.options
