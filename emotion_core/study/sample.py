"""A study of synthetic recordings: what a study is, without anybody's face.

Every reading is drawn from random numbers. The readings of an expression follow the softmax of an
autoregressive process of order 1 for each expression, to which the film adds its response curve.
One difference is planted: people of group B smile more at the funny film. In one recording the face
is hidden most of the time, one participant speaks, and some look away for a moment.
"""

import csv
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri, softmax

from emotion_core.atomic_io import replace_file
from emotion_core.labels import EXPRESSIONS
from emotion_core.results.export import COLUMNS, output_error
from emotion_core.results.paths import FACES
from emotion_core.results.summary import write_summary
from emotion_core.results.valence_arousal import valence_arousal
from emotion_core.study.definitions import Baseline, Event, EventKind, Recording, StudySettings
from emotion_core.study.folder import Study

NAME: Final = "Sample study (synthetic data)"
# In the table [design] of study.toml: the page and the report say that the data are made up.
SYNTHETIC: Final = "synthetic"
GROUPS: Final = ("A", "B")
FILMS: Final = ("funny film", "sad film", "neutral film")
LENGTH_S, RATE_HZ = 20.0, 10.0
FILM_S: Final = (3.0, 18.0)
PARTICIPANTS_A_GROUP: Final = 12
# Where somebody is not seen, or speaks: participant and film → seconds.
HIDDEN: Final = {("P07", "sad film"): ((1.0, 7.0), (7.6, 19.2))}
AWAY: Final = {
    ("P03", "funny film"): ((12.4, 13.9),),
    ("P11", "neutral film"): ((6.0, 6.8), (15.1, 16.6)),
    ("P20", "sad film"): ((9.5, 11.0),),
}
SPEAKING: Final = {("P05", "neutral film"): ((7.0, 12.5),)}
# Log-odds of each expression of a face at rest, and how much they differ between people and, from
# moment to moment, within one; the process forgets with a time constant of `_MEMORY_S`.
_AT_REST: Final = (-2.7, -3.2, -3.4, -2.0, 1.0, -1.7, -2.5)
_BETWEEN_SD, _WITHIN_SD, _RAW_SD, _MEMORY_S = 0.25, 0.45, 0.35, 0.8
# What a film adds at its strongest, and how much people differ in that.
_RESPONSE: Final = {"funny film": ("happy", 2.2), "sad film": ("sad", 1.5)}
_RESPONSE_SD: Final = 0.75
# Added to the response of group B to the funny film: about 1.2 standard deviations of
# the participants' means.
PLANTED: Final = 1.3
_UNSURE_BELOW: Final = 0.45
_FloatArray = NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True)
class _Person:
    """One participant: group, log-odds at rest (7,), and strength of the response to each film."""

    name: str
    group: str
    at_rest: _FloatArray
    response: dict[str, float]


def make_sample_study(folder: Path, seed: int = 20) -> Study:
    """Write a study of 24 participants in two groups who saw three films each.

    Args:
        folder: does not exist yet, or is empty.
        seed: of all random numbers; the same seed gives the same files.

    Raises:
        OutputError: the files cannot be written.
        InputError: there is a study in this folder.
    """
    study = Study.create(folder, NAME)
    rng = np.random.default_rng(seed)
    rows = []
    for place, person in enumerate(_people(rng)):
        for number in range(len(FILMS)):
            # Each film is first for a third of the participants.
            film = FILMS[(place + number) % len(FILMS)]
            name = f"{person.name}_{film.replace(' ', '_')}"
            _write_results(folder / "recordings" / name, rng, person, film)
            variables = {"group": person.group, "stimulus": film, "order": str(number + 1)}
            rows.append(Recording(name, f"recordings/{name}", person.name, variables))
    study = study.with_recordings(sorted(rows, key=lambda row: row.recording))
    study = study.with_events(_events())
    study = study.with_settings(StudySettings(baseline=Baseline.EVENT, after_s=15.0))
    return study.with_design({SYNTHETIC: True, "factors": ["group", "stimulus"]})


def is_synthetic(study: Study) -> bool:
    """Whether the recordings of a study are made up."""
    return bool(study.design.get(SYNTHETIC))


def _events() -> list[Event]:
    films = [Event(f"stimulus={film}", EventKind.STIMULUS, film, *FILM_S) for film in FILMS]
    return [Event("*", EventKind.BASELINE, "baseline", 0.0, FILM_S[0]), *films]


def _people(rng: np.random.Generator) -> list[_Person]:
    """The participants, groups in turn. In both groups the responses have the same spread: those of
    group B to the funny film are larger by `PLANTED`."""
    spread = ndtri((np.arange(PARTICIPANTS_A_GROUP) + 0.5) / PARTICIPANTS_A_GROUP) * _RESPONSE_SD
    responses = {
        (group, film): rng.permutation(spread)
        + mean
        + PLANTED * (group == "B" and film == FILMS[0])
        for film, (_, mean) in _RESPONSE.items()
        for group in GROUPS
    }
    people = []
    for place in range(len(GROUPS) * PARTICIPANTS_A_GROUP):
        group, nth = GROUPS[place % 2], place // 2
        at_rest = np.array(_AT_REST) + rng.normal(0.0, _BETWEEN_SD, len(EXPRESSIONS))
        strengths = {film: float(responses[group, film][nth]) for film in _RESPONSE}
        people.append(_Person(f"P{place + 1:02}", group, at_rest, strengths))
    return people


