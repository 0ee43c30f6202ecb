"""Which test fits a study: read off from how its columns vary within and between participants."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import pandas as pd

from emotion_core.errors import InputError
from emotion_core.study.definitions import ASKED_KINDS

Kind = Literal["two_groups", "several_groups", "paired", "one_sample", "mixed_model"]

# The measure, in the tables that tests are computed from.
VALUE: Final = "value"
# Columns of the long table that are not variables of a study.
_NOT_VARIABLES: Final = frozenset(
    (
        *("participant", "recording", "file", "person", "clock_offset_s", "include"),
        *("event", "event_kind", "occurrence", "start_s", "end_s", "signal"),
        *("mean", "median", "sd", "max", "max_time_s", "mean_corrected", "area"),
        *("dominant_share", "episodes", "episodes_per_min", "episode_mean_s", "onset_s"),
        *("valid_share", "valid_s", "unsure_share", "included", "reason", VALUE),
    )
)
# Variables that are seldom what is asked about; a factor only where they are named.
_SELDOM_FACTORS: Final = frozenset(
    {"order", "trial", "block", "age", "note", "notes", "comment", "session_ended"}
)
# Answers given during a presentation.
_RATING: Final = "rating_"
_USUAL_FACTORS: Final = ("group", "condition")
_MOST_LEVELS: Final = 6
_MOST_CHOSEN: Final = 2
MOST_FACTORS: Final = 3
# Measures for which zero means "as at rest", so that one sample can be tested against it.
ZERO_MEANS_REST: Final = frozenset({"mean_corrected"})
# With fewer stimuli it can hardly be told how much they differ in their effects.
STIMULI_FOR_SLOPES: Final = 5
_STIMULUS_COLUMNS: Final = ("stimulus", "event")


@dataclass(frozen=True, slots=True)
class Design:
    """How a study is compared.

    Attributes:
        measure: column of the long table.
        between: factors that are constant within each participant.
        within: factors of which participants have several levels.
        stimulus: column whose values are a sample of stimuli, or None.
        kind: the test: see `explanation`.
        explanation: in one sentence, why this test was chosen.
        warnings: what a reader of the results has to know about the design.
    """

    measure: str
    between: tuple[str, ...]
    within: tuple[str, ...]
    stimulus: str | None
    kind: Kind
    explanation: str
    warnings: tuple[str, ...] = ()

    @property
    def factors(self) -> tuple[str, ...]:
        """All factors that are compared."""
        return (*self.between, *self.within)


def choose_design(
    table: pd.DataFrame, *, measure: str = "mean", factors: Sequence[str] | None = None
) -> Design:
    """Choose the test from the columns of a long table.

    Args:
        table: rows of the long table; those with `included` False do not count.
        measure: column that is compared.
        factors: columns to compare by, at most three; None: up to two that have few levels, and
            the stimuli where nothing else varies. Stimuli (or events, where there are several)
            that are not named become a random factor of the mixed model.

    Raises:
        InputError: a column that is missing, no usable rows, or too many factors.
    """
    rows = usable_rows(table, measure)
    warnings: list[str] = []
    named = factors is not None
    chosen = _checked(rows, factors, warnings) if factors is not None else _chosen(rows, warnings)
    stimulus = _stimulus(rows, chosen, warnings)
    if not chosen and not named:
        chosen, stimulus = _stimuli_as_factor(rows, stimulus), None
    between = tuple(f for f in chosen if not _varies_within(rows, f))
    within = tuple(f for f in chosen if f not in between)
    for factor in between:
        warnings += _in_two_groups(rows, factor)
    if not chosen:
        stimulus = None
    elif stimulus and (count := len(levels(rows, stimulus))) < STIMULI_FOR_SLOPES:
        warnings.append(
            f"There are only {count} levels of {stimulus}, so that the results hold for these, and"
            " not for others of their kind."
        )
    kind = _kind(rows, between, within, stimulus)
    if kind == "one_sample" and measure not in ZERO_MEANS_REST:
        warnings.append(
            f"There is nothing to compare {measure} with: no column varies, and zero is not what it"
            " would be at rest. Set a baseline and compare mean_corrected, or add a variable."
        )
    explanation = _explain(rows, kind, between, within, stimulus)
    return Design(measure, between, within, stimulus, kind, explanation, tuple(warnings))


def usable_rows(table: pd.DataFrame, measure: str) -> pd.DataFrame:
    """The rows that count: included, with a participant, and of events where there are any.

    Without them, whole recordings count; without these, all rows.

    Raises:
        InputError: a column is missing, or nothing is left.
    """
    if missing := [c for c in ("participant", "signal", measure) if c not in table]:
        raise InputError(f"The table has no column {', '.join(missing)}.")
    rows = table
    if "included" in rows:
        rows = rows[rows["included"].astype(bool)]
    rows = rows[rows["participant"].notna() & (rows["participant"].astype(str) != "")]
    if "event_kind" in rows:
        for kinds in (ASKED_KINDS, ["recording"]):
            if (asked := rows["event_kind"].isin(kinds)).any():
                rows = rows[asked]
                break
    if rows.empty:
        raise InputError("No participant is left to compare: all rows are left out or empty.")
    return rows


def levels(rows: pd.DataFrame, column: str) -> list[str]:
    """Values of a column as text, sorted, without missing ones."""
    return sorted(set(as_text(rows[column])) - {""})


def as_text(column: "pd.Series[str]") -> "pd.Series[str]":
    """A column's values as text; "" where missing."""
    return column.astype(object).where(column.notna(), "").astype(str)


