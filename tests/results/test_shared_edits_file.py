"""edits.json where another computer may change it, too."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from emotion_core.errors import InputError, OutputError, StoreError
from emotion_core.results.edits_file import change_edits, load_edits, share_edits


class Keeper:
    """Keeps one text for all folders; out of order when told so."""

    def __init__(self) -> None:
        self.text, self.works = '{"names": {"1": "Ada"}}', True

    def refresh(self, folder: Path) -> None:
        if not self.works:
            raise StoreError("the database is away.")
        (folder / "edits.json").write_text(self.text)

    @contextlib.contextmanager
    def changing(self, folder: Path) -> Iterator[None]:
        self.refresh(folder)
        yield
        self.text = (folder / "edits.json").read_text()


@pytest.fixture
def keeper(tmp_path: Path) -> Iterator[Keeper]:
    kept = Keeper()
    share_edits(tmp_path / "shared", kept)
    yield kept
    share_edits(tmp_path / "shared", None)


def test_edits_below_a_shared_folder_are_the_keepers(tmp_path: Path, keeper: Keeper) -> None:
    folder, own = tmp_path / "shared" / "clip", tmp_path / "own"
    folder.mkdir(parents=True)
    own.mkdir()
    assert load_edits(folder).names == {1: "Ada"}
    assert change_edits(folder, lambda edits: edits.rename(2, "Bea")).names == {1: "Ada", 2: "Bea"}
    assert "Bea" in keeper.text
    assert load_edits(own).names == {}
    assert not (own / "edits.json").exists()


def test_a_keeper_that_fails_is_told_as_what_it_means_for_the_changes(
    tmp_path: Path, keeper: Keeper
) -> None:
    folder = tmp_path / "shared" / "clip"
    folder.mkdir(parents=True)
    keeper.works = False
    with pytest.raises(InputError, match="cannot be read at present: the database is away"):
        load_edits(folder)
    with pytest.raises(OutputError, match="could not be kept: the database is away"):
        change_edits(folder, lambda edits: edits.rename(2, "Bea"))
