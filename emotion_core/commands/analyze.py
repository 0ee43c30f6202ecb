"""`analyze`: video files and folders → a folder of results for each video."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from emotion_core.commands.options import (
    add_adaptation_options,
    add_json_option,
    add_models_dir_option,
    add_progress_option,
    check_json_option,
    chosen_adaptation,
    write_json_option,
)
from emotion_core.commands.progress import Event, Tell, printable, progress_bar, tell_json
from emotion_core.config import AppSettings
from emotion_core.errors import EmotionCoreError, InputError, SettingsError
from emotion_core.media.encoder import NO_ENCODER
from emotion_core.media.probe import VIDEO_SUFFIXES, probe
from emotion_core.model.adaptation import Adaptation
from emotion_core.model.classify import load_classifier
from emotion_core.pipeline.classification import ExpressionClassifier
from emotion_core.results.annotations import Hide, edited_clip
from emotion_core.results.edits_file import change_edits, load_edits
from emotion_core.results.paths import CLIP, file_hash, folder_for, is_result, read_summary
from emotion_core.video.analyze import Source, analyse_video, is_finished, result_key
from emotion_core.video.options import VideoOptions, described_network, feasible
from emotion_core.video.progress import Hooks, VideoProgress
from emotion_core.video.redraw import redraw_clip
from emotion_core.vision.yunet import YuNetDetector

EXIT_DONE, EXIT_FAILED = 0, 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the contract; `--preview` is for the page."""
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="video or folder")
    parser.add_argument("--out", type=Path, required=True, help="folder for the results")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--every", type=int, default=1, metavar="N", help="analyse every Nth frame")
    which.add_argument("--rate", type=float, metavar="HZ", help="analyse so many frames a second")
    parser.add_argument(
        "--start", type=float, default=0.0, metavar="S", help="begin at this second"
    )
    parser.add_argument("--end", type=float, metavar="S", help="end before this time")
    parser.add_argument("--no-annotate", action="store_true", help="do not write annotated.mp4")
    parser.add_argument("--largest-face", action="store_true", help="read the largest face only")
    parser.add_argument(
        "--one-person",
        action="store_true",
        help="there is one participant: every face is theirs, however long the gaps",
    )
    parser.add_argument(
        "--no-reidentify",
        action="store_true",
        help="give people a new identity when they return after a gap or a cut",
    )
    parser.add_argument(
        "--speaking-smoothing",
        type=float,
        metavar="STRENGTH",
        help="smooth the readings of people who speak by this much, 0 (raw) to 1; others by 0.5",
    )
    parser.add_argument("--model", default="default", help="name of the model folder")
    add_models_dir_option(parser)
    add_adaptation_options(parser)
    parser.add_argument(
        "--detector-model",
        type=Path,
        metavar="FILE",
        help="find the faces with OpenCV's YuNet, from this .onnx file (EMOTION_LAB_YUNET)",
    )
    parser.add_argument("--force", action="store_true", help="analyse finished videos again")
    parser.add_argument(
        "--redraw",
        action="store_true",
        help="analyse nothing: draw the clips of finished results again as edited_*.mp4, with the "
        "names, merged and excluded people of the edits.json that the page keeps beside them",
    )
    parser.add_argument(
        "--hide",
        choices=("nobody", "everybody", "excluded", "unnamed"),
        help="with --redraw: whose faces become a mosaic in the clip and are left out of the "
        "pictures and the report (unnamed: of excluded people too); kept in edits.json",
    )
    add_json_option(parser, "write the outcome for machines")
    add_progress_option(parser)
    parser.add_argument(
        "--preview", action="store_true", help="keep the newest frame as preview.jpg while running"
    )


def run(options: argparse.Namespace) -> int:
    """Analyse everything; returns 0, or 1 where some input failed or the run was stopped."""
    chosen = _chosen(options)
    _check_targets(options)
    with contextlib.ExitStack() as stack:
        stop = stack.enter_context(stop_on_signal())
        tell = tell_json if options.progress == "json" else stack.enter_context(video_bar())
        batch = Batch(options, chosen, tell, stop)
        outcomes = batch.run(list(find_videos(options.paths)))
    write_json_option(options.json, outcomes)
    return EXIT_FAILED if any(o["status"] in FAILURES for o in outcomes) else EXIT_DONE


FAILURES = ("failed", "cancelled")


def _chosen(options: argparse.Namespace) -> VideoOptions:
    """What to read and make; says once, on standard error, that clips cannot be made."""
    asked = VideoOptions(
        every=options.every,
        rate=options.rate,
        start_s=options.start,
        end_s=options.end,
        annotate=not options.no_annotate,
        largest_face=options.largest_face,
        one_person=options.one_person,
        reidentify=not options.no_reidentify,
        speaking_smoothing=options.speaking_smoothing,
    )
    chosen = feasible(asked)
    if chosen != asked and not options.redraw:
        print(f"note: tables are written without clips. {NO_ENCODER}", file=sys.stderr)
    return chosen


