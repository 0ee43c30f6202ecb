"""Recordings whose readings are not those of their video, or not of one person alone."""

import contextlib
from collections import defaultdict
from enum import StrEnum
from pathlib import Path

from emotion_core.results.paths import read_summary
from emotion_core.study.definitions import Recording
from emotion_core.study.folder import Study
from emotion_core.study.person import show_several


class Outdated(StrEnum):
    """Why a video has to be analysed again."""

    OTHER_VIDEO = "other video"
    ONE_PERSON = "one person"


def outdated(study: Study) -> dict[str, Outdated]:
    """Recordings that the study analysed from another video than their file is now, or as if their
    video showed one person, although its rows are of several (`show_several`).

    A recording that is a results folder, or not analysed yet, is not among them.
    """
    rows_of = defaultdict(list)
    for row in study.recordings:
        rows_of[study.source_of(row)].append(row)
    return {
        row.recording: reason
        for source, rows in rows_of.items()
        for row in rows
        if (reason := _reason(study, row, source, several=show_several(rows)))
    }


def _reason(study: Study, row: Recording, source: Path, *, several: bool) -> Outdated | None:
    own = study.analysis_folder(row)
    if source == own or study.results_folder(row) != own:
        return None
    summary = read_summary(own)
    analysed = summary.get("source") or {}
    length = analysed.get("bytes")
    if length is None:  # it was recorded live
        return None
    with contextlib.suppress(OSError):
        if source.stat().st_size != length:
            return Outdated.OTHER_VIDEO
    if several and (summary.get("settings") or {}).get("one_person"):
        return Outdated.ONE_PERSON
    return None
