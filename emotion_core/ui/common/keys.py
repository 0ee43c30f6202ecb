"""Keys that work while a video plays: bindings of the page, and those of the player.

The player is the video in the container with the key `PLAYER` of `playhead`; there is one on a
page. Keys work wherever the focus is, except in a text field, a table, a menu or a dialog. Besides
the page's own keys there are: space (play or pause), `,` and `.` (a frame back or ahead), `<` and
`>` (slower or faster), Backspace and `u` (undo). All of them are buttons, too.

Every press carries the time of the frame that was shown, and stays in the browser (over a reload
and the end of the tab, too) until the server has confirmed it. None is lost, however fast they
come, and none is taken twice. The player is not drawn again: a press changes nothing but the state
of this component.

A page calls `take_presses` first, which keeps what was pressed, and then draws:

    with st.container(key=PLAYER):
        play_video(...)
    take_presses(key, keep)
    show_keys(key, [KeyBinding("1", "smile")], told="smile at 3.20 s")

Both belong into a fragment, so that a press runs that part of the page only.
"""

import math
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import streamlit as st

from emotion_core.errors import OutputError
from emotion_core.ui.common.playhead import component_key

UNDO: Final = "undo"
SPEEDS: Final = (0.25, 0.5, 1.0)
_SCRIPT: Final = Path(__file__).parents[1] / "assets" / "player_keys.js"
_MOST_AT_ONCE: Final = 2000
_REMEMBERED: Final = 50_000
_LONGEST: Final = 40
_HTML: Final = """<div class="strip" hidden><div class="pieces"></div><i class="head-line"></i>
</div>
<div class="bar">
<button type="button" data-act="back" title="Frame back (,)"
 aria-label="Frame back">&#8249;</button>
<button type="button" data-act="play" title="Play or pause (space)">Play</button>
<button type="button" data-act="ahead" title="Frame ahead (.)"
 aria-label="Frame ahead">&#8250;</button>
<span class="clock">0:00.00</span>
<button type="button" data-act="speed" title="Speed (&lt; and &gt;)">1×</button>
<button type="button" data-act="undo" title="Undo (Backspace or u)">Undo</button>
<span class="told" role="status"></span></div>
<div class="keys" role="group" aria-label="Keys"></div>
<div class="hint" role="status"></div>"""
_CSS: Final = """.bar, .keys { display: flex; flex-wrap: wrap; gap: .4rem; align-items: center;
  font-size: .9rem; margin-bottom: .5rem; }
.clock { font-variant-numeric: tabular-nums; min-width: 4.5rem; padding: 0 .3rem; }
.told { opacity: .85; }
.hint { font-size: .85rem; min-height: 1.2em; opacity: .85; }
button { font: inherit; color: inherit; background: none; border: 1px solid #8886;
  border-radius: .5rem; padding: .2rem .7rem; min-height: 1.9rem; cursor: pointer; }
button:hover:not(:disabled) { border-color: currentColor; }
button:disabled { opacity: .45; cursor: default; }
[data-act=play] { min-width: 4.2rem; }
.keys button { display: flex; gap: .45rem; align-items: center; max-width: 100%;
  border-left: .3rem solid var(--mark); padding: .2rem .6rem; }
.keys button span { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.keys button.running { border-color: var(--mark); box-shadow: 0 0 0 1px var(--mark);
  font-weight: 600; }
.keys button:active { transform: translateY(1px); }
.since { font-variant-numeric: tabular-nums; font-weight: 400; font-size: .85em; }
.since:empty { display: none; }
.head { flex: 0 0 100%; font-size: .85rem; opacity: .85; margin: .15rem 0 -.15rem; }
.strip { position: relative; height: 1.5rem; margin: .2rem 0 .6rem; border-radius: .35rem;
  background: #8883; overflow: hidden; cursor: pointer; }
.piece { position: absolute; top: 0; bottom: 0; background: var(--mark); min-width: 2px; }
.piece.open { opacity: .65; }
.piece.moment { width: 4px; margin-left: -2px; border-radius: 2px; box-shadow: 0 0 0 1px #fff8; }
.head-line { position: absolute; top: 0; bottom: 0; width: 2px; margin-left: -1px;
  background: currentColor; box-shadow: 0 0 3px #8888; pointer-events: none; }
kbd { font: inherit; font-weight: 700; border: 1px solid #8888; border-radius: .3rem;
  padding: 0 .4rem; }"""


