"""Model: how good the network is, and where it fails."""

import streamlit as st

from emotion_core.errors import ModelError
from emotion_core.evaluation.model_record import list_records
from emotion_core.model.bundle import default_name, list_models
from emotion_core.ui.common.page import end_page, start_page
from emotion_core.ui.common.resources import app_settings, stop_on_bad_settings
from emotion_core.ui.evaluate.view import show_evaluate_my_data

start_page(
    "Model",
    "How well the network does on faces it has never seen, how far its confidence can be "
    "trusted, and where it fails.",
)
stop_on_bad_settings()
models_dir = app_settings().models_dir
names = list_records(models_dir)
PRIVACY = "This page shows scores measured in advance. It uses neither the camera nor uploads."
if not names:
    st.error(
        f"There is no trained model in {models_dir}. Train one with "
        "`python -m emotion_core train --data PATH --name NAME`, or restore the `models` folder.",
        icon=":material/error:",
    )
    end_page(PRIVACY)
    st.stop()

if show_evaluate_my_data(list_models(models_dir, served=True)):
    st.stop()

# Charts take seconds to import on a cold server: the title is on the screen by now.
from emotion_core.ui.model_page.headline import show_headline, show_problems  # noqa: E402
from emotion_core.ui.model_page.selection import choose  # noqa: E402
from emotion_core.ui.model_page.tabs import show_tabs  # noqa: E402

try:
    default = default_name(models_dir)
except ModelError:
    default = ""
choices = choose(models_dir, names)
show_problems(choices)
show_headline(choices)
show_tabs(choices, models_dir, default)
end_page(PRIVACY)
