"""WebVTT files (W3C Web Video Text Tracks): cues of text for players."""

from collections.abc import Iterable
from typing import NamedTuple


class Cue(NamedTuple):
    """A line of text on a video.

    Attributes:
        start_s, end_s: seconds from the beginning of the video.
        text: one line, without markup.
        name: tells the cue from others, one line; "" for none.
    """

    start_s: float
    end_s: float
    text: str
    name: str = ""


def webvtt_file(cues: Iterable[Cue], notes: Iterable[str] = ()) -> str:
    """The text of a file with these cues, in the order of time.

    Args:
        cues: what starts before 0 starts at 0.
        notes: comments at the top, one line each.
    """
    lines = ["WEBVTT", ""]
    for note in notes:
        lines += [f"NOTE {note.replace('-->', '→')}", ""]
    for cue in sorted(cues):
        # "-->" would end the name.
        lines += [cue.name.replace("-->", "→")] if cue.name else []
        lines += [f"{stamp(cue.start_s)} --> {stamp(cue.end_s)}", escaped(cue.text), ""]
    return "\n".join(lines)


def escaped(text: str) -> str:
    """A text for a cue: "-->" and the signs of markup would end a cue or open a tag."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def stamp(seconds: float) -> str:
    """A time as hours, minutes, seconds and milliseconds; negative ones are 0."""
    milliseconds = round(max(0.0, seconds) * 1000)
    minutes, milliseconds = divmod(milliseconds, 60_000)
    return (
        f"{minutes // 60:02}:{minutes % 60:02}:{milliseconds // 1000:02}.{milliseconds % 1000:03}"
    )
