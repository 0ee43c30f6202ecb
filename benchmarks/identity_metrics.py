"""How well a program kept people apart and together, in the measures of multi-object tracking.

IDF1, MOTA, identity switches and fragmentations are py-motmetrics'. Which face is whose is decided
here: its own distances call a function that numpy 2 no longer has.
"""

import warnings
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import motmetrics
import numpy as np
from scipy.optimize import linear_sum_assignment

from emotion_core.datatypes import FloatArray
from emotion_core.vision.boxes import as_boxes, iou_matrix

Box = tuple[float, float, float, float]
Row = tuple[int, int, Box]  # index of the frame, identity, xyxy
# A box this much alike (intersection over union) is the same face.
IOU_LEAST: Final = 0.5
# A face that is half hidden may be found a little beside where it is.
IGNORED_IOU: Final = 0.25
# So many frames make an identity somebody's; fewer are a slip, which the switches count.
FRAMES_LEAST: Final = 5


@dataclass(frozen=True, slots=True)
class Score:
    """The figures of one clip.

    Attributes:
        idf1: share of the faces, true and found, that the best one-to-one pairing of people and
            identities explains, 0 to 1.
        mota: 1 minus misses, false faces and switches for each true face.
        switches: how often a person's identity became another one.
        fragments: how often a person was lost and found again while the face was visible.
        wrong_merges: identities that cover two people or more.
        split_people: people with two identities or more.
        people, identities: how many there were.
        faces, found: true faces over all frames, and how many of them were found.
        false_faces: found where nobody's face is.
    """

    idf1: float
    mota: float
    switches: int
    fragments: int
    wrong_merges: int
    split_people: int
    people: int
    identities: int
    faces: int
    found: int
    false_faces: int

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            name: round(value, 4) if isinstance(value, float) else value
            for name, value in asdict(self).items()
        }


def score(
    truth: Sequence[Sequence[tuple[str, Box]]],
    rows: Sequence[Row],
    ignored: Sequence[Sequence[Box]] = (),
) -> Score:
    """Compare what a program says with what is true.

    Args:
        truth: one list a frame: (person, box) of every visible face.
        rows: what the program found, in any order.
        ignored: one list a frame: boxes of faces that need not be found; who is found there and is
            no visible face is left out.
    """
    found: dict[int, list[tuple[int, Box]]] = defaultdict(list)
    for index, identity, box in rows:
        found[index].append((identity, box))
    numbers = {name: n for n, name in enumerate(sorted({p for seen in truth for p, _ in seen}))}
    events = motmetrics.MOTAccumulator()
    for index, seen in enumerate(truth):
        overlap = _overlap([box for _, box in seen], [box for _, box in found[index]])
        rest = ignored[index] if ignored else ()
        kept = _counted(overlap, [box for _, box in found[index]], rest)
        distance = np.where(overlap >= IOU_LEAST, 1.0 - overlap, np.nan)[:, kept]
        identities = [found[index][column][0] for column in kept]
        events.update([numbers[name] for name, _ in seen], identities, distance, frameid=index)
    return _summed(events)


def _overlap(true: Sequence[Box], found: Sequence[Box]) -> FloatArray:
    """(N, M) intersection over union."""
    if not true or not found:
        return np.zeros((len(true), len(found)), np.float32)
    return iou_matrix(as_boxes(true), as_boxes(found))


def _counted(overlap: FloatArray, found: Sequence[Box], ignored: Sequence[Box]) -> list[int]:
    """Columns of the found faces that count: all but those of ignored faces."""
    beside = _overlap(ignored, found)
    if not beside.size:
        return list(range(len(found)))
    rows, columns = linear_sum_assignment(-np.where(overlap >= IOU_LEAST, overlap, 0))
    taken = {int(c) for r, c in zip(rows, columns, strict=True) if overlap[r, c] >= IOU_LEAST}
    free = beside.max(axis=0) >= IGNORED_IOU
    return [c for c in range(len(found)) if c in taken or not free[c]]


def _summed(events: motmetrics.MOTAccumulator) -> Score:
    names = ["idf1", "mota", "num_switches", "num_fragmentations", "num_false_positives"]
    names += ["num_objects", "num_detections"]
    with warnings.catch_warnings():
        # A clip in which nobody was found divides by zero.
        warnings.simplefilter("ignore", RuntimeWarning)
        sums = motmetrics.metrics.create().compute(events, metrics=names).iloc[0]
    pairs = _pairs(events)
    sure = [pair for pair, frames in pairs.items() if frames >= FRAMES_LEAST]
    people_of = Counter(identity for _, identity in sure)
    identities_of = Counter(person for person, _ in sure)
    return Score(
        idf1=float(np.nan_to_num(sums["idf1"])),
        mota=float(np.nan_to_num(sums["mota"])),
        switches=int(sums["num_switches"]),
        fragments=int(sums["num_fragmentations"]),
        wrong_merges=sum(count > 1 for count in people_of.values()),
        split_people=sum(count > 1 for count in identities_of.values()),
        people=int(events.mot_events["OId"].nunique()),
        identities=len({identity for _, identity in pairs}),
        faces=int(sums["num_objects"]),
        found=int(sums["num_detections"]),
        false_faces=int(sums["num_false_positives"]),
    )


def _pairs(events: motmetrics.MOTAccumulator) -> Counter[tuple[int, int]]:
    """(person, identity) → frames in which the person had it."""
    table = events.mot_events
    matched = table[table["Type"].isin(["MATCH", "SWITCH"])]
    pairs = zip(matched["OId"].astype(int), matched["HId"].astype(int), strict=True)
    return Counter(pairs)
