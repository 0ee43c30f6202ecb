"""One module for each command of `python -m emotion_core`: `add_arguments` and `run`."""
