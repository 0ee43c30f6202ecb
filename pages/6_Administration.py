"""Administration: who keeps how much on this server, deleting, and the audit log."""

import streamlit as st

from emotion_core.ui.common.audit_trail import note_open
from emotion_core.ui.common.page import end_page, start_page
from emotion_core.ui.common.resources import stop_on_bad_settings
from emotion_core.ui.common.sign_on import admin_here, signs_on

start_page(
    "Administration",
    "Who keeps how much on this server. An administrator sees sizes, and can delete; readings and "
    "pictures stay with their owners.",
)
stop_on_bad_settings()
if not admin_here():
    st.info(
        "This page is for administrators: EMOTION_LAB_ADMINS names them."
        if signs_on()
        else "There are no administrators here: people do not sign in on this server.",
        icon=":material/shield_person:",
    )
    st.stop()
note_open("administration", "administration")

# The tables take seconds to import on a cold server: the title is on the screen by now.
from emotion_core.ui.admin_page.view import show_administration  # noqa: E402

show_administration()
end_page(
    "Sizes are added up from the work folder on this server. What administrators open, export and "
    "delete is in the audit log, too."
)
