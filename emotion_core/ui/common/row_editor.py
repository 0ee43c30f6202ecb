"""A table of rows that can be edited, added and removed; what is typed is kept at once."""

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, TypeVar

import pandas as pd
import streamlit as st

from emotion_core.errors import InputError

Row = TypeVar("Row")


def edit_rows(
    key: str,
    shown: Sequence[Any],
    rows: pd.DataFrame,
    columns: Mapping[str, Any],
    after: Callable[[Mapping[str, Any]], list[Row]],
    keep: Callable[[list[Row]], object],
) -> None:
    """Draw the table, and tell below it what is wrong with what was typed.

    Args:
        key: of the table; a new one is drawn whenever `shown` differs, for its own memory of edits
            is spent then.
        shown: what the rows show; hashable things, in the rows' order.
        rows: a row for each of `shown`.
        columns: Streamlit's `column_config`.
        after: what the rows are after what was typed, as Streamlit's editor describes that; raises
            `InputError` where it cannot be used.
        keep: keeps that; called where `after` raises nothing.
    """
    key = f"{key}_{hash(tuple(shown))}"

    def changed() -> None:
        # What is wrong is told under the table, which keeps what was typed.
        with contextlib.suppress(InputError):
            keep(after(st.session_state[key]))

    st.data_editor(
        rows,
        num_rows="dynamic",
        hide_index=True,
        width="stretch",
        column_config=dict(columns),
        key=key,
        on_change=changed,
    )
    try:
        after(st.session_state.get(key, {}))
    except InputError as error:
        st.error(str(error), icon=":material/error:")


def rows_after(
    shown: Sequence[Any],
    typed: Mapping[str, Any],
    made: Callable[[Mapping[str, Any]], Row | None],
) -> list[Row]:
    """The rows of a table after what was typed in it.

    Args:
        shown: dataclass objects, one for each row that was drawn.
        typed: as Streamlit's editor describes it: `edited_rows`, `deleted_rows`, `added_rows`.
        made: makes a row's object of its values by column; None for a row that is not complete.

    Raises:
        InputError: from `made`.
    """
    changed, gone = typed.get("edited_rows", {}), typed.get("deleted_rows", [])
    rows = [asdict(row) | changed.get(i, {}) for i, row in enumerate(shown) if i not in gone]
    found = [made(row) for row in [*rows, *typed.get("added_rows", [])]]
    return [row for row in found if row is not None]
