"""The coder's keys: what is on which key, and what a press means."""

from typing import Final

from emotion_core.study.coding.replay import Action, ClipCodes, Key
from emotion_core.study.coding.scheme import CANNOT_TELL, CodeKind, Scheme
from emotion_core.ui.coding_page.looks import colour_of
from emotion_core.ui.common.keys import UNDO, KeyBinding, KeyPress

# Pressed by the player itself when it comes to the end of the clip.
END: Final = "end"
_CANNOT: Final = "0"
# Key → intensity; Shift with a digit does the same.
_INTENSITIES: Final = dict(zip("qwert", range(1, 6), strict=True))


def bindings(scheme: Scheme, clip: ClipCodes, origin_s: float) -> list[KeyBinding]:
    """The keys of a scheme, with what is running in a clip.

    Args:
        scheme: of the study.
        clip: what is coded so far.
        origin_s: start of the clip; the clock shows 0 there.
    """
    since = {(c.code, c.cannot_tell): c.start_s - origin_s for c in clip.running}
    found = [
        KeyBinding(
            category.key,
            category.name,
            colour_of(scheme, category.code),
            category.kind is CodeKind.STRETCH,
            since.get((category.code, False)),
        )
        for category in scheme.categories
    ]
    cannot = colour_of(scheme, "", cannot_tell=True)
    found.append(KeyBinding(_CANNOT, CANNOT_TELL, cannot, True, since.get(("", True)), also=("x",)))
    if scheme.intensity:
        found += [
            KeyBinding(
                key, str(value), also=(f"shift+{value}",),
                row="Intensity of the newest code (also Shift with 1 to 5)" if value == 1 else "",
            )
            for key, value in _INTENSITIES.items()
        ]  # fmt: skip
    return found


def key_of(press: KeyPress, scheme: Scheme) -> Key | None:
    """What a press means in a scheme; None where it means nothing there."""
    category = scheme.on_key(press.key)
    if category is not None:
        return Key(
            press.press_id, Action.CODE, press.time_s, category.code, category.kind,
            scheme.exclusive,
        )  # fmt: skip
    if press.key in _INTENSITIES and scheme.intensity:
        value = _INTENSITIES[press.key]
        return Key(press.press_id, Action.INTENSITY, press.time_s, value=value)
    actions = {UNDO: Action.UNDO, _CANNOT: Action.CANNOT_TELL, END: Action.END}
    action = actions.get(press.key)
    return Key(press.press_id, action, press.time_s) if action else None


def resume_at(clip: ClipCodes) -> float | None:
    """Where the player goes on after a reload: at the newest code; None without any."""
    return max((max(c.start_s, c.end_s) for c in clip.codes), default=None)
