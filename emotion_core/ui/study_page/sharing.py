"""Sharing a study by name, on a server on which people sign in."""

import streamlit as st

from emotion_core.errors import EmotionCoreError
from emotion_core.ui.common.audit_trail import note
from emotion_core.ui.common.sign_on import person_here, signs_on
from emotion_core.ui.common.text import escape
from emotion_core.ui.study_page.visits import is_mine, study_store


def show_sharing(token: str) -> bool:
    """Draw with whom a study is shared; draws nothing where no one signs in.

    Returns:
        Whether it belongs to someone else, who shares it with the visitor.
    """
    if not signs_on():
        return False
    if not is_mine(token):
        st.caption(
            ":material/group: Shared with you: you can see and change it. Only its owner can "
            "delete it or share it.",
            width="content",
        )
        return True
    shared = study_store().shared_with(token)
    words = f"Shared with {len(shared)}" if shared else "Share"
    with st.popover(words, icon=":material/group_add:", key="study_share_menu"):
        _share_menu(token, shared)
    return False


def _share_menu(token: str, shared: tuple[str, ...]) -> None:
    st.markdown(
        "People whom you name here find this study on their own Study page, and can see and change "
        "everything in it. They cannot delete it."
    )
    with st.form("study_share_form", border=False, clear_on_submit=True):
        email = st.text_input(
            "E-mail address",
            placeholder="anna@example.org",
            key="study_share_email",
            max_chars=300,
            help="As the person signs in with it. Nothing is sent to them: tell them yourself.",
        )
        pressed = st.form_submit_button("Share", icon=":material/group_add:", key="study_share")
    if pressed:
        _share(token, email)
    for number, address in enumerate(shared):
        with st.container(horizontal=True, vertical_alignment="center"):
            # As text: Markdown would make a link to a mail program of it.
            st.text(address, width="stretch")
            if st.button(
                "Remove", key=f"study_unshare_{number}", help="Takes the study away from them."
            ):
                _unshare(token, address)


def _share(token: str, email: str) -> None:
    person = person_here()
    if person is not None and email.strip().casefold() == person.email:
        st.error("The study is yours already.", icon=":material/error:")
        return
    try:
        study_store().share(token, email)
    except EmotionCoreError as error:
        st.error(escape(str(error)), icon=":material/error:")
        return
    note("share", "study", token, to=email.strip().casefold())
    st.rerun()


def _unshare(token: str, address: str) -> None:
    try:
        study_store().unshare(token, address)
    except EmotionCoreError as error:
        st.error(escape(str(error)), icon=":material/error:")
        return
    note("unshare", "study", token, to=address)
    st.rerun()
