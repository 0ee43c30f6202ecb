"""What coders code: categories on keys, kept in study.toml, table [coding]."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from emotion_core.errors import SettingsError
from emotion_core.labels import EXPRESSIONS
from emotion_core.study.folder import Study
from emotion_core.study.problems import Problem
from emotion_core.study.study_file import STUDY, table_on_disk

TABLE: Final = "coding"
CATEGORIES: Final = "categories"
KEYS: Final = tuple("123456789")
# Shown for the time in which a coder cannot tell; its code is "".
CANNOT_TELL: Final = "cannot tell"
_LONGEST: Final = 60


class CodeKind(StrEnum):
    """How a category is coded."""

    STRETCH = "stretch"  # from one key to the next
    MOMENT = "moment"  # a point in time


@dataclass(frozen=True, slots=True)
class Category:
    """One category of a scheme.

    Attributes:
        key: "1" to "9".
        code: as it is kept with every code and written to tables.
        label: as coders see it; "" shows the code.
        kind: stretch or moment.

    Raises:
        SettingsError: the key is not "1" to "9", or the code is empty or too long.
    """

    key: str
    code: str
    label: str = ""
    kind: CodeKind = CodeKind.STRETCH

    def __post_init__(self) -> None:
        if self.key not in KEYS:
            raise SettingsError(f"A category needs a key from 1 to 9, not {self.key!r}.")
        if not self.code.strip() or not self.code.isprintable() or len(self.code) > _LONGEST:
            raise SettingsError(
                f"The category on key {self.key} needs a code of 1 to {_LONGEST} letters."
            )
        if self.code.strip().casefold() == CANNOT_TELL:
            raise SettingsError(f"“{CANNOT_TELL}” is on key 0 already: choose another code.")

    @property
    def name(self) -> str:
        """What coders see."""
        return self.label or self.code


def _expressions() -> tuple[Category, ...]:
    return tuple(Category(str(i), name) for i, name in enumerate(EXPRESSIONS, 1))


@dataclass(frozen=True, slots=True)
class Scheme:
    """The categories of a study, and the rules of coding.

    Attributes:
        categories: at most nine; by default the seven expressions on the keys 1 to 7.
        intensity: coders may give each code an intensity from 1 to 5.
        exclusive: one stretch at a time: the next one ends the running one. Otherwise stretches of
            different codes may overlap.

    Raises:
        SettingsError: there are no categories, or two have one key or one code.
    """

    categories: tuple[Category, ...] = field(default_factory=_expressions)
    intensity: bool = True
    exclusive: bool = True

    def __post_init__(self) -> None:
        if not self.categories:
            raise SettingsError("A coding scheme needs at least one category.")
        for words, values in (
            ("key", [c.key for c in self.categories]),
            ("code", [c.code.casefold() for c in self.categories]),
        ):
            twice = sorted({v for v in values if values.count(v) > 1})
            if twice:
                raise SettingsError(f"Two categories have the {words} {', '.join(twice)}.")

    def on_key(self, key: str) -> Category | None:
        """The category on a key; None where there is none."""
        return next((c for c in self.categories if c.key == key), None)

    def name_of(self, code: str) -> str:
        """What coders see for a code, also one that the scheme no longer has."""
        return next((c.name for c in self.categories if c.code == code), code) or CANNOT_TELL


def scheme_of(values: Mapping[str, Any]) -> tuple[Scheme, tuple[Problem, ...]]:
    """The scheme that the table [coding] holds.

    Returns:
        The scheme, the default where the table cannot be used, and what cannot be used.
    """
    where = f"{STUDY}, [{TABLE}]"
    given = values.get(CATEGORIES)
    try:
        if given is not None and not isinstance(given, Mapping):
            raise SettingsError(f"Write each category as a table [{TABLE}.{CATEGORIES}.KEY].")
        categories = _expressions() if given is None else _categories(given)
        switches = {name: _switch(values, name) for name in ("intensity", "exclusive")}
        return Scheme(categories, **switches), ()
    except SettingsError as error:
        words = f"{error} The seven expressions are used."
        return Scheme(), (Problem(where, words),)


def _switch(values: Mapping[str, Any], name: str) -> bool:
    value = values.get(name, True)
    if not isinstance(value, bool):
        raise SettingsError(f"{name} must be true or false, not {value!r}.")
    return value


def _categories(given: Mapping[str, Any]) -> tuple[Category, ...]:
    return tuple(_category(key, given[key]) for key in sorted(given))


def _category(key: str, values: object) -> Category:
    if not isinstance(values, Mapping):
        raise SettingsError(f"Category {key} must be a table with code, label and kind.")
    code, label = values.get("code", ""), values.get("label", "")
    kind = values.get("kind", CodeKind.STRETCH)
    if not (isinstance(code, str) and isinstance(label, str)):
        raise SettingsError(f"Code and label of category {key} must be text.")
    if kind not in list(CodeKind):
        raise SettingsError(f"The kind of category {key} must be stretch or moment, not {kind!r}.")
    return Category(key, code.strip(), label.strip(), CodeKind(kind))


def scheme_table(scheme: Scheme) -> dict[str, Any]:
    """The table [coding] of a scheme."""
    return {
        "intensity": scheme.intensity,
        "exclusive": scheme.exclusive,
        CATEGORIES: {
            c.key: {"code": c.code, "label": c.label, "kind": str(c.kind)}
            for c in scheme.categories
        },
    }


def read_scheme(study: Study) -> tuple[Scheme, tuple[Problem, ...]]:
    """The scheme of a study as it is on disk, and what cannot be used of it.

    Raises:
        InputError: study.toml cannot be read.
    """
    values = table_on_disk(study.folder, TABLE)
    if not isinstance(values, Mapping):
        return Scheme(), (Problem(f"{STUDY}, {TABLE}", f"It must be a table: write [{TABLE}]."),)
    return scheme_of(values)


def save_scheme(study: Study, scheme: Scheme) -> Study:
    """Write a scheme; codes that exist keep their names. Returns what is on disk then.

    Raises:
        OutputError: it cannot be written.
    """
    return study.with_table(TABLE, scheme_table(scheme))
