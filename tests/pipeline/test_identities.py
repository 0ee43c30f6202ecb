"""Identities in a stream: people who return, cuts, somebody else, twins, and one participant."""

from collections import Counter
from collections.abc import Iterable

import numpy as np
import pytest
from made_classifiers import FakeClassifier

from benchmarks.identity_clips import (
    Clip,
    Staging,
    alive,
    close_ups,
    made_clip,
    other_people,
    replaced,
    returning,
)
from benchmarks.identity_metrics import Row, score
from benchmarks.identity_people import ADA, BEN, CHO, DAN, EVA, FAY, TWIN, Person
from benchmarks.identity_scenes import Scene, faces, render
from emotion_core import (
    Detections,
    Frame,
    FrameResult,
    Pipeline,
    PipelineSettings,
    TrackingSettings,
)
from emotion_core.config import DetectionSettings
from emotion_core.datatypes import ImageArray
from emotion_core.pipeline.identities import REMEMBERED, Identities
from emotion_core.vision.detection import KnownFaces


def read(pipeline: Pipeline, clip: Clip) -> list[FrameResult]:
    return [pipeline.process(frame) for frame in clip.frames()]


def rows(results: Iterable[FrameResult]) -> list[Row]:
    return [
        (result.index, int(identity), (box[0], box[1], box[2], box[3]))
        for result in results
        for identity, box, held in zip(
            result.track_ids, result.boxes.tolist(), result.predicted, strict=True
        )
        if not held
    ]


def clip(staging: Staging, seconds: float, fps: float = 10) -> Clip:
    return made_clip("a clip", seconds, fps, staging)


@pytest.mark.parametrize(("reidentify", "split"), [(True, 0), (False, 2)])
def test_who_turns_away_or_leaves_keeps_their_identity(
    classifier: FakeClassifier, reidentify: bool, split: int
) -> None:
    shown = clip(returning(3), 9)
    settings = PipelineSettings(tracking=TrackingSettings(reidentify=reidentify))
    found = score(shown.truth, rows(read(Pipeline(classifier, settings), shown)), shown.ignored)
    assert found.split_people == split
    assert found.wrong_merges == 0


def test_identities_go_over_cuts_by_looks_and_never_by_place(classifier: FakeClassifier) -> None:
    shown = clip(other_people, 8)
    results = read(Pipeline(classifier), shown)
    found = score(shown.truth, rows(results), shown.ignored)
    assert (found.split_people, found.wrong_merges) == (0, 0)
    assert [result.shot for result in results[::20]] == [1, 2, 3, 4]
    of_shot: dict[int, set[int]] = {}
    for result in results:
        of_shot.setdefault(result.shot, set()).update(result.tracklets.tolist())
    numbers = [number for found_there in of_shot.values() for number in found_there]
    assert len(numbers) == len(set(numbers)), "a tracklet crossed a cut"


@pytest.mark.parametrize("other", [CHO, TWIN])
def test_somebody_else_in_the_same_place_is_somebody_else(
    classifier: FakeClassifier, other: Person
) -> None:
    shown = clip(replaced(ADA, other), 13)
    pipeline = Pipeline(classifier)
    found = score(shown.truth, rows(read(pipeline, shown)), shown.ignored)
    assert (found.split_people, found.wrong_merges) == (0, 0)
    suggested = [(s.person, s.other) for s in pipeline.resolve_identities().suggestions]
    # Of twins only the clothes differ: that is for a person to decide.
    assert ((1, 2) in suggested) == (other is TWIN)


def test_a_track_that_moves_over_to_somebody_else_is_split(classifier: FakeClassifier) -> None:
    # The seventh shot has another head on the same body in the same room: no cut can be seen.
    shown = clip(close_ups, 12)
    results = read(Pipeline(classifier), shown)
    found = score(shown.truth, rows(results), shown.ignored)
    assert found.wrong_merges == 0


def two_then_one(t: float) -> Scene:
    """The participant, then somebody next to them, then only the participant after a gap."""
    people = [alive(BEN, t, 0.35, scale=0.34)] if t < 4 or t > 7 else []
    if 2 <= t < 4:
        people.append(alive(DAN, t, 0.75, scale=0.3))
    return Scene(tuple(people), 1)


def test_one_participant_has_one_identity_over_gaps_of_any_length(
    classifier: FakeClassifier,
) -> None:
    shown = clip(two_then_one, 9)
    results = read(Pipeline(classifier, PipelineSettings(one_person=True)), shown)
    assert {i for result in results for i in result.track_ids.tolist()} == {1}
    assert max(map(len, results)) == 1
    found = score(
        [[entry for entry in truth if entry[0] == BEN.name] for truth in shown.truth],
        rows(results),
        shown.ignored,
    )
    assert found.idf1 > 0.95
    both = [result for result in results if 2.5 < result.time_s < 4]
    known = sum(len(result.others) >= 1 for result in both)
    assert known >= len(both) / 2, "the other must be known, to be hidden"


