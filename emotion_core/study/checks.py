"""What is likely to be wrong with the recordings of a study, each in a sentence."""

import itertools
import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from emotion_core.results.paths import FACES
from emotion_core.study.definitions import Baseline, Recording
from emotion_core.study.event_checks import check_baseline_events, check_events
from emotion_core.study.folder import Study, source_path
from emotion_core.study.outdated import Outdated, outdated
from emotion_core.study.problems import Problem, in_order, listed
from emotion_core.study.recordings import RECORDINGS
from emotion_core.study.spans import span_of
from emotion_core.study.study_file import STUDY
from emotion_core.study.text_files import column_key

# A column with more values than this is not a factor: age, remarks.
_MOST_LEVELS: Final = 10
_MOST_CELLS: Final = 100
# A column is meant to be constant within participants if at most this share of them varies.
_FEW: Final = 1 / 3
# Columns that describe, and that no one compares.
_NOT_FACTORS: Final = frozenset(
    {"order", "position", "trial", "run", "age", "date", "comment", "comments", "notes", "remark"}
)
# Columns of the results, which a variable would hide.
RESERVED: Final = frozenset(
    {"event", "event_kind", "occurrence", "signal", "mean", "median", "sd", "max", "max_time_s"}
    | {"mean_corrected", "area", "dominant_share", "episodes", "episodes_per_min", "onset_s"}
    | {"episode_mean_s", "valid_share", "valid_s", "unsure_share", "included", "time_s"}
)


def check_study(study: Study) -> tuple[Problem, ...]:
    """Everything that is wrong with a study: what cannot be read, and what is likely a mistake."""
    problems = list(study.problems)
    problems += check_recordings(study.recordings, study.folder)
    used = study.included
    problems += _analysed_otherwise(study, used)
    spans = {r.recording: span for r in used if (span := span_of(study, r)) is not None}
    problems += check_events(study.recordings, study.events, spans)
    if study.settings.baseline is Baseline.EVENT:
        problems += check_baseline_events(used, study.events)
    if study.settings.baseline is Baseline.START:
        problems += _start_baseline(study.settings.baseline_s, spans)
    return in_order(problems)


def _analysed_otherwise(study: Study, used: Sequence[Recording]) -> Iterable[Problem]:
    found, names = outdated(study), [r.recording for r in used]
    if other := [n for n in names if found.get(n) is Outdated.OTHER_VIDEO]:
        words = f"{_these(other, 'was', 'were')} analysed from another video than the file is now"
        yield Problem(RECORDINGS, f"{words}: {listed(other)}. Analyse {_it(other)} again.")
    if mixed := [n for n in names if found.get(n) is Outdated.ONE_PERSON]:
        words = f"{_these(mixed, 'was', 'were')} analysed as if the video showed one person only"
        yield Problem(RECORDINGS, f"{words}: {listed(mixed)}. Analyse {_it(mixed)} again.")


def _it(names: Sequence[str]) -> str:
    return "it" if len(names) == 1 else "them"


def _start_baseline(length_s: float, spans: Mapping[str, tuple[float, float]]) -> list[Problem]:
    short = [name for name, (first, last) in spans.items() if last - first < length_s]
    if not short:
        return []
    words = (
        f"The baseline is the first {length_s:g} s, and {_these(short)} shorter than that: "
        f"{listed(short)}. All of it is baseline."
    )
    return [Problem(f"{STUDY}, [analysis] baseline_s", words)]


def check_recordings(
    recordings: Sequence[Recording], folder: Path, *, between: Iterable[str] = ()
) -> list[Problem]:
    """What is likely to be wrong with recordings; those that are left out are not looked at.

    Args:
        recordings: of the study.
        folder: of the study.
        between: columns in which a participant must have one value; others are recognised where
            nearly all participants have.
    """
    used = [r for r in recordings if r.include]
    found = [
        *_files(used, folder),
        *_repeated(used, folder),
        *_participants(used),
        *_column_names(used),
        *_spellings(used),
        *_two_values(used, set(between)),
        *_gaps(used),
        *_unbalanced(used),
    ]
    return [Problem(RECORDINGS, words) for words in found]


