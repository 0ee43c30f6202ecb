"""Videos that are fetched before they are read, and results that are published when finished."""

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from emotion_core.batch.examined import Examined, RemoteSource
from emotion_core.batch.locations import Location, Url
from emotion_core.batch.one_video import VideoReader
from emotion_core.batch.outcomes import CANCELLED, SKIPPED, analysed, failed
from emotion_core.batch.scratch import Scratch
from emotion_core.batch.stores import Store, publishable, store_of
from emotion_core.errors import OutputError
from emotion_core.progress import Event
from emotion_core.results.paths import EDITS, SUMMARY, is_complete, safe_name
from emotion_core.video.analyze import Source
from emotion_core.video.progress import Hooks

_STOPPED: Final = "stopped; nothing of it was kept"


class NoRoomError(OutputError):
    """The working files of an analysis could not be written on this machine."""


class StagedReader:
    """Reads videos as `VideoReader` does, whether they are files or URLs.

    A result is written on this machine and published as a whole where its target is a URL, or
    where `always` asks for it. All else is the work of the `VideoReader`.

    Args:
        reader: reads the videos.
        always: publish results into folders as a whole, too: others read them meanwhile.
    """

    def __init__(self, reader: VideoReader, always: bool = False) -> None:
        self._reader, self._always = reader, always
        self._scratch = Scratch()
        # The newest video that was fetched: mostly it is analysed right after it was examined.
        self._fetched: tuple[Url, Path] | None = None
        self._stores: dict[str, Store] = {}

    @property
    def plain(self) -> VideoReader:
        """Reads what is a file into a folder."""
        return self._reader

    def close(self) -> None:
        """Delete what was fetched."""
        self._scratch.close()
        self._fetched = None

    def examine(self, video: Location) -> Examined:
        """Open a video and hash its bytes; as `VideoReader.examine`.

        Raises:
            VideoError, OSError: it cannot be read as a video, or not to its end.
            InputError: it cannot be fetched.
            NoRoomError: this machine has no room for it.
        """
        source = self._reader.examine(self._local(video))
        return source if isinstance(video, Path) else RemoteSource(video, source.sha256)

    def analyse(self, source: Examined, folder: Location, hooks: Hooks) -> Event:
        """Analyse an examined video; as `VideoReader.analyse`.

        Raises:
            EmotionCoreError: it could not be read, or its results not be written.
            NoRoomError: the results could not be written on this machine.
        """
        if self._always or not isinstance(folder, Path):
            return self._staged(source, folder, hooks)
        local = Source(self._local(source.path), source.sha256)
        return self._reader.analyse(local, folder, hooks) | {"file": str(source.path)}

    def _staged(self, source: Examined, folder: Location, hooks: Hooks) -> Event:
        store = self._store(folder)
        earlier = store.summary(folder)
        key = self._reader.key_of(source.path, source.sha256)
        has = lambda name: store.has(folder / name)  # noqa: E731
        if is_complete(earlier, key, has) and not self._reader.force:
            return analysed(source.path, folder, SKIPPED, earlier)
        local = Source(self._local(source.path), source.sha256)
        with self._scratch.folder() as room:
            work = room / folder.name
            edits = self._earlier_edits(store, folder, work) if earlier else None
            with _room_needed():
                outcome = self._reader.analyse(local, work, hooks)
            if outcome["status"] == CANCELLED:
                message = f"{source.path.name}: {_STOPPED}."
                return failed(source.path, message) | {"status": CANCELLED}
            store.publish(work, publishable(work, edits), folder)
        return outcome | {"file": str(source.path), "folder": str(folder)}

    def _earlier_edits(self, store: Store, folder: Location, work: Path) -> bytes | None:
        """Take along what people decided about an earlier result, and what that was."""
        if not store.has(folder / EDITS):
            return None
        with _room_needed():
            work.mkdir()
            for name in (SUMMARY, EDITS):
                store.fetch(folder / name, work / name)
        return (work / EDITS).read_bytes()

    def _local(self, video: Location) -> Path:
        """The file of a video on this machine, fetched unless it is here."""
        if isinstance(video, Path):
            return video
        if self._fetched and self._fetched[0] == video:
            return self._fetched[1]
        if self._fetched:
            shutil.rmtree(self._fetched[1].parent, ignore_errors=True)
            self._fetched = None
        with contextlib.ExitStack() as undo, _room_needed():
            folder = Path(tempfile.mkdtemp(dir=self._scratch.root))
            # The part of a video that did not come whole would take the room of the next.
            undo.callback(shutil.rmtree, folder, ignore_errors=True)
            file = folder / f"{safe_name(video.stem)}{Path(video.name).suffix}"
            self._store(video).fetch(video, file)
            undo.pop_all()
        self._fetched = (video, file)
        return file

    def _store(self, place: Location) -> Store:
        scheme = "" if isinstance(place, Path) else place.scheme
        if scheme not in self._stores:
            self._stores[scheme] = store_of(place)
        return self._stores[scheme]


@contextlib.contextmanager
def _room_needed() -> Iterator[None]:
    """What cannot be written in here cannot be written on this machine."""
    try:
        yield
    except OutputError as error:
        raise NoRoomError(str(error)) from error