def _check_targets(options: argparse.Namespace) -> None:
    if options.out.exists() and not options.out.is_dir():
        raise SettingsError(f"--out {options.out} is a file: name a folder.")
    if options.hide and not options.redraw:
        raise SettingsError(
            "--hide goes with --redraw: analyse first, then draw the clip again with faces hidden."
        )
    check_json_option(options.json)


def find_videos(paths: Iterable[Path]) -> Iterator[Path | Event]:
    """The videos to read, each once, folders in order of their names.

    A path that leads to nothing becomes a failed outcome. Files named on the command line are taken
    whatever they are called; in folders the suffix decides, and results are not read again.
    """
    seen: set[str] = set()
    for path in paths:
        found = [path]
        # Unlike pathlib, it takes a name that no file can have for a missing file.
        if os.path.isdir(path):  # noqa: PTH112
            found = sorted(
                p
                for p in path.rglob("*")
                if p.suffix.lower() in VIDEO_SUFFIXES
                and p.is_file()
                and not p.name.startswith(".")
                and not is_result(p)
            )
            if not found:
                yield _failed(path, f"{path.resolve()} holds no video.")
        for video in found:
            if (real := os.path.realpath(video)) not in seen:
                seen.add(real)
                yield video


def _failed(path: Path, message: str) -> Event:
    return {
        "file": str(path),
        "status": "failed",
        "message": message,
        "problem": message,
        "folder": None,
    }


@dataclass
class Batch:
    """Goes through videos one after the other; a failure ends one video, not the others."""

    options: argparse.Namespace
    chosen: VideoOptions
    tell: Tell
    stop: Callable[[], bool]
    _taken: set[Path] = field(default_factory=set)
    _classifier: ExpressionClassifier | None = None
    _adaptation: Adaptation | None = None
    _yunet: Path | None = None
    _model: dict[str, Any] = field(default_factory=dict)

    def run(self, inputs: list[Path | Event]) -> list[Event]:
        """Analyse each input; returns an outcome for each: file, folder, status, message."""
        if not self.options.redraw:
            self._load()
        self.tell({"event": "start", "files": len(inputs)})
        outcomes: list[Event] = []
        for number, item in enumerate(inputs):
            place = {"number": number, "files": len(inputs)}
            if isinstance(item, Path) and not self.stop():
                outcome = self._one(item, place)
            elif isinstance(item, Path):
                outcome = _failed(item, f"{item.name}: not begun, the run was stopped.")
                outcome["status"] = "cancelled"
            else:
                outcome = item
            outcomes.append(outcome)
            self.tell({"event": "file_end", **place, **_short(outcome)})
        counts = {
            s: sum(o["status"] == s for o in outcomes) for s in ("done", "skipped", *FAILURES)
        }
        self.tell({"event": "end", **counts})
        return outcomes

    def _load(self) -> None:
        """A missing model or adaptation ends the run before the first video, not in each."""
        classifier = load_classifier(self.options.model, self.options.models_dir)
        self._classifier = classifier
        self._adaptation = chosen_adaptation(self.options, classifier.bundle)
        self._model = described_network(classifier.bundle, self._adaptation)
        self._yunet = self.options.detector_model or AppSettings.from_environment().yunet_path
        if self._yunet is not None:
            YuNetDetector(self._yunet)
            self._model |= {"detector": "YuNetDetector", "detector_sha256": file_hash(self._yunet)}

    def _one(self, path: Path, place: Event) -> Event:
        self.tell({"event": "file_start", **place, "file": str(path)})
        try:
            return self._analyse(path, place)
        except EmotionCoreError as error:
            message = str(error)
            named = message if path.name in message else f"{path.name}: {message}"
            return _failed(path, named)
        except MemoryError:
            return _failed(path, f"{path.name}: the memory is used up; close other programs.")
        except OSError as error:
            return _failed(path, f"{path.name}: {error.strerror or error}.")
        except Exception as error:
            # One video must not take the others with it; the person who fixes it needs to know
            # where.
            traceback.print_exc()
            return _failed(path, f"{path.name}: it could not be read to its end ({error!r}).")

    def _analyse(self, path: Path, place: Event) -> Event:
        probe(path)
        source = Source(path, file_hash(path))
        folder = self._folder(source)
        chosen = self._options_of(path)
        hooks = Hooks(self._progress(source, folder, place), self.stop, self.options.preview)
        if self.options.redraw:
            return self._redraw(source, folder, hooks)
        assert self._classifier is not None
        key = result_key(source.sha256, chosen, self._model)
        if is_finished(folder, key) and not self.options.force:
            return _outcome(path, folder, "skipped", read_summary(folder))
        summary = analyse_video(
            source,
            folder,
            self._classifier,
            chosen,
            self._model,
            hooks,
            detector=YuNetDetector(self._yunet) if self._yunet else None,
            adaptation=self._adaptation,
        )
        return _outcome(path, folder, summary["status"], summary)

    def _folder(self, source: Source) -> Path:
        """Where the results of a video go."""
        folder = folder_for(source.path, source.sha256, self.options.out, self._taken)
        self._taken.add(folder)
        return folder

    def _options_of(self, path: Path) -> VideoOptions:  # noqa: ARG002 – the same for all videos
        """What to read of a video."""
        return self.chosen

    def _redraw(self, source: Source, folder: Path, hooks: Hooks) -> Event:
        path, summary = source.path, read_summary(folder)
        same = (summary.get("source") or {}).get("sha256") == source.sha256
        if not same or summary.get("status") != "done" or not (folder / CLIP).is_file():
            raise InputError(
                f"{path.name} is not drawn again: {folder} holds no finished results of it with a "
                "clip. Analyse it first."
            )
        edits = load_edits(folder)
        if self.options.hide:
            wanted = Hide(self.options.hide)
            edits = change_edits(folder, lambda now: dataclasses.replace(now, hide=wanted))
        status, message = "skipped", "edits.json names, merges, leaves out and hides nobody"
        if edits.people_changed and edited_clip(folder, edits).is_file() and not self.options.force:
            message = "drawn before with the same edits.json; --force draws it again"
        elif edits.people_changed:
            status, message = "done", ""
            if not redraw_clip(path, folder, edits, hooks):
                status, message = "cancelled", "stopped; nothing is changed"
        outcome = {"file": str(path), "status": status, "message": message, "problem": ""}
        return outcome | {"folder": str(folder), "summary": summary}

    def _progress(
        self, source: Source, folder: Path, place: Event
    ) -> Callable[[VideoProgress], None]:
        def tell(progress: VideoProgress) -> None:
            event = {"event": "progress", **place, "file": str(source.path), "folder": str(folder)}
            counts = {k: getattr(progress, k) for k in progress.__slots__}
            self.tell(event | counts | {"step": progress.step, "fraction": progress.fraction})

        return tell


