"""Study: many recordings, from a folder to a table, a test, a figure and a report."""

import streamlit as st

from emotion_core.extras import missing_extra
from emotion_core.study.store import SESSION
from emotion_core.ui.coding_page.visit import coder_here, invitation_here
from emotion_core.ui.common.page import end_page, start_page
from emotion_core.ui.common.resources import stop_on_bad_settings
from emotion_core.ui.common.sign_on import signs_on
from emotion_core.ui.presentation_page.visit import session_here
from emotion_core.ui.study_page.visits import (
    my_studies,
    show_study_of,
    shown_study,
    study_folder,
    study_store,
)

session = session_here()
invitation = invitation_here()
# Those who were invited see nothing else, and are not to remember the study.
invited = bool(session or invitation)
if session:
    start_page(
        "Session",
        "Take part in a study: look at what is shown while your webcam is on. Nothing is recorded "
        "before you agree.",
        links=False,
        invited=True,
    )
elif coder_here() is not None:
    start_page(
        "Coding",
        "Watch each clip, and code by key what the face shows. Every key is saved at once: reload "
        "or leave whenever you like.",
        invited=invited,
    )
else:
    start_page(
        "Study",
        "Compare participants, groups and conditions: from many recordings to one table, a test "
        "that fits the design, curves, and a report to print.",
    )
stop_on_bad_settings()

tokens = [] if invited else my_studies()
shown = None if invited else shown_study()
if session:
    folder = study_store().invited(session, SESSION)
else:
    folder = study_folder(shown) if shown else study_store().invited(invitation)
if invited and folder is None:
    st.info("This study is no longer here: ask who invited you.", icon=":material/delete:")
    st.stop()
if shown and folder is None:
    st.info(
        "This study is no longer here: it was deleted, or is not shared with you any more."
        if signs_on()
        else "This study is no longer here: it was deleted.",
        icon=":material/delete:",
    )
    show_study_of(None)

try:
    # These take seconds to import on a cold server: the title is on the screen by now.
    if session:
        from emotion_core.ui.presentation_page.participant import show_participant
    elif invitation:
        from emotion_core.ui.coding_page.coder import show_invited
    elif shown and folder is not None:
        from emotion_core.ui.study_page.page import show_study
    else:
        from emotion_core.ui.study_page.start import show_start
except ModuleNotFoundError as error:
    st.error(str(missing_extra(error)), icon=":material/extension:")
    st.stop()

if session and folder is not None:
    show_participant(folder)
elif invitation and folder is not None:
    show_invited(invitation, folder)
elif shown and folder is not None:
    show_study(shown, folder)
else:
    show_start(tokens)

end_page(
    "The webcam’s picture travels between this browser and the server that shows this page, and "
    "nowhere else. Nothing is kept before you agree and the recording starts."
    if session
    else "A study is kept on the computer that serves this page until you delete it, with the "
    "videos you add to it; nothing is sent anywhere else. Others see it only if you "
    + ("share it with them." if signs_on() else "give them this page’s address.")
)
