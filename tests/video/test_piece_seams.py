"""Where two pieces are joined, on frames whose faces are given."""

from pathlib import Path

import numpy as np
import pytest

from emotion_core.errors import InputError
from emotion_core.video.piece_seams import Frames, TableFrame, find_seam, table_rows

Face = tuple[int, float, float]  # tracklet, x of the box, probability of the first expression


def frame(index: int, *faces: Face, shot: int = 1, held: tuple[int, ...] = ()) -> TableFrame:
    probs = np.full((len(faces), 7), 0.1, np.float32)
    probs[:, 0] = [p for _, _, p in faces]
    return TableFrame(
        index,
        shot,
        np.array([t for t, _, _ in faces], np.int64),
        np.array([[x, 0, x + 50, 50] for _, x, _ in faces], np.float32).reshape(-1, 4),
        probs,
        np.array([t in held for t, _, _ in faces], np.bool_),
    )


def test_the_seam_is_where_the_pieces_agree_best() -> None:
    before = {t: frame(t + 3, (4, 10.0, 0.5), shot=6) for t in range(10)}
    after = {t: frame(t, (1, 11.0, 0.5 + abs(t - 6) / 10), shot=2) for t in range(10)}
    seam = find_seam(before, after, shared_from=3, end=10)
    assert (seam.tick, seam.index_shift, seam.shot_shift) == (6, 3, 4)
    assert dict(seam.same) == {1: 4}
    assert seam.compared == 7
    assert seam.largest_difference == pytest.approx(0.3)


def test_of_equal_frames_the_last_one_counts_and_a_held_face_is_worse() -> None:
    after = {t: frame(t, (1, 10.0, 0.5)) for t in range(6)}
    before = {t: frame(t, (1, 10.0, 0.5), held=(1,) if t == 5 else ()) for t in range(6)}
    assert find_seam(before, after, 2, 6).tick == 4


def test_tracks_that_cross_are_told_apart_by_all_frames_that_both_have() -> None:
    before: Frames = {t: frame(t, (1, 40.0 * t, 0.5), (2, 400 - 40.0 * t, 0.5)) for t in range(10)}
    after: Frames = {t: frame(t, (7, 400 - 40.0 * t, 0.5), (9, 40.0 * t, 0.5)) for t in range(10)}
    assert dict(find_seam(before, after, 5, 10).same) == {9: 1, 7: 2}


def test_somebody_else_in_another_place_is_not_the_same_track() -> None:
    before = {t: frame(t, (1, 10.0, 0.5)) for t in range(8)}
    after = {t: frame(t, (1, 300.0, 0.5), (2, 12.0, 0.5)) for t in range(8)}
    seam = find_seam(before, after, 4, 8)
    assert dict(seam.same) == {2: 1}
    nobody = {t: frame(t) for t in range(8)}
    assert dict(find_seam(before, nobody, 4, 8).same) == {}


def test_pieces_that_read_different_frames_are_joined_by_the_nearest() -> None:
    before = {t: frame(t, (3, 10.0 + t, 0.5), shot=2) for t in range(0, 20, 2)}
    after = {t: frame(t, (1, 10.0 + t, 0.5)) for t in range(1, 20, 2)}
    seam = find_seam(before, after, 10, 20)
    assert (seam.tick, dict(seam.same), seam.shot_shift, seam.compared) == (20, {1: 3}, 1, 0)
    assert find_seam({}, after, 10, 20).same == {}


def test_a_table_that_is_none_names_the_file_and_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "faces.csv").write_text("frame,time_s\n1,2\n")
    with pytest.raises(InputError, match=r"faces\.csv is no table of a piece .* analyse the video"):
        list(table_rows(tmp_path / "faces.csv"))
    with pytest.raises(InputError, match="no table of a piece"):
        list(table_rows(tmp_path / "gone.csv"))
