"""The ways in: each takes a path, and answers with a result or with a message.

Runs inside the worker process, one file after the other, so that start-up is paid once.
"""

import contextlib
import io
import json
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from hostile.cases import ANALYZE, EVALUATE, MESSAGE, PHOTO, RESULT, UPLOAD

from emotion_core.cli import main
from emotion_core.errors import EmotionCoreError
from emotion_core.jobs.log import DONE, problem_of
from emotion_core.jobs.process import ANALYZE as ANALYZE_COMMAND
from emotion_core.jobs.process import JobCommand
from emotion_core.jobs.store import JobStore
from emotion_core.media.photo import read_photo

_EVALUATE_COMMAND: Final = JobCommand("evaluate", input_option="--data")
_LONGEST: Final = 700
# What no visitor should have to read: a class, an object, a traceback.
_RAW: Final = re.compile(
    r"Traceback|\bnp\.\w+\(|/store/incoming/|\bat 0x[0-9a-f]+|Errno|<class |"
    r"[A-Z]\w+(Error|Exception)\b"
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a door answered.

    Attributes:
        verdict: `RESULT` or `MESSAGE`.
        words: the message.
        faults: what is wrong with the answer, in words.
    """

    verdict: str
    words: str = ""
    faults: tuple[str, ...] = ()


class Doors:
    """All ways in, with a work folder of their own.

    Args:
        work: an empty folder; emptied again after each file.
        models: a models folder that may be written.
    """

    def __init__(self, work: Path, models: Path) -> None:
        self._work, self._models = work, models
        self._open: dict[str, Callable[[Path], Answer]] = {
            ANALYZE: self._analyze,
            PHOTO: self._photo,
            EVALUATE: self._evaluate,
            UPLOAD: self._upload,
        }

    def enter(self, door: str, path: Path) -> Answer:
        """Give a file to a door; what the door raises is a fault of its answer."""
        self._work.mkdir(parents=True, exist_ok=True)
        try:
            answer = self._open[door](path)
        except BaseException as error:
            answer = Answer(MESSAGE, repr(error)[:_LONGEST], (f"raised {type(error).__name__}",))
        finally:
            shutil.rmtree(self._work, ignore_errors=True)
        return answer

    def _analyze(self, path: Path) -> Answer:
        out, outcome = self._work / "out", self._work / "outcome.json"
        name = str(path)
        status, said = _command("analyze", name, "--out", str(out), "--json", str(outcome))
        if not outcome.is_file():
            return _judged(MESSAGE, said, said)
        (found,) = json.loads(outcome.read_text("utf-8"))
        if found["status"] == "failed":
            return _judged(MESSAGE, found["message"], said, () if status == 1 else ("status 0",))
        complete = (Path(found["folder"]) / "faces.csv").is_file() and status == 0
        return _judged(RESULT, "", said, () if complete else ("no table",))

    def _photo(self, path: Path) -> Answer:
        try:
            image = read_photo(path)
        except EmotionCoreError as error:
            return _judged(MESSAGE, str(error), "")
        right = image.ndim == 3 and image.shape[2] == 3 and image.dtype == "uint8" and image.size
        return _judged(RESULT, "", "", () if right else (f"an array of {image.shape}",))

    def _evaluate(self, path: Path) -> Answer:
        out, report = self._work / "out", self._work / "report.json"
        options = ["--no-robustness", "--models-dir", str(self._models), "--out", str(out)]
        status, said = _command("evaluate", "--data", str(path), "--json", str(report), *options)
        if status:
            return _judged(MESSAGE, said, said)
        images = json.loads(report.read_text("utf-8"))["images"]
        return _judged(RESULT, "", said, () if images else ("no images",))

    def _upload(self, path: Path) -> Answer:
        """What the Video and the Model page do with an upload, up to the words that they show."""
        tables = path.suffix in (".zip", ".csv")
        command = _EVALUATE_COMMAND if tables else ANALYZE_COMMAND
        store = _HereStore(self._work / "store", 1.0, self._models, command)
        if path.is_dir():
            return _judged(MESSAGE, "A folder cannot be uploaded: choose a file.", "")
        try:
            with path.open("rb") as file:
                given = store.add_input(path.name, file)
            extra = ["--model", "default", "--no-robustness"] if tables else ["--every", "2"]
            job = store.start([given], extra, {"name": "x", "sha256": "y"}, "somebody")
        except EmotionCoreError as error:
            return _judged(MESSAGE, str(error), "")
        state = store.state(job)
        assert state is not None
        if state.status == DONE and state.files[0].status == DONE:
            return _judged(RESULT, "", store.said)
        return _judged(MESSAGE, problem_of(state), store.said)


class _HereStore(JobStore):
    """Runs a job's command in this process, at once."""

    said = ""

    def _launch(self, job_id: str) -> None:
        folder = self._folder(job_id)
        job: dict[str, Any] = json.loads((folder / "job.json").read_text("utf-8"))
        line = self._command.line(job, folder / "results", self._models)[3:]
        out, err = io.StringIO(), io.StringIO()
        (folder / "process.json").write_text("{}")
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            _main(line)
        (folder / "progress.jsonl").write_text(out.getvalue())
        (folder / "errors.txt").write_text(err.getvalue(), errors="backslashreplace")
        self.said = err.getvalue()


def _main(line: list[str]) -> int:
    try:
        return main(line)
    except SystemExit as error:
        return int(error.code or 0)


def _command(*line: str) -> tuple[int, str]:
    """Exit status, and what was said on standard error."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = _main(list(line))
    return status, err.getvalue().strip()


def _judged(verdict: str, words: str, printed: str, faults: tuple[str, ...] = ()) -> Answer:
    """An answer with everything that is wrong with its words."""
    found = list(faults)
    if "Traceback" in printed:
        found.append("a traceback")
    if any(not c.isprintable() and c != "\n" for c in printed):
        found.append("writes on the terminal")
    if verdict == MESSAGE:
        found += _faults(words.removeprefix("error: "))
    return Answer(verdict, words, tuple(found))


def _faults(words: str) -> list[str]:
    found = []
    if not words.strip():
        found.append("no words")
    if len(words) > _LONGEST:
        found.append(f"{len(words)} characters")
    if raw := _RAW.search(words):
        found.append(f"says {raw[0]!r}")
    if words.strip() and words.rstrip()[-1] not in ".!?:)":
        found.append("does not end as a sentence")
    return found
