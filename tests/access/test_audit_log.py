"""The audit log: a line for each thing done, kept for some days, never in the way of work."""

import json
import logging
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from emotion_core.access.audit import AuditLog


def test_a_line_says_who_did_what_and_when(tmp_path: Path) -> None:
    log = AuditLog(tmp_path / "audit", 30)
    assert log.write("share", "anna@example.org", kind="study", thing="abc", to="ben@example.org")
    (line,) = log.newest(10)
    now = datetime.now(UTC)
    assert now - datetime.fromisoformat(line.pop("time")) < timedelta(minutes=1)
    assert line == {
        "event": "share",
        "who": "anna@example.org",
        "kind": "study",
        "thing": "abc",
        "to": "ben@example.org",
    }
    (file,) = (tmp_path / "audit").iterdir()
    assert file.stat().st_mode & 0o077 == 0, "others of this machine can read it"


def test_lines_are_only_added_and_the_newest_come_first(tmp_path: Path) -> None:
    for event in ("one", "two\nlines", "three"):
        AuditLog(tmp_path, 30).write(event, "anna")
    log = AuditLog(tmp_path, 30)
    assert [line["event"] for line in log.newest(2)] == ["three", "two\nlines"]
    whole = b"".join(log.pieces()).splitlines()
    assert [json.loads(line)["event"] for line in whole] == ["one", "two\nlines", "three"]


def test_many_threads_do_not_mix_their_lines(tmp_path: Path) -> None:
    logs = [AuditLog(tmp_path, 30) for _ in range(8)]

    def work(log: AuditLog) -> None:
        for number in range(50):
            log.write("open", "anna" * 20, number=number)

    threads = [threading.Thread(target=work, args=(log,)) for log in logs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(logs[0].newest(1000)) == 400


def test_old_days_go_and_other_files_stay(tmp_path: Path) -> None:
    today = datetime.now(UTC).date()
    for days in (0, 29, 31, 400):
        day = (today - timedelta(days=days)).isoformat()
        (tmp_path / f"audit-{day}-other.jsonl").write_text('{"event": "old"}\n')
    (tmp_path / "audit-notes.txt").write_text("mine")
    AuditLog(tmp_path, 30).write("open", "anna")
    left = sorted(path.name for path in tmp_path.iterdir())
    assert len(left) == 4
    assert (today - timedelta(days=31)).isoformat() not in " ".join(left)
    assert "audit-notes.txt" in left


def test_a_damaged_line_costs_only_itself(tmp_path: Path) -> None:
    log = AuditLog(tmp_path, 30)
    log.write("open", "anna")
    (file,) = tmp_path.iterdir()
    file.write_bytes(file.read_bytes() + b'{"event": \n[1]\n\xff\n')
    log.write("delete", "anna")
    assert [line["event"] for line in log.newest(10)] == ["delete", "open"]


def test_a_line_that_cannot_be_written_is_reported_and_stops_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "audit").write_text("a file where the folder should be")
    with caplog.at_level(logging.ERROR):
        assert not AuditLog(tmp_path / "audit", 30).write("delete", "anna")
    assert "The audit log could not be written" in caplog.text


def test_off_it_writes_nothing(tmp_path: Path) -> None:
    log = AuditLog(tmp_path / "audit", 0)
    assert log.write("open", "anna")
    assert not (tmp_path / "audit").exists()
    assert log.newest(10) == []
