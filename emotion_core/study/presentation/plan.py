"""What is shown to participants: consent, items and their order, kept in presentation.toml."""

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import tomlkit
from tomlkit.exceptions import TOMLKitError

from emotion_core.atomic_io import replace_file
from emotion_core.errors import InputError, SettingsError
from emotion_core.results.export import output_error
from emotion_core.study.text_files import read_text

PRESENTATION: Final = "presentation.toml"
STIMULI: Final = "stimuli"
FORMAT: Final = 1
MOST_ITEMS: Final = 500
_LONGEST_S: Final = 3600.0
_LONGEST_NAME: Final = 40
_LONGEST_TEXT: Final = 20_000
_MOST_POINTS: Final = 11


class ItemKind(StrEnum):
    """What an item is."""

    PICTURE = "picture"
    CLIP = "clip"
    PAUSE = "pause"
    QUESTION = "question"


class Order(StrEnum):
    """In which order participants see the trials."""

    FIXED = "fixed"
    RANDOM = "random"
    COUNTERBALANCED = "counterbalanced"


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that is shown.

    Attributes:
        name: unique in the plan; the label of its event, and part of the name of a rating.
        kind: what it is.
        file: of a picture or clip: its name in the folder `stimuli`.
        seconds: how long a picture or pause is shown; 0 for a pause waits for a click. A clip is
            shown to its end, or for so long where it is not 0.
        text: of a question; of a pause: shown instead of a cross.
        points: of a question: number of points of the scale, 2 to 11.
        low, high: of a question: words at the ends of its scale.
        baseline: a pause during which the participant is at rest: a baseline of the study.
        stays: it keeps its place whatever the order of the others.

    Raises:
        SettingsError: a value is outside its range or missing.
    """

    name: str
    kind: ItemKind
    file: str = ""
    seconds: float = 0.0
    text: str = ""
    points: int = 7
    low: str = ""
    high: str = ""
    baseline: bool = False
    stays: bool = False

    def __post_init__(self) -> None:
        if not self.name.strip() or not self.name.isprintable() or len(self.name) > _LONGEST_NAME:
            raise SettingsError(f"An item needs a name of 1 to {_LONGEST_NAME} letters.")
        if not (math.isfinite(self.seconds) and 0 <= self.seconds <= _LONGEST_S):
            raise SettingsError(f"{self.name}: seconds must be from 0 to {_LONGEST_S:g}.")
        if self.kind is ItemKind.PICTURE and self.seconds == 0:
            raise SettingsError(f"{self.name}: say for how many seconds the picture is shown.")
        if self.kind is ItemKind.QUESTION and not self.text.strip():
            raise SettingsError(f"{self.name}: a question needs a text.")
        if not 2 <= self.points <= _MOST_POINTS:
            raise SettingsError(f"{self.name}: a scale has 2 to {_MOST_POINTS} points.")
        if self.kind is ItemKind.PAUSE and self.seconds == 0 and not self.text.strip():
            raise SettingsError(
                f"{self.name}: a pause needs seconds, or a text after which participants click."
            )
        if self.baseline and (self.kind is not ItemKind.PAUSE or self.seconds == 0):
            raise SettingsError(f"{self.name}: a baseline is a pause of some seconds.")

    @property
    def is_stimulus(self) -> bool:
        """Whether it has a file that is shown."""
        return self.kind in (ItemKind.PICTURE, ItemKind.CLIP)


@dataclass(frozen=True, slots=True)
class Plan:
    """What is shown, and what participants agree to first.

    Attributes:
        title: above the consent text, as participants see it.
        consent: the laboratory's own words; nothing begins before they are agreed to.
        thanks: shown at the end; "" shows a general word of thanks.
        order: of the trials.
        seed: of random orders.
        keep_video: the picture is kept, too; otherwise the readings only.
        items: what is shown, in the order of the plan.

    Raises:
        SettingsError: two items have one name, there are too many, or a text is too long.
    """

    title: str = ""
    consent: str = ""
    thanks: str = ""
    order: Order = Order.FIXED
    seed: int = 1
    keep_video: bool = False
    items: tuple[Item, ...] = ()

    def __post_init__(self) -> None:
        names = [item.name.strip().casefold() for item in self.items]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise SettingsError(f"Two items have the name {', '.join(twice)}. Rename one.")
        if len(names) > MOST_ITEMS:
            raise SettingsError(f"A presentation has at most {MOST_ITEMS} items.")
        if max(len(text) for text in (self.title, self.consent, self.thanks)) > _LONGEST_TEXT:
            raise SettingsError(f"A text of a presentation has at most {_LONGEST_TEXT} letters.")


def plan_from(values: Mapping[str, Any]) -> Plan:
    """A plan from the values of a file.

    Raises:
        SettingsError: a value is unknown, of another kind, or outside its range.
    """
    known = dict(values)
    if known.pop("format", FORMAT) != FORMAT:
        raise SettingsError(
            f"{PRESENTATION} was written by a newer version of emotion-lab: use that one."
        )
    rows = known.pop("items", [])
    if not isinstance(rows, list) or not all(isinstance(row, Mapping) for row in rows):
        raise SettingsError(f"{PRESENTATION}: write each item as a table [[items]].")
    items = tuple(_made(Item, row, f"item {i}") for i, row in enumerate(rows, 1))
    return _made(Plan, {**known, "items": items}, "it")


def _made(kind: Any, values: Mapping[str, Any], what: str) -> Any:
    """A dataclass from values that a person wrote."""
    defaults = {f.name: f.type for f in fields(kind)}
    if unknown := sorted(set(values) - set(defaults)):
        raise SettingsError(f"{PRESENTATION}, {what}: unknown value {', '.join(unknown)}.")
    if missing := [name for name in ("name", "kind") if name in defaults and name not in values]:
        raise SettingsError(f"{PRESENTATION}, {what}: there is no {missing[0]}.")
    return kind(**{name: _value(defaults[name], v, name, what) for name, v in values.items()})


def _value(wanted: Any, value: Any, name: str, what: str) -> Any:
    right: tuple[type, ...] = (int, float) if wanted is float else (wanted,)
    if isinstance(wanted, type) and issubclass(wanted, StrEnum):
        if value not in list(wanted):
            kinds = ", ".join(wanted)
            raise SettingsError(f"{PRESENTATION}, {what}: {name} must be one of {kinds}.")
        return wanted(value)
    if isinstance(wanted, type) and (
        not isinstance(value, right) or (isinstance(value, bool) and wanted is not bool)
    ):
        raise SettingsError(f"{PRESENTATION}, {what}: {name} cannot be {value!r}.")
    return float(value) if wanted is float else value


def read_plan(folder: Path) -> Plan:
    """The plan of a study; an empty one where there is none.

    Raises:
        InputError: presentation.toml cannot be read, or a value in it cannot be used.
    """
    path = folder / PRESENTATION
    if not path.exists():
        return Plan()
    try:
        return plan_from(tomllib.loads(read_text(path).text))
    except (ValueError, RecursionError, SettingsError) as error:
        raise InputError(
            f"{error} Correct {PRESENTATION} in a text editor; nothing was changed."
        ) from error


def plan_text(plan: Plan, before: str = "") -> str:
    """presentation.toml of a plan; comments above its items stay.

    Args:
        plan: to be written.
        before: the text of the file until now.
    """
    try:
        document = tomlkit.parse(before)
    except TOMLKitError:
        document = tomlkit.document()
    document["format"] = FORMAT
    for name in ("title", "consent", "thanks"):
        text = getattr(plan, name)
        document[name] = tomlkit.string(text, multiline="\n" in text)
    document["order"], document["seed"] = str(plan.order), plan.seed
    document["keep_video"] = plan.keep_video
    rows = tomlkit.aot()
    for item in plan.items:
        rows.append(tomlkit.item(item_values(item)))
    document["items"] = rows
    return tomlkit.dumps(document)


def item_values(item: Item) -> dict[str, Any]:
    """The values of an item that differ from the default, as they are written."""
    values = {f.name: getattr(item, f.name) for f in fields(item)}
    values["kind"] = str(item.kind)
    plain = {f.name: f.default for f in fields(item)}
    return {k: v for k, v in values.items() if k in ("name", "kind") or v != plain[k]}


def save_plan(folder: Path, plan: Plan) -> None:
    """Write a plan.

    Raises:
        OutputError: it cannot be written.
    """
    path = folder / PRESENTATION
    try:
        before = read_text(path).text if path.exists() else ""
        replace_file(path, plan_text(plan, before).encode())
    except OSError as error:
        raise output_error(path, error) from error
