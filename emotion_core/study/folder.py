"""A study is a folder: opened, changed while others change it too, zipped and moved.

Nothing is held open: a `Study` shows what was in the folder when it was opened. Every change is
applied to what is on disk at that moment, under a lock, so that no change of another tab, of the
command line or of a spreadsheet is lost.
"""

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final, TypeVar
from unicodedata import normalize

from emotion_core.atomic_io import replace_file
from emotion_core.errors import InputError, OutputError
from emotion_core.results.paths import FACES, taking_turns
from emotion_core.study import events as events_csv
from emotion_core.study import recordings as recordings_csv
from emotion_core.study.archive import study_pieces, unpack_study
from emotion_core.study.definitions import Event, Recording, StudySettings
from emotion_core.study.event_keys import DEFAULT_KEYS, TABLE, EventKey, event_keys_table
from emotion_core.study.events import EVENTS, EventIndex, EventsFile, read_events_file
from emotion_core.study.problems import Problem
from emotion_core.study.recordings import (
    RECORDINGS,
    RecordingsFile,
    read_recordings,
    written_recordings,
)
from emotion_core.study.study_file import (
    STUDY,
    changed_text,
    new_study_text,
    settings_changes,
    study_of,
    table_changes,
)
from emotion_core.study.text_files import read_text

ANALYSED: Final = "recordings"
READINGS: Final = "readings"
RESULTS: Final = "results"
_LOCK: Final = ".study.lock"
_PATIENCE_S: Final = 20.0
_T = TypeVar("_T")


