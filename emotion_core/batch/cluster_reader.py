"""Reads videos on a machine of a cluster: the network comes along, the results are published."""

import contextlib
import dataclasses
import hashlib
import pickle
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from emotion_core.batch.locations import Location
from emotion_core.batch.one_video import BatchOptions, VideoReader
from emotion_core.batch.outcomes import failed, failure
from emotion_core.batch.schedule import Examine, Step
from emotion_core.batch.scratch import Scratch
from emotion_core.batch.staged import NoRoomError, StagedReader
from emotion_core.batch.stores import store_of
from emotion_core.batch.worker import Ended, Gone, Message
from emotion_core.errors import InputError, OutputError
from emotion_core.media.threads import limit_threads
from emotion_core.model.bundle import load_bundle
from emotion_core.video.progress import Hooks, VideoProgress

# Less is not enough for a clip and its video: the machine is left out.
_LEAST_ROOM: Final = 200 * 10**6
# A shared folder shows a new file to other machines after a few seconds (NFS caches what is not
# there, too).
_PATIENCE_S: Final = 8.0
_PACKAGE: Final = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class ClusterSetup:
    """How the videos of a run are read, with all that the machines need not have.

    Attributes:
        options: of the run; model and detector are named as in `files`.
        files: what is put into a folder of the machine: relative path with slashes → bytes.
        token: a file at the target of the run: whether it can be seen is looked up first.
    """

    options: BatchOptions
    files: Mapping[str, bytes]
    token: Location


def packed_setup(options: BatchOptions, token: Location) -> ClusterSetup:
    """Take along the network and the detector.

    Raises:
        ModelError: there is no such network.
        OSError: a file cannot be read.
    """
    bundle = load_bundle(options.model, options.models_dir)
    name = bundle.path.name
    needed = (file for file in bundle.path.rglob("*") if file.is_file())
    # The float network and the scores are not asked.
    kept = [f for f in needed if f.suffix != ".csv" and f != bundle.keras_file]
    files = {f"models/{name}/{f.relative_to(bundle.path).as_posix()}": f.read_bytes() for f in kept}
    if options.detector_model:
        files["detector.onnx"] = options.detector_model.read_bytes()
    return ClusterSetup(dataclasses.replace(options, model=name, models_dir=None), files, token)


@cache
def code_digest() -> str:
    """What tells this version of the program from another: SHA-256, hexadecimal, of its modules."""
    digest = hashlib.sha256()
    for file in sorted(_PACKAGE.rglob("*.py")):
        place = file.relative_to(_PACKAGE).as_posix()
        # An installed package holds the pages, too.
        if not place.startswith("_app/"):
            digest.update(place.encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()


def open_reader(setup: bytes, host: str) -> "ClusterReader":
    """Load the network of a pickled `ClusterSetup` on the machine `host`.

    Raises:
        EmotionCoreError: the target cannot be reached from here, or there is no room.
    """
    limit_threads(1)
    return ClusterReader(pickle.loads(setup), host)


class ClusterReader:
    """One worker's part of a run. `do` and `look` may be called from two threads.

    Args:
        setup: of the run.
        host: this machine's name, for messages.

    Raises:
        EmotionCoreError: the target cannot be reached from here, or there is no room.
    """

    def __init__(self, setup: ClusterSetup, host: str) -> None:
        self._host = host
        self._progress: VideoProgress | None = None
        self._stopped = False
        _check_target(setup.token)
        self._scratch = Scratch()
        with contextlib.ExitStack() as undo:
            undo.callback(self._scratch.close)
            root = self._scratch.root
            if (free := shutil.disk_usage(root).free) < _LEAST_ROOM:
                raise OutputError(f"{root.parent} has {free / 1e6:.0f} MB left; free some space.")
            self._reader = StagedReader(VideoReader(_unpacked(setup, root)), always=True)
            undo.pop_all()

    def do(self, step: bytes) -> bytes:
        """Do one pickled `Step`; returns a pickled `Message`."""
        self._progress = None
        return pickle.dumps(self._done(pickle.loads(step)))

    def _done(self, step: Step) -> Message:
        try:
            if isinstance(step.path, Path) and not step.path.exists():
                return Ended(failed(step.path, self._not_shared(step.path)))
            if isinstance(step, Examine):
                return self._reader.examine(step.path)
            hooks = Hooks(self._told, lambda: self._stopped)
            return Ended(self._reader.analyse(step.source, step.folder, hooks))
        except NoRoomError as error:
            return Gone(f"had no room for its working files on {self._host} ({error})")
        except Exception as error:
            return Ended(failure(step.path, error))

    def _not_shared(self, path: Path) -> str:
        return (
            f"{path.name}: {self._host} has no file {path}. A video that is named by its path must "
            "be in a folder that all machines of the cluster share; others are named by URLs."
        )

    def _told(self, now: VideoProgress) -> None:
        self._progress = now

    def look(self, stop: bool) -> bytes | None:
        """How far it is, a pickled `VideoProgress`; None before the first.

        Args:
            stop: end the video that is being read.
        """
        self._stopped = self._stopped or stop
        return pickle.dumps(self._progress) if self._progress is not None else None

    def close(self) -> None:
        """Delete the working files."""
        self._reader.close()
        self._scratch.close()


def _check_target(token: Location) -> None:
    """Better now than after an hour of work that is published on the wrong machine.

    Raises:
        InputError: what the target holds cannot be seen from here.
    """
    store, until = store_of(token), time.monotonic() + _PATIENCE_S
    while not store.has(token):
        if time.monotonic() > until:
            raise InputError(
                f"the folder of the results is not shared with this machine ({token} is not "
                "there). Name a folder that all machines share, or a URL such as s3://BUCKET/OUT."
            )
        time.sleep(0.5)


def _unpacked(setup: ClusterSetup, root: Path) -> BatchOptions:
    for name, data in setup.files.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    options = dataclasses.replace(setup.options, models_dir=root / "models")
    if options.detector_model:
        options = dataclasses.replace(options, detector_model=root / "detector.onnx")
    return options