def _these(names: Sequence[str], one: str = "is", many: str = "are") -> str:
    return f"1 recording {one}" if len(names) == 1 else f"{len(names)} recordings {many}"


def _files(recordings: Sequence[Recording], folder: Path) -> Iterable[str]:
    nameless, missing, empty = [], [], []
    for recording in recordings:
        path = source_path(folder, recording.file)
        if not recording.file:
            nameless.append(recording.recording)
        elif not os.path.exists(path):  # noqa: PTH110 (a name that no file can have)
            missing.append(f"{recording.recording} ({recording.file[:200]})")
        elif path.is_dir() and not (path / FACES).is_file():
            empty.append(recording.recording)
    if nameless:
        yield f"{_these(nameless, 'has', 'have')} no file: {listed(nameless)}."
    if missing:
        of_all = f" of {len(recordings)}" if len(recordings) > 1 else ""
        yield (
            f"The files of {len(missing)}{of_all} recordings are not there: {listed(missing)}. "
            "Correct the column file, or put them there."
        )
    if empty:
        yield (
            f"{_these(empty, 'is a folder', 'are folders')} without results ({FACES}): "
            f"{listed(empty)}."
        )


def _repeated(recordings: Sequence[Recording], folder: Path) -> Iterable[str]:
    """The same seconds of the same person of a file, in two recordings."""
    same: dict[tuple[str, str], list[Recording]] = defaultdict(list)
    for recording in recordings:
        if recording.file:
            path = os.path.realpath(source_path(folder, recording.file))
            same[path, recording.person.casefold()].append(recording)
    for group in same.values():
        group.sort(key=lambda r: r.start_s)
        for one, two in itertools.pairwise(group):
            if one.end_s is None or two.start_s < one.end_s:
                person = f", person {one.person}" if one.person else ""
                yield (
                    f"{one.recording} and {two.recording} share seconds of one file{person} "
                    f"({one.file}). Leave one out, or say who is meant in the column person."
                )


def _participants(recordings: Sequence[Recording]) -> Iterable[str]:
    empty = [r.recording for r in recordings if not r.participant]
    if empty:
        yield (
            f"{_these(empty, 'has', 'have')} no participant: {listed(empty)}. They count for no "
            "result until the column is filled."
        )


def _column_names(recordings: Sequence[Recording]) -> Iterable[str]:
    for column in _columns(recordings):
        if column_key(column) in RESERVED:
            yield f'The column "{column}" has the name of a column of the results: rename it.'


def _columns(recordings: Sequence[Recording]) -> list[str]:
    return list({name: None for r in recordings for name in r.variables})


def _spellings(recordings: Sequence[Recording]) -> Iterable[str]:
    """Two values that differ in capital letters or blanks only, and are probably one."""
    for column in ("participant", *_columns(recordings)):
        forms: dict[str, set[str]] = defaultdict(set)
        for value in (_value(r, column) for r in recordings):
            forms["".join(value.casefold().split())].add(value)
        for values in forms.values():
            if len(values) > 1:
                names = " and ".join(f'"{v}"' for v in sorted(values))
                yield f"In the column {column}, {names} differ in letters or blanks only."


def _value(recording: Recording, column: str) -> str:
    return recording.participant if column == "participant" else recording.variables.get(column, "")


