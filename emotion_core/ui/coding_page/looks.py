"""How codes look: their colours, and words for them."""

from collections.abc import Iterable
from typing import Final

from emotion_core.labels import COLOURS
from emotion_core.study.coding.replay import Code
from emotion_core.study.coding.scheme import CANNOT_TELL, Scheme
from emotion_core.ui.common.keys import StripPiece

_CANNOT: Final = "#555555"
# For categories of the researcher's own: Okabe & Ito's palette, as for the expressions.
_OTHERS: Final = tuple(COLOURS.values())


def colour_of(scheme: Scheme, code: str, *, cannot_tell: bool = False) -> str:
    """The colour of a category: that of the expression, else the next of the palette."""
    if cannot_tell:
        return _CANNOT
    if code in COLOURS:
        return COLOURS[code]
    codes = [c.code for c in scheme.categories]
    return _OTHERS[codes.index(code) % len(_OTHERS)] if code in codes else _CANNOT


def code_words(scheme: Scheme, code: Code) -> str:
    """What a coder reads for a code, with its intensity."""
    name = CANNOT_TELL if code.cannot_tell else scheme.name_of(code.code)
    return f"{name} · {code.intensity}" if code.intensity else name


def time_words(code: Code, origin_s: float) -> str:
    """When it is, counted from the start of the clip."""
    start = f"{code.start_s - origin_s:.2f}"
    if code.running:
        return f"{start} s – now"
    if code.end_s == code.start_s:
        return f"{start} s"
    return f"{start}–{code.end_s - origin_s:.2f} s"


def strip_pieces(scheme: Scheme, codes: Iterable[Code]) -> list[StripPiece]:
    """Codes as pieces of the strip below the player."""
    return [
        StripPiece(
            code.start_s,
            None if code.running else code.end_s,
            code_words(scheme, code),
            colour_of(scheme, code.code, cannot_tell=code.cannot_tell),
        )
        for code in codes
    ]


def strip_html(scheme: Scheme, codes: Iterable[Code], span: tuple[float, float], name: str) -> str:
    """Codes that are all ended, as a strip without a player."""
    length = span[1] - span[0]
    parts = [
        f'<i style="left:{100 * (piece.from_s - span[0]) / length:.2f}%;'
        f"width:max(3px,{100 * ((piece.to_s or 0) - piece.from_s) / length:.2f}%);"
        f'background:{piece.colour}"></i>'
        for piece in strip_pieces(scheme, codes)
    ]
    style = (
        "<style>.lab-strip{position:relative;height:1.5rem;border-radius:.35rem;overflow:hidden;"
        "background:#8883}.lab-strip i{position:absolute;top:0;bottom:0}</style>"
    )
    return f'{style}<div class="lab-strip" role="img" aria-label="{name}">{"".join(parts)}</div>'
