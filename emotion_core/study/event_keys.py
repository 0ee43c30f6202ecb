"""Keys that mark events while a video plays: what each stands for, and what a press changes.

A moment is a point event. A key of an interval is pressed where it begins and again where it ends;
in between it is a point event, too, so that it is kept from the first press on. An event of such a
key without a length is therefore one that runs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from emotion_core.errors import InputError
from emotion_core.study.definitions import Event, EventKind, Recording
from emotion_core.study.problems import Problem

TABLE: Final = "event_keys"
KEYS: Final = tuple("123456789")
MOMENT, INTERVAL = "moment", "interval"
LONGEST_LABEL: Final = 80


@dataclass(frozen=True, slots=True)
class EventKey:
    """What a key marks.

    Attributes:
        key: "1" to "9".
        label, kind: of the events.
        is_interval: whether the events have a beginning and an end.
    """

    key: str
    label: str
    kind: EventKind = EventKind.EVENT
    is_interval: bool = False


# Until somebody chooses others.
DEFAULT_KEYS: Final = (
    EventKey("1", "event"),
    EventKey("2", "baseline", EventKind.BASELINE, is_interval=True),
    EventKey("3", "not usable", EventKind.EXCLUDE, is_interval=True),
)


def event_keys_of(
    table: Mapping[str, Any], where: str
) -> tuple[tuple[EventKey, ...], list[Problem]]:
    """The keys of the table [event_keys] of study.toml, and what cannot be used of it.

    Args:
        table: key → {label, kind, lasts}; empty for the default keys.
        where: the file's name, for what is told about it.
    """
    found, problems = [], []
    for key in sorted(table):
        try:
            found.append(_event_key(key, table[key]))
        except InputError as error:
            problems.append(Problem(f"{where}, [{TABLE}] {key}", f"{error} It is not used."))
    return (tuple(found) if table else DEFAULT_KEYS), problems


def _event_key(key: str, values: Any) -> EventKey:
    if key not in KEYS:
        raise InputError("A key must be one of 1 to 9.")
    if not isinstance(values, Mapping):
        raise InputError('Write it as { label = "smile", kind = "event", lasts = "moment" }.')
    label, kind = values.get("label"), values.get("kind", str(EventKind.EVENT))
    lasts = values.get("lasts", MOMENT)
    if not isinstance(label, str) or not label.strip() or len(label) > LONGEST_LABEL:
        raise InputError(f"Its label must be a text of 1 to {LONGEST_LABEL} letters.")
    if kind not in list(EventKind):
        raise InputError(f"Its kind must be one of {', '.join(EventKind)}.")
    if lasts not in (MOMENT, INTERVAL):
        raise InputError(f"lasts must be {MOMENT} or {INTERVAL}.")
    return EventKey(key, label.strip(), EventKind(kind), lasts == INTERVAL)


def event_keys_table(keys: Sequence[EventKey]) -> dict[str, dict[str, str]]:
    """The keys as study.toml has them.

    Raises:
        InputError: a key cannot be used, or there are two for the same events.
    """
    table = {
        k.key: {
            "label": k.label.strip(),
            "kind": str(k.kind),
            "lasts": INTERVAL if k.is_interval else MOMENT,
        }
        for k in keys
    }
    for key, values in table.items():
        _event_key(key, values)
    named = {(k.label.strip(), k.kind) for k in keys}
    if len(named) < len(keys) or len(table) < len(keys):
        raise InputError("Two keys mark the same events: give them different labels.")
    return table


@dataclass(frozen=True, slots=True)
class KeyChange:
    """What a press of a key changed.

    Attributes:
        gone, new: the event that is no longer there, and the one that is; None for none.
    """

    gone: Event | None
    new: Event | None

    def applied(self, events: Sequence[Event]) -> list[Event]:
        """The events after it.

        Raises:
            InputError: the event that it changes is not there (any more).
        """
        left = list(events)
        place = len(left)
        if self.gone is not None:
            if self.gone not in left:
                raise InputError("That event has been changed in the meantime.")
            # The newest of events that are equal.
            place = len(left) - 1 - left[::-1].index(self.gone)
            del left[place]
        return left if self.new is None else [*left[:place], self.new, *left[place:]]

    @property
    def undone(self) -> "KeyChange":
        """The change that takes this one back."""
        return KeyChange(self.new, self.gone)


def running_event(events: Sequence[Event], recording: Recording, key: EventKey) -> Event | None:
    """The interval of a key that has begun in a recording and not ended; the newest of several."""
    if not key.is_interval:
        return None
    of = (recording.recording, key.kind, key.label)
    running = [e for e in events if (e.recording, e.kind, e.label) == of and e.start_s == e.end_s]
    return running[-1] if running else None


def pressed(
    events: Sequence[Event], recording: Recording, key: EventKey, time_s: float
) -> KeyChange:
    """What a press of a key changes.

    Args:
        events: of the study, as they are now.
        recording: that is playing.
        key: that was pressed.
        time_s: on the clock of the events, in seconds; kept to a millisecond.

    Raises:
        InputError: an interval would end where it began, or a moment is marked there already.
    """
    now_s = round(time_s, 3)
    running = running_event(events, recording, key)
    if running is None:
        moment = Event(recording.recording, key.kind, key.label, now_s, now_s)
        if moment in events:
            raise InputError(f"{key.label} is marked here already.")
        return KeyChange(None, moment)
    if running.start_s == now_s:
        raise InputError(f"{key.label} began here: it can end earlier or later, not here.")
    # A person may also mark the end first and go back for the beginning.
    start_s, end_s = sorted((running.start_s, now_s))
    return KeyChange(running, replace(running, start_s=start_s, end_s=end_s))