def _two_values(recordings: Sequence[Recording], between: set[str]) -> Iterable[str]:
    """Participants with two values in a column in which all others have one."""
    for column in _columns(recordings):
        seen: dict[str, Counter[str]] = defaultdict(Counter)
        for recording in recordings:
            if recording.participant and (value := recording.variables.get(column, "")):
                seen[recording.participant][value] += 1
        seen = {p: values for p, values in seen.items() if values.total() > 1}
        mixed = [p for p, values in seen.items() if len(values) > 1]
        constant = len(seen) - len(mixed)
        meant = column in between or (constant > 1 and len(mixed) <= _FEW * len(seen))
        if mixed and meant and column_key(column) not in _NOT_FACTORS:
            shown = [f"{p} ({', '.join(sorted(seen[p]))})" for p in mixed]
            yield (
                f"In the column {column} all other participants have one value, but not "
                f"{listed(shown)}."
            )


def _gaps(recordings: Sequence[Recording]) -> Iterable[str]:
    for column in factors_of(recordings):
        empty = [r.recording for r in recordings if not r.variables.get(column)]
        if empty:
            words = f"{_these(empty, 'has', 'have')} no value: {listed(empty)}"
            yield f"In the column {column}, {words}."


def factors_of(recordings: Sequence[Recording]) -> list[str]:
    """Columns that can be compared: two to ten values, at least one of which is repeated."""
    factors = []
    for column in _columns(recordings):
        values = Counter(v for r in recordings if (v := r.variables.get(column, "")))
        few = 2 <= len(values) <= _MOST_LEVELS and max(values.values()) > 1
        if few and column_key(column) not in _NOT_FACTORS:
            factors.append(column)
    return factors


def cells(recordings: Iterable[Recording], factors: Sequence[str]) -> dict[tuple[str, ...], int]:
    """How many participants each cell has; empty cells of the design, too.

    Args:
        recordings: those that are not left out are counted, with a value in every factor.
        factors: columns of recordings.csv.

    Returns:
        Values of the factors → number of participants, by the values as they are sorted.
    """
    inside: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for recording in recordings:
        cell = tuple(recording.variables.get(factor, "") for factor in factors)
        if recording.include and recording.participant and all(cell):
            inside[cell].add(recording.participant)
    levels = [sorted({cell[i] for cell in inside}) for i in range(len(factors))]
    return {cell: len(inside.get(cell, ())) for cell in itertools.product(*levels)}


def _unbalanced(recordings: Sequence[Recording]) -> Iterable[str]:
    factors = _independent(recordings, factors_of(recordings))
    sizes = [len({r.variables.get(f) for r in recordings} - {"", None}) for f in factors]
    while factors and _product(sizes) > _MOST_CELLS:
        worst = sizes.index(max(sizes))
        del factors[worst], sizes[worst]
    counts = cells(recordings, factors) if factors else {}
    if len(set(counts.values())) < 2:
        return
    ordered = sorted(counts.items(), key=lambda item: item[1])

    def shown(item: tuple[tuple[str, ...], int]) -> str:
        pairs = (f"{factor} {value}" for factor, value in zip(factors, item[0], strict=True))
        return f"{', '.join(pairs)}: {item[1]}"

    few, many = shown(ordered[0]), shown(ordered[-1])
    empty = sum(count == 0 for count in counts.values())
    words = f"{empty} of {len(counts)} cells are empty. " if empty else ""
    yield f"The cells are unbalanced, from {few} to {many} participants. {words}".strip()


def _product(sizes: Sequence[int]) -> int:
    total = 1
    for size in sizes:
        total *= size
    return total


def _independent(recordings: Sequence[Recording], factors: Sequence[str]) -> list[str]:
    """The factors without those that follow from another one: the condition from its stimulus."""
    kept = list(factors)
    for factor in factors:
        others = [other for other in kept if other != factor]
        if any(_follows(recordings, other, factor) for other in others):
            kept.remove(factor)
    return kept


def _follows(recordings: Sequence[Recording], one: str, other: str) -> bool:
    """Whether a value of `one` tells the value of `other`."""
    pairs = {(r.variables.get(one, ""), r.variables.get(other, "")) for r in recordings}
    return len({first for first, _ in pairs}) == len(pairs)
