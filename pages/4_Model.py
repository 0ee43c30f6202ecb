"""Model: how good the network is, and where it fails."""

import streamlit as st

from emotion_core.model.bundle import list_models
from emotion_core.ui.page import end_page, start_page
from emotion_core.ui.resources import app_settings

start_page(
    "Model",
    "How good the network is on faces it has never seen, how sure it may be, and where it fails.",
)
models_dir = app_settings().models_dir
names = list_models(models_dir)
PRIVACY = "This page shows scores that were measured before; it reads no camera and no upload."
if not names:
    st.error(
        f"There is no trained model in {models_dir}. Train one with "
        "`python -m emotion_core train --data PATH --name NAME`, or restore the `models` folder.",
        icon=":material/error:",
    )
    end_page(PRIVACY)
    st.stop()

# Charts take seconds to import on a cold server: the title is on the screen by now.
from emotion_core.ui import model_facts, model_scores  # noqa: E402
from emotion_core.ui.model_choice import choose, show_headline, show_problems  # noqa: E402

choice = choose(models_dir, names)
show_problems(choice.record)
if choice.images is None:
    st.info(
        "No predictions of this model can be shown. `python -m emotion_core evaluate --data PATH "
        f"--model {choice.record.name}` measures it.",
        icon=":material/monitoring:",
    )
    model_facts.training_tab(choice, models_dir)
else:
    show_headline(choice)
    tabs = st.tabs(
        ["Scores", "Confusions", "Confidence", "Robustness", "Training", "Labels", "About"]
    )
    draw = (
        model_scores.scores_tab,
        model_scores.confusion_tab,
        model_scores.confidence_tab,
        model_facts.robustness_tab,
        lambda chosen: model_facts.training_tab(chosen, models_dir),
        model_facts.labels_tab,
        model_facts.about_tab,
    )
    for tab, show in zip(tabs, draw, strict=True):
        with tab:
            show(choice)
end_page(PRIVACY)
