"""Praat's TextGrids and WebVTT: read by independent libraries, and read from other programs."""

from itertools import pairwise
from pathlib import Path

import pytest
import webvtt
from made_documents import HARD, MARKS, Row, document, rows_of, saved, spans
from praatio import textgrid

from emotion_core.errors import InputError
from emotion_core.interchange.document import Document, Span, Tier
from emotion_core.interchange.formats import write
from emotion_core.interchange.textgrid import read_textgrid
from emotion_core.study.definitions import EventKind
from emotion_core.study.event_files import import_events

# Praat


def test_a_textgrid_is_read_by_praatio(tmp_path: Path) -> None:
    made = document(HARD, MARKS)
    (path,) = saved(write([made], "textgrid", ""), tmp_path)
    grid = textgrid.openTextgrid(str(path), includeEmptyIntervals=False)
    found: list[Row] = []
    for tier in grid.tiers:
        assert (tier.minTimestamp, tier.maxTimestamp) == (0, 60)
        for entry in tier.entries:
            times = entry[:-1]
            found.append((entry[-1], round(times[0] * 1000), round(times[-1] * 1000)))
    assert sorted(found) == rows_of(made)
    whole = textgrid.openTextgrid(str(path), includeEmptyIntervals=True)
    entries = whole.getTier("Anna: expression").entries
    assert all(a.end == b.start for a, b in pairwise(entries)), "gaps"


SHORT = """File type = "ooTextFile"
Object class = "TextGrid"

0
2.5
<exists>
2
"IntervalTier"
"words"
0
2.5
3
0
1
""
1
2
"say ""hi"" ! no comment"
2
2.5
"  "
"TextTier"
"baseline"
0
2.5
1
0.25
"x"
"""


def test_a_textgrid_in_the_short_format_is_read(tmp_path: Path) -> None:
    path = tmp_path / "P01.TextGrid"
    for encoding in ("utf-8", "utf-16"):
        path.write_text(SHORT, encoding)
        found = import_events(path)
        assert found.format == "Praat"
        assert [(e.kind, e.label, e.start_s, e.end_s) for e in found.events] == [
            (EventKind.BASELINE, "x", 0.25, 0.25),
            (EventKind.EVENT, 'say "hi" ! no comment', 1.0, 2.0),
        ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (SHORT[:180], "ends before all"),
        (SHORT.replace("\n3\n", "\nthree\n"), "damaged"),
        (SHORT.replace("\n1\n2\n", "\n2\n1\n"), "must not end before"),
        (SHORT.replace("\n2\n", "\n99999999\n", 1), "tiers"),
    ],
)
def test_a_damaged_textgrid_is_refused(text: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "x.TextGrid"
    path.write_text(text)
    with pytest.raises(InputError, match=words) as error:
        import_events(path)
    assert "x.TextGrid cannot be read" in str(error.value)


# WebVTT


def test_webvtt_is_read_by_webvtt_py(tmp_path: Path) -> None:
    made = document(HARD, MARKS)
    (path,) = saved(write([made], "webvtt", ""), tmp_path)
    captions = list(webvtt.read(str(path)))
    assert len(captions) == len(rows_of(made))
    names = [caption.identifier for caption in captions]
    assert len(set(names)) == len(names)
    assert captions[1].text.startswith("Anna: happy")
    assert captions[1].end == "00:00:01.500"
    assert "NOTE The recording started at 2026-05-01T09:30:00.250+02:00." in path.read_text("utf-8")


VTT = """WEBVTT - by somebody

STYLE
::cue {}

NOTE a comment --> not a cue

1
00:01.000 --> 00:02.500 align:start
<v.loud Anna &amp; Bo>Well, <i>hello</i>

02:00:00,000 --> 02:00:01.000
no speaker
two lines

bad
00:05.000 --> never
x

00:09.000 --> 00:08.000
backwards
"""


def test_subtitles_of_other_programs_are_events(tmp_path: Path) -> None:
    path = tmp_path / "P01_film.vtt"
    path.write_text(VTT)
    found = import_events(path)
    assert [(e.label, e.start_s, e.end_s) for e in found.events] == [
        ("Well, hello", 1.0, 2.5),
        ("no speaker two lines", 7200.0, 7201.0),
    ]
    words = [problem.message for problem in found.problems]
    assert len(words) == 2
    assert all("The cue is left out." in w for w in words)
    assert any("00:05.000 --> never" in w for w in words)


def test_times_of_many_digits_survive_the_text_of_a_textgrid() -> None:
    tier = Tier("a", "event", spans(("x", 0.1 + 0.2, 86_399.9994), ("y", 86_399.9994, 90_000)))
    data = write([Document("x", (tier,))], "textgrid", "").files["x.TextGrid"]
    (read,) = read_textgrid(data.decode()).tiers
    assert [span.ms for span in read.spans] == [(300, 86_399_999), (86_399_999, 90_000_000)]


def test_a_textgrid_with_an_endless_number_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.TextGrid"
    path.write_text(SHORT.replace("\n0.25\n", "\n1e999\n"))
    with pytest.raises(InputError, match="1e999 is not a time"):
        import_events(path)


def test_what_overlaps_by_microseconds_touches_in_a_textgrid(tmp_path: Path) -> None:
    # 12.5 ms is rounded down here, and was once rounded up as a text: Praat refuses an overlap.
    made = Document("r", (Tier("t", "code", (Span(0.0, 0.0125, "a"), Span(0.012499, 1.0, "b"))),))
    (path,) = saved(write([made], "textgrid", ""), tmp_path)
    entries = textgrid.openTextgrid(str(path), includeEmptyIntervals=True).getTier("t").entries
    assert [(entry.start, entry.end) for entry in entries] == [(0.0, 0.012), (0.012, 1.0)]
