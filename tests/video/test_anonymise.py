from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import ArrayLike

from emotion_core.datatypes import Frame
from emotion_core.media.synthetic import sample_boxes, sample_frames
from emotion_core.results.annotations import Edits, Hide
from emotion_core.results.face_table import FaceTable
from emotion_core.video.anonymise import Anonymiser

EDITS = replace(Edits().rename(1, "Ada"), hide=Hide.UNNAMED)


def table(
    times: list[float], boxes_xywh: ArrayLike, predicted: list[bool] | None = None
) -> FaceTable:
    """Person 1 at these times."""
    n = len(times)
    moments = np.array(times, np.float64)
    return FaceTable(
        frame=np.arange(n),
        time_s=moments,
        track_id=np.ones(n, np.int64),
        boxes_xywh=np.array(boxes_xywh, np.float32),
        probs=np.full((n, 7), 1 / 7, np.float32),
        detection_score=np.ones(n, np.float32),
        predicted=np.array(predicted or [False] * n, np.bool_),
        unsure=np.zeros(n, np.bool_),
        frame_times=moments,
    )


@pytest.mark.parametrize(
    ("times", "predicted", "time_s", "visible"),
    [
        ([1.0], [False], 1.0, True),
        ([1.0], [False], 1.0004, True),
        ([0.9, 1.1], [False, False], 1.0, True),
        ([0.7], [False], 1.0, False),
        ([1.3], [False], 1.0, False),
        ([0.0, 1.9], [False, False], 1.0, False),
        ([0.5, 1.0], [False, True], 1.0, False),
    ],
    ids=["found", "rounded time", "between", "left", "not yet", "long gap", "held box"],
)
def test_a_face_is_visible_only_where_its_person_was_found(
    times: list[float], predicted: list[bool], time_s: float, visible: bool
) -> None:
    image = next(iter(sample_frames(1.0, 10.0, scenario="cross"))).image
    left, top, right, bottom = sample_boxes(0.0, 1.0, scenario="cross")[1].round().astype(int)
    box = (left, top, right - left, bottom - top)
    hide = Anonymiser(table(times, [box] * len(times), predicted), EDITS)
    hidden = hide(Frame(image, 0, time_s))
    same = np.array_equal(hidden[top:bottom, left:right], image[top:bottom, left:right])
    assert same == visible
