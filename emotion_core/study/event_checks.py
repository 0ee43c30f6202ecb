"""What is likely to be wrong with the events of a study, each in a sentence."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from emotion_core.study.definitions import EVERY_RECORDING, Event, EventKind, Recording
from emotion_core.study.events import EVENTS, EventIndex, on_clock_of
from emotion_core.study.problems import Problem, listed

Span = tuple[float, float]
# The last frame of a video is a little before its end.
_TOLERANCE_S: Final = 0.5


def check_events(
    recordings: Sequence[Recording], events: Sequence[Event], spans: Mapping[str, Span]
) -> list[Problem]:
    """What is likely to be wrong with events.

    Args:
        recordings: of the study.
        events: of the study, on the clock of the events.
        spans: recording → its first and last second on the clock of its video, where known.
    """
    index = EventIndex(events)
    timed = [(r, index.of(r), spans[r.recording]) for r in recordings if r.recording in spans]
    found = [
        *_owners(recordings, events),
        *_repeated(events),
        *_other_clock(timed),
        *_outside(timed),
        *_cut_off(timed),
        *_long_baselines(timed),
        *_overlapping(recordings, index),
    ]
    return [Problem(EVENTS, words) for words in found]


Timed = Sequence[tuple[Recording, list[Event], Span]]


def _owners(recordings: Sequence[Recording], events: Sequence[Event]) -> Iterable[str]:
    names = {r.recording for r in recordings}
    columns: dict[str, set[str]] = defaultdict(set)
    for recording in recordings:
        for column, value in {**recording.variables, "participant": recording.participant}.items():
            columns[column].add(value)
    for name, count in Counter(event.recording for event in events).items():
        column, equals, value = name.partition("=")
        shared = equals and value.strip() in columns.get(column.strip(), ())
        if name in names or shared or name == EVERY_RECORDING:
            continue
        whose = f"1 event belongs to {name}" if count == 1 else f"{count} events belong to {name}"
        if not equals:
            yield f"{whose}, but there is no such recording."
        elif column.strip() in columns:
            yield f"{whose}, but no recording has this value in the column {column.strip()}."
        else:
            yield f"{whose}, but recordings.csv has no column {column.strip()}."


def _repeated(events: Sequence[Event]) -> Iterable[str]:
    twice = [event for event, count in Counter(events).items() if count > 1]
    if twice:
        one = twice[0]
        number = "1 event is" if len(twice) == 1 else f"{len(twice)} events are"
        yield (
            f"{number} there more than once, such as {one.label} of {one.recording} at "
            f"{one.start_s:g} s. Was a file imported twice?"
        )


def _is_outside(recording: Recording, event: Event, span: Span) -> bool:
    start_s, end_s = on_clock_of(recording, event)
    return end_s < span[0] - _TOLERANCE_S or start_s > span[1] + _TOLERANCE_S


def _all_outside(recording: Recording, events: Sequence[Event], span: Span) -> bool:
    return bool(events) and all(_is_outside(recording, event, span) for event in events)


def _other_clock(timed: Timed) -> Iterable[str]:
    """Recordings without an event in their time: their clock offset is probably wrong."""
    found = [(r, events, span) for r, events, span in timed if _all_outside(r, events, span)]
    if not found:
        return
    recording, events, span = found[0]
    start_s, _ = on_clock_of(recording, events[0])
    names = listed([r.recording for r, _, _ in found])
    yield (
        f"All events are outside of the time of {names}: the clock offset looks wrong. "
        f"{recording.recording} runs from {span[0]:.1f} to {span[1]:.1f} s, and with its offset of "
        f"{recording.clock_offset_s:g} s its first event is at {start_s:.1f} s of the video."
    )


def _outside(timed: Timed) -> Iterable[str]:
    for recording, events, span in timed:
        outside = [event for event in events if _is_outside(recording, event, span)]
        if outside and len(outside) < len(events):
            one = outside[0]
            yield (
                f"{recording.recording}: {len(outside)} of {len(events)} events are outside of its "
                f"time, which is {span[0]:.1f} to {span[1]:.1f} s, such as {one.label} at "
                f"{on_clock_of(recording, one)[0]:.1f} s of the video."
            )


def _cut_off(timed: Timed) -> Iterable[str]:
    """Intervals that begin in a recording and end after it; by label."""
    found: dict[str, list[str]] = defaultdict(list)
    for recording, events, span in timed:
        for event in events:
            start_s, end_s = on_clock_of(recording, event)
            if start_s <= span[1] < end_s - _TOLERANCE_S and not _is_long_baseline(event, span):
                found[event.label].append(f"{recording.recording} ({end_s - span[1]:.1f} s)")
    for label, names in found.items():
        yield f"{label} goes on after the end of {listed(names)}: what is missing does not count."


def _is_long_baseline(event: Event, span: Span) -> bool:
    length_s = event.end_s - event.start_s
    return event.kind is EventKind.BASELINE and length_s > span[1] - span[0] + _TOLERANCE_S


def _long_baselines(timed: Timed) -> Iterable[str]:
    for recording, events, span in timed:
        for event in events:
            if _is_long_baseline(event, span):
                yield (
                    f"{recording.recording}: the baseline {event.label} is "
                    f"{event.end_s - event.start_s:.1f} s long, and the recording only "
                    f"{span[1] - span[0]:.1f} s."
                )


def _overlapping(recordings: Sequence[Recording], index: EventIndex) -> Iterable[str]:
    """Recordings with times that are left out twice: harmless, but likely a mistake."""
    names = []
    for recording in recordings:
        out = [event for event in index.of(recording) if event.kind is EventKind.EXCLUDE]
        end_s = float("-inf")
        for event in out:
            if event.start_s < end_s:
                names.append(recording.recording)
                break
            end_s = max(end_s, event.end_s)
    if names:
        yield f"Events of the kind exclude overlap in {listed(names)}. Each second counts once."


def check_baseline_events(
    recordings: Sequence[Recording], events: Sequence[Event]
) -> list[Problem]:
    """Participants without an event of the kind baseline, where the settings ask for one."""
    index = EventIndex(event for event in events if event.kind is EventKind.BASELINE)
    participants = {r.participant: None for r in recordings if r.participant}
    rested = {r.participant for r in recordings if index.of(r)}
    without = [name for name in participants if name not in rested]
    if not without:
        return []
    if not rested:
        words = "The settings ask for a baseline event, and there is no event of the kind baseline."
    else:
        words = f"There is no event of the kind baseline for {listed(without)}."
    return [Problem(EVENTS, f"{words} Without one, nothing is corrected.")]
