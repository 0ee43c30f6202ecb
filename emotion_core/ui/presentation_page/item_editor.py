"""The files of a presentation, and the table of what is shown."""

from dataclasses import fields, replace
from pathlib import Path
from typing import Any, Final

import pandas as pd
import streamlit as st

from emotion_core.errors import EmotionCoreError, SettingsError
from emotion_core.results.export import output_error
from emotion_core.results.paths import safe_name
from emotion_core.study.presentation.checks import PICTURE_TYPES, STIMULUS_TYPES
from emotion_core.study.presentation.plan import STIMULI, Item, ItemKind, Plan, save_plan
from emotion_core.ui.common.page import redraw_after
from emotion_core.ui.common.text import escape
from emotion_core.ui.study_page.adding import save_upload
from emotion_core.ui.study_page.study_view import StudyView

_COLUMNS: Final = tuple(f.name for f in fields(Item))
_PICTURE_S: Final = 5.0
_NAME_LETTERS: Final = 40


def show_files(view: StudyView, plan: Plan) -> None:
    """The uploader of stimuli, and those that are there."""
    round_ = st.session_state.setdefault(f"{view.key}_stimuli_round", 0)
    uploads = st.file_uploader(
        "Pictures and clips",
        type=[suffix.lstrip(".") for suffix in STIMULUS_TYPES],
        accept_multiple_files=True,
        key=f"{view.key}_stimuli_{round_}",
    )
    if uploads and st.button(
        f"Add {len(uploads)} file{'' if len(uploads) == 1 else 's'}",
        type="primary",
        icon=":material/add:",
        key=f"{view.key}_stimuli_add",
    ):
        try:
            added = [_save(view.folder, upload) for upload in uploads]
            save_plan(view.folder, replace(plan, items=(*plan.items, *_items_of(plan, added))))
        except EmotionCoreError as error:
            st.error(str(error), icon=":material/error:")
            return
        st.session_state[f"{view.key}_stimuli_round"] = round_ + 1
        st.rerun()
    if names := stimulus_names(view.folder):
        _delete_unused(view, plan, names)


def stimulus_names(folder: Path) -> list[str]:
    """The files that can be shown, sorted."""
    found = (folder / STIMULI).glob("*")
    return sorted(p.name for p in found if p.suffix.lower() in STIMULUS_TYPES)


def _save(folder: Path, upload: Any) -> str:
    name = Path(upload.name)
    stem, suffix = safe_name(name.stem), name.suffix.lower()
    free, number = f"{stem}{suffix}", 1
    while (folder / STIMULI / free).exists():
        number += 1
        free = f"{stem}-{number}{suffix}"
    save_upload(upload, folder / STIMULI / free)
    return free


def _items_of(plan: Plan, files: list[str]) -> list[Item]:
    """An item for each new file, named after it."""
    taken = {item.name.casefold() for item in plan.items}
    items = []
    for file in files:
        stem = Path(file).stem[: _NAME_LETTERS - 4]
        name, number = stem, 1
        while name.casefold() in taken:
            number += 1
            name = f"{stem}-{number}"
        taken.add(name.casefold())
        picture = Path(file).suffix.lower() in PICTURE_TYPES
        kind = ItemKind.PICTURE if picture else ItemKind.CLIP
        items.append(Item(name, kind, file, _PICTURE_S if picture else 0.0))
    return items


def _delete_unused(view: StudyView, plan: Plan, names: list[str]) -> None:
    used = {item.file for item in plan.items}
    unused = [name for name in names if name not in used]
    st.caption("In the study: " + escape(", ".join(names)))
    if unused and st.button(
        f"Delete {len(unused)} that no item shows",
        icon=":material/delete:",
        key=f"{view.key}_stimuli_delete",
    ):
        for name in unused:
            path = view.folder / STIMULI / name
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                st.error(str(output_error(path, error)), icon=":material/error:")
                return
        st.rerun()


def edit_items(view: StudyView, plan: Plan) -> None:
    """The table of items; it is saved as a whole."""
    st.caption(
        "Items are shown by their place. A *pause* shows a cross, or its text; with 0 seconds it "
        "waits for a click, as for instructions. A *question* has a scale; write it after its "
        "stimulus. What *stays* keeps its place in every order."
    )
    with st.form(f"{view.key}_items", border=False):
        rows = st.data_editor(
            _table(plan),
            num_rows="dynamic",
            hide_index=True,
            width="stretch",
            column_config=_config(stimulus_names(view.folder)),
            key=f"{view.key}_items_{hash(plan)}",
        )
        pressed = st.form_submit_button("Save items", icon=":material/save:")
    if pressed:
        redraw_after(lambda: save_plan(view.folder, replace(plan, items=items_of(rows))))


def _table(plan: Plan) -> pd.DataFrame:
    rows = [
        {"place": i, **{name: getattr(item, name) for name in _COLUMNS}, "kind": str(item.kind)}
        for i, item in enumerate(plan.items, 1)
    ]
    table = pd.DataFrame(rows, columns=["place", *_COLUMNS])
    types = {"place": float, "seconds": float, "points": float, "baseline": bool, "stays": bool}
    return table.astype({name: types.get(name, str) for name in table.columns})


def _config(files: list[str]) -> dict[str, Any]:
    config = st.column_config
    return {
        "place": config.NumberColumn("Place", help="1.5 goes between 1 and 2.", width="small"),
        "name": config.TextColumn("Name", max_chars=_NAME_LETTERS, required=True),
        "kind": config.SelectboxColumn("Kind", options=[str(k) for k in ItemKind], required=True),
        "file": config.SelectboxColumn("File", options=["", *files]),
        "seconds": config.NumberColumn("Seconds", min_value=0.0, default=0.0, width="small"),
        "text": config.TextColumn("Text", help="Of a question or a pause."),
        "points": config.NumberColumn("Points", min_value=2, max_value=11, default=7),
        "low": config.TextColumn("Lowest", help="Words at the left end of the scale."),
        "high": config.TextColumn("Highest", help="Words at the right end."),
        "baseline": config.CheckboxColumn("Baseline", default=False),
        "stays": config.CheckboxColumn("Stays", default=False),
    }


def items_of(rows: pd.DataFrame) -> tuple[Item, ...]:
    """The items of the table, by place.

    Raises:
        SettingsError: a row cannot be used.
    """
    ordered = rows.sort_values("place", kind="stable", na_position="last")
    return tuple(_item(row) for _, row in ordered.iterrows())


def _item(row: pd.Series) -> Item:
    values = {name: row[name] for name in _COLUMNS if not pd.isna(row[name])}
    kind = str(values.get("kind", ""))
    if kind not in list(ItemKind):
        raise SettingsError(f"Choose a kind for {values.get('name') or 'each item'}.")
    return Item(
        name=str(values.get("name", "")).strip(),
        kind=ItemKind(kind),
        file=str(values.get("file", "")).strip(),
        seconds=float(values.get("seconds", 0.0)),
        text=str(values.get("text", "")).strip(),
        points=int(values.get("points", 7)),
        low=str(values.get("low", "")).strip(),
        high=str(values.get("high", "")).strip(),
        baseline=bool(values.get("baseline", False)),
        stays=bool(values.get("stays", False)),
    )
