"""Pieces that the tabs of the model page share: headings, a chart with its words and its data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any, Final, Literal

import pandas as pd
import streamlit as st

from emotion_core.charts.legend import Key
from emotion_core.ui.common.charts import download_data, show_legend

# One colour a model wherever two are compared; both can be told apart by the colour
# blind and can be read on light and dark grounds.
MODEL_COLOURS: Final[tuple[str, str]] = ("#0F9488", "#A64DD6")


def heading(text: str) -> None:
    """The title of one chart: smaller than the page's own."""
    st.markdown(f"##### {text}")


def model_keys(models: Sequence[str]) -> list[Key]:
    """A legend's entries for two models; none for one, which the headline names already."""
    pairs = zip(models, MODEL_COLOURS, strict=False)
    return [Key(name, colour) for name, colour in pairs] if len(models) > 1 else []


def show_chart(
    chart: Any,
    how_to_read: str,
    table: pd.DataFrame,
    key: str,
    legend: Sequence[Key] = (),
    **options: Any,
) -> Any:
    """A chart, one sentence on how to read it, and its data; returns what the chart returns."""
    show_legend(legend)
    shown = st.altair_chart(chart, width="stretch", key=f"chart_{key}", **options)
    st.caption(how_to_read)
    download_data(table, f"{key}.csv", key=f"download_{key}")
    return shown


def show_table(
    rows: Any,
    *,
    shares: Iterable[str] = (),
    titles: Mapping[str, str] | None = None,
    decimals: Iterable[str] = (),
    height: int | Literal["auto"] = "auto",
) -> None:
    """A table: `shares` are columns 0-1 written in percent, `decimals` those with three digits."""
    table, names = pd.DataFrame(rows), dict(titles or {})
    number = st.column_config.NumberColumn
    columns: dict[str, Any] = {n: number(names.get(n, n), format="%.1f %%") for n in shares}
    table = table.assign(**{name: 100 * table[name].astype(float) for name in columns})
    columns |= {name: number(names.get(name, name), format="%.3f") for name in decimals}
    columns |= {n: title for n, title in names.items() if n not in columns}
    st.dataframe(table, hide_index=True, column_config=columns, height=height, placeholder="–")


def dark_ground() -> bool:
    """The visitor looks at a dark page: words in coloured squares must be light."""
    return st.context.theme.type == "dark"


def model_dot(index: int, name: str) -> str:
    """The model's name behind a dot of its colour, as HTML for `st.html`."""
    colour = MODEL_COLOURS[index % len(MODEL_COLOURS)]
    return f'<span class="lab-model"><i style="background:{colour}"></i>{escape(name)}</span>'
