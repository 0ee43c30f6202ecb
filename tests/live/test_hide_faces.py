"""*Hide faces* end to end: the short version of `python -m benchmarks.torture hide`."""

from itertools import islice

from benchmarks.torture_hide import live, redrawn, truth_of, walking

SECONDS = 4.0


def test_no_picture_on_page_or_film_shows_a_face() -> None:
    frames = list(islice(walking(SECONDS), 30, 60))
    figures = live(frames, truth_of(SECONDS))
    assert figures["open_with_a_face"] > 0, "there is something to hide"
    assert figures["pictures"] >= 2
    assert figures["film"] > 0
    assert figures["with_a_face"] == 0


def test_no_picture_of_a_redrawn_clip_shows_a_face() -> None:
    figures = redrawn(list(islice(walking(SECONDS), 40, 52)), truth_of(SECONDS))
    assert figures["open_with_a_face"] > 0
    assert figures["with_a_face"] == 0
