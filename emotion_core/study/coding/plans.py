"""Sampling plans: which stretches of which recordings are coded, and in which order.

Everything random follows from a seed, by SHA-256 or NumPy's default generator: the same seed and
the same recordings give the same clips, and another recording in the study changes none of the
others.
"""

import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Final

import numpy as np

from emotion_core.errors import InputError, SettingsError
from emotion_core.labels import EXPRESSIONS
from emotion_core.results.face_table import Float64Array
from emotion_core.study.definitions import EventKind, Recording
from emotion_core.study.folder import Study
from emotion_core.study.grid import event_span
from emotion_core.study.readings_file import read_readings

# Less cannot be judged.
SHORTEST_S: Final = 0.1
_LONGEST_S: Final = 24 * 3600.0
_MOST: Final = 1000
_ROUNDED: Final = 3

Spans = Mapping[str, tuple[float, float]]


class Sampling(StrEnum):
    """How clips are chosen."""

    WHOLE = "whole"  # every recording, from its start to its end
    RANDOM = "random"  # windows at random places
    EVENTS = "events"  # windows at events
    UNSURE = "unsure"  # windows in which the machine is most often unsure
    CHANGES = "changes"  # windows in which its dominant expression changes most often


@dataclass(frozen=True, slots=True)
class Plan:
    """How the clips of a study are chosen.

    Attributes:
        sampling: see `Sampling`.
        length_s: of a window, seconds; not used by WHOLE, and by EVENTS only for point events.
        number: windows of each recording, at most: RANDOM, UNSURE and CHANGES.
        seed: of all random choices, and of the order for each coder.
        event_kind, event_label: EVENTS: only these; "" takes all but those of the kind exclude.
        before_s, after_s: EVENTS: so much before the start and after the end, too.
        recordings: only these; () takes all that are included in the study.

    Raises:
        SettingsError: a value is outside its range.
    """

    sampling: Sampling = Sampling.WHOLE
    length_s: float = 10.0
    number: int = 5
    seed: int = 1
    event_kind: str = ""
    event_label: str = ""
    before_s: float = 0.0
    after_s: float = 0.0
    recordings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not SHORTEST_S <= self.length_s <= _LONGEST_S:
            raise SettingsError(f"A window must last from {SHORTEST_S:g} s to 24 h.")
        if not 1 <= self.number <= _MOST:
            raise SettingsError(f"The number of windows must be from 1 to {_MOST:,}.")
        for seconds in (self.before_s, self.after_s):
            if not 0 <= seconds <= _LONGEST_S:
                raise SettingsError("The time before and after events must be from 0 s to 24 h.")

    def values(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return asdict(self) | {"recordings": list(self.recordings)}


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of a recording, seconds on the clock of its video."""

    recording: str
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class Sample:
    """The clips of a plan.

    Attributes:
        windows: by recording and time.
        problems: sentences: what was shortened or left out, and why.
    """

    windows: tuple[Window, ...] = ()
    problems: tuple[str, ...] = field(default=())


def sample(study: Study, plan: Plan, spans: Spans) -> Sample:
    """Choose the clips of a plan.

    Args:
        study: the study.
        plan: how they are chosen.
        spans: recording → its first and last second that can be coded, seconds on the clock of its
            video; recordings without one are left out, which is told.

    Returns:
        Clips that are inside their recordings.

    Raises:
        InputError: there are no clips; the message says why.
    """
    windows: list[Window] = []
    problems: list[str] = []
    for recording in _wanted(study, plan):
        span = spans.get(recording.recording)
        if span is None or span[1] - span[0] < SHORTEST_S:
            problems.append(f"{recording.recording}: length unknown or too short.")
            continue
        found, told = _of_recording(study, plan, recording, span)
        windows += [Window(recording.recording, *_rounded(w, span)) for w in found]
        problems += [f"{recording.recording}: {words}" for words in told]
    if not windows:
        reasons = " ".join(problems[:3]) or "No recording of the study is included."
        raise InputError(f"This plan has no clips. {reasons}")
    return Sample(tuple(dict.fromkeys(windows)), tuple(problems))


def _wanted(study: Study, plan: Plan) -> list[Recording]:
    known = {r.recording for r in study.recordings}
    if unknown := sorted(set(plan.recordings) - known):
        raise InputError(f"The study has no recording {', '.join(unknown)}.")
    return [
        r
        for r in study.recordings
        if r.include and (not plan.recordings or r.recording in plan.recordings)
    ]


def _rounded(window: tuple[float, float], span: tuple[float, float]) -> tuple[float, float]:
    """To milliseconds, and still inside."""
    unit = 10**_ROUNDED
    low, high = math.ceil(span[0] * unit) / unit, math.floor(span[1] * unit) / unit
    first, last = (round(value, _ROUNDED) for value in window)
    return max(first, low), min(last, high)


Found = tuple[list[tuple[float, float]], list[str]]


def _of_recording(
    study: Study, plan: Plan, recording: Recording, span: tuple[float, float]
) -> Found:
    match plan.sampling:
        case Sampling.WHOLE:
            return [span], []
        case Sampling.EVENTS:
            return _at_events(study, plan, recording, span)
    if span[1] - span[0] <= plan.length_s:
        words = f"lasts only {span[1] - span[0]:.1f} s: all of it is one clip."
        return [span], [words] if span[1] - span[0] < plan.length_s else []
    rng = np.random.default_rng(int(digest(plan.seed, recording.recording)[:16], 16))
    if plan.sampling is Sampling.RANDOM:
        return random_windows(rng, span, plan.length_s, plan.number)
    return _at_scores(study, plan, recording, span, rng)


def random_windows(
    rng: np.random.Generator, span: tuple[float, float], length_s: float, number: int
) -> Found:
    """Windows at random places of a span that do not overlap, by time.

    Each arrangement of `number` windows is equally likely: sorted uniform numbers in what the
    windows leave free, to each of which the windows before it are added.
    """
    fit = int((span[1] - span[0] + 1e-9) // length_s)
    told = [] if number <= fit else [f"windows of {length_s:g} s that fit: {fit}, not {number}."]
    number = min(number, fit)
    free_s = max(0.0, span[1] - span[0] - number * length_s)
    starts = span[0] + np.sort(rng.uniform(0.0, free_s, number)) + np.arange(number) * length_s
    return [(float(s), float(s) + length_s) for s in starts], told


def _at_events(study: Study, plan: Plan, recording: Recording, span: tuple[float, float]) -> Found:
    found: list[tuple[float, float]] = []
    told = []
    for event in study.events_of(recording):
        if plan.event_kind and event.kind != plan.event_kind:
            continue
        if event.kind is EventKind.EXCLUDE or plan.event_label not in ("", event.label):
            continue
        start_s, end_s = event_span(event, recording, study.settings)
        if event.end_s == event.start_s:
            end_s = start_s + plan.length_s
        wanted = start_s - plan.before_s, end_s + plan.after_s
        inside = max(wanted[0], span[0]), min(wanted[1], span[1])
        if inside[1] - inside[0] < SHORTEST_S:
            told.append(f"“{event.label}” at {start_s:.1f} s is outside of the recording.")
            continue
        if inside != wanted:
            told.append(f"the clip of “{event.label}” at {start_s:.1f} s was cut at its end.")
        found.append(inside)
    return found, told if found or told else ["no such events."]


def _at_scores(
    study: Study,
    plan: Plan,
    recording: Recording,
    span: tuple[float, float],
    rng: np.random.Generator,
) -> Found:
    """Windows in which the machine is unsure, or changes its mind."""
    path = study.readings_file(recording)
    if not path.is_file():
        return [], ["it has no readings yet: analyse it and press “Compute results” first."]
    frame = read_readings(path, ["time_s", "unsure", "valid", *EXPRESSIONS])
    times = frame["time_s"].to_numpy(np.float64)
    valid = frame["valid"].to_numpy(np.bool_)
    if plan.sampling is Sampling.UNSURE:
        scores = (valid & frame["unsure"].to_numpy(np.bool_)).astype(np.float64)
        missing = "the machine is never unsure in it."
    else:
        scores = _changes(frame[list(EXPRESSIONS)].to_numpy(np.float64), valid)
        missing = "its dominant expression never changes."
    windows = best_windows(times, scores, span, plan.length_s, plan.number, rng)
    fewer = f"windows that were found: {len(windows)}, not {plan.number}."
    return windows, [] if len(windows) == plan.number else [fewer if windows else missing]


def _changes(values: Float64Array, valid: np.ndarray[Any, np.dtype[np.bool_]]) -> Float64Array:
    """(T,) 1 where the dominant expression differs from that of the last valid step."""
    places = np.flatnonzero(valid & np.isfinite(values).all(axis=1))
    dominant = values[places].argmax(axis=1) if len(places) else places
    changes = np.zeros(len(values))
    changes[places[1:][np.diff(dominant) != 0]] = 1.0
    return changes


def best_windows(
    times: Float64Array,
    scores: Float64Array,
    span: tuple[float, float],
    length_s: float,
    number: int,
    rng: np.random.Generator,
) -> list[tuple[float, float]]:
    """Windows that do not overlap with the largest sum of scores, one after the other; by time.

    Args:
        times, scores: (T,) of each step; times increase.
        span: windows are inside of it.
        length_s, number: of the windows.
        rng: decides between equal sums.
    """
    firsts = times - length_s / 2
    starts = np.unique(np.clip(firsts, span[0], span[1] - length_s))
    sums = np.concatenate([[0.0], np.cumsum(scores)])
    ends = np.searchsorted(times, starts + length_s - 1e-9)
    totals = sums[ends] - sums[np.searchsorted(times, starts - 1e-9)]
    chosen: list[float] = []
    for i in np.lexsort([rng.random(len(starts)), -totals]):
        if len(chosen) == number or totals[i] <= 0:
            break
        if all(abs(starts[i] - other) >= length_s - 1e-9 for other in chosen):
            chosen.append(float(starts[i]))
    return [(start, start + length_s) for start in sorted(chosen)]


def digest(*values: object) -> str:
    """The values as hexadecimal letters that look random: sorted by these, things are shuffled."""
    return hashlib.sha256("\0".join(map(str, values)).encode()).hexdigest()


def coder_order(seed: int, coder: str, units: Iterable[str]) -> list[str]:
    """Units in the order in which a coder sees them: random, and the same each time."""
    return sorted(units, key=lambda unit: digest(seed, "order", coder, unit))


def shared_part(seed: int, share: float, units: Sequence[str]) -> list[str]:
    """The units of a coder who codes a share of them.

    A coder with a larger share codes these, too: any two coders have the smaller share in common.

    Args:
        seed: of the plan.
        share: above 0 and at most 1; at least one unit is given.
        units: all of the plan.
    """
    ranked = sorted(units, key=lambda unit: digest(seed, "share", unit))
    chosen = set(ranked[: max(1, math.ceil(share * len(ranked) - 1e-9))])
    return [unit for unit in units if unit in chosen]
