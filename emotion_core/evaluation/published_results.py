"""Figures of others to compare ours with, each with its source; all on the test splits."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Peer:
    """One published or measured figure.

    Attributes:
        name: who.
        label_set: whose labels the figure is about; the two are different tasks.
        accuracy: 0-1.
        macro_f1: 0-1; None where not published.
        source: where the figure comes from, and in what its task differs from ours.
        measured: True: measured by this project on the same images; False: read in a publication.
    """

    name: str
    label_set: str
    accuracy: float
    macro_f1: float | None
    source: str
    measured: bool = False


_SAME: Final[str] = "measured by this project on the same images"
_EIGHT: Final[str] = "eight classes, contempt among them"
PEERS: Final[tuple[Peer, ...]] = (
    Peer("fer 25.10 (mini-Xception)", "ferplus", 0.674, 0.56, _SAME, measured=True),
    Peer("oarriaga big Xception", "ferplus", 0.668, 0.57, _SAME, measured=True),
    Peer("FER+ VGG13", "ferplus", 0.85, None, f"published, arXiv 1608.01041: about; {_EIGHT}"),
    Peer(
        "SCN, ResNet18",
        "ferplus",
        0.8935,
        None,
        f"published, arXiv 2002.10392; {_EIGHT}; first trained on millions of other faces",
    ),
    Peer("fer 25.10 (mini-Xception)", "fer2013", 0.655, None, _SAME, measured=True),
    Peer("oarriaga big Xception", "fer2013", 0.669, None, _SAME, measured=True),
    Peer("people (published)", "fer2013", 0.65, None, "published, arXiv 1307.0414: 65 ± 5%"),
    Peer(
        "winner of the 2013 challenge",
        "fer2013",
        0.712,
        None,
        "published, arXiv 1306.0239: CNN with a linear SVM",
    ),
    Peer(
        "VGGNet, no extra data", "fer2013", 0.7328, None, "published, arXiv 2105.03588: one network"
    ),
)

# Recall of `fer` 25.10 for each expression of each set in `other_faces.json`. This project measured
# it on the same images.
FER_ON_OTHER_FACES: Final[dict[str, dict[str, float]]] = {
    "LFW": {"happy": 0.82, "neutral": 0.23, "surprise": 0.24, "angry": 0.56},
    "London": {"happy": 0.46, "neutral": 0.98},
}
# Why published figures that look comparable are not.
CROSS_DATA_SET_NOTES: Final[tuple[str, ...]] = (
    "The accuracy of 0.733 on FER2013 (VGGNet, arXiv 2105.03588) was obtained by averaging the "
    "predictions for ten crops of each image, and the network was selected on the test split. "
    "Networks that were trained from scratch and selected on validation reach 0.727 alone and "
    "0.752 as an ensemble (arXiv 1612.02903).",
    "Accuracies of 0.88 to 0.89 on FER+ were reported for networks that had been pretrained on "
    "millions of faces. Replications reached 0.83 to 0.86.",
    "Pretrained networks that were fine-tuned on FER+ reach accuracies of 0.52 to 0.69 on RAF-DB, "
    "another data set (arXiv 2408.10614). A score on one data set therefore predicts the score on "
    "another one poorly.",
)


def peers_of(label_set: str) -> list[Peer]:
    """Those whose figure is about this label set."""
    return [peer for peer in PEERS if peer.label_set == label_set]