@dataclass(frozen=True, eq=False)
class Study:
    """What was in a study's folder when it was opened.

    Attributes:
        folder: the folder, absolute.
        name: for people.
        created: when it was made, as study.toml has it.
        settings: how it is analysed.
        design: the table [design] of study.toml.
        recordings: the rows of recordings.csv that can be used.
        events: the rows of events.csv that can be used.
        problems: what cannot be used, and why.
        event_keys: the keys that mark events while a video plays.
    """

    folder: Path
    name: str
    created: str = ""
    settings: StudySettings = field(default_factory=StudySettings)
    design: Mapping[str, Any] = field(default_factory=dict)
    recordings: tuple[Recording, ...] = ()
    events: tuple[Event, ...] = ()
    problems: tuple[Problem, ...] = ()
    event_keys: tuple[EventKey, ...] = DEFAULT_KEYS

    @staticmethod
    def create(folder: Path, name: str) -> "Study":
        """Make a study without recordings; the folder may exist, with other files in it.

        Raises:
            InputError: there is a study already.
            OutputError: the folder cannot be written.
        """
        folder = Path(os.path.abspath(folder))  # noqa: PTH100 (a link stays one)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with taking_turns(folder / _LOCK, _PATIENCE_S):
                if (folder / STUDY).exists():
                    raise InputError(f"{folder} holds a study already: open it.")
                empty = {
                    RECORDINGS: written_recordings(RecordingsFile(), ()),
                    EVENTS: events_csv.written_events(EventsFile(), ()),
                }
                for file, data in empty.items():
                    if not (folder / file).exists():
                        replace_file(folder / file, data)
                # Last: what has a study.toml is a study.
                replace_file(folder / STUDY, new_study_text(name.strip() or folder.name).encode())
        except OSError as error:
            raise OutputError(f"{folder} cannot be written: {error.strerror}.") from error
        return Study.open(folder)

    @staticmethod
    def open(folder: Path) -> "Study":
        """Read a study; what cannot be read of its tables is told in `problems`.

        Raises:
            InputError: there is no study, study.toml cannot be read, or a newer version of this
                program wrote it.
        """
        folder = Path(os.path.abspath(folder))  # noqa: PTH100
        if not is_study(folder):
            raise InputError(f"{folder} is not a study: it has no {STUDY}.")
        about = study_of(read_text(folder / STUDY).text, folder.name)
        problems = list(about.problems)
        recordings, events = RecordingsFile(), EventsFile()
        try:
            recordings = _recordings_on_disk(folder)
        except InputError as error:
            problems.append(Problem(RECORDINGS, str(error)))
        try:
            events = _events_on_disk(folder)
        except InputError as error:
            problems.append(Problem(EVENTS, str(error)))
        return Study(
            folder,
            about.name,
            about.created,
            about.settings,
            about.design,
            recordings.recordings,
            events.events,
            (*problems, *recordings.problems, *events.problems),
            about.event_keys,
        )

    @staticmethod
    def unzip(archive: Path, folder: Path) -> "Study":
        """Unpack a zip with a study into a new folder, and open it.

        Raises:
            InputError: see `archive.unpack_study` and `open`.
            OutputError: the folder cannot be written.
        """
        unpack_study(archive, folder)
        return Study.open(folder)

    def zip_pieces(self) -> Iterator[bytes]:
        """The bytes of a zip of the study, made while they are read.

        Raises:
            OSError: a file cannot be read.
        """
        return study_pieces(self.folder, self.name)

    def reopened(self) -> "Study":
        """What is on disk now; raises as `open`."""
        return Study.open(self.folder)

    def with_name(self, name: str) -> "Study":
        """Rename the study.

        Raises:
            InputError: the name is empty.
            OutputError: it cannot be written.
        """
        if not name.strip():
            raise InputError("A study needs a name.")
        return self._change_toml({"study": {"name": name.strip()}})

    def with_settings(self, settings: StudySettings) -> "Study":
        """Write the settings that differ from those of this object; returns what is on disk then.

        Raises:
            OutputError: they cannot be written.
        """
        return self._change_toml({"analysis": settings_changes(self.settings, settings)})

    def with_design(self, design: Mapping[str, Any]) -> "Study":
        """Write what differs from `design` of this object; returns what is on disk then.

        Raises:
            OutputError: it cannot be written.
        """
        return self._change_toml({"design": table_changes(self.design, design)})

    def with_table(self, name: str, values: Mapping[str, Any]) -> "Study":
        """Write keys of another table of study.toml; returns what is on disk then.

        Raises:
            OutputError: they cannot be written.
        """
        return self._change_toml({name: values})

    def with_event_keys(self, keys: Sequence[EventKey]) -> "Study":
        """Write what differs from `event_keys` of this object; returns what is on disk then.

        Raises:
            InputError: a key cannot be used, or two mark the same events.
            OutputError: they cannot be written.
        """
        wanted = event_keys_table(keys)
        # The default keys are in no file.
        written = event_keys_table(self.event_keys) if self.event_keys != DEFAULT_KEYS else {}
        return self._change_toml({TABLE: table_changes(written, wanted)})

    def with_recordings(self, recordings: Sequence[Recording]) -> "Study":
        """Apply what was changed in the recordings of this object; returns what is on disk then.

        Raises:
            InputError: two recordings have one name, or a name cannot be used.
            OutputError: they cannot be written.
        """
        wanted = tuple(recordings)
        return self.change_recordings(
            lambda now: recordings_csv.merge_changes(self.recordings, wanted, now)
        )

    def change_recordings(
        self, change: Callable[[tuple[Recording, ...]], Sequence[Recording]]
    ) -> "Study":
        """Change the recordings as they are on disk at this moment; returns what is there then.

        Raises:
            InputError: `change` raises it, two recordings have one name, or a name cannot be used.
            OutputError: they cannot be written, or what is on disk cannot be read.
        """
        with self._locked():
            before = _before(lambda: _recordings_on_disk(self.folder))
            recordings = tuple(change(before.recordings))
            if recordings != before.recordings:
                recordings_csv.check_variables(recordings)
                recordings = tuple(recordings_csv.cleaned(r) for r in recordings)
                replace_file(self.folder / RECORDINGS, written_recordings(before, recordings))
        return self.reopened()

    def with_events(self, events: Sequence[Event]) -> "Study":
        """Apply what was changed in the events of this object; returns what is on disk then.

        Raises:
            OutputError: they cannot be written, or what is on disk cannot be read.
        """
        wanted = tuple(events)
        return self.change_events(lambda now: events_csv.merge_changes(self.events, wanted, now))

    def change_events(self, change: Callable[[tuple[Event, ...]], Sequence[Event]]) -> "Study":
        """Change the events as they are on disk at this moment; returns what is there then.

        Raises:
            InputError: `change` raises it.
            OutputError: they cannot be written, or what is on disk cannot be read.
        """
        with self._locked():
            before = _before(lambda: _events_on_disk(self.folder))
            events = tuple(events_csv.cleaned(event) for event in change(before.events))
            if events != before.events:
                replace_file(self.folder / EVENTS, events_csv.written_events(before, events))
        return self.reopened()

    @property
    def included(self) -> tuple[Recording, ...]:
        """The recordings that are not left out."""
        return tuple(row for row in self.recordings if row.include)

    def source_of(self, recording: Recording) -> Path:
        """Absolute path of a recording's video or results folder, whether or not it exists.

        A path that was written on Windows, or with accents in another form, is recognised.
        """
        return source_path(self.folder, recording.file)

    def results_folder(self, recording: Recording) -> Path | None:
        """The folder with a recording's faces.csv; None: it is not analysed yet."""
        source = self.source_of(recording)
        named = source.parent if source.name == FACES else source
        for folder in (named, self.analysis_folder(recording)):
            if os.path.isfile(folder / FACES):  # noqa: PTH113 (as above)
                return folder
        return None

    def analysis_folder(self, recording: Recording) -> Path:
        """Where a recording's video is analysed to, whether or not it is."""
        return self.folder / ANALYSED / recording.recording

    def readings_file(self, recording: Recording) -> Path:
        """Where a recording's readings are kept, whether or not they are there."""
        return self.folder / READINGS / f"{recording.recording}.parquet"

    def events_of(self, recording: Recording) -> list[Event]:
        """The events of a recording, by start, on the clock of the events."""
        return self._index.of(recording)

    def portable_path(self, path: Path) -> str:
        """A path as recordings.csv has it: relative where the file is in the study's folder."""
        absolute = Path(os.path.abspath(path))  # noqa: PTH100
        with contextlib.suppress(ValueError):
            return absolute.relative_to(self.folder).as_posix()
        return absolute.as_posix()

    @cached_property
    def _index(self) -> EventIndex:
        return EventIndex(self.events)

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """Hold the study's lock, and say what went wrong."""
        try:
            with taking_turns(self.folder / _LOCK, _PATIENCE_S):
                yield
        except OSError as error:
            raise OutputError(f"The study could not be changed: {error.strerror}.") from error

    def _change_toml(self, changes: Mapping[str, Mapping[str, Any]]) -> "Study":
        changes = {table: values for table, values in changes.items() if values}
        if changes:
            with self._locked():
                text = _before(lambda: read_text(self.folder / STUDY)).text
                # Not into a file that is damaged, or of a newer version.
                _before(lambda: study_of(text, self.name))
                replace_file(self.folder / STUDY, changed_text(text, changes).encode())
        return self.reopened()