@dataclass(frozen=True, slots=True)
class KeyBinding:
    """A key of the page.

    Attributes:
        key: "0" to "9", a letter in lower case, or one of these after "shift+". Digits are told by
            their place on the keyboard, so that layouts with digits on Shift have them, too.
        label: shown on its button.
        colour: CSS colour at the button's edge; "" takes that of the text.
        holds: it begins something that lasts until a later press.
        since_s: the second, on the clock shown, since which it lasts; None: it does not.
        also: further keys that do the same; the press names `key`.
        row: words above this button, which begins a row; "" goes on with the row.
    """

    key: str
    label: str
    colour: str = ""
    holds: bool = False
    since_s: float | None = None
    also: tuple[str, ...] = ()
    row: str = ""


@dataclass(frozen=True, slots=True)
class StripPiece:
    """A stretch on the strip below the player.

    Attributes:
        from_s, to_s: seconds of the video; equal for a moment; None: it lasts until now.
        label: shown under the pointer.
        colour: CSS colour.
    """

    from_s: float
    to_s: float | None
    label: str
    colour: str = ""


@dataclass(frozen=True, slots=True)
class KeyPress:
    """A key that was pressed, or its button.

    Attributes:
        press_id: 24 letters, different for each press on whatever computer.
        key: as in `KeyBinding`, or `UNDO`.
        time_s: where the player was: seconds of the video's own clock, as the browser has it.
    """

    press_id: str
    key: str
    time_s: float


def take_presses(key: str, keep: Callable[[KeyPress], None]) -> None:
    """Hand over what was pressed since the last run, in order, each press once.

    Call it before `show_keys`, which confirms the presses to the browser.

    Args:
        key: of the bar.
        keep: keeps a press. Where it raises `OutputError`, this press is offered again in a few
            seconds, and later ones wait; where it raises anything else, the press is given up.

    Raises:
        OutputError: from `keep`; catch it, tell it, and draw the bar all the same.
    """
    state, taken = st.session_state, taken_presses()
    waiting = presses_in(state.get(_bar(key)), taken.server)
    confirmed: set[str] = set(state.get(_confirmed(key), ()))
    try:
        for press in waiting:
            if press.press_id not in confirmed and taken.take(press.press_id):
                try:
                    keep(press)
                except OutputError:
                    taken.give_back(press.press_id)
                    raise
            confirmed.add(press.press_id)
    finally:
        state[_confirmed(key)] = [p.press_id for p in waiting if p.press_id in confirmed]


