"""Which faces of a study's videos people have given a label: the plan of a labelled data set."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from emotion_core.datatypes import IntArray
from emotion_core.errors import InputError, SettingsError
from emotion_core.labels import EXPRESSIONS
from emotion_core.results.edits_file import load_edits
from emotion_core.results.export import read_faces
from emotion_core.results.face_moments import FaceMoment
from emotion_core.results.face_table import FaceTable, longest_step_s
from emotion_core.results.paths import FACES
from emotion_core.study.additions import is_outside
from emotion_core.study.agreement.coding import Code, Coded, Coding
from emotion_core.study.agreement.intervals import Interval, common, merged, without
from emotion_core.study.agreement.of_study import people_coding
from emotion_core.study.definitions import Recording
from emotion_core.study.folder import Study
from emotion_core.study.person import participant_rows
from emotion_core.study.problems import listed

PER_STRETCH: Final = 3


@dataclass(frozen=True, slots=True)
class FacePlan:
    """Faces to write.

    Attributes:
        moments: by recording and time.
        problems: sentences about what was coded and cannot be written.
    """

    moments: tuple[FaceMoment, ...]
    problems: tuple[str, ...]

    @property
    def counts(self) -> dict[str, int]:
        """Expression → faces, in the order of `EXPRESSIONS`."""
        found = Counter(moment.expression for moment in self.moments)
        return {e: found[e] for e in EXPRESSIONS if found[e]}


def plan_faces(
    study: Study,
    coder: str = "",
    per_stretch: int = PER_STRETCH,
    allowed: Sequence[Path] | None = None,
) -> FacePlan:
    """Choose faces of coded stretches: evenly spaced, and only where the machine saw the face.

    Args:
        study: with codes.
        coder: whose codes; "" takes the only coder's, or else the time in which all who have
            looked, two at least, agree.
        per_stretch: most faces of one stretch.
        allowed: folders besides the study's own from which videos may be read; None: any.

    Raises:
        InputError: there is no such coder, or nothing is coded that could be written.
        SettingsError: `per_stretch` is below 1.
    """
    if per_stretch < 1:
        raise SettingsError(f"At least 1 face of a stretch is needed, not {per_stretch}.")
    coding = people_coding(study)
    if coder and coder not in coding.of:
        there = ", ".join(coding.coders) or "none"
        raise InputError(f"There are no finished units of the coder {coder}. There are: {there}.")
    if not coder and len(coding.of) == 1:
        (coder,) = coding.of
    names = {name for of in coding.of.values() for name in of}
    moments: list[FaceMoment] = []
    problems = _other_codes(coding, coder)
    for recording in study.recordings:
        if recording.recording not in names:
            continue
        if allowed is not None and is_outside(study, study.source_of(recording), allowed):
            problems.append(f"{recording.recording}: The video is outside of the study.")
            continue
        stretches = _stretches(coding, recording.recording, coder)
        found, problem = _of_recording(study, recording, stretches, per_stretch)
        moments += found
        problems += [f"{recording.recording}: {problem}"] if problem else []
    if not moments:
        nothing = (
            "No face can be written." if coding.of else "There are no finished units of any coder."
        )
        # Why nothing counts is told by the codes themselves.
        told = problems if coding.of else coding.problems
        raise InputError(" ".join([nothing, *told]))
    return FacePlan(tuple(moments), tuple(problems))


def _other_codes(coding: Coding, coder: str) -> list[str]:
    """A sentence about codes that are none of the seven expressions."""
    coders = [coder] if coder else list(coding.of)
    codes = {c.code for name in coders for one in coding.of[name].values() for c in one.codes}
    others = sorted(codes - set(EXPRESSIONS))
    return [f"Left out, since they are none of the seven: {listed(others)}."] if others else []


def _stretches(coding: Coding, recording: str, coder: str) -> list[Code]:
    """Stretches of one of the seven by start, about which there is agreement where it is asked."""
    if coder:
        coded = [coding.of[coder][recording]] if recording in coding.of[coder] else []
    else:
        coded = [of[recording] for of in coding.of.values() if recording in of]
        coded = coded if len(coded) > 1 else []
    if not coded:
        return []
    shared = coded[0].told
    for one in coded[1:]:
        shared = common(shared, one.told)
    found = []
    for expression in EXPRESSIONS:
        spans = shared
        for one in coded:
            spans = common(spans, _only(one, expression))
        found += [Code(start, end, expression) for start, end in spans]
    return sorted(found, key=lambda code: code.start_s)


def _only(coded: Coded, expression: str) -> list[Interval]:
    """Where a coder gave this code and no other."""
    stretches = [c for c in coded.codes if not c.is_moment]
    mine, others = (
        merged((c.start_s, c.end_s) for c in stretches if (c.code == expression) is own)
        for own in (True, False)
    )
    return without(mine, others)


def _of_recording(
    study: Study, recording: Recording, stretches: Sequence[Code], per_stretch: int
) -> tuple[list[FaceMoment], str]:
    """The faces of one recording, and what is wrong with it."""
    if not stretches:
        return [], ""
    folder, video = study.results_folder(recording), study.source_of(recording)
    if not recording.participant:
        return [], "No participant is named in recordings.csv."
    if not video.is_file() or video.name == FACES:
        return [], "The video is not here: faces are cut out of the original."
    if folder is None:
        return [], "The video has not been analysed yet."
    try:
        edits = load_edits(folder)
        end_s = recording.end_s
        table = read_faces(folder / FACES)
        rows = participant_rows(table, edits, recording.person, recording.start_s, end_s)
    except InputError as error:
        return [], str(error)
    seen = rows.rows(~rows.predicted)
    chosen: dict[int, FaceMoment] = {}
    for stretch in stretches:
        for row in _rows_of(seen, stretch, per_stretch):
            chosen.setdefault(int(row), _moment(seen, int(row), (recording, video), stretch.code))
    return [chosen[row] for row in sorted(chosen)], ""


def _rows_of(seen: FaceTable, stretch: Code, most: int) -> IntArray:
    """Rows nearest to evenly spaced moments of a stretch, away from its ends.

    Near its ends, where one expression becomes another, people are least exact.
    """
    inside = np.flatnonzero((seen.time_s >= stretch.start_s) & (seen.time_s < stretch.end_s))
    if not len(inside):
        return inside
    length = stretch.end_s - stretch.start_s
    wanted = stretch.start_s + length * (np.arange(most) + 0.5) / most
    near = np.abs(seen.time_s[inside][None, :] - wanted[:, None])
    best = near.argmin(axis=1)
    # Where the face was lost for a while, there is nothing near.
    close = max(length / most / 2, longest_step_s(seen.frame_times))
    return np.unique(inside[best[near.min(axis=1) <= close]])


def _moment(
    seen: FaceTable, row: int, source: tuple[Recording, Path], expression: str
) -> FaceMoment:
    recording, video = source
    x, y, width, height = (float(v) for v in seen.boxes_xywh[row])
    angle = float(seen.angle[row])
    return FaceMoment(
        video,
        recording.recording,
        recording.participant,
        expression,
        int(seen.frame[row]),
        float(seen.time_s[row]),
        (x, y, width, height),
        angle if math.isfinite(angle) else 0.0,
    )
