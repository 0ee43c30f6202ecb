"""What to read of a video, and what to make of it."""

import math
from dataclasses import dataclass, replace
from typing import Any, TypedDict

from emotion_core.config import check_range
from emotion_core.errors import SettingsError
from emotion_core.media.encoder import clip_encoder
from emotion_core.media.read import FrameSelector
from emotion_core.model.adaptation import Adaptation
from emotion_core.model.bundle import ModelBundle
from emotion_core.pipeline.network_hash import network_hash


class VideoKeywords(TypedDict, total=False):
    """The options of `analyze_video`: what to read of a video, and what to make of it.

    Attributes:
        every: analyse every Nth frame; 1 by default.
        rate: analyse this many frames per second instead.
        start_s: start of the range in seconds; 0 by default.
        end_s: end of the range in seconds; None, the default, reads to the end.
        annotate: write the clip with boxes and labels, False by default; skipped where no encoder
            is installed.
        largest_face: keep only the largest face of each frame.
        one_person: there is one participant: every face has identity 1, however long the gaps, and
            where several are in a frame the one most like this person is kept.
        reidentify: recognise people who return after a gap or a cut by how they look; True by
            default.
        speaking_smoothing: how strongly readings of people who speak are smoothed, 0 to 1; None,
            the default: like the rest.
    """

    every: int
    rate: float | None
    start_s: float
    end_s: float | None
    annotate: bool
    largest_face: bool
    one_person: bool
    reidentify: bool
    speaking_smoothing: float | None


@dataclass(frozen=True, slots=True)
class VideoOptions:
    """What to read of a video, and what to make of it; every value is part of the result's key.

    Raises:
        SettingsError: a value out of range, or two that exclude each other.
    """

    every: int = 1  # analyse every Nth frame
    rate: float | None = None  # or as many frames a second
    start_s: float = 0.0
    end_s: float | None = None
    annotate: bool = True
    largest_face: bool = False
    one_person: bool = False  # all faces are those of one participant
    reidentify: bool = True  # recognise people who return
    speaking_smoothing: float | None = None  # of people who speak, 0 to 1; None: like the rest

    def __post_init__(self) -> None:
        FrameSelector(self.every, self.rate)
        if not (math.isfinite(self.start_s) and self.start_s >= 0):
            raise SettingsError(f"The start must be 0 seconds or later, got {self.start_s}.")
        if self.end_s is not None and not self.start_s < self.end_s < math.inf:
            raise SettingsError(
                f"The end must come after the start, got {self.start_s} to {self.end_s} seconds."
            )
        if self.speaking_smoothing is not None:
            check_range("speaking_smoothing", self.speaking_smoothing, 0.0, 1.0)
        if self.one_person and self.largest_face:
            raise SettingsError(
                "One person and the largest face exclude each other: choose one of them."
            )


def feasible(options: VideoOptions) -> VideoOptions:
    """The options without the annotated clip where no encoder is installed, else unchanged.

    They are a part of a result's key: once there is an encoder, the video is analysed again.
    """
    return options if clip_encoder() else replace(options, annotate=False)


def described_network(bundle: ModelBundle, adaptation: Adaptation | None = None) -> dict[str, Any]:
    """What summary.json says of the network, and what tells its results from another's."""
    served: dict[str, Any] = {"name": bundle.name, "sha256": network_hash(bundle)}
    return served | ({"adaptation": adaptation.described()} if adaptation else {})
