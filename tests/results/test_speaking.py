"""How long and when a person speaks, and their rows without it."""

import numpy as np
import pytest

from emotion_core.results.face_table import FaceTable, shares
from emotion_core.results.speaking import speaking_share, speaking_stretches


def person(told: str, step_s: float = 0.1, labels: str = "") -> FaceTable:
    """One row a sign: `s` speaks, `.` does not, `?` is not known, `-` is away; label `h` or `n`."""
    times = np.asarray(np.arange(len(told)) * step_s, np.float64)
    there = np.array([sign != "-" for sign in told])
    probs = np.full((len(told), 7), 0.05, np.float32)
    probs[np.arange(len(told)), [3 if c == "h" else 4 for c in labels or "n" * len(told)]] = 0.7
    n = int(there.sum())
    states = {"s": 1, ".": 0, "?": -1}
    return FaceTable(
        frame=np.flatnonzero(there),
        time_s=times[there],
        track_id=np.ones(n, np.int64),
        boxes_xywh=np.ones((n, 4), np.float32),
        probs=probs[there],
        detection_score=np.ones(n, np.float32),
        predicted=np.zeros(n, bool),
        unsure=np.zeros(n, bool),
        frame_times=times,
        speaking=np.array([states[sign] for sign in told if sign != "-"], np.int8),
    )


@pytest.mark.parametrize(
    ("told", "stretches"),
    [
        ("....", []),
        ("????", []),
        ("ssss", [(0.0, 0.4)]),
        ("?ss..s.", [(0.1, 0.3), (0.5, 0.6)]),
        ("ss--ss", [(0.0, 0.2), (0.4, 0.6)]),
    ],
)
def test_stretches_lie_where_a_person_speaks(
    told: str, stretches: list[tuple[float, float]]
) -> None:
    found = speaking_stretches(person(told))
    assert [(round(a, 6), round(b, 6)) for a, b in found] == stretches


def test_what_is_too_short_to_be_seen_is_left_out() -> None:
    found = speaking_stretches(person("s....ssss.ssss"), least_s=0.15)
    assert [(round(a, 6), round(b, 6)) for a, b in found] == [(0.5, 1.4)]


@pytest.mark.parametrize(
    ("told", "share"), [("ss..", 0.5), ("s??.", 0.5), ("s--.ss", 0.75), ("??", None), ("--", None)]
)
def test_the_share_is_of_the_time_in_which_it_is_known(told: str, share: float | None) -> None:
    assert speaking_share(person(told)) == (None if share is None else pytest.approx(share))


def test_silent_rows_leave_only_speech_out() -> None:
    whole = person("ss..?", labels="hhhnn")
    silent = whole.silent()
    assert silent.speaking.tolist() == [0, 0, -1]
    np.testing.assert_array_equal(silent.frame_times, whole.frame_times)
    assert shares(whole)["happy"] == pytest.approx(3 / 5)
    assert shares(silent)["happy"] == pytest.approx(1 / 3)
    assert len(person("sss").silent()) == 0


def test_a_table_without_the_column_knows_nothing() -> None:
    table = person("...")
    bare = FaceTable(
        table.frame,
        table.time_s,
        table.track_id,
        table.boxes_xywh,
        table.probs,
        table.detection_score,
        table.predicted,
        table.unsure,
        table.frame_times,
    )
    assert bare.speaking.tolist() == [-1, -1, -1]
    assert speaking_stretches(bare) == []
