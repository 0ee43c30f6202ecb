"""Explanations in the background: one job a face, in a process that may import tensorflow."""

import io
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import streamlit as st

from emotion_core.jobs.process import JobCommand
from emotion_core.jobs.store import JobStore
from emotion_core.results.explanation import VERSION
from emotion_core.results.paths import file_hash
from emotion_core.ui.common.adaptation import as_file
from emotion_core.ui.common.resources import app_settings
from emotion_core.ui.common.visitor_jobs import kept_store, visitor
from emotion_core.video.options import described_network

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from emotion_core.model.adaptation import Adaptation
    from emotion_core.model.bundle import ModelBundle

# Each brings a tensorflow of some 600 MB along; they wait for each other.
_COMMAND: Final = JobCommand("explain", most_at_once=1)


@st.cache_resource(show_spinner=False)
def explain_store() -> JobStore:
    """Shared by all visitors."""
    return kept_store("explanations", _COMMAND)


def start_explanation(
    crop: "NDArray[Any]", bundle: "ModelBundle", adaptation: "Adaptation | None" = None
) -> str:
    """Begin to explain a face, or find the same face explained by the same network; returns the
    job's id.

    Args:
        crop: (48, 48, 1) or (48, 48), grey, 0-255.
        bundle: the network that read it.
        adaptation: the one it was read with.

    Raises:
        OutputError: the work folder cannot be written.
    """
    settings, store = app_settings(), explain_store()
    store.clean_up()
    data = io.BytesIO()
    np.save(data, np.asarray(crop, np.float32).reshape(48, 48))
    arguments = ["--model", bundle.path.name, "--cache", str(settings.work_dir / "training_faces")]
    if settings.data_path is not None:
        arguments += ["--data", str(settings.data_path)]
    if adaptation is not None:
        arguments += ["--adaptation", as_file(adaptation)]
    model = described_network(bundle)
    if bundle.keras_file is not None:
        model["sha256"] += f" {file_hash(bundle.keras_file)}"
    # An explanation that an older program kept is not taken for the same.
    model["version"] = str(VERSION)
    return store.start([store.add_input("face.npy", data)], arguments, model, visitor())
