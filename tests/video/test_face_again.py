"""One face, read from the video again."""

from pathlib import Path

import numpy as np
import pytest

from emotion_core.errors import InputError, VideoError
from emotion_core.media.read import read_frames
from emotion_core.media.write import sample_video
from emotion_core.video.face_again import face_again
from emotion_core.vision.crop import crop_faces

BOX = np.array([40.2, 30.5, 80.0, 90.0], np.float32)
XYXY = np.array([[40.2, 30.5, 120.2, 120.5]], np.float32)


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sample_video(tmp_path_factory.mktemp("clips") / "clip.mp4", 2.0, 10.0, "cross")


@pytest.mark.parametrize("index", [0, 1, 13, 19])
def test_it_is_the_face_of_that_frame(video: Path, index: int) -> None:
    frames = list(read_frames(video))
    assert len(frames) == 20
    found = face_again(video, index, round(frames[index].time_s, 3), BOX)
    wanted = [crop_faces(frame.image, XYXY)[0] for frame in frames]
    assert np.array_equal(found, wanted[index])
    assert sum(np.array_equal(found, crop) for crop in wanted) < 3, "the picture moves"


def test_a_leaning_face_is_turned_upright_again(video: Path) -> None:
    image = list(read_frames(video))[3].image
    found = face_again(video, 3, 0.3, BOX, 30.0)
    assert np.array_equal(found, crop_faces(image, XYXY, np.array([30.0], np.float32))[0])
    assert not np.array_equal(found, crop_faces(image, XYXY)[0])


@pytest.mark.parametrize(
    ("frame", "time_s", "left"), [(20, 2.0, 40), (3, 0.4, 40), (3, 0.33, 40), (3, 0.3, 9000)]
)
def test_another_video_is_noticed(video: Path, frame: int, time_s: float, left: float) -> None:
    with pytest.raises(InputError, match="not the one that was analysed"):
        face_again(video, frame, time_s, np.array([left, 30, 80, 90], np.float32))


def test_a_video_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "letter.mp4").write_text("dear reader")
    with pytest.raises(VideoError):
        face_again(tmp_path / "letter.mp4", 0, 0.0, BOX)
