"""The seven expressions: their order, colours and names, shared by every part of the program."""

from typing import Final

# The order is a contract: model outputs, CSV columns, charts and arrays of shape (N, 7) follow it.
EXPRESSIONS: Final[tuple[str, ...]] = (
    "angry",
    "disgust",
    "fear",
    "happy",
    "neutral",
    "sad",
    "surprise",
)
NUM_EXPRESSIONS: Final[int] = len(EXPRESSIONS)
NEUTRAL_INDEX: Final[int] = EXPRESSIONS.index("neutral")

# Okabe & Ito's colour-blind safe palette (Color Universal Design, 2008) without its yellow, which
# cannot be read on white; grey is neutral. "#RRGGBB", readable on light and dark grounds.
COLOURS: Final[dict[str, str]] = {
    "angry": "#D55E00",
    "disgust": "#009E73",
    "fear": "#CC79A7",
    "happy": "#E69F00",
    "neutral": "#8C8C8C",
    "sad": "#0072B2",
    "surprise": "#56B4E9",
}

LABEL_SETS: Final[tuple[str, ...]] = ("ferplus", "fer2013")
# Labels of faces that are neither: the names of the folders that they are in.
FOLDER_LABELS: Final = "labels"


def colour_bgr(expression: str) -> tuple[int, int, int]:
    """The colour of an expression as (blue, green, red), each 0-255, as OpenCV draws it."""
    value = COLOURS[expression].lstrip("#")
    red, green, blue = (int(value[i : i + 2], 16) for i in (0, 2, 4))
    return blue, green, red
