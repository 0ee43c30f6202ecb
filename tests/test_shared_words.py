"""labels, datatypes, config and errors: the words that all parts share."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from emotion_core import config, errors, labels
from emotion_core.datatypes import Frame, FrameResult, QualityHint

PICTURE = np.zeros((4, 6, 3), np.uint8)


def result(n: int) -> FrameResult:
    probs = np.full((n, 7), 1 / 7, np.float32)
    probs[:, 3] += 0.1
    return FrameResult(
        5,
        0.2,
        np.arange(4 * n, dtype=np.float32).reshape(n, 4),
        np.arange(n),
        probs,
        probs,
        np.ones(n, np.float32),
        np.zeros(n, bool),
        np.ones(n, bool),
        ((QualityHint.DARK, QualityHint.SMALL),) * n,
    )


def test_order_of_the_seven_is_the_contract() -> None:
    expected = ("angry", "disgust", "fear", "happy", "neutral", "sad", "surprise")
    assert expected == labels.EXPRESSIONS
    assert set(labels.COLOURS) == set(expected)
    assert len(set(labels.COLOURS.values())) == 7
    assert labels.colour_bgr("angry") == (0x00, 0x5E, 0xD5)


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((0, 6, 3), np.uint8),
        np.zeros((4, 6), np.uint8),
        np.zeros((4, 6, 4), np.uint8),
        np.zeros((4, 6, 3), np.float32),
        [[1, 2, 3]],
    ],
)
def test_frame_refuses_what_is_no_picture(image: object) -> None:
    with pytest.raises(errors.FrameError, match="must"):
        Frame(image)  # type: ignore[arg-type]


@pytest.mark.parametrize("time_s", [float("nan"), float("inf"), -1.0])
def test_frame_refuses_what_is_no_time(time_s: float) -> None:
    with pytest.raises(errors.FrameError, match="time"):
        Frame(PICTURE, 0, time_s)


def test_frame_knows_its_size() -> None:
    frame = Frame(PICTURE[::2, ::2])
    assert (frame.height, frame.width) == (2, 3)


def test_result_without_a_face_is_valid() -> None:
    none = FrameResult.empty(3, 1.5)
    assert len(none) == 0
    assert none.labels == ()
    assert none.boxes.shape == (0, 4)
    assert none.probs.shape == (0, 7)
    assert none.to_dict() == {"index": 3, "time_s": 1.5, "shot": 1, "faces": []}


def test_result_rows_are_aligned_read_only_and_json() -> None:
    two = result(2)
    assert two.labels == ("happy", "happy")
    assert two.confidences.shape == (2,)
    with pytest.raises(ValueError, match="read-only"):
        two.probs[0, 0] = 1
    face = json.loads(json.dumps(two.to_dict()))["faces"][1]
    assert face["track_id"] == 1
    assert face["box_xyxy"] == [4, 5, 6, 7]
    assert face["emotion"] == "happy"
    assert face["unsure"] is True
    assert face["quality"] == ["dark", "small"]


def test_result_refuses_rows_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match="quality"):
        FrameResult(0, 0, *[np.empty(0)] * 7, ((),))  # type: ignore[arg-type, call-arg]
    with pytest.raises(ValueError, match="reshape"):
        FrameResult(0, 0, np.empty((1, 4)), np.array([1, 2]), *[np.empty(0)] * 5, ((), ()))  # type: ignore[arg-type, call-arg]


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda: config.PipelineSettings(smoothing_strength=1.5), "smoothing_strength"),
        (lambda: config.PipelineSettings(smoothing_strength=float("nan")), "smoothing_strength"),
        (lambda: config.DetectionSettings(min_face_px=-1), "min_face_px"),
        (lambda: config.TrackingSettings(confirm_hits=0), "confirm_hits"),
        (lambda: config.AppSettings(retention_h=0), "retention_h"),
    ],
)
def test_settings_refuse_values_out_of_range_by_name(
    make: Callable[[], object], named: str
) -> None:
    with pytest.raises(errors.SettingsError, match=named):
        make()


def test_app_settings_come_from_the_environment(tmp_path: Path) -> None:
    settings = config.AppSettings.from_environment(
        {
            "EMOTION_LAB_RETENTION_H": "2",
            "EMOTION_LAB_VIDEO_DIR": str(tmp_path),
            "EMOTION_LAB_ICE_SERVERS": '[{"urls": "stun:stun.example.org"}]',
        }
    )
    assert settings.retention_h == 2
    assert settings.video_dir == tmp_path
    assert settings.ice_servers[0]["urls"] == "stun:stun.example.org"
    assert config.AppSettings.from_environment({}).ice_servers == ()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("EMOTION_LAB_RETENTION_H", "soon"),
        ("EMOTION_LAB_MAX_STREAMS", "nan"),
        ("EMOTION_LAB_MAX_STREAMS", "inf"),
        ("EMOTION_LAB_MAX_STREAMS", "2.9"),
        ("EMOTION_LAB_MAX_STREAMS", "-1"),
        ("EMOTION_LAB_MAX_STREAMS", "1" * 5000),  # more digits than int() takes
        ("EMOTION_LAB_ICE_RELAY_ONLY", "0.4"),
        ("EMOTION_LAB_ICE_RELAY_ONLY", "yes"),
        ("EMOTION_LAB_ICE_SERVERS", "stun:x"),
        ("EMOTION_LAB_ICE_SERVERS", '[{"url": "x"}]'),
        # Several replicas need both; neither needs a value that is shown.
        ("EMOTION_LAB_DATABASE", "postgresql://lab@host/lab"),
        ("EMOTION_LAB_STORE", "s3://bucket"),
    ],
)
def test_bad_environment_is_named(name: str, value: str) -> None:
    with pytest.raises(errors.SettingsError, match=name):
        config.AppSettings.from_environment({name: value})


@pytest.mark.parametrize(
    ("name", "ask"),
    [
        ("EMOTION_LAB_VIDEO_DIR", config.AppSettings.video_folder),
        ("EMOTION_LAB_DATA_DIR", config.AppSettings.data_folder),
        ("EMOTION_LAB_DATA", config.AppSettings.training_data),
    ],
)
def test_a_mistyped_path_is_named_where_it_is_needed_and_nowhere_else(
    name: str, ask: Callable[[config.AppSettings], object], tmp_path: Path
) -> None:
    for mistyped in ("/no/such/folder", "a\0b"):
        settings = config.AppSettings.from_environment({name: mistyped})
        with pytest.raises(errors.SettingsError, match=f"{name} must be a folder"):
            ask(settings)
    assert ask(config.AppSettings.from_environment({name: str(tmp_path)})) == tmp_path
    assert ask(config.AppSettings()) is None
    (tmp_path / "faces.zip").touch()
    settings = config.AppSettings.from_environment({name: str(tmp_path / "faces.zip")})
    if name == "EMOTION_LAB_DATA":
        assert ask(settings) == tmp_path / "faces.zip"
    else:
        with pytest.raises(errors.SettingsError, match=name):
            ask(settings)


def test_whole_numbers_and_switches_are_read() -> None:
    environ = {"EMOTION_LAB_MAX_STREAMS": " 3 ", "EMOTION_LAB_ICE_RELAY_ONLY": "1"}
    settings = config.AppSettings.from_environment(environ)
    assert settings.max_streams == 3
    assert settings.ice_relay_only is True
    off = config.AppSettings.from_environment({"EMOTION_LAB_ICE_RELAY_ONLY": "0"})
    assert off.ice_relay_only is False


def test_an_empty_variable_is_one_that_is_not_set() -> None:
    names = ("MODELS_DIR", "WORK_DIR", "RETENTION_H", "VIDEO_DIR", "ICE_SERVERS", "MAX_STREAMS")
    empty = {f"EMOTION_LAB_{name}": "" for name in names}
    assert config.AppSettings.from_environment(empty) == config.AppSettings()


def test_every_error_has_one_root() -> None:
    classes = [c for c in vars(errors).values() if isinstance(c, type)]
    assert len(classes) > 8
    assert all(issubclass(c, errors.EmotionCoreError) for c in classes)
    drawn = errors.__doc__ or ""
    assert all(c.__name__ in drawn for c in classes)
