"""The researcher's tab: plans, coders and their progress, training clips, scheme, and the table."""

import datetime
from typing import Final

import pandas as pd
import streamlit as st

from emotion_core.errors import EmotionCoreError
from emotion_core.study.coding.export import codes_csv
from emotion_core.study.coding.records import CoderProgress
from emotion_core.study.coding.store import CodingStore
from emotion_core.study.coding.training import training_units
from emotion_core.ui.coding_page.planning import show_plans
from emotion_core.ui.coding_page.scheme_editor import show_scheme
from emotion_core.ui.coding_page.visit import code_as, invitation_address
from emotion_core.ui.common.downloads import show_download
from emotion_core.ui.common.file_links import OfferedFile
from emotion_core.ui.common.page import redraw_after
from emotion_core.ui.common.text import escape
from emotion_core.ui.study_page.study_view import StudyView
from emotion_core.ui.study_page.visits import study_store

_SEED: Final = 1


def show_coding(view: StudyView) -> None:
    """Draw the tab."""
    st.caption(
        "People code the recordings without seeing what the machine reads: no boxes, no words, no "
        "names of files, participants or conditions. Each coder has an order of clips of their own."
    )
    try:
        store = CodingStore(view.folder)
        progress = store.progress()
        plans = store.plans()
    except EmotionCoreError as error:
        st.error(str(error), icon=":material/error:")
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button(
            "Code clips", type="primary", icon=":material/keyboard:", key=f"{view.key}_coding_begin"
        ):
            code_as("")
            st.rerun()
        csv = OfferedFile("codes.csv", "text/csv", lambda: iter([codes_csv(view.study, store)]))
        show_download("Codes (CSV)", csv, key=f"{view.key}_coding_csv")
        _invite(view)
    show_plans(view, store, plans)
    _coders(view, store, progress)
    _training(view, store, progress)
    show_scheme(view)


def _invite(view: StudyView) -> None:
    with st.popover("Invite coders", icon=":material/link:"):
        st.markdown(
            "This address leads to the clips and to nothing else of the study. Anyone who has it "
            "can code."
        )
        asked = f"{view.key}_coding_invitation"
        if st.button("Show the address", key=f"{asked}_make"):
            try:
                st.session_state[asked] = study_store().invitation(view.token)
            except EmotionCoreError as error:
                st.error(str(error), icon=":material/error:")
        if invitation := st.session_state.get(asked):
            st.code(invitation_address(invitation), language=None, wrap_lines=True)


def _coders(view: StudyView, store: CodingStore, progress: tuple[CoderProgress, ...]) -> None:
    st.markdown("**Coders**")
    if progress:
        st.dataframe(
            pd.DataFrame([_shown(p) for p in progress]),
            hide_index=True,
            column_config={
                "share": st.column_config.NumberColumn("share of the clips", format="percent"),
                "progress": st.column_config.ProgressColumn("progress", format="percent"),
            },
        )
    else:
        st.caption("No one has coded yet.")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        _add_coder(view, store)
        if progress:
            _change_coder(view, store, [p.coder.name for p in progress])


def _shown(progress: CoderProgress) -> dict[str, object]:
    last = ""
    if progress.last_s:
        last = datetime.datetime.fromtimestamp(progress.last_s).astimezone().strftime("%d %b %H:%M")
    return {
        "coder": progress.coder.name,
        "share": progress.coder.share,
        "clips": f"{progress.done} of {progress.units}",
        "progress": progress.done / progress.units if progress.units else 0.0,
        "training": f"{progress.training_done} of {progress.training}",
        "keys": progress.keys,
        "last key": last,
    }


def _add_coder(view: StudyView, store: CodingStore) -> None:
    with st.popover("Add a coder", icon=":material/person_add:"):
        name = st.text_input("Name", max_chars=60, key=f"{view.key}_coding_add_name")
        share = _share(f"{view.key}_coding_add_share")
        st.caption(
            "Coders who join through the invitation are given all clips. Of two coders, the one "
            "with the smaller share codes a part of the other’s clips."
        )
        if st.button("Add", key=f"{view.key}_coding_add"):
            redraw_after(lambda: store.add_coder(name, share))


def _share(key: str) -> float:
    return st.slider("Share of the clips (%)", 5, 100, 100, 5, key=key) / 100


def _change_coder(view: StudyView, store: CodingStore, names: list[str]) -> None:
    with st.popover("Change or delete a coder", icon=":material/manage_accounts:"):
        name = st.selectbox("Coder", names, key=f"{view.key}_coding_who")
        share = _share(f"{view.key}_coding_share")
        if st.button("Set this share", key=f"{view.key}_coding_set_share"):
            redraw_after(lambda: store.set_share(name, share))
        st.divider()
        sure = st.checkbox(
            f"Delete “{escape(name)}” and all of their codes", key=f"{view.key}_coding_sure"
        )
        if st.button(
            "Delete coder", icon=":material/delete:", disabled=not sure,
            key=f"{view.key}_coding_delete",
        ):  # fmt: skip
            st.session_state.pop(f"{view.key}_coding_sure", None)
            redraw_after(lambda: store.delete_coder(name))


def _training(view: StudyView, store: CodingStore, progress: tuple[CoderProgress, ...]) -> None:
    done = [p.coder.name for p in progress if p.done]
    with st.expander("Training clips with known answers", icon=":material/school:"):
        st.caption(
            "One coder’s codes become the known answers. Other coders begin with these clips, and "
            "see after each how their codes compare. Training clips count in no result."
        )
        if not done:
            st.caption("Code and finish some clips first.")
            return
        with st.container(horizontal=True, vertical_alignment="bottom"):
            name = st.selectbox("Answers of", done, key=f"{view.key}_training_who", width=220)
            number = st.number_input(
                "Clips", 1, 100, 3, key=f"{view.key}_training_number", width=120
            )
            if st.button("Make training clips", key=f"{view.key}_training_make"):
                redraw_after(
                    lambda: store.add_training(
                        "training", _SEED, training_units(store, name, int(number), _SEED)
                    )
                )
