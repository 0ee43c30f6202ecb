"""ELAN (Wittenburg et al. 2006): annotations of .eaf files, read by pympi."""

from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path, PurePosixPath
from typing import Any, Final

from pympi.Elan import Eaf

from emotion_core.errors import InputError
from emotion_core.interchange.elan import POINT_MS
from emotion_core.study.event_files.found import Found, FoundEvent, kind_of_tier, label_from
from emotion_core.study.problems import Problem
from emotion_core.study.text_files import read_text

_MS: Final = 1000.0
# A chain of references longer than this is a circle.
_DEEPEST: Final = 50


def read_elan(path: Path) -> Found:
    """Every annotation of every tier; the name of the tier says what kind of event it is.

    An annotation without a time of its own (a symbolic association or subdivision) has that of the
    one to which it belongs; unaligned ones share the time between their neighbours evenly. ELAN has
    no points: an annotation of a millisecond is one.

    Raises:
        InputError: it is not a file of ELAN.
    """
    # For a file that cannot be read, and one that is too large.
    read_text(path)
    try:
        eaf = Eaf(str(path), suppress_version_warning=True)
    except Exception as error:  # pympi raises whatever a missing part leads to
        words = f"{path.name} is not a file of ELAN ({type(error).__name__}: {error})."
        raise InputError(f"{words} Open it in ELAN and save it again.") from error
    found = Found("ELAN", on_video=True)
    media = tuple(
        PurePosixPath(str(m.get("MEDIA_URL", "")).replace("\\", "/")).name
        for m in eaf.media_descriptors
    )
    times: dict[str, tuple[float, float]] = {}
    for aligned, *_ in eaf.tiers.values():
        times |= _aligned_times(aligned, eaf.timeslots)
    for tier, (aligned, references, about, _) in eaf.tiers.items():
        lost = 0
        for key, value in _annotations(aligned, references):
            time = _time_of(key, times, eaf)
            if time is None or time[1] < time[0]:
                lost += 1
                continue
            if round((time[1] - time[0]) * _MS) <= POINT_MS:
                time = time[0], time[0]
            kind = kind_of_tier(tier)
            label = label_from(value) or label_from(tier) or str(kind)
            subject = str(about.get("PARTICIPANT", ""))
            found.events.append(FoundEvent(*time, label, kind, media=media, subject=subject))
        if lost:
            words = f"{lost} of its annotations have no time that can be used: they are left out."
            found.problems.append(Problem(f"{path.name}, tier {tier}", words))
    return found


def _annotations(aligned: Mapping[str, Any], references: Mapping[str, Any]) -> Iterator[Any]:
    yield from ((key, entry[2]) for key, entry in aligned.items())
    yield from ((key, entry[1]) for key, entry in references.items())


def _aligned_times(
    aligned: Mapping[str, Any], slots: Mapping[str, int | None]
) -> dict[str, tuple[float, float]]:
    """Annotation → start and end in seconds; unaligned slots share the time between others."""
    chain: list[str] = []
    for start, end, *_ in aligned.values():
        chain += [slot for slot in (start, end) if chain[-1:] != [slot]]
    known = [(i, slots.get(slot)) for i, slot in enumerate(chain)]
    fixed = [(i, value) for i, value in known if value is not None]
    at = {chain[i]: float(value) for i, value in fixed}
    for (i, low), (j, high) in pairwise(fixed):
        at |= {chain[k]: low + (high - low) * (k - i) / (j - i) for k in range(i + 1, j)}
    return {
        key: (at[start] / _MS, at[end] / _MS)
        for key, (start, end, *_) in aligned.items()
        if start in at and end in at
    }


def _time_of(
    key: str, times: Mapping[str, tuple[float, float]], eaf: Any
) -> tuple[float, float] | None:
    for _ in range(_DEEPEST):
        if key in times:
            return times[key]
        references = eaf.tiers.get(eaf.annotations.get(key), ({}, {}))[1]
        if key not in references:
            return None
        key = references[key][0]
    return None
