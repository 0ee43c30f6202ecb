"""Charts as SVG, for documents that hold their own pictures."""

import hashlib
import re
from html import escape
from typing import Any, Final

from emotion_core.extras import missing_extra

_FONT: Final = "Liberation Sans, Arial, Helvetica, sans-serif"
_GREY, _INK = "#D9DEE4", "#4A5568"
_LIGHT: Final[dict[str, Any]] = {
    "background": None,
    "font": _FONT,
    # The picture has one accessible name; a name for each mark would only make the file larger.
    "aria": False,
    "view": {"stroke": _GREY},
    "axis": {
        "domainColor": _GREY,
        "gridColor": "#EDF0F3",
        "tickColor": _GREY,
        "labelColor": _INK,
        "titleColor": _INK,
        "titleFontWeight": "normal",
        "labelFontSize": 11,
        "titleFontSize": 11,
    },
    # Charts of one width, one below the other, begin at the same place.
    "axisY": {"minExtent": 44},
}
_ID: Final = re.compile(r'\bid="([^"]+)"')
_PATH: Final = re.compile(r' d="[^"]+"')
_FINE: Final = re.compile(r"-?\d+\.\d{2,}(?![\de])")
_OPENING: Final = re.compile(r"<svg [^>]*?(?P<box> viewBox=\"[^\"]+\")>")


def chart_svg(chart: Any, *, width: int = 820) -> str:
    """An altair chart as an SVG element: light, without scripts, and named by its description.

    The same chart gives the same text. Ids inside it are derived from its content, so that
    several charts can share one document.

    Args:
        chart: an altair chart whose data are part of it.
        width: of the whole picture, in pixels of its own; it shrinks to the place it is given.

    Raises:
        MissingDependencyError: vl-convert is not installed.
        ValueError: the chart refers to data elsewhere. Nothing is ever loaded.
    """
    try:
        import vl_convert
    except ModuleNotFoundError as error:
        raise missing_extra(error) from error
    spec = chart.to_dict()
    if _refers_elsewhere(spec):
        raise ValueError("the data of a chart must be part of it")
    spec |= {"width": width, "autosize": {"type": "fit", "contains": "padding"}}
    drawn = vl_convert.vegalite_to_svg(spec, config=_LIGHT, allowed_base_urls=[])
    return _named(_own_ids(_shortened(drawn)), str(spec.get("description", "")), width)


def _refers_elsewhere(part: Any) -> bool:
    """Whether a specification loads data: the converter would read local files even offline."""
    if isinstance(part, list):
        return any(map(_refers_elsewhere, part))
    if not isinstance(part, dict):
        return False
    data = part.get("data")
    inner = (value for key, value in part.items() if key not in ("data", "datasets"))
    return (isinstance(data, dict) and "url" in data) or any(map(_refers_elsewhere, inner))


def _shortened(svg: str) -> str:
    """Paths with tenths of a pixel: finer differences are invisible, and up to half of the text."""
    return _PATH.sub(lambda path: _FINE.sub(_tenths, path[0]), svg)


def _tenths(number: re.Match[str]) -> str:
    return f"{float(number[0]):.1f}".removesuffix(".0")


def _own_ids(svg: str) -> str:
    """Number the ids in their order, after a digest of the picture.

    The converter counts them for as long as the process lives.
    """
    names = {name: str(i) for i, name in enumerate(dict.fromkeys(_ID.findall(svg)))}
    if not names:
        return svg
    any_name = "|".join(map(re.escape, sorted(names, key=len, reverse=True)))
    places = re.compile(rf'(\bid="|url\(#|href="#)({any_name})(?=["\)])')
    numbered = places.sub(lambda found: found[1] + names[found[2]], svg)
    digest = hashlib.sha256(numbered.encode()).hexdigest()[:10]
    return places.sub(lambda found: f"{found[1]}svg-{digest}-{names[found[2]]}", svg)


def _named(svg: str, name: str, width: int) -> str:
    """The element with an accessible name, as wide as its place but not wider than itself."""
    label = f' aria-label="{escape(name)}"' if name else ""
    style = f' style="width:100%;max-width:{width}px;height:auto"'
    opening = '<svg xmlns="http://www.w3.org/2000/svg"'
    opened, n = _OPENING.subn(
        lambda found: f'{opening}{found["box"]} role="img"{label}{style}>', svg, count=1
    )
    if n != 1:
        raise ValueError("the converter wrote an SVG of an unknown form")
    return opened
