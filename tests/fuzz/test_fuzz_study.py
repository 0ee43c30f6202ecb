"""Whatever the files of a study hold: what can be used is used, and nothing is lost by a change."""

import csv
import io
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from emotion_core.errors import InputError
from emotion_core.results.paths import safe_name
from emotion_core.study.definitions import Event, EventKind, Recording, StudySettings
from emotion_core.study.event_files import import_events
from emotion_core.study.events import cleaned as cleaned_event
from emotion_core.study.events import events_of, read_events_file, written_events
from emotion_core.study.file_patterns import match
from emotion_core.study.recordings import (
    COLUMNS,
    RecordingsFile,
    check_variables,
    cleaned,
    free_name,
    read_recordings,
    recordings_of,
    written_recordings,
)
from emotion_core.study.study_file import changed_text, settings_changes, study_of
from emotion_core.study.text_files import decoded, table_of

quick = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def documented(ask: Callable[[], Any], words: str) -> Any:
    """What a parser gives; None where it raises an InputError with these words in it."""
    try:
        return ask()
    except InputError as error:
        if words not in str(error):
            raise
        return None


cell = st.sampled_from(
    ["", "a", "b.mp4", "P1", "1", "1,5", "-2", "1e400", "no", "ä", "a/b", '"', '"x', "x\ny", "nan"]
) | st.text(max_size=6)
header = st.lists(st.sampled_from([*COLUMNS, "group", "Group", "", "a;b", '"']), max_size=9)
lines = st.lists(st.lists(cell, max_size=10), max_size=6)


def as_csv(rows: list[list[str]], delimiter: str) -> bytes:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows(rows)
    return text.getvalue().encode("utf-8", "replace")


tables = st.tuples(header, lines, st.sampled_from(",;\t")).map(
    lambda t: as_csv([t[0], *t[1]], t[2])
)
# As a person types it: nothing is quoted.
typed = st.tuples(header, lines).map(
    lambda t: "\n".join(",".join(row) for row in [t[0], *t[1]]).encode("utf-8", "replace")
)
rubbish = st.binary(max_size=200)


@quick
@given(tables | typed | rubbish)
@example(b'recording,file\n"a,b\n"c,d\n')
@example(b"\xff\xfer")
def test_recordings_survive_being_read_and_written(data: bytes) -> None:
    before = recordings_of(table_of(decoded(data)))
    names = [r.recording for r in before.recordings]
    assert len({n.casefold() for n in names}) == len(names)
    assert all(safe_name(n) == n for n in names)
    # Two lines with open quotation marks may become one when they meet at the end of the file.
    assume(sum(not row.closed for row in before.unread) < 2)
    written = written_recordings(before, before.recordings)
    after = recordings_of(table_of(decoded(written)))
    assert [r.recording for r in after.recordings] == names
    for one, two in zip(before.recordings, after.recordings, strict=True):
        assert cleaned(one) == two or {**two.variables, **one.variables} == two.variables
    assert len(after.unread) == len(before.unread)
    letters = [Counter("".join(row.text for row in f.unread)) for f in (before, after)]
    assert not {c: n for c, n in (letters[0] - letters[1]).items() if c not in '",;\t\n '}


@quick
@given(tables | typed | rubbish)
@example(b"start_s\n1\n")
@example(b'recording,kind,label,start_s,end_s,x\n*,,a,1,2,"\n')
def test_events_survive_being_read_and_written(data: bytes) -> None:
    before = events_of(table_of(decoded(data)))
    assume(sum(not row.closed for row in before.unread) < 2)
    after = events_of(table_of(decoded(written_events(before, before.events))))
    assert [cleaned_event(e).label for e in before.events] == [e.label for e in after.events]
    assert len(after.unread) == len(before.unread)


words = st.text(max_size=12)
seconds = st.floats(-1e9, 1e9)


def made(name: str, texts: list[str], times: list[float], group: str) -> Recording:
    start_s, length_s, offset_s = times
    end_s = start_s + abs(length_s)
    file, participant, person = texts
    return Recording(
        free_name(name, ()),
        file,
        participant,
        {"group": group},
        start_s,
        end_s if end_s > start_s else None,
        offset_s,
        person,
    )


