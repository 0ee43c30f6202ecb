"""Faces that people coded, cut out of their videos into a labelled folder for training."""

import zipfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from emotion_core.atomic_io import replacing
from emotion_core.datasets.near_duplicates import resembles_any, signature
from emotion_core.errors import EmotionCoreError, InputError, OutputError
from emotion_core.labels import EXPRESSIONS
from emotion_core.progress import OnProgress, Progress, ignore_progress
from emotion_core.results.export import output_error
from emotion_core.results.face_moments import FaceMoment
from emotion_core.results.paths import safe_name
from emotion_core.video.face_again import face_again

# How `train` and `adapt` find in a name who is seen: what is before the first underscore.
PERSON: Final = "/([^/_]+)_"
# Of the participants; a test split keeps some for the last measurement.
_VALIDATION_SHARE: Final = 0.2
_TEST_SHARE: Final = 0.2
_LEAST_WITH_TEST: Final = 3
_SEED: Final = 0
_SPLITS: Final = ("train", "validation", "test")
_MOST_TOLD: Final = 5


@dataclass(frozen=True, slots=True)
class WrittenFaces:
    """What became of the planned faces.

    Attributes:
        splits: split → expression → faces.
        people: split → participants.
        near_duplicates: faces left out because another of the same person looks alike.
        problems: sentences about faces that could not be read.
    """

    splits: dict[str, dict[str, int]]
    people: dict[str, int]
    near_duplicates: int
    problems: tuple[str, ...]

    @property
    def faces(self) -> int:
        """How many were written."""
        return sum(sum(counts.values()) for counts in self.splits.values())


def write_faces(
    moments: Sequence[FaceMoment], folder: Path, progress: OnProgress = ignore_progress
) -> WrittenFaces:
    """Write `<split>/<expression>/<participant>_<recording>_<milliseconds>.png`.

    Args:
        moments: what to write.
        folder: new, or empty.
        progress: told after each face; an exception that it raises cancels the rest.

    Raises:
        InputError: no face could be read.
        OutputError: the folder is not empty, or cannot be written.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise OutputError(f"{folder} is there already: name a new folder, or an empty one.")

    def write(name: str, data: bytes) -> None:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    try:
        return _write_all(moments, write, progress)
    except OSError as error:
        raise output_error(folder, error) from error


def write_faces_zip(
    moments: Sequence[FaceMoment], path: Path, progress: OnProgress = ignore_progress
) -> WrittenFaces:
    """The same as a zip; an earlier one is kept until the new one is complete. Raises the same."""
    try:
        with replacing(path) as part, zipfile.ZipFile(part, "w") as archive:
            # Fixed times: the same faces give the same bytes.
            return _write_all(
                moments, lambda name, data: archive.writestr(zipfile.ZipInfo(name), data), progress
            )
    except OSError as error:
        raise output_error(path, error) from error


def _write_all(
    moments: Sequence[FaceMoment], write: Callable[[str, bytes], None], progress: OnProgress
) -> WrittenFaces:
    splits, names = split_of_people(moments), person_names(m.participant for m in moments)
    kept: defaultdict[str, list[NDArray[np.float32]]] = defaultdict(list)
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    people: defaultdict[str, set[str]] = defaultdict(set)
    problems: list[str] = []
    alike = 0
    for number, moment in enumerate(moments):
        progress(Progress("Cut out the faces", number, len(moments)))
        try:
            face = _face(moment)
        except EmotionCoreError as error:
            problems.append(f"{moment.recording}: {error}")
            continue
        if resembles_any(face, kept[moment.participant]):
            alike += 1
            continue
        kept[moment.participant].append(signature(face[None])[0])
        split = splits[moment.participant]
        write(_name(moment, split, names[moment.participant]), _png(face))
        counts[split][moment.expression] += 1
        people[split].add(moment.participant)
    progress(Progress("Cut out the faces", len(moments), len(moments)))
    told = list(dict.fromkeys(problems))
    if not counts:
        raise InputError(" ".join(["No face could be read.", *told[:_MOST_TOLD]]))
    return WrittenFaces(
        {s: {e: counts[s][e] for e in EXPRESSIONS if counts[s][e]} for s in _SPLITS if s in counts},
        {split: len(people[split]) for split in _SPLITS if split in people},
        alike,
        tuple(told[:_MOST_TOLD]),
    )


def _face(moment: FaceMoment) -> NDArray[np.uint8]:
    """(48, 48) uint8 grey, by the crop function that the network is served with."""
    box = np.array(moment.box_xywh, np.float32)
    crop = face_again(moment.video, moment.frame, moment.time_s, box, moment.angle)
    return np.clip(np.rint(crop[:, :, 0]), 0, 255).astype(np.uint8)


def _png(face: NDArray[np.uint8]) -> bytes:
    done, data = cv2.imencode(".png", face)
    if not done:
        raise OutputError("A face could not be written as PNG.")
    return data.tobytes()


def _name(moment: FaceMoment, split: str, person: str) -> str:
    recording = safe_name(moment.recording).replace("_", "-")
    file = f"{person}_{recording}_{round(1000 * moment.time_s):08}.png"
    return f"{split}/{moment.expression}/{file}"


def person_names(participants: Iterable[str]) -> dict[str, str]:
    """Participant → a name without "_" or "/", different for each, that `PERSON` finds."""
    names: dict[str, str] = {}
    for participant in sorted(set(participants)):
        plain = safe_name(participant).replace("_", "-")
        name, number = plain, 2
        while name in names.values():
            name, number = f"{plain}-{number}", number + 1
        names[participant] = name
    return names


def split_of_people(moments: Sequence[FaceMoment]) -> dict[str, str]:
    """Participant → `train`, `validation` or `test`; every face of a person is in one split.

    A fifth of the participants each for validation and test, drawn at random, the same every time;
    with two participants there is no test split, with one only a training split.
    """
    people = sorted({moment.participant for moment in moments})
    order = [people[i] for i in np.random.default_rng(_SEED).permutation(len(people))]
    count = len(order)
    validation = max(1, round(_VALIDATION_SHARE * count)) if count > 1 else 0
    test = max(1, round(_TEST_SHARE * count)) if count >= _LEAST_WITH_TEST else 0
    parts = ["validation"] * validation + ["test"] * test
    parts += ["train"] * (count - len(parts))
    return dict(zip(order, parts, strict=True))


def next_commands(data: str) -> tuple[str, str]:
    """The commands that learn from the faces and measure the gain on people left out.

    Args:
        data: the folder or zip, quoted for a shell.
    """
    faces = f"--data {data} --person '{PERSON}'"
    return (
        f"emotion-lab adapt {faces} --name my-lab",
        f"emotion-lab train --start-from ferplus {faces} --name my-network",
    )
