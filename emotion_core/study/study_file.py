"""study.toml: the name of a study, and how it is analysed; comments of a person are kept."""

import datetime
import tomllib
from collections.abc import Mapping, MutableMapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import tomlkit
from tomlkit.exceptions import TOMLKitError

from emotion_core.errors import InputError, OutputError, SettingsError
from emotion_core.study.definitions import StudySettings, settings_from
from emotion_core.study.event_keys import DEFAULT_KEYS, TABLE, EventKey, event_keys_of
from emotion_core.study.problems import Problem
from emotion_core.study.text_files import read_text

STUDY: Final = "study.toml"
FORMAT: Final = 1
# Tables of study.toml on which no result depends: keys that mark events, categories of coders.
_NO_RESULTS: Final = (TABLE, "coding")
# The first version of the program that reads this format.
_NEEDS: Final = "0.3"


@dataclass(frozen=True, slots=True)
class StudyFile:
    """What study.toml holds.

    Attributes:
        name: of the study, for people.
        created: when it was made, as written; "" if that is not known.
        settings: how it is analysed; what cannot be used has its default.
        design: the table [design].
        event_keys: the table [event_keys]; its default where there is none.
        problems: what cannot be used.
    """

    name: str
    created: str = ""
    settings: StudySettings = field(default_factory=StudySettings)
    design: Mapping[str, Any] = field(default_factory=dict)
    event_keys: tuple[EventKey, ...] = DEFAULT_KEYS
    problems: tuple[Problem, ...] = ()


def new_study_text(name: str) -> str:
    """study.toml of a new study, with every setting at its default."""
    document = tomlkit.document()
    document.add(tomlkit.comment("What this study is called, and how it is analysed."))
    document["format"] = FORMAT
    document["needs"] = _NEEDS
    now = datetime.datetime.now(datetime.UTC).replace(microsecond=0, tzinfo=None)
    document["study"] = {"name": _writable(name), "created": f"{now.isoformat()}Z"}
    document["analysis"] = _plain_settings(StudySettings())
    return tomlkit.dumps(document)


def study_of(text: str, fallback_name: str) -> StudyFile:
    """What the text of study.toml holds.

    Args:
        text: of the file.
        fallback_name: the study's name, if the file has none.

    Raises:
        InputError: it is not TOML, or of a newer version of this program.
    """
    try:
        data = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"{STUDY} cannot be read: {error}. Correct it in a text editor."
        ) from error
    _check_format(data)
    problems: list[Problem] = []
    about = _table(data, "study", problems)
    name, created = about.get("name", ""), about.get("created", "")
    settings = _settings(_table(data, "analysis", problems), problems)
    design = _table(data, "design", problems)
    event_keys, wrong = event_keys_of(_table(data, TABLE, problems), STUDY)
    name = name if isinstance(name, str) and name.strip() else fallback_name
    found = (*problems, *wrong)
    return StudyFile(name.strip(), str(created), settings, design, event_keys, found)


def _check_format(data: Mapping[str, Any]) -> None:
    number = data.get("format", FORMAT)
    if not isinstance(number, int) or isinstance(number, bool) or number < 1:
        raise InputError(f"{STUDY}: format must be {FORMAT}, not {str(number)[:40]!r}.")
    if number > FORMAT:
        needs = data.get("needs")
        version = f"version {needs[:20]}" if isinstance(needs, str) and needs else "a newer version"
        raise InputError(
            f"This study needs {version} of emotion-lab, or a later one: it has format "
            f"{str(number)[:20]}, and this version reads format {FORMAT}. Nothing was changed."
        )


def _table(data: Mapping[str, Any], name: str, problems: list[Problem]) -> Mapping[str, Any]:
    value = data.get(name, {})
    if isinstance(value, dict):
        return value
    problems.append(Problem(f"{STUDY}, {name}", f"It must be a table: write [{name}]."))
    return {}


def _settings(values: Mapping[str, Any], problems: list[Problem]) -> StudySettings:
    """The settings that can be used; each of the others costs only itself."""
    good = {}
    for name, value in values.items():
        try:
            settings_from({name: value})
        except (SettingsError, OverflowError) as error:
            words = str(error) if isinstance(error, SettingsError) else f"{name} is too large."
            problems.append(Problem(f"{STUDY}, [analysis] {name}", f"{words} It is not used."))
        else:
            good[name] = value
    return settings_from(good)


def table_on_disk(folder: Path, name: str) -> Any:
    """What study.toml in a folder has under a name at this moment; {} where it has nothing.

    Raises:
        InputError: study.toml cannot be read.
    """
    try:
        return tomllib.loads(read_text(folder / STUDY).text).get(name, {})
    except ValueError as error:
        raise InputError(f"{STUDY} cannot be read: {error}.") from error


def changed_text(text: str, changes: Mapping[str, Mapping[str, Any]]) -> str:
    """The text of study.toml with other values; comments and everything else stay.

    Args:
        text: of the file.
        changes: table → key → value; None removes the key.

    Raises:
        OutputError: the text cannot be changed, or a value cannot be written in TOML.
    """
    try:
        document = tomlkit.parse(text)
        for table, values in changes.items():
            if not isinstance(document.get(table), MutableMapping):
                document[table] = tomlkit.table()
            _update(document[table], values)
        changed = tomlkit.dumps(document)
        tomllib.loads(changed)
    except (TOMLKitError, ValueError, TypeError, RecursionError) as error:
        raise OutputError(f"{STUDY} could not be changed: {error}. Nothing was written.") from error
    return changed


def text_of_results(text: str) -> str:
    """The text of study.toml without what no result depends on."""
    try:
        document = tomlkit.parse(text)
        known = [name for name in _NO_RESULTS if name in document]
        for name in known:
            del document[name]
        text = f"{tomlkit.dumps(document).rstrip()}\n" if known else text
    except (TOMLKitError, RecursionError):
        pass  # It cannot be read: every change counts.
    return text


def _update(table: Any, values: Mapping[str, Any]) -> None:
    for key, value in values.items():
        if value is None:
            table.pop(key, None)
        elif isinstance(value, Mapping) and isinstance(table.get(key), MutableMapping):
            gone = {name: None for name in table[key] if name not in value}
            _update(table[key], {**gone, **value})
        else:
            table[key] = _writable(value)


def _writable(value: Any) -> Any:
    """A value as TOML can have it: no None, tuples as lists, no half of a letter."""
    if isinstance(value, StrEnum):
        return str(value)
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, Mapping):
        return {str(k): _writable(v) for k, v in value.items() if v is not None}
    if isinstance(value, (list, tuple)):
        return [_writable(v) for v in value]
    return value


def _plain_settings(settings: StudySettings) -> dict[str, Any]:
    return {name: _writable(value) for name, value in asdict(settings).items()}


def settings_changes(seen: StudySettings, wanted: StudySettings) -> dict[str, Any]:
    """The settings that a person changed, as they are written."""
    before, after = _plain_settings(seen), _plain_settings(wanted)
    return {name: value for name, value in after.items() if before[name] != value}


def table_changes(seen: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """The keys of a table that a person changed; None for those that are gone."""
    gone = {name: None for name in seen if name not in wanted}
    return {**gone, **{name: v for name, v in wanted.items() if seen.get(name) != v}}
