"""Two tabs with the same result: each keeps only what was changed in it."""

import json
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import TextInput

from emotion_core.errors import InputError
from emotion_core.results.annotations import Edits, Marker
from emotion_core.results.edits_file import load_edits, save_edits
from emotion_core.results.export import COLUMNS
from emotion_core.ui.video_page.markers import markers_after


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Results with two people, each in every frame."""
    rows = [
        dict.fromkeys(COLUMNS, "0.1") | {"frame": i, "time_s": i / 10, "track_id": person}
        for i in range(30)
        for person in (1, 2)
    ]
    text = "\n".join(",".join(str(row[c]) for c in COLUMNS) for row in rows)
    (tmp_path / "faces.csv").write_text(f"{','.join(COLUMNS)}\n{text}\n")
    return tmp_path


def page(folder: str) -> None:
    import pathlib

    from emotion_core.ui.video_page.markers import show_markers
    from emotion_core.ui.video_page.people import show_people_list
    from emotion_core.ui.video_page.result_page import show_facts
    from emotion_core.ui.video_page.result_view import ResultView, load_result_data

    place = pathlib.Path(folder)
    view = ResultView("job", place, "clip.mp4", load_result_data(place))
    show_facts(view)
    show_people_list(view)
    show_markers(view)


def tab(folder: Path) -> AppTest:
    app = AppTest.from_function(page, args=(str(folder),), default_timeout=60).run()
    assert not app.exception
    return app


def name_input(app: AppTest, folder: Path, person: int) -> TextInput:
    return app.text_input(key=f"job_{folder.name}_{person}_name")


def test_a_tab_that_is_behind_undoes_nothing_and_catches_up(folder: Path) -> None:
    first, second = tab(folder), tab(folder)
    name_input(first, folder, 1).set_value("Ada").run()
    second.run()
    assert load_edits(folder) == Edits({1: "Ada"})
    assert name_input(second, folder, 1).value == "Ada"
    name_input(second, folder, 1).set_value("").run()
    first.run()
    assert load_edits(folder) == Edits()
    assert name_input(first, folder, 1).value == ""


def test_changes_of_two_tabs_are_both_kept(folder: Path) -> None:
    first, second = tab(folder), tab(folder)
    key = f"job_{folder.name}"
    name_input(first, folder, 1).set_value("Ada").run()
    second.button(key=f"{key}_2_exclude").click().run()
    save_edits(folder, load_edits(folder).add_marker(Marker(1, 1, "x")))
    first.selectbox(key=f"{key}_1_merge_0").set_value(2).run()
    assert not first.exception
    edits = load_edits(folder)
    assert (edits.merged, edits.excluded) == ({1: 2}, frozenset({2}))
    assert edits.markers == (Marker(1, 1, "x"),)
    second.run()
    assert load_edits(folder) == edits


def test_a_change_that_cannot_be_kept_is_told_once(folder: Path) -> None:
    app = tab(folder)
    save_edits(folder, Edits().merge(2, 1))
    app.selectbox(key=f"job_{folder.name}_1_merge_0").set_value(2).run()
    assert "same person" in app.error[0].value
    assert not app.run().error


def test_damaged_entries_are_told(folder: Path) -> None:
    broken = {"names": {"1": "Ada", "x": "Bo"}, "merged": {}, "excluded": [], "markers": []}
    (folder / "edits.json").write_text(json.dumps(broken))
    app = tab(folder)
    assert "edits.json.damaged" in app.warning[0].value
    name_input(app, folder, 2).set_value("Cy").run()
    assert not app.warning
    assert load_edits(folder).names == {1: "Ada", 2: "Cy"}


def test_what_is_typed_in_the_table_of_markers() -> None:
    shown = [Marker(1, 1, "a"), Marker(2, 3, "b"), Marker(4, 4, "c")]
    typed = {
        "edited_rows": {0: {"end_s": 2.5}, 1: {"end_s": None, "label": None}},
        "deleted_rows": [2],
        "added_rows": [{"start_s": 7}, {"label": "no time yet"}],
    }
    assert markers_after(shown, {}) == shown
    wanted = [Marker(1, 2.5, "a"), Marker(2, 2, ""), Marker(7, 7, "")]
    assert markers_after(shown, typed) == wanted
    with pytest.raises(InputError, match="before it begins"):
        markers_after(shown, {"edited_rows": {0: {"end_s": 0.5}}})
