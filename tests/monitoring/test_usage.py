"""What an administrator sees: who keeps how much, and nothing of what it is."""

import json
from hashlib import sha256
from pathlib import Path

from emotion_core.access.people import People
from emotion_core.access.person import Person
from emotion_core.jobs.log import digest_of
from emotion_core.live.recording_store import SessionStore
from emotion_core.monitoring.usage import by_person, kept_things
from emotion_core.study.store import StudyStore

ANNA = Person("https://id.example.org", "1", "anna@example.org", "Anna")
BEN = Person("https://id.example.org", "2", "ben@example.org", "Ben")


def job(work: Path, name: str, owner: str) -> Path:
    """A job of the Video page with results of 1,000 bytes and an upload of 500."""
    folder = work / "videos" / "jobs" / name
    upload = work / "videos" / "incoming" / name
    for parent in (folder / "results" / "smiling_clara", upload.parent):
        parent.mkdir(parents=True, exist_ok=True)
    upload.write_bytes(b"v" * 500)
    given = {"name": "smiling_clara.mp4", "path": str(upload), "sha256": name}
    about = {"created_s": 5.0, "inputs": [given], "arguments": [], "owner": digest_of([owner])}
    (folder / "job.json").write_text(json.dumps(about))
    (folder / "results" / "smiling_clara" / "summary.json").write_bytes(b"x" * 1000)
    return folder


def test_people_are_remembered_and_forgotten(tmp_path: Path) -> None:
    people = People(tmp_path / "people")
    for person in (BEN, ANNA, ANNA):
        assert people.remember(person)
    (tmp_path / "people" / "broken.json").write_text("[]")
    assert [known.person for known in people.all()] == [ANNA, BEN]
    people.forget(ANNA)
    assert [known.person for known in people.all()] == [BEN]


def test_sizes_are_added_up_for_each_person(tmp_path: Path) -> None:
    people = People(tmp_path / "people")
    for person in (ANNA, BEN):
        people.remember(person)
    folder = job(tmp_path, "a1", ANNA.owner)
    # More work on the same results belongs to it, and is not counted again.
    more = job(tmp_path, "a2", "") / "job.json"
    about = {name: value for name, value in json.loads(more.read_text()).items() if name != "owner"}
    more.write_text(json.dumps(about | {"part_of": "a1"}))
    job(tmp_path, "x9", "api:token")
    StudyStore(tmp_path / "studies").add(BEN.owner, lambda study: study.mkdir())
    recordings = SessionStore(tmp_path / "live")
    token, session = recordings.start("ferplus", sha256(ANNA.owner.encode()).hexdigest())
    session.stop()
    rows = by_person(kept_things(tmp_path), people.all())
    assert [known.person if known else None for known, _ in rows] == [ANNA, BEN, None]
    annas, bens, rest = (kept for _, kept in rows)
    assert {thing.kind: thing.token for thing in annas} == {"analysis": "a1", "recording": token}
    (analysis,) = [thing for thing in annas if thing.kind == "analysis"]
    described = (folder / "job.json").stat().st_size
    assert (analysis.size, analysis.results) == (500 + 1000 + described, 1)
    assert [thing.kind for thing in bens] == ["study"]
    assert [thing.token for thing in rest] == ["x9"]
    assert "clara" not in repr(rows)


def test_an_empty_work_folder_keeps_nothing(tmp_path: Path) -> None:
    assert by_person(kept_things(tmp_path / "none"), []) == []


def test_a_recording_knows_whose_it_is(tmp_path: Path) -> None:
    store = SessionStore(tmp_path)
    mine, session = store.start("ferplus", "digest-of-anna")
    other, another = store.start("ferplus")
    assert (store.owner_of(mine), store.owner_of(other)) == ("digest-of-anna", "")
    assert store.owner_of("../" + mine) == ""
    for running in (session, another):
        running.stop()
    assert store.owner_of(mine) == "digest-of-anna"
