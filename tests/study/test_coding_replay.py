"""From keys to codes: what ends what, what is undone, and what is outside of the clip."""

import itertools
from collections.abc import Iterable
from typing import Any

import pytest

from emotion_core.study.coding.replay import Action, ClipCodes, Key, finished, replay
from emotion_core.study.coding.scheme import CodeKind

IDS = itertools.count()


def code(name: str, time_s: float, **rest: Any) -> Key:
    return Key(f"k{next(IDS)}", Action.CODE, time_s, name, **rest)


def act(action: Action, time_s: float = 0.0, **rest: Any) -> Key:
    return Key(f"k{next(IDS)}", action, time_s, **rest)


def found(keys: Iterable[Key], span: tuple[float, float] = (0.0, 10.0)) -> list[tuple[Any, ...]]:
    clip = finished(replay(keys, *span), span[1])
    return [(c.code or "?", c.start_s, c.end_s) for c in clip.codes]


@pytest.mark.parametrize(
    ("keys", "codes"),
    [
        ([], []),
        ([code("a", 1), code("a", 3)], [("a", 1, 3)]),
        # The next one ends the running one, which at last ends with the clip.
        ([code("a", 1), code("b", 3)], [("a", 1, 3), ("b", 3, 10)]),
        # Corrected while the player pauses: nothing stays of the first one.
        ([code("a", 1), code("b", 1)], [("b", 1, 10)]),
        ([code("a", 2), act(Action.CANNOT_TELL, 4)], [("a", 2, 4), ("?", 4, 10)]),
        ([code("a", 1), act(Action.END, 10), code("b", 2), act(Action.END, 3)],
         [("a", 1, 2), ("b", 2, 3), ("a", 3, 10)]),
        # What was never ended ends where the next stretch begins, not over it.
        ([code("b", 5), code("b", 8), code("a", 1)], [("a", 1, 5), ("b", 5, 8)]),
        # Ended before its start: it lies between the two.
        ([code("a", 6), code("a", 2)], [("a", 2, 6)]),
        ([code("m", 2, kind=CodeKind.MOMENT), code("a", 1), code("a", 3)],
         [("a", 1, 3), ("m", 2, 2)]),
        ([code("a", 1), code("a", 4), act(Action.UNDO)], [("a", 1, 10)]),
        ([code("a", 1), act(Action.UNDO), act(Action.UNDO), code("b", 2)], [("b", 2, 10)]),
        # A key without an effect is not what undo takes back.
        ([code("a", 1), code("a", 2), act(Action.END, 3), act(Action.UNDO)], [("a", 1, 10)]),
    ],
)  # fmt: skip
def test_one_stretch_at_a_time(keys: list[Key], codes: list[tuple[Any, ...]]) -> None:
    assert found(keys) == codes


def test_stretches_of_different_codes_overlap_where_the_scheme_says_so() -> None:
    keys = [code("a", 1, exclusive=False), code("b", 2, exclusive=False)]
    assert found([*keys, code("a", 5, exclusive=False)]) == [("a", 1, 5), ("b", 2, 10)]
    # One code never overlaps itself, and "cannot tell" nothing.
    again = [code("a", 3, exclusive=False), code("a", 7, exclusive=False)]
    twice = [code("a", 1, exclusive=False), code("a", 5, exclusive=False), *again]
    assert found(twice) == [("a", 1, 3), ("a", 3, 7)]
    assert found([*keys, act(Action.CANNOT_TELL, 4)]) == [("a", 1, 4), ("b", 2, 4), ("?", 4, 10)]


def test_times_outside_of_the_clip_are_moved_to_its_edge_and_told() -> None:
    clip = replay([code("a", 3.0), act(Action.END, 19.5)], 4.0, 9.0)
    assert [(c.start_s, c.end_s) for c in clip.codes] == [(4.0, 9.0)]
    assert "1.0 s outside" in clip.problems[0]
    assert "10.5 s outside" in clip.problems[1]
    # A player stops a frame late: that is not worth a word.
    assert replay([code("a", 9.04)], 4.0, 9.0).problems == ()


def test_intensities_and_notes_belong_to_the_newest_code() -> None:
    a, b = code("a", 1), code("b", 3)
    keys = [act(Action.INTENSITY, value=2), a, act(Action.INTENSITY, value=5), b]
    keys += [act(Action.INTENSITY, value=3), act(Action.INTENSITY, value=9)]
    keys += [act(Action.NOTE, target=a.id, text="both"), act(Action.NOTE, text="the clip")]
    clip = replay(keys, 0, 10)
    assert [(c.code, c.intensity, c.note) for c in clip.codes] == [("a", 5, "both"), ("b", 3, "")]
    assert clip.note == "the clip"
    deleted = replay([*keys, act(Action.DELETE, target=a.id)], 0, 10)
    assert [c.code for c in deleted.codes] == ["b"]
    assert replay([*keys, act(Action.DELETE, target=a.id), act(Action.UNDO)], 0, 10) == clip


def test_pieces_of_a_stretch_can_be_told_apart() -> None:
    keys = [code("a", 0), act(Action.END, 10)]
    for start in (4, 1, 7):
        keys += [code("b", start), act(Action.END, start + 1)]
    clip: ClipCodes = replay(keys, 0, 10)
    assert len({c.id for c in clip.codes}) == len(clip.codes) == 7
    assert sum(c.end_s - c.start_s for c in clip.codes) == 10


def test_the_deletion_of_the_only_code_can_be_undone() -> None:
    only = code("a", 2, kind=CodeKind.MOMENT)
    deleted = replay([only, act(Action.DELETE, target=only.id)], 0, 10)
    assert (deleted.codes, deleted.can_undo) == ((), True)
    assert not replay([], 0, 10).can_undo
    assert not replay([only, act(Action.UNDO)], 0, 10).can_undo


def test_a_stretch_ended_where_it_began_leaves_the_others_whole() -> None:
    assert found([code("a", 1), code("a", 5), code("b", 3), code("b", 3)]) == [("a", 1, 5)]
