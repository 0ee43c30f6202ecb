"""Hostile files at every way in: the short version of `python -m benchmarks.torture hostile`."""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hostile import doors, driver, pictures
from hostile.cases import DOORS, MESSAGE, PHOTO, RESULT, Case, Secrets
from hostile.corpus import Made, all_cases

from emotion_core.errors import DatasetError, PhotoError
from emotion_core.media.photo import read_photo

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="watches /proc and inotify")


def test_every_file_gets_a_result_or_a_clear_message_at_every_door(tmp_path: Path) -> None:
    report = driver.run_corpus(tmp_path, short=True, workers=1)
    assert report.failures == []
    assert report.files >= 40
    assert report.runs == report.files * len(DOORS) == sum(report.counts.values())
    # What refuses everything, or takes everything, tests nothing.
    for door in DOORS:
        assert report.counts[door, RESULT] >= 2
        assert report.counts[door, MESSAGE] >= 20


def test_the_whole_corpus_is_large(tmp_path: Path) -> None:
    secrets = Secrets(tmp_path, 9)
    cases = list(all_cases(secrets))
    assert len(cases) >= 200
    assert len({(c.kind, c.name) for c in cases}) == len(cases)
    assert len({c.kind for c in cases}) >= 20


@pytest.fixture
def one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Runs one made-up item with a worker that is given as text; returns the failures."""

    def run(program: str, limit_s: float = 5.0) -> list[str]:
        worker = tmp_path / "worker.py"
        worker.write_text("import json, os, sys, time\n" + program)
        monkeypatch.setattr(driver, "_WORKER", worker)
        monkeypatch.setattr(driver, "LIMIT_S", limit_s)
        monkeypatch.setattr(driver, "LIMIT_MB", 150.0)
        items = [(Made(Case("x", f"{i}", b"", {PHOTO: MESSAGE}), tmp_path / "x"), PHOTO)
                 for i in range(2)]  # fmt: skip
        report = driver.Report()
        given = (tmp_path, Secrets(tmp_path, 9))
        driver._run(items, tmp_path / "place", given, report)
        return report.failures

    return run


_ANSWER = """
def tell(**what):
    print(json.dumps(what), flush=True)
def answer(number, **more):
    state = dict(resident_mb=9.0, peak_mb=9.0, files=3, threads=1, seconds=0, words="No.")
    tell(number=number, **(state | dict(verdict="message", faults=[]) | more))
items = [json.loads(line) for line in open(sys.argv[1])]
"""


def test_the_driver_finds_nothing_where_nothing_is_wrong(one: Callable[..., list[str]]) -> None:
    assert one(_ANSWER + "for n in range(len(items)): tell(number=n, begun=1); answer(n)") == []


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("tell(number=0, begun=1); time.sleep(60)", "no answer within 1 s"),
        ("tell(number=0, begun=1); os._exit(139)", "ended with 139"),
        ("tell(number=0, begun=1); a = b'x' * 200_000_000; time.sleep(60)", " MB"),
        ("answer(0, peak_mb=170.0); answer(1)", "170 MB"),
        ("answer(0, verdict='result'); answer(1)", "expected a message"),
        ("answer(0, faults=['a traceback']); answer(1)", "a traceback"),
    ],
)
def test_the_driver_notices(one: Callable[..., list[str]], program: str, words: str) -> None:
    failures = one(_ANSWER + program, 1.0 if "within" in words else 20.0)
    assert any(words in failure for failure in failures)


def test_the_driver_notices_what_stays_open() -> None:
    report = driver.Report()
    driver._check_handles([{"files": n, "threads": 1} for n in range(40)], report)
    assert report.failures == ["39 open files at the end, 9 at first"]


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        ("", "no words"),
        ("x.mp4: ValueError('bad').", "ValueError"),
        ("got np.float64(inf).", "np.float64"),
        ("<class 'int'> is wrong.", "<class"),
        ("/tmp/store/incoming/12/a.zip is odd.", "incoming"),
        ("It is damaged", "sentence"),
        ("x" * 800 + ".", "800"),
    ],
)
def test_a_door_judges_its_words(words: str, fault: str) -> None:
    (found, *_) = doors._judged(MESSAGE, words, "").faults
    assert fault in found or fault == "800"
    assert doors._judged(MESSAGE, "a.mp4 is damaged. Copy it again.", "").faults == ()


def test_a_door_notices_tracebacks_and_terminal_controls() -> None:
    assert doors._judged(RESULT, "", "Traceback (most recent call last)").faults
    assert doors._judged(RESULT, "", "\x1b[31mred").faults


def test_postscript_is_never_handed_to_another_program(tmp_path: Path) -> None:
    """Pillow would start Ghostscript for an EPS of any name."""
    path = tmp_path / "portrait.jpg"
    path.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n%%EOF\n")
    with pytest.raises(PhotoError, match="no picture that can be read"):
        read_photo(path)
    from emotion_core.datasets.readers import decode_face

    with pytest.raises(DatasetError, match="no readable picture"):
        decode_face(path.read_bytes(), "portrait.png")


def test_photos_of_all_kinds_are_still_read(tmp_path: Path) -> None:
    whole = list(pictures._whole())[:8]
    assert all(case.must[PHOTO] == RESULT for case in whole)
    for case in whole:
        image = read_photo(case.write(tmp_path))
        assert image.dtype == np.uint8
        assert image.shape == (320, 320, 3)
