"""One stream through the whole pipeline, on clips made in code."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

import cv2
import numpy as np
import pytest
from made_classifiers import FakeClassifier

from emotion_core import Frame, FrameResult, Pipeline
from emotion_core.config import DetectionSettings, PipelineSettings, TrackingSettings
from emotion_core.datatypes import ImageArray, QualityHint
from emotion_core.errors import FrameError, SettingsError
from emotion_core.media.synthetic import sample_boxes, sample_frames
from emotion_core.pipeline.pipeline import STAGES
from emotion_core.vision.boxes import iou_matrix

Clip = Callable[..., Iterator[Frame]]


def run(pipeline: Pipeline, frames: Iterable[Frame]) -> list[FrameResult]:
    return [pipeline.process(frame) for frame in frames]


def share_of_one_face(results: list[FrameResult]) -> float:
    """Frames with exactly one face under one identity, counted from the first visible one."""
    first = next(i for i, result in enumerate(results) if len(result))
    ids = [tuple(result.track_ids.tolist()) for result in results[first:]]
    return sum(i == ids[0] and len(i) == 1 for i in ids) / len(ids)


def still(scenario: str = "still", size: tuple[int, int] = (640, 480)) -> ImageArray:
    return next(iter(sample_frames(1, 1, size=size, scenario=scenario))).image


@pytest.mark.parametrize("fps", [10, 30])
@pytest.mark.parametrize("scenario", ["still", "move", "scale", "turn", "dim", "cover"])
def test_one_face_keeps_one_identity(classifier: FakeClassifier, scenario: str, fps: int) -> None:
    results = run(Pipeline(classifier), sample_frames(3, fps, scenario=scenario))
    assert share_of_one_face(results) >= 0.99
    assert len(results[0]) == 1, "a clear face is announced at once"
    overlaps = [
        iou_matrix(result.boxes, sample_boxes(result.time_s, 3, scenario=scenario))[0, 0]
        for result in results
        if not result.predicted.any()
    ]
    assert np.mean(overlaps) > 0.75


def test_a_cover_is_a_gap_and_marked(classifier: FakeClassifier) -> None:
    results = run(Pipeline(classifier), sample_frames(3, 30, scenario="cover"))
    held = [result for result in results if result.predicted.any()]
    assert 15 <= len(held) <= 30
    for result in held:
        np.testing.assert_array_equal(result.raw_probs, held[0].raw_probs)


def test_nobody_is_announced_where_nobody_is(classifier: FakeClassifier) -> None:
    results = run(Pipeline(classifier), sample_frames(2, 30, scenario="empty"))
    assert not any(len(result) for result in results)
    assert classifier.faces_read == 0
    assert results[3].raw_probs.shape == (0, 7)


@pytest.mark.parametrize(("seconds", "fps"), [(1.6, 30), (2.4, 30), (2.4, 10), (3.0, 15)])
def test_two_who_cross_keep_their_identities(
    classifier: FakeClassifier, crossing: Clip, seconds: float, fps: float
) -> None:
    results = run(Pipeline(classifier), crossing(seconds, fps))
    start = next(result for result in results if len(result) == 2)
    end = results[-1]
    assert len(end) == 2
    assert {int(i) for result in results for i in result.track_ids} == {1, 2}
    assert any(result.predicted.any() for result in results), "the clip hides nobody"
    assert start.track_ids[start.boxes[:, 0].argmin()] == end.track_ids[end.boxes[:, 0].argmax()]


def test_many_faces_are_all_read_in_every_frame(
    classifier: FakeClassifier, head: Callable[..., None]
) -> None:
    image = np.full((480, 640, 3), 140, np.uint8)
    for i in range(8):
        head(image, 80 + 160 * (i % 4), 120 + 240 * (i // 4), 70)
    pipeline = Pipeline(classifier)
    results = run(pipeline, (Frame(image, i, i / 30) for i in range(40)))
    assert all(len(result) == 8 for result in results[10:])
    assert not any(result.predicted.any() for result in results[10:])
    before = classifier.faces_read
    pipeline.process(Frame(image, 40, 40 / 30))
    assert classifier.faces_read == before + 8


def test_rows_belong_together(classifier: FakeClassifier, crossing: Clip) -> None:
    for result in run(
        Pipeline(classifier, PipelineSettings(smoothing_strength=0)), crossing(1, 15)
    ):
        np.testing.assert_allclose(result.probs.sum(axis=1), 1, atol=1e-5)
        np.testing.assert_array_equal(result.probs, result.raw_probs)
        assert len(result.quality) == len(result)


def test_a_photo_is_a_stream_of_one_frame(classifier: FakeClassifier, portrait: ImageArray) -> None:
    pipeline = Pipeline(classifier, PipelineSettings.for_photo())
    for _ in range(2):
        result = pipeline.process(Frame(portrait))
        assert result.track_ids.tolist() == [1]
        np.testing.assert_array_equal(result.probs, result.raw_probs)
        pipeline.reset()


def test_largest_face_only_does_not_flicker(
    classifier: FakeClassifier, head: Callable[..., None]
) -> None:
    def frames() -> Iterator[Frame]:
        for i in range(45):
            image = np.full((480, 640, 3), 140, np.uint8)
            head(image, 160, 240, 100)
            head(image, 480, 240, 97 + 6 * np.sin(i))
            yield Frame(image, i, i / 30)

    settings = PipelineSettings(largest_face_only=True)
    pipeline = Pipeline(classifier, settings)
    ids = {tuple(result.track_ids.tolist()) for result in run(pipeline, frames())}
    assert len(ids) == 1
    # Whoever hides faces must know of the other one.
    last = pipeline.process(Frame(list(frames())[-1].image, 45, 1.5))
    assert len(last.others) == 1
    assert abs(float(last.others[0, [0, 2]].mean() - last.boxes[0, [0, 2]].mean())) > 200
    pipeline.update_settings(replace(settings, largest_face_only=False))
    both = pipeline.process(Frame(list(frames())[-1].image, 45, 1.5))
    assert len(both) == 2


def test_settings_change_without_new_identities(classifier: FakeClassifier) -> None:
    pipeline = Pipeline(classifier)
    for frame in sample_frames(2, 15, scenario="move"):
        settings = PipelineSettings(
            detection=DetectionSettings(min_face_px=20 + frame.index),
            tracking=TrackingSettings(confirm_hits=1 + frame.index % 4),
            smoothing_strength=(frame.index % 3) / 2,
            largest_face_only=bool(frame.index % 2),
        )
        pipeline.update_settings(settings)
        assert pipeline.settings is settings
        assert pipeline.process(frame).track_ids.tolist() == [1]


def test_unsure_follows_the_model_s_threshold(classifier: FakeClassifier) -> None:
    for threshold, unsure in ((0.0, False), (1.0, True)):
        classifier.unsure_threshold = threshold
        result = Pipeline(classifier).process(Frame(still()))
        assert result.unsure.tolist() == [unsure]


def test_the_dark_says_so(classifier: FakeClassifier) -> None:
    pipeline = Pipeline(classifier)
    for i in range(6):
        dark = (still() * (1 - 0.14 * i)).astype(np.uint8)
        result = pipeline.process(Frame(dark, i, i / 10))
    assert QualityHint.DARK in result.quality[0]


def test_calibration_moves_one_person_s_rest_to_neutral(classifier: FakeClassifier) -> None:
    pipeline = Pipeline(classifier, PipelineSettings(smoothing_strength=0))
    frames = [Frame(still(), i, i / 20) for i in range(60)]
    assert pipeline.process(frames[0]).labels == ("happy",)
    pipeline.start_calibration(1, seconds=1.0)
    run(pipeline, frames[1:11])
    assert pipeline.calibration_progress[1] == pytest.approx(0.45, abs=0.06)
    run(pipeline, frames[11:30])
    assert pipeline.calibrated_ids == {1}
    assert pipeline.process(frames[30]).labels == ("neutral",)
    pipeline.update_settings(replace(pipeline.settings, use_baselines=False))
    assert pipeline.process(frames[31]).labels == ("happy",)
    pipeline.update_settings(replace(pipeline.settings, use_baselines=True))
    assert pipeline.process(frames[32]).labels == ("neutral",)
    pipeline.clear_calibration(1)
    assert pipeline.process(frames[33]).labels == ("happy",)
    with pytest.raises(SettingsError):
        pipeline.start_calibration(1, seconds=0)


def test_timings_cover_every_stage(classifier: FakeClassifier) -> None:
    pipeline = Pipeline(classifier)
    pipeline.process(Frame(still()))
    assert tuple(pipeline.timings) == STAGES
    assert all(0 <= seconds < 5 for seconds in pipeline.timings.values())


def test_labels_in_another_order_are_refused(classifier: FakeClassifier) -> None:
    classifier.labels = tuple(reversed(classifier.labels))
    with pytest.raises(ValueError, match="labels"):
        Pipeline(classifier)


# What comes in wrong.


@pytest.mark.parametrize("shape", [(1, 1), (1, 640), (480, 1), (2, 2), (47, 31)])
def test_the_smallest_frames_pass(classifier: FakeClassifier, shape: tuple[int, int]) -> None:
    pipeline = Pipeline(classifier)
    for i in range(3):
        assert len(pipeline.process(Frame(np.zeros((*shape, 3), np.uint8), i, i / 30))) == 0


@pytest.mark.parametrize("shape", [(480, 640), (480, 640, 1), (480, 640, 4), (0, 0, 3)])
def test_grey_rgba_and_empty_pictures_are_refused_by_name(shape: tuple[int, ...]) -> None:
    with pytest.raises(FrameError, match=r"\(height, width, 3\)"):
        Frame(np.zeros(shape, np.uint8))


@pytest.mark.parametrize("time_s", [float("nan"), float("inf"), -0.1, None, "1"])
def test_a_time_that_is_none_is_refused(time_s: float) -> None:
    with pytest.raises(FrameError, match="finite"):
        Frame(still(), 0, time_s)


@pytest.mark.parametrize(
    "view", ["mirrored", "upside down", "padded", "every other", "channels", "fortran"]
)
def test_non_contiguous_arrays_read_the_same(classifier: FakeClassifier, view: str) -> None:
    image = still(size=(960, 720))
    turned: ImageArray = {
        "mirrored": image[:, ::-1],
        "upside down": image[::-1],
        "padded": np.pad(image, ((0, 0), (0, 24), (0, 0)))[:, :960],
        "every other": image[::2, ::2],
        "channels": image[:, :, ::-1],
        "fortran": np.asfortranarray(image),
    }[view]
    assert view == "every other" or not turned.flags.c_contiguous
    direct = Pipeline(classifier).process(Frame(turned))
    copied = Pipeline(classifier).process(Frame(np.ascontiguousarray(turned)))
    assert len(direct) == (0 if view == "upside down" else 1)
    np.testing.assert_array_equal(direct.boxes, copied.boxes)
    np.testing.assert_array_equal(direct.raw_probs, copied.raw_probs)


def test_frames_without_times_are_read_all_the_same(classifier: FakeClassifier) -> None:
    pipeline = Pipeline(classifier)
    pipeline.process(Frame(np.zeros_like(still())))
    results = run(pipeline, (Frame(still(), i) for i in range(40)))
    assert len(results[-1]) == 1
    assert results[-1].time_s == 0


def test_a_read_only_frame_is_read_and_not_written(classifier: FakeClassifier) -> None:
    image = still()
    before = image.copy()
    image.setflags(write=False)
    assert len(Pipeline(classifier).process(Frame(image))) == 1
    np.testing.assert_array_equal(image, before)


def test_another_size_of_the_same_shape_keeps_identities(classifier: FakeClassifier) -> None:
    pipeline = Pipeline(classifier)
    for i, width in enumerate([640, 640, 320, 320, 1280, 960, 640]):
        image = still(size=(width, width * 3 // 4))
        result = pipeline.process(Frame(image, i, i / 30))
        assert result.track_ids.tolist() == [1]
        truth = sample_boxes(0, 1, size=(width, width * 3 // 4), scenario="still")
        assert iou_matrix(result.boxes, truth)[0, 0] > 0.6


@pytest.mark.parametrize(("reidentify", "identity"), [(True, 1), (False, 2)])
def test_another_shape_is_another_shot(
    classifier: FakeClassifier, reidentify: bool, identity: int
) -> None:
    pipeline = Pipeline(classifier, settings_with(reidentify))
    pipeline.process(Frame(still(), 0, 0.0))
    turned = pipeline.process(Frame(still(size=(480, 640)), 1, 0.04))
    assert turned.track_ids.tolist() == [identity]
    assert turned.tracklets.tolist() == [2]
    assert turned.shot == 2
    assert not turned.predicted.any()


def settings_with(reidentify: bool) -> PipelineSettings:
    return PipelineSettings(tracking=TrackingSettings(reidentify=reidentify))


def test_time_that_jitters_backward_keeps_identities(classifier: FakeClassifier) -> None:
    pipeline = Pipeline(classifier)
    for i, time_s in enumerate([5.0, 5.04, 5.02, 5.02, 5.08, 4.5, 5.1]):
        result = pipeline.process(Frame(still(), i, time_s))
        assert result.track_ids.tolist() == [1]
        assert result.time_s == time_s


def test_a_source_wound_back_starts_with_new_identities(classifier: FakeClassifier) -> None:
    pipeline = Pipeline(classifier)
    pipeline.process(Frame(still(), 0, 60.0))
    assert pipeline.process(Frame(still(), 1, 0.0)).track_ids.tolist() == [2]
    assert pipeline.process(Frame(still(), 2, 0.04)).track_ids.tolist() == [2]


@pytest.mark.parametrize(("reidentify", "identity"), [(True, 1), (False, 2)])
def test_after_a_long_pause_a_person_is_recognised_by_their_looks(
    classifier: FakeClassifier, reidentify: bool, identity: int
) -> None:
    pipeline = Pipeline(classifier, settings_with(reidentify))
    pipeline.process(Frame(still(), 0, 0.0))
    results = run(pipeline, (Frame(still(), 1 + i, 30 + i / 30) for i in range(4)))
    assert results[-1].track_ids.tolist() == [identity]
    assert results[-1].tracklets.tolist() == [2]


def test_reset_counts_from_one_and_forgets_baselines(classifier: FakeClassifier) -> None:
    pipeline = Pipeline(classifier)
    pipeline.start_calibration(None, seconds=0.5)
    run(pipeline, (Frame(still(), i, i / 10) for i in range(10)))
    assert pipeline.calibrated_ids == {1}
    pipeline.reset()
    assert pipeline.calibrated_ids == frozenset()
    assert pipeline.process(Frame(still(), 0, 0.0)).track_ids.tolist() == [1]


def test_someone_who_leaves_the_frame_is_not_held_at_its_edge(
    classifier: FakeClassifier, head: Callable[..., None]
) -> None:
    pipeline = Pipeline(classifier)
    for i in range(45):
        image = np.full((480, 640, 3), 140, np.uint8)
        head(image, 400 + 12 * i, 240, 90)
        result = pipeline.process(Frame(image, i, i / 30))
    assert len(result) == 0


def test_noise_and_stripes_are_no_faces(classifier: FakeClassifier) -> None:
    pipeline, rng = Pipeline(classifier), np.random.default_rng(5)
    for i in range(12):
        noise = rng.integers(0, 255, (30, 40, 3), dtype=np.uint8)
        larger = cv2.resize(noise, (640, 480), interpolation=cv2.INTER_LINEAR)
        image = np.asarray(larger, np.uint8)
        assert len(pipeline.process(Frame(image, i, i / 4))) == 0