def offenders(rows: pd.DataFrame, factor: str) -> dict[str, list[str]]:
    """Participants with several levels of a factor, and these levels."""
    pairs = pd.DataFrame({"who": as_text(rows["participant"]), "level": as_text(rows[factor])})
    pairs = pairs[pairs["level"] != ""].drop_duplicates().sort_values(["who", "level"])
    found: dict[str, list[str]] = {}
    for who, level in pairs[pairs.duplicated("who", keep=False)].itertuples(index=False):
        found.setdefault(str(who), []).append(str(level))
    return found


def _checked(rows: pd.DataFrame, factors: Sequence[str], warnings: list[str]) -> list[str]:
    if missing := [f for f in factors if f not in rows]:
        raise InputError(f"The table has no column {', '.join(missing)} to compare by.")
    if VALUE in factors:
        raise InputError(f"A column {VALUE} cannot be compared by: give it another name.")
    if len(factors) > MOST_FACTORS:
        raise InputError(f"At most {MOST_FACTORS} factors can be compared at once.")
    chosen = []
    for factor in dict.fromkeys(factors):
        if len(found := levels(rows, factor)) > 1:
            chosen.append(factor)
        else:
            value = f"only the value {found[0]}" if found else "no values"
            warnings.append(f"{factor} has {value}, so nothing is compared by it.")
    return chosen


def _chosen(rows: pd.DataFrame, warnings: list[str]) -> list[str]:
    columns = [
        c
        for c in rows.columns
        if c not in _NOT_VARIABLES
        and c not in _SELDOM_FACTORS
        and c not in _STIMULUS_COLUMNS
        and not c.startswith(_RATING)
        and not pd.api.types.is_float_dtype(rows[c])
        and 2 <= len(levels(rows, c)) <= _MOST_LEVELS
    ]
    people = rows["participant"].nunique()
    # A column of its own value for each participant describes persons; it is not a factor.
    columns = [
        c
        for c in columns
        if c in _USUAL_FACTORS or _varies_within(rows, c) or len(levels(rows, c)) <= people / 2
    ]
    columns.sort(key=lambda c: (*_USUAL_FACTORS, c).index(c))
    if rest := columns[_MOST_CHOSEN:]:
        warnings.append(f"{', '.join(rest)} also varied; name it as a factor to compare by it.")
    return columns[:_MOST_CHOSEN]


def _varies_within(rows: pd.DataFrame, column: str) -> bool:
    return len(offenders(rows, column)) >= math.ceil(rows["participant"].nunique() / 2)