@quick
@given(
    st.builds(
        made,
        words,
        st.lists(words, min_size=3, max_size=3),
        st.lists(seconds, min_size=3, max_size=3),
        words,
    )
)
def test_any_recording_comes_back_as_it_is_written(recording: Recording) -> None:
    check_variables([recording])
    one = cleaned(recording)
    data = written_recordings(RecordingsFile(), [one])
    (two,) = recordings_of(table_of(decoded(data))).recordings
    assert cleaned(two) == two
    assert (two.recording, two.include) == (one.recording, one.include)
    assert two.start_s == pytest.approx(recording.start_s, abs=1e-6)
    assert two.clock_offset_s == pytest.approx(recording.clock_offset_s, abs=1e-6)
    texts = [(r.file, r.participant, r.person, r.variables["group"]) for r in (one, two)]
    assert texts[0] == texts[1]


@quick
@given(rubbish | st.sampled_from(["rate_hz = 5.0", "rate_hz = nan", "x = 1", "[a]", "[analysis.b]",
    "space = 'logit'", "format = 3", "# c", "a.b = 1", "baseline = 7"]).flatmap(
        lambda line: st.lists(st.just(line) | st.sampled_from(["[analysis]", "[study]", "name = ''",
            "[design]", "event_s = 2", "smoothing = 'x'"]), max_size=5)).map(
        lambda rows: "\n".join(rows).encode()
))  # fmt: skip
@example(b"[analysis]\nrate_hz = 1" + b"0" * 5000)
@example(b"analysis = {rate_hz = 5.0}\nname = '\\ud800'")
def test_any_study_file_gives_settings_or_the_reason(data: bytes) -> None:
    text = decoded(data).text
    found = documented(lambda: study_of(text, "name"), "study")
    if found is None:
        return
    assert found.name
    wanted = StudySettings(rate_hz=7.0, leave_out_unsure=True)
    changes = settings_changes(found.settings, wanted)
    again = study_of(changed_text(text, {"analysis": changes}), "name")
    assert again.settings == wanted


@quick
@given(
    rubbish | tables,
    st.sampled_from(["a.csv", "a.txt", "a.log", "a.eaf", "a.boris", "a.boris.gz", "a.tsv"]),
)
def test_any_file_of_events_gives_events_or_the_reason(data: bytes, name: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, name)
        path.write_bytes(data)
        found = documented(lambda: import_events(path), name)
    assert found is None or all(event.start_s <= event.end_s for event in found.events)


near_log = st.lists(
    st.tuples(
        st.sampled_from(["1.5 \tEXP \t", "x", "2 \tDATA \t", "*** LogFrame Start ***", "\t", ""]),
        st.sampled_from(["a: autoDraw = True", "Stim.OnsetTime: 5", "Keypress: a", "a: image = '"]),
    ).map("".join),
    max_size=8,
).map(lambda rows: "\n".join(rows).encode())


@quick
@given(near_log)
def test_any_log_gives_events_or_the_reason(data: bytes) -> None:
    test = test_any_file_of_events_gives_events_or_the_reason.hypothesis.inner_test  # type: ignore[attr-defined]
    test(data, "a.log")


near_grid = st.lists(
    st.sampled_from(
        [
            "0",
            "1",
            "2",
            "-1",
            "1e999",
            "<exists>",
            '"IntervalTier"',
            '"TextTier"',
            '"a""b"',
            '"x',
            "!",
        ]
    ),
    max_size=20,
).map(lambda words: "\n".join(['"ooTextFile"', '"TextGrid"', "0", "9", "<exists>", "1", *words]))
near_cues = st.lists(
    st.sampled_from(
        ["00:01.000 --> 00:02.000", "00:03.000-->x", "1 a: b (point)", "", "<v A>x", "NOTE", "&lt;"]
    ),
    max_size=12,
).map(lambda lines: "\n".join(["WEBVTT", "", *lines]))


@quick
@given(st.one_of(near_grid, near_cues))
def test_any_annotations_give_events_or_the_reason(text: str) -> None:
    test = test_any_file_of_events_gives_events_or_the_reason.hypothesis.inner_test  # type: ignore[attr-defined]
    test(text.encode(), "a.TextGrid")


@quick
@given(
    st.text(alphabet="{}*_ab.", max_size=12), st.lists(st.text("ab_./", max_size=12), max_size=3)
)
def test_any_pattern_reads_names_or_is_refused(pattern: str, names: list[str]) -> None:
    try:
        found = match(pattern, names)
    except InputError:
        return
    assert sorted([*found.unmatched, *(row["file"] for row in found.rows)]) == sorted(names)


def test_a_file_of_events_is_read_from_its_path(tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    path.write_bytes(b"start_s\n1\n")
    assert read_events_file(path).events == (Event("*", EventKind.EVENT, "event", 1.0, 1.0),)
    with pytest.raises(InputError, match="cannot be read"):
        read_recordings(tmp_path)
