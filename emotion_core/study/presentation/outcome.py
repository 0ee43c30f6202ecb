"""What a session's log says: when each stimulus was on the screen, and what was answered.

Times of the browser become seconds since the recording began, on the server's clock. The camera's
pictures reach the recording later than they were taken; by how much is measured where the browser
tells it (`capture_lag`), and becomes the recording's `clock_offset_s`, so that an event and the
face at that moment are found together.
"""

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from emotion_core.study.definitions import Event, EventKind
from emotion_core.study.presentation.clocks import Exchange, Offset, offsets_of, server_time
from emotion_core.study.presentation.log import Head, Log
from emotion_core.study.presentation.plan import Item, plan_from

COMPLETE: Final = "complete"
STOPPED: Final = "stopped by the participant"
LOST: Final = "connection lost"
# Entries of the server: when pictures were taken and arrived.
FRAMES: Final = "frames"
# A camera's pictures come neither before they are taken nor after this.
_MOST_LAG_S: Final = 5.0
_LEAST_LAG_S: Final = -0.05
# A clip that was shown later than this at some time is told.
_LATE_MS: Final = 100.0


@dataclass(frozen=True, slots=True)
class Lag:
    """How much later a picture reaches the recording than it was taken.

    Attributes:
        median_s: over all frames.
        spread_s: half of the distance between their quartiles.
        frames: how many told when they were taken.
    """

    median_s: float
    spread_s: float
    frames: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is kept of a session besides its readings.

    Attributes:
        events: stimuli, pauses that are baselines, and what disturbed; on the server's clock,
            seconds since the recording began.
        ratings: column → answer.
        how: COMPLETE, STOPPED or LOST.
        shown: how many items were completed.
        items: how many there are.
        offsets: load of the page → offsets of its clock; empty where nothing could be compared.
        problems: sentences about what did not go as planned.
    """

    events: tuple[Event, ...]
    ratings: Mapping[str, str]
    how: str
    shown: int
    items: int
    offsets: Mapping[str, tuple[Offset, ...]]
    problems: tuple[str, ...] = ()

    @property
    def uncertainty_s(self) -> float | None:
        """The largest error that the comparison of the clocks leaves; None: not compared."""
        found = [offset.uncertainty_s for offsets in self.offsets.values() for offset in offsets]
        return max(found, default=None)


def outcome_of(log: Log, recording: str) -> Outcome:
    """What a log says.

    Args:
        log: of the session.
        recording: name of its recording.
    """
    items = plan_from({"items": list(log.head.items)}).items
    clock = _Clock(log)
    shown = _Shown(items, clock, recording)
    for entry in log.entries:
        shown.take(entry)
    shown.close()
    how = next((str(e.get("how")) for e in reversed(log.entries) if e["type"] == "end"), LOST)
    return Outcome(
        events=tuple(sorted(shown.events, key=lambda e: (e.start_s, e.end_s, e.label))),
        ratings=shown.ratings,
        how=how,
        shown=len(shown.done),
        items=len(items),
        offsets=clock.offsets,
        problems=tuple(dict.fromkeys(shown.problems)),
    )


def completed(entries: Iterable[Mapping[str, Any]]) -> int:
    """The place at which a session that was interrupted goes on, from 0 on."""
    done = [e.get("place") for e in entries if e.get("type") in ("offset", "rating")]
    return max((place + 1 for place in done if isinstance(place, int)), default=0)


class _Clock:
    """Times of the browser as seconds of the recording; each load of the page has its own clock."""

    def __init__(self, log: Log) -> None:
        exchanges: dict[str, list[Exchange]] = {}
        for entry in log.entries:
            if entry["type"] == "clock" and (one := _exchange(entry)) is not None:
                exchanges.setdefault(str(entry.get("load")), []).append(one)
        found = {load: tuple(offsets_of(group)) for load, group in exchanges.items()}
        self.offsets = {load: offsets for load, offsets in found.items() if offsets}
        self._zero_s = log.head.zero_s

    def time_s(self, entry: Mapping[str, Any]) -> float | None:
        """Seconds since the recording began; None where the clock was never compared."""
        at_ms, offsets = entry.get("at"), self.offsets.get(str(entry.get("load")))
        if not offsets or not isinstance(at_ms, int | float) or not math.isfinite(at_ms):
            return None
        return server_time(offsets, at_ms / 1000) - self._zero_s


def _exchange(entry: Mapping[str, Any]) -> Exchange | None:
    try:
        return Exchange(
            float(entry["t0"]) / 1000,
            float(entry["s1"]),
            float(entry["s2"]),
            float(entry["t1"]) / 1000,
        )
    except (KeyError, TypeError, ValueError):
        return None


class _Shown:
    """Goes through the entries of a log in order."""

    def __init__(self, items: Sequence[Item], clock: _Clock, recording: str) -> None:
        self._items = items
        self._clock = clock
        self._recording = recording
        self._open: tuple[Item, float] | None = None
        self._disturbed: dict[str, float] = {}
        self._last_s = 0.0
        self.events: list[Event] = []
        self.ratings: dict[str, str] = {}
        self.done: set[int] = set()
        self.problems: list[str] = []

    def take(self, entry: Mapping[str, Any]) -> None:
        """Use one entry."""
        kind, time_s = entry["type"], self._clock.time_s(entry)
        if kind in ("clock", "end", FRAMES):
            return
        if time_s is None:
            self.problems.append("Some times are missing: the clocks could not be compared.")
            return
        time_s = max(0.0, time_s)
        item = self._item(entry)
        if kind == "load":
            # Whatever was on the screen was interrupted, at the latest thing known before.
            self.close()
        elif kind == "onset" and item:
            self.close()
            self._open = (item, time_s)
        elif kind == "offset" and item:
            self._correct(entry, item)
            self._end(item, time_s, whole=True)
            self.done.add(int(entry["place"]))
        elif kind == "rating" and item:
            self._rate(entry, item)
        elif kind in ("disturbed", "undisturbed"):
            self._disturb(kind, str(entry.get("what", ""))[:60], time_s)
        elif kind == "problem":
            self.problems.append(str(entry.get("what", ""))[:300])
        self._last_s = max(self._last_s, time_s)

    def close(self) -> None:
        """End what is open where the log ends, or the page was left."""
        if self._open is not None:
            self._end(self._open[0], max(self._last_s, self._open[1]), whole=False)
        for what in list(self._disturbed):
            self._disturb("undisturbed", what, self._last_s)

    def _item(self, entry: Mapping[str, Any]) -> Item | None:
        place = entry.get("place")
        if not isinstance(place, int) or isinstance(place, bool):
            return None
        return self._items[place] if 0 <= place < len(self._items) else None

    def _correct(self, entry: Mapping[str, Any], item: Item) -> None:
        """The onset of a clip as its frames say, once all of them were shown."""
        began_s = self._clock.time_s({**entry, "at": entry.get("began")})
        if self._open is None or began_s is None or abs(began_s - self._open[1]) > _MOST_LAG_S:
            return
        self._open = (self._open[0], max(0.0, began_s))
        late_ms = entry.get("late")
        if isinstance(late_ms, int | float) and late_ms > _LATE_MS:
            self.problems.append(
                f"{item.name} was shown up to {late_ms:.0f} ms late: the participant’s computer "
                "was busy."
            )

    def _end(self, item: Item, time_s: float, *, whole: bool) -> None:
        if self._open is None or self._open[0] is not item:
            return
        start_s, self._open = self._open[1], None
        kind = _kind(item)
        if kind is None:
            return
        label = item.name
        if not whole:
            # Not to be averaged with whole ones.
            kind, label = EventKind.EVENT, f"{item.name} (interrupted)"
        self._add(kind, label, start_s, time_s)

    def _add(self, kind: EventKind, label: str, start_s: float, end_s: float) -> None:
        self.events.append(Event(self._recording, kind, label, start_s, max(start_s, end_s)))

    def _rate(self, entry: Mapping[str, Any], item: Item) -> None:
        value, place = entry.get("value"), int(entry["place"])
        if not isinstance(value, int) or not 1 <= value <= item.points:
            return
        self.ratings[rating_column(self._items, place)] = str(value)
        self.done.add(place)

    def _disturb(self, kind: str, what: str, time_s: float) -> None:
        if kind == "disturbed":
            self._disturbed.setdefault(what, time_s)
        elif what in self._disturbed:
            self._add(EventKind.EVENT, what, self._disturbed.pop(what), time_s)


def _kind(item: Item) -> EventKind | None:
    if item.is_stimulus:
        return EventKind.STIMULUS
    return EventKind.BASELINE if item.baseline else None


def rating_column(items: Sequence[Item], place: int) -> str:
    """The column of a question's answer: "rating_QUESTION_STIMULUS".

    The stimulus is the one that was shown last; without one, or after a question that stays in its
    place, the column is "rating_QUESTION".
    """
    item = items[place]
    before = [one for one in items[:place] if one.is_stimulus or one.stays]
    stimulus = before[-1] if before and before[-1].is_stimulus and not item.stays else None
    return f"rating_{item.name}_{stimulus.name}" if stimulus else f"rating_{item.name}"


def capture_lag(
    frames: Iterable[tuple[float, float]],
    loads: Mapping[str, float],
    offsets: Mapping[str, Sequence[Offset]],
) -> Lag | None:
    """How much later pictures arrived than they were taken; None where it cannot be told.

    Args:
        frames: (arrival on the server's clock, capture on the browser's wall clock), seconds.
        loads: load of the page → the wall clock when the browser's own clock was 0.
        offsets: load of the page → offsets of its clock.
    """
    lags: list[float] = []
    known = {load: origin for load, origin in loads.items() if offsets.get(load)}
    for arrived_s, captured_s in frames:
        found = (
            arrived_s - server_time(offsets[load], captured_s - origin)
            for load, origin in known.items()
        )
        lags += [lag for lag in found if _LEAST_LAG_S <= lag <= _MOST_LAG_S][:1]
    if len(lags) < 5:
        return None
    low, middle, high = statistics.quantiles(lags, n=4)
    return Lag(middle, (high - low) / 2, len(lags))


def frames_of(entries: Iterable[Mapping[str, Any]]) -> list[tuple[float, float]]:
    """What the server noted of pictures while the session ran, as `capture_lag` takes it."""
    noted = [e.get("pairs") for e in entries if e.get("type") == FRAMES]
    pairs = [pair for each in noted if isinstance(each, list) for pair in each]
    return [
        (float(pair[0]), float(pair[1]))
        for pair in pairs
        if isinstance(pair, list) and len(pair) == 2 and all(isinstance(t, float) for t in pair)
    ]


def loads_of(entries: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    """Load of the page → the browser's wall clock at its beginning, in seconds."""
    found = {}
    for entry in entries:
        origin = entry.get("origin")
        if entry.get("type") == "load" and isinstance(origin, int | float):
            found[str(entry.get("load"))] = origin / 1000
    return found


def summary_of(head: Head, outcome: Outcome, lag: Lag | None) -> dict[str, Any]:
    """presentation.json: what happened, and how well the clocks are known."""
    return {
        "participant": head.participant,
        "number": head.number,
        "order": list(head.order),
        "consent": head.consent,
        "consent_utc": head.consent_utc,
        "started_utc": head.started_utc,
        "ended": outcome.how,
        "items_shown": outcome.shown,
        "items": outcome.items,
        "ratings": dict(outcome.ratings),
        "clock": {
            "events": "seconds since started_utc on the server's steady clock",
            "offset_s": [
                {
                    "load": load,
                    "at_s": round(offset.at_s, 4),
                    "offset_s": round(offset.offset_s, 4),
                    "uncertainty_s": round(offset.uncertainty_s, 4),
                    "exchanges": offset.exchanges,
                }
                for load, offsets in outcome.offsets.items()
                for offset in offsets
            ],
            "uncertainty_s": _rounded(outcome.uncertainty_s),
            "capture_lag_s": _rounded(lag.median_s if lag else None),
            "capture_lag_spread_s": _rounded(lag.spread_s if lag else None),
            "capture_lag_frames": lag.frames if lag else 0,
        },
        "problems": list(outcome.problems),
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
