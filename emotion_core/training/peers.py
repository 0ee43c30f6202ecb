"""Figures of others to stand beside ours, each with its source; all on the test splits."""

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
        source: where the figure comes from.
    """

    name: str
    label_set: str
    accuracy: float
    macro_f1: float | None
    source: str


_MEASURED: Final[str] = "run on the same images"
PEERS: Final[tuple[Peer, ...]] = (
    Peer("fer 25.10 (mini-Xception)", "ferplus", 0.674, 0.56, _MEASURED),
    Peer("oarriaga big Xception", "ferplus", 0.668, 0.57, _MEASURED),
    Peer("small 7-class CNNs", "ferplus", 0.84, None, "published, about"),
    Peer("FER+ VGG13", "ferplus", 0.85, None, "arXiv 1608.01041, about, eight classes"),
    Peer("ResNet18, face pretraining", "ferplus", 0.855, None, "published reproductions, 85–86 %"),
    Peer("fer 25.10 (mini-Xception)", "fer2013", 0.655, None, _MEASURED),
    Peer("oarriaga big Xception", "fer2013", 0.669, None, _MEASURED),
    Peer("people", "fer2013", 0.65, None, "arXiv 1307.0414, 65 ± 5 %"),
    Peer("VGGNet, no extra data", "fer2013", 0.7328, None, "arXiv 2105.03588"),
)


def peers_of(label_set: str) -> list[Peer]:
    """Those whose figure is about this label set."""
    return [peer for peer in PEERS if peer.label_set == label_set]
