from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from emotion_core.results.annotations import Edits, Hide
from emotion_core.results.thumbnails import picture_bytes


def test_who_is_next_to_a_visible_face_is_not_to_be_seen_while_faces_are_hidden(
    tmp_path: Path,
) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (128, 128, 3), np.uint8)
    file = tmp_path / "1.jpg"
    cv2.imwrite(str(file), noise)
    assert picture_bytes(file, Edits()) == file.read_bytes()
    edits = replace(Edits().rename(1, "Ada"), hide=Hide.UNNAMED)
    shown = cv2.imdecode(np.frombuffer(picture_bytes(file, edits), np.uint8), cv2.IMREAD_COLOR)
    assert shown is not None
    assert shown[40:88, 40:88].std() > 30
    assert shown[:16].std() < 15
    assert shown[:, -16:].std() < 15
