"""Studies of a server: found by their token and by nothing else, kept until deleted."""

from pathlib import Path

import pytest

from emotion_core.errors import InputError, OutputError
from emotion_core.study.folder import Study
from emotion_core.study.freshness import has_results, inputs_digest, is_current, mark_current
from emotion_core.study.store import StudyStore


def new(folder: Path) -> Study:
    return Study.create(folder, "one")


def test_a_study_is_found_by_its_token_and_listed_for_its_owner(tmp_path: Path) -> None:
    store = StudyStore(tmp_path / "studies")
    assert store.of(["me"]) == []
    first, second = store.add("me", new), store.add("me", new)
    other = store.add("somebody", new)
    assert store.of(["me"]) == [second, first]
    assert store.of(["me", "somebody"]) == [other, second, first]
    folder = store.find(first)
    assert folder is not None
    assert Study.open(folder).name == "one"
    assert "me" not in (folder.parent / "study.json").read_text(), "the visit's name stays secret"
    store.delete(first)
    store.delete(first)
    assert store.find(first) is None
    assert store.of(["me"]) == [second]


@pytest.mark.parametrize("token", ["", "..", "../studies", "a" * 22, "a/b", "%2e%2e"])
def test_other_tokens_lead_nowhere(token: str, tmp_path: Path) -> None:
    store = StudyStore(tmp_path / "studies")
    store.add("me", new)
    assert store.find(token) is None
    store.delete(token)
    assert len(store.of(["me"])) == 1


def test_what_cannot_be_made_leaves_nothing(tmp_path: Path) -> None:
    store = StudyStore(tmp_path / "studies")

    def fail(folder: Path) -> None:
        new(folder)
        raise InputError("no")

    with pytest.raises(InputError):
        store.add("me", fail)
    assert list((tmp_path / "studies").iterdir()) == []
    (tmp_path / "file").touch()
    with pytest.raises(OutputError):
        StudyStore(tmp_path / "file").add("me", new)


def test_results_are_current_until_something_changes(tmp_path: Path) -> None:
    study = new(tmp_path / "study")
    assert not has_results(study)
    assert not is_current(study)
    (study.folder / "results").mkdir()
    (study.folder / "results" / "long.csv").write_text("x\n")
    assert has_results(study)
    mark_current(study, inputs_digest(study))
    assert is_current(study)
    study = study.with_design({"measure": "max"})
    assert not is_current(study)
