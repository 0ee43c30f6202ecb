"""A recording that one replica finished is found, edited and deleted on another."""

import time
from collections.abc import Callable
from pathlib import Path

import fsspec
import pytest
from made_recordings import result

from emotion_core.errors import StoreError
from emotion_core.live import shared_recordings
from emotion_core.live.shared_recordings import SharedSessionStore
from emotion_core.results.edits_file import change_edits, load_edits
from emotion_core.sharing.shared import Shared

_Open = Callable[[str], SharedSessionStore]


@pytest.fixture
def open_store(
    tmp_path: Path, database: str, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> _Open:
    monkeypatch.setattr(shared_recordings, "_ASK_EVERY_S", 0.0)

    def make(name: str) -> SharedSessionStore:
        return SharedSessionStore(tmp_path / name, 24.0, Shared(database, bucket))

    return make


def recorded(store: SharedSessionStore) -> str:
    token, session = store.start("tiny")
    add = session.begin_stream()
    for i in range(5):
        add(result(), session.zero_s + i)
    session.rename(1, "Ada")
    return token


def test_a_finished_recording_is_one_of_all_replicas(open_store: _Open, bucket: str) -> None:
    here, there = open_store("here"), open_store("there")
    token = recorded(here)
    assert there.find(token) is None, "while it runs it belongs to its camera's replica"
    summary = here.stop(token)
    found = there.find(token)
    assert found is not None
    folder, session = found
    assert session is None
    assert there.stop(token)["frames_analysed"] == summary["frames_analysed"] == 5
    assert load_edits(folder).names == {1: "Ada"}
    change_edits(folder, lambda edits: edits.rename(1, "Bea"))
    assert load_edits(here.root / token).names == {1: "Bea"}
    there.delete(token)
    assert here.find(token) is None
    assert not (here.root / token).exists()
    fs, root = fsspec.core.url_to_fs(bucket)
    fs.invalidate_cache()
    assert fs.find(root) == []


def test_a_recording_that_could_not_be_shared_is_shared_later(
    open_store: _Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = open_store("here"), open_store("there")
    token = recorded(here)

    def fail(*_: object) -> None:
        raise StoreError("no bucket")

    with monkeypatch.context() as patch:
        patch.setattr(here, "_share", fail)
        assert here.stop(token)["frames_analysed"] == 5
    assert there.find(token) is None
    here.forget_old()
    assert there.find(token) is not None


def test_old_recordings_are_deleted_by_the_age_that_the_database_knows(
    open_store: _Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = open_store("here"), open_store("there")
    token = recorded(here)
    here.stop(token)
    there.find(token)
    later_s = time.time() + 365 * 86400
    monkeypatch.setattr(time, "time", lambda: later_s)
    here.forget_old()
    assert here.find(token) is not None, "another replica used it a moment ago"
    monkeypatch.setattr(here, "_retention_s", -1.0)
    here.forget_old()
    assert (here.find(token), there.find(token)) == (None, None)