def _stimulus(rows: pd.DataFrame, chosen: Sequence[str], warnings: list[str]) -> str | None:
    """The column of the stimuli, where participants have seen several, as others have."""
    for column in _STIMULUS_COLUMNS:
        if column not in rows or column in chosen or len(levels(rows, column)) < 2:
            continue
        if not _varies_within(rows, column):
            continue
        names = as_text(rows[column])
        people = rows["participant"].groupby(names).nunique()
        if people.median() < 2:
            continue
        for factor in chosen:
            pairs = pd.DataFrame({"stimulus": names, "level": as_text(rows[factor])})
            pairs = pairs[(pairs != "").all(axis=1)].drop_duplicates()
            if not pairs.duplicated("stimulus").any() and not pairs.duplicated("level").any():
                warnings.append(
                    f"Each level of {factor} has a single {column}: what differs may be due to"
                    f" the {column} as well as to the {factor}."
                )
                return None
        return column
    return None


def _stimuli_as_factor(rows: pd.DataFrame, stimulus: str | None) -> list[str]:
    """The stimuli, where nothing else varies; participants may have seen one of them each."""
    if stimulus:
        return [stimulus]
    people = rows["participant"].nunique()
    return [
        column
        for column in _STIMULUS_COLUMNS
        if column in rows
        and 2 <= len(levels(rows, column)) <= min(_MOST_LEVELS, people / 2)
        and not _varies_within(rows, column)
    ][:1]


def _in_two_groups(rows: pd.DataFrame, factor: str) -> list[str]:
    return [
        f"Participant {who} is in several levels of {factor} ({', '.join(found)}) although it"
        " should tell participants apart; this participant is left out of the comparison."
        for who, found in offenders(rows, factor).items()
    ]


def _kind(
    rows: pd.DataFrame, between: Sequence[str], within: Sequence[str], stimulus: str | None
) -> Kind:
    if not between and not within:
        return "one_sample"
    if stimulus is None and len(between) + len(within) == 1:
        two = len(levels(rows, (*between, *within)[0])) == 2
        if between:
            return "two_groups" if two else "several_groups"
        if two:
            return "paired"
    return "mixed_model"


def _explain(
    rows: pd.DataFrame,
    kind: Kind,
    between: Sequence[str],
    within: Sequence[str],
    stimulus: str | None,
) -> str:
    keys = ["participant", "signal", *between, *within, *([stimulus] if stimulus else [])]
    several = bool(rows.duplicated(keys).any())
    value = "one value (the mean of the participant's recordings and events)"
    value = value if several else "one value"
    if kind == "one_sample":
        return (
            f"Nothing was varied, and each participant gives {value}, so the mean is tested against"
            " zero with a t test and by flipping signs at random."
        )
    if kind == "paired":
        return (
            f"Each participant gives {value} in both levels of *{within[0]}*, so the differences"
            " within participants are tested with a paired t test and by flipping signs at random."
        )
    if kind in ("two_groups", "several_groups"):
        count = len(levels(rows, between[0]))
        test = (
            "the two groups are compared with Welch's t test and a permutation test."
            if count == 2
            else f"the {count} groups are compared with Welch's analysis of variance, and in pairs"
            " with Welch's t test and a permutation test."
        )
        return f"Participants differ in *{between[0]}* and give {value} each, so {test}"
    return _explain_model(between, within, stimulus)


def _explain_model(between: Sequence[str], within: Sequence[str], stimulus: str | None) -> str:
    facts = []
    if between:
        facts.append(f"differ in {_names(between)}")
    if within:
        facts.append(f"were recorded at several levels of {_names(within)}")
    if stimulus:
        facts.append(f"saw several of the same stimuli (*{stimulus}*)")
    crossed = "participants and stimuli as crossed random factors"
    random = crossed if stimulus else "participants as a random factor"
    return f"Participants {' and '.join(facts)}, so a linear mixed model with {random} is fitted."


def _names(factors: Sequence[str]) -> str:
    return " and ".join(f"*{f}*" for f in factors)
