"""The templates of reports: whole HTML documents without scripts that load nothing."""

from pathlib import Path
from typing import Any, Final

import jinja2
from markupsafe import Markup

from emotion_core.charts.legend import EXPRESSION_KEYS, legend_html
from emotion_core.charts.svg import chart_svg

_TEMPLATES: Final = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def render(template: str, **values: Any) -> str:
    """A document from a file in templates/; all values are escaped, except those of `Markup`."""
    legend = Markup(legend_html(EXPRESSION_KEYS))
    return _TEMPLATES.get_template(template).render(legend=legend, **values)


def inline_chart(chart: Any) -> Markup:
    """An altair chart as an SVG element for `render`."""
    return Markup(chart_svg(chart))
