"""Study: many recordings, from a folder to a table, a test, a figure and a report."""

import streamlit as st

from emotion_core.ui.common.page import end_page, start_page
from emotion_core.ui.common.resources import stop_on_bad_settings

start_page(
    "Study",
    "Compare participants, groups and conditions: from many recordings to one table, a test that "
    "fits the design, curves, and a report to print.",
)
stop_on_bad_settings()

# Tables and statistics take seconds to import on a cold server: the title is on the screen by now.
from emotion_core.ui.study_page.visits import (  # noqa: E402
    my_studies,
    show_study_of,
    shown_study,
    study_store,
)

tokens = my_studies()
shown = shown_study()
folder = study_store().find(shown) if shown else None
if shown and folder is None:
    st.info("This study is no longer here: it was deleted.", icon=":material/delete:")
    show_study_of(None)

if shown and folder is not None:
    from emotion_core.ui.study_page.page import show_study

    show_study(shown, folder)
else:
    from emotion_core.ui.study_page.start import show_start

    show_start(tokens)

end_page(
    "A study is kept on the computer that serves this page until you delete it, with the videos "
    "you add to it; nothing is sent anywhere else. Others see it only if you give them this page’s "
    "address."
)