def _response(times: _FloatArray) -> _FloatArray:
    """(T,) from 0 to 1: it rises within three seconds, stays, and fades from the film's end."""
    rise = 1 / (1 + np.exp(-(times - FILM_S[0] - 2.0) / 0.6))
    fade = 1 / (1 + np.exp((times - FILM_S[1] - 0.5) / 0.4))
    return np.asarray(rise * fade * (0.75 + 0.25 * np.sin((times - FILM_S[0]) / 2.2)))


def _log_odds(
    rng: np.random.Generator, person: _Person, film: str, times: _FloatArray
) -> _FloatArray:
    """(T, 7) of one recording."""
    keep = float(np.exp(-1.0 / (RATE_HZ * _MEMORY_S)))
    noise = rng.normal(0.0, _WITHIN_SD, (len(times), len(EXPRESSIONS)))
    for i in range(1, len(times)):
        noise[i] = keep * noise[i - 1] + np.sqrt(1 - keep**2) * noise[i]
    found = person.at_rest + noise
    if film in _RESPONSE:
        column = EXPRESSIONS.index(_RESPONSE[film][0])
        found[:, column] += person.response[film] * _response(times)
    for start_s, end_s in SPEAKING.get((person.name, film), ()):
        # Talking opens the mouth: surprise and joy flicker.
        talks = (times >= start_s) & (times < end_s)
        for name in ("surprise", "happy"):
            found[talks, EXPRESSIONS.index(name)] += rng.normal(1.2, 1.0, int(talks.sum()))
    return found


def _write_results(folder: Path, rng: np.random.Generator, person: _Person, film: str) -> None:
    """A results folder as an analysis leaves it: faces.csv and summary.json."""
    times = np.arange(round(LENGTH_S * RATE_HZ)) / RATE_HZ
    odds = _log_odds(rng, person, film, times)
    raw = softmax(odds + rng.normal(0.0, _RAW_SD, odds.shape), axis=1)
    gone = (*HIDDEN.get((person.name, film), ()), *AWAY.get((person.name, film), ()))
    away = np.any([(times >= a) & (times < b) for a, b in gone], axis=0) if gone else times < 0
    spoken = SPEAKING.get((person.name, film), ())
    talks = np.any([(times >= a) & (times < b) for a, b in spoken], axis=0) if spoken else away
    columns = _columns(times, softmax(odds, axis=1), raw, talks & ~away)
    columns |= _place(rng, len(times))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    known = {"frame", "time_s", "shot"}
    # A column that later versions add is empty, as for results of earlier versions.
    empty_column = [""] * len(times)
    for i, row in enumerate(zip(*(columns.get(n, empty_column) for n in COLUMNS), strict=True)):
        empty = [v if n in known else "" for n, v in zip(COLUMNS, row, strict=True)]
        writer.writerow(empty if away[i] else row)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        replace_file(folder / FACES, text.getvalue().encode())
    except OSError as error:
        raise output_error(folder / FACES, error) from error
    write_summary(folder, _summary(folder.name, ~away))


def _texts(values: _FloatArray, digits: int) -> list[str]:
    return np.char.mod(f"%.{digits}f", values).tolist()


def _columns(
    times: _FloatArray, probs: _FloatArray, raw: _FloatArray, talks: NDArray[np.bool_]
) -> dict[str, list[str]]:
    """Column of faces.csv → one text a frame; the face's place is still missing."""
    count, best = len(times), probs.max(axis=1)
    affect = valence_arousal(probs.astype(np.float32))
    same = {"track_id": "1", "name": "", "predicted": "0", "quality": "", "shot": "1"}
    same |= {"tracklet": "1", "angle": "0.0"}
    return {
        **{name: [value] * count for name, value in same.items()},
        "frame": [str(i) for i in range(count)],
        "time_s": _texts(times, 6),
        **{name: _texts(probs[:, k], 6) for k, name in enumerate(EXPRESSIONS)},
        **{f"raw_{name}": _texts(raw[:, k], 6) for k, name in enumerate(EXPRESSIONS)},
        "emotion": [EXPRESSIONS[k] for k in probs.argmax(axis=1)],
        "confidence": _texts(best, 6),
        "unsure": [str(int(value < _UNSURE_BELOW)) for value in best],
        "valence": _texts(affect[:, 0], 4),
        "arousal": _texts(affect[:, 1], 4),
        "speaking": [str(int(value)) for value in talks],
    }


def _place(rng: np.random.Generator, count: int) -> dict[str, list[str]]:
    """Where the face is: it moves a little, as a head does."""
    middle = np.array([320.0, 220.0]) + np.cumsum(rng.normal(0.0, 0.6, (count, 2)), axis=0)
    side = 170.0 + np.cumsum(rng.normal(0.0, 0.2, count))
    return {
        "x": _texts(middle[:, 0] - side / 2, 1),
        "y": _texts(middle[:, 1] - side / 2, 1),
        "width": _texts(side, 1),
        "height": _texts(side, 1),
        "detection_score": _texts(rng.normal(5.0, 0.4, count), 3),
    }


def _summary(name: str, seen: NDArray[np.bool_]) -> dict[str, Any]:
    """What summary.json says: above all that no face was read."""
    return {
        "status": "done",
        "source": {"name": name, "kind": "synthetic", "duration_s": LENGTH_S},
        "note": "Synthetic readings from random numbers. No person was recorded.",
        "settings": {"rate": RATE_HZ, "one_person": True},
        "model": {"name": "synthetic"},
        "frames_analysed": len(seen),
        "valid_share": round(float(seen.mean()), 4),
    }
