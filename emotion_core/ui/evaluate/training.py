"""From measured faces to a network of one's own: the command line that trains it."""

import shlex
from typing import Final

import streamlit as st

_NAME: Final = "my-network"
# Who is seen, in names such as happy/anna_3.png.
_PERSON: Final = r"/([^/_]+)_"


def training_command(data: str, model: str, *, divided: bool) -> str:
    """The command that fine-tunes a network on somebody's own faces.

    Args:
        data: path or name of the faces.
        model: name of the network to begin with.
        divided: whether the faces are in training and validation folders; otherwise people are
            found in the pictures' names.
    """
    words = ["python", "-m", "emotion_core", "train", "--start-from", model, "--data", data]
    words += [] if divided else ["--person", _PERSON]
    return shlex.join([*words, "--name", _NAME])


def show_training(data: str, model: str, *, divided: bool) -> None:
    """Lead on to training, folded; arguments as in `training_command`."""
    with st.expander("Train a network on these faces", icon=":material/model_training:"):
        st.markdown(
            "Some hundred faces of several dozen people can make a network of their own from one "
            "that is trained already. For fewer, make an adaptation instead (`python -m "
            "emotion_core adapt`, or on the Photo page). Training runs on the command line:"
        )
        st.code(training_command(data, model, divided=divided), language="sh", wrap_lines=True)
        found = (
            "The validation folder decides which epoch is kept: nobody should be in both folders."
            if divided
            else "`--person` finds in a picture's name who is seen, as in `happy/anna_3.png`; a "
            "fifth of the faces, of people of their own, decides which epoch is kept."
        )
        st.caption(
            f"{found} Add `--original ferplus.zip`, the data that the network learnt from, to mix "
            "in as many of its faces and to learn what the change costs on them. Evaluate the new "
            "network on faces of yet other people."
        )