def _outcome(path: Path, folder: Path, status: str, summary: Event) -> Event:
    message = {
        "skipped": "finished before with the same settings; --force analyses it again",
        "cancelled": "stopped; what was done is kept",
    }.get(status, "")
    problem = ""
    said = [_damage(summary)] if summary.get("frames_failed") or summary.get("cut_short") else []
    said += [sound] if (sound := (summary.get("clip") or {}).get("sound_problem")) else []
    if old := (summary.get("clip") or {}).get("identities_problem"):
        said += [f"the clip shows the identities from before returns were recognised ({old})"]
    if said:
        problem = f"{path.name}: {'; '.join(said)}."
    return {
        "file": str(path),
        "status": status,
        "message": f"{problem} {message}".strip(),
        "problem": problem,
        "folder": str(folder),
        "summary": summary,
    }


def _damage(summary: Event) -> str:
    """What could not be read of a video, in words."""
    count, problem = summary["frames_failed"], summary["first_problem"]
    if not count:
        return str(problem)
    return f"{count} frame{'s' if count > 1 else ''} could not be decoded ({problem})"


def _short(outcome: Event) -> Event:
    return {key: outcome[key] for key in ("file", "status", "message", "problem", "folder")}


@contextlib.contextmanager
def video_bar() -> Iterator[Tell]:
    """Progress for people: a bar on a terminal, and one line for each video on standard out."""
    with progress_bar() as bar:
        task = bar.add_task("", total=1000)

        def tell(event: Event) -> None:
            kind = event["event"]
            if kind == "file_start":
                bar.reset(task, total=1000, description=printable(Path(event["file"]).name))
            elif kind == "progress":
                bar.update(task, completed=round(1000 * event["fraction"]))
            elif kind == "file_end":
                where = event["folder"] or ""
                words = " · ".join(w for w in (event["status"], where, event["message"]) if w)
                out = sys.stderr if event["status"] == "failed" else sys.stdout
                print(f"{printable(Path(event['file']).name)}: {printable(words)}", file=out)

        yield tell


@contextlib.contextmanager
def stop_on_signal() -> Iterator[Callable[[], bool]]:
    """While open, Ctrl-C and a polite kill ask for an end instead of forcing one.

    A second Ctrl-C within the same run forces it. Outside the main thread nothing is changed.
    """
    asked = {"at": 0.0}

    def ask(number: int, _: object) -> None:
        if asked["at"] and number == signal.SIGINT:
            raise KeyboardInterrupt
        asked["at"] = time.monotonic()

    before = {}
    for name in ("SIGINT", "SIGTERM", "SIGBREAK"):
        if hasattr(signal, name):
            with contextlib.suppress(ValueError):  # not in the main thread
                before[name] = signal.signal(getattr(signal, name), ask)
    try:
        yield lambda: asked["at"] > 0
    finally:
        for name, handler in before.items():
            signal.signal(getattr(signal, name), handler)