def test_the_participant_is_recognised_next_to_a_larger_face(classifier: FakeClassifier) -> None:
    def staging(t: float) -> Scene:
        if t < 2:
            return Scene((alive(BEN, t, 0.5),), 1)
        return Scene((alive(DAN, t, 0.28, scale=0.38), alive(BEN, t, 0.78, scale=0.28)), 2)

    results = read(Pipeline(classifier, PipelineSettings(one_person=True)), clip(staging, 5))
    places = [float(r.boxes[0].mean()) for r in results if r.time_s > 3.5 and len(r)]
    lefts = [float(r.boxes[0, 0]) for r in results if r.time_s > 3.5 and len(r)]
    assert places
    assert min(lefts) > 320, "the face on the right is the participant's"


def test_of_two_in_the_first_frame_only_the_chosen_one_becomes_the_participant(
    classifier: FakeClassifier,
) -> None:
    def staging(t: float) -> Scene:
        if t < 2:
            return Scene((alive(DAN, t, 0.28, scale=0.27), alive(BEN, t, 0.72, scale=0.36)), 1)
        # The other one is larger now, and so is a stranger.
        return Scene((alive(BEN, t, 0.28, scale=0.28), alive(DAN, t, 0.78, scale=0.36)), 2)

    results = read(Pipeline(classifier, PipelineSettings(one_person=True)), clip(staging, 5))
    assert {i for result in results for i in result.track_ids.tolist()} == {1}
    lefts = [float(r.boxes[0, 0]) for r in results if r.time_s > 3.5 and len(r)]
    assert lefts
    assert max(lefts) < 320, "the face on the left is the participant's"


def test_a_baseline_stays_with_a_person_who_returns(classifier: FakeClassifier) -> None:
    pipeline = Pipeline(classifier)
    pipeline.start_calibration(None, seconds=0.5)
    results = read(
        pipeline, clip(lambda t: Scene((alive(CHO, t, 0.5),) if not 2 < t < 5 else ()), 7)
    )
    assert results[-1].track_ids.tolist() == [1]
    assert results[-1].tracklets.tolist() == [2]
    assert pipeline.calibrated_ids == {1}
    assert results[-1].probs[0, 4] > 0.5, "read with the baseline: neutral"


def test_newcomers_are_counted_without_gaps(classifier: FakeClassifier) -> None:
    shown = clip(returning(3), 9)
    results = read(Pipeline(classifier), shown)
    assert {i for result in results for i in result.track_ids.tolist()} == {1, 2}


def test_memory_is_bounded_and_nobody_in_view_is_forgotten() -> None:
    identities = Identities()
    box = np.array([[0, 0, 20, 20], [50, 50, 70, 70]], np.float32)
    for number in range(2, 3 * REMEMBERED):
        numbers = np.array([1, number])
        # The first one is held over a gap all the time.
        identities.update(numbers, box, [0, 1] if number == 2 else [1], number / 10, 1)
        assert identities.people_of(numbers).tolist() == [1, number]
    assert len(identities.tracklets) == REMEMBERED
    assert identities.due(np.array([1]), box, [0]) == [], "too small to be described"


def test_a_crowd_larger_than_the_memory_is_kept_while_it_is_in_view() -> None:
    identities = Identities()
    numbers = np.arange(1, REMEMBERED + 60)
    boxes = np.tile(np.array([0, 0, 20, 20], np.float32), (len(numbers), 1))
    for index in range(3):
        identities.update(numbers, boxes, range(len(numbers)), index / 10, 1)
        assert identities.people_of(numbers).tolist() == numbers.tolist()


def test_many_faces_are_described_in_turn(classifier: FakeClassifier) -> None:
    pipeline = Pipeline(classifier, PipelineSettings(tracking=TrackingSettings(confirm_hits=1)))
    people = [alive(p, 0, x) for p, x in ((ADA, 0.18), (BEN, 0.5), (EVA, 0.82))]
    read(pipeline, clip(lambda _: Scene(tuple(people), 0), 1.0))
    counted = Counter({t.number: t.looks for t in pipeline._identities.tracklets})
    assert len(counted) == 3
    assert min(counted.values()) >= 3


class SaysWhere:
    """A detector that is told where the one face is, and whether it is turned."""

    def __init__(self) -> None:
        self.box, self.turned = np.zeros((1, 4), np.float32), False

    def update(self, image_bgr: ImageArray, time_s: float, known: KnownFaces) -> Detections:
        one = np.ones(1, np.float32)
        looked = np.ones(len(known.boxes), np.bool_)
        return Detections(self.box, one, one, looked, (None,), turned=np.array([self.turned]))

    def reset(self) -> None: ...

    def configure(self, settings: DetectionSettings) -> None: ...


@pytest.mark.parametrize(("turned", "tracklets"), [(True, 1), (False, 2)])
def test_the_side_of_a_face_does_not_make_it_somebody_else(
    classifier: FakeClassifier, turned: bool, tracklets: int
) -> None:
    detector = SaysWhere()
    pipeline = Pipeline(classifier, detector=detector)
    numbers = set()
    for index in range(40):
        # Another face in the same place, which the detector calls the side of the first one.
        shown = Scene((alive(BEN if index < 20 else FAY, 0, 0.5),), 1)
        ((_, box),), _ = faces(shown)
        detector.box, detector.turned = np.array([box], np.float32), turned and index >= 20
        numbers |= set(pipeline.process(Frame(render(shown, 0), index, index / 10)).tracklets)
    assert len(numbers) == tracklets