def source_path(folder: Path, file: str) -> Path:
    """Absolute path of a file that recordings.csv names; see `Study.source_of`."""
    slashes = file.replace("\\", "/")
    composed, apart = normalize("NFC", slashes), normalize("NFD", slashes)
    forms = dict.fromkeys((file, slashes, composed, apart))
    paths = [Path(os.path.normpath(folder / form)) for form in forms if "\0" not in form]
    # Unlike pathlib, os.path takes a name that no file can have for a missing file.
    there = (path for path in paths if os.path.exists(path))  # noqa: PTH110
    return next(there, paths[0] if paths else folder / ANALYSED / "?")


def is_study(folder: Path) -> bool:
    """Whether there is a study in a folder."""
    return os.path.isfile(folder / STUDY)  # noqa: PTH113 (a name that no file can have)


def _recordings_on_disk(folder: Path) -> RecordingsFile:
    path = folder / RECORDINGS
    return read_recordings(path) if path.exists() else RecordingsFile()


def _events_on_disk(folder: Path) -> EventsFile:
    path = folder / EVENTS
    return read_events_file(path) if path.exists() else EventsFile()


def _before(read: Callable[[], _T]) -> _T:
    try:
        return read()
    except InputError as error:
        # Written over what cannot be read now, it would be gone for good.
        raise OutputError(f"{error} Nothing was written.") from error