def show_keys(
    key: str,
    bindings: Sequence[KeyBinding],
    *,
    told: str = "",
    can_undo: bool = False,
    frame_s: float = 1 / 25,
    origin_s: float = 0.0,
    span_s: tuple[float, float] | None = None,
    loop: bool = False,
    speeds: Sequence[float] = SPEEDS,
    at_s: float | None = None,
    end_key: str = "",
    strip: Sequence[StripPiece] | None = None,
) -> None:
    """Draw the player's buttons, the clock and a button for each key; they belong below the player.

    Args:
        key: tells one player from the next: where it changes, the player goes to `at_s`. The speed
            stays.
        bindings: the keys, in the order of their buttons.
        told: what the last press did, shown once it is confirmed.
        can_undo: whether there is something to take back.
        frame_s: how long a frame is shown, for steps.
        origin_s: what the clock shows when the video begins.
        span_s: seconds of the video that the player does not leave, from the first up to the
            second; nothing outside of it is shown, and the browser's own controls are off. None:
            all of the video.
        loop: begin again at the end of `span_s`; otherwise the player stops there.
        speeds: playback rates, slow to fast; 1.0 must be one of them.
        at_s: second of the video at which the player begins; None: at the start of `span_s`.
        end_key: told as a press when the player comes to the end of `span_s` while a key lasts; ""
            tells nothing.
        strip: drawn over `span_s` between player and buttons, a click moves the player; None: no
            strip.
    """
    bar = st.components.v2.component(
        "emotion_lab_player_keys", html=_HTML, css=_CSS, js=_SCRIPT.read_text("utf-8")
    )
    data = {
        "id": key,
        "bindings": [
            {
                "key": b.key,
                "cap": b.key.replace("shift+", "⇧"),
                "label": b.label,
                "colour": b.colour,
                "holds": b.holds,
                "since": b.since_s,
                "also": list(b.also),
                "row": b.row,
            }
            for b in bindings
        ],
        "handled": list(st.session_state.get(_confirmed(key), ())),
        "server": taken_presses().server,
        "told": told,
        "canUndo": can_undo,
        "frameS": frame_s,
        "origin": origin_s,
        "span": list(span_s) if span_s else None,
        "loop": loop,
        "speeds": list(speeds),
        "at": at_s,
        "endKey": end_key,
        "strip": None if strip is None else [_piece(piece) for piece in strip],
    }
    bar(key=_bar(key), data=data, on_presses_change=lambda: None)


def _piece(piece: StripPiece) -> dict[str, Any]:
    return {
        "from": piece.from_s, "to": piece.to_s, "label": piece.label, "colour": piece.colour
    }  # fmt: skip


def presses_in(state: Any, server: str) -> list[KeyPress]:
    """The presses of the component's state; what a browser made up is left out.

    Args:
        state: {"presses": {"server": …, "items": [{"id": …, "key": …, "time": …}]}}
        server: presses sent to another one are left out: it may have kept them.
    """
    sent = state.get("presses") if isinstance(state, Mapping) else None
    if not isinstance(sent, Mapping) or sent.get("server") != server:
        return []
    items = sent.get("items")
    found = [_press_of(item) for item in items[:_MOST_AT_ONCE]] if isinstance(items, list) else []
    return [press for press in found if press is not None]


def _press_of(item: Any) -> KeyPress | None:
    if not isinstance(item, dict):
        return None
    press_id, key, time_s = item.get("id"), item.get("key"), item.get("time")
    if not (isinstance(press_id, str) and isinstance(key, str)):
        return None
    if not isinstance(time_s, int | float) or not math.isfinite(time_s) or time_s < 0:
        return None
    if not (0 < len(press_id) <= _LONGEST and 0 < len(key) <= _LONGEST):
        return None
    return KeyPress(press_id, key, float(time_s))


class TakenPresses:
    """The presses that were kept by any session. All methods may be called from any thread.

    A browser that is loaded again offers presses once more to a session that knows nothing of the
    earlier one.

    Attributes:
        server: tells one start of the server from the next.
    """

    def __init__(self, most: int = _REMEMBERED) -> None:
        self.server = secrets.token_hex(8)
        self._ids: OrderedDict[str, None] = OrderedDict()
        self._most = most
        self._lock = threading.Lock()

    def take(self, press_id: str) -> bool:
        """Whether this press is new; it is not from now on."""
        with self._lock:
            if press_id in self._ids:
                return False
            self._ids[press_id] = None
            while len(self._ids) > self._most:
                self._ids.popitem(last=False)
            return True

    def give_back(self, press_id: str) -> None:
        """Take a press as new again."""
        with self._lock:
            self._ids.pop(press_id, None)


@st.cache_resource(show_spinner=False)
def taken_presses() -> TakenPresses:
    """Shared by all visitors."""
    return TakenPresses()


def _bar(key: str) -> str:
    return component_key(f"{key}_keys")


def _confirmed(key: str) -> str:
    return f"{key}_keys_confirmed"
