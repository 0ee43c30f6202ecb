"""The pictures that an analysis shows: the annotated clip, and the newest frame while it runs."""

import contextlib
import math
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from emotion_core.atomic_io import replace_file
from emotion_core.config import OverlaySettings
from emotion_core.datatypes import Frame, FrameResult, ImageArray
from emotion_core.media.background import WriteBehind
from emotion_core.media.probe import VideoInfo
from emotion_core.media.write import VideoWriter
from emotion_core.results.paths import PREVIEW
from emotion_core.vision.overlay import draw_overlay

# What a clip may take on the disk and of a visitor's connection, whatever its length.
LARGEST_CLIP_BYTES: Final = 400 * 10**6
# The sound's share of it, with room for what the container adds.
_SOUND_BIT_RATE: Final = 200_000
# The clip is for watching: larger pictures cost encoding time and play badly.
_CLIP_SIDE: Final = 1920
# The same for a clip so long that larger ones would have too few bits to look well.
_LONG_CLIP_SIDE: Final = 1280
_FEW_BITS: Final = 2.5e6
# As much as anything at this quality needs: no limit is set above.
_MANY_BITS: Final = 20e6
# A black beginning longer than this is never wanted.
_LATE_S: Final = 600.0
# Below this, no person can be recognised: half a day of film becomes larger than what is played.
_LEAST_BITS: Final = 50e3
_PREVIEW_SIDE: Final = 640
_OVERLAY: Final = OverlaySettings()
Shown = tuple[Frame, FrameResult]
# Returns a copy of a frame's image in which faces are hidden.
HideIn = Callable[[Frame], ImageArray]


def clip_bit_rate(length_s: float, has_audio: bool) -> float | None:
    """Bits a second that keep a clip of this length playable; None where no limit is needed.

    Args:
        length_s: of the part that is shown; not finite where the file does not say.
        has_audio: sound needs some of them.
    """
    if not 0 < length_s < math.inf:
        return None
    rate = 8 * 0.95 * LARGEST_CLIP_BYTES / length_s - (_SOUND_BIT_RATE if has_audio else 0)
    return max(rate, _LEAST_BITS) if rate < _MANY_BITS else None


def clip_origin_s(start_s: float, first_s: float | None) -> float:
    """The source's time at which a clip begins: its range does, or its first picture where that
    comes much later, as from a camera that counts from when it was switched on."""
    return start_s if first_s is None or first_s - start_s <= _LATE_S else first_s


def clip_writer(
    source: Path, target: Path, info: VideoInfo, start_s: float, end_s: float | None
) -> VideoWriter:
    """Writes the clip of a video's range, with its sound, small enough to be played."""
    length_s = min(end_s or math.inf, info.end_s or math.inf) - start_s
    return VideoWriter(
        target,
        fps=info.fps,
        sound_from=source if info.has_audio else None,
        origin_s=start_s,
        end_s=end_s,
        bit_rate=clip_bit_rate(length_s, info.has_audio),
    )


def drawn(
    frame: Frame,
    result: FrameResult,
    longest_px: int = _CLIP_SIDE,
    names: Mapping[int, str] | None = None,
    hide: HideIn | None = None,
) -> ImageArray:
    """(H, W, 3) uint8 BGR of its own with the boxes; neither side is longer than `longest_px`."""
    image = frame.image if hide is None else hide(frame)
    return _shrunk(draw_overlay(image, result, _OVERLAY, names), longest_px)


@contextlib.contextmanager
def annotating(
    writer: VideoWriter, names: Mapping[int, str] | None = None, hide: HideIn | None = None
) -> Iterator[WriteBehind[Shown]]:
    """While open, frames are drawn and encoded in a thread parallel to the analysis.

    Only that thread calls `hide`.

    The file is finished at the end of the block, and removed where the block is left by an error.

    Raises:
        OutputError: the file cannot be written; by the `put` after it happened, or at the end.
    """
    side = _LONG_CLIP_SIDE if (writer.bit_rate or _MANY_BITS) < _FEW_BITS else _CLIP_SIDE

    def write(shown: Shown) -> None:
        writer.write(drawn(*shown, side, names, hide), shown[0].time_s)

    with writer, WriteBehind(write) as behind:
        yield behind


def write_preview(
    folder: Path, frame: Frame, result: FrameResult, names: Mapping[int, str] | None = None
) -> None:
    """Keep a small picture; one that cannot be written must not stop an analysis."""
    small = drawn(frame, result, _PREVIEW_SIDE, names)
    jpeg = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 80])[1]
    with contextlib.suppress(OSError):
        replace_file(folder / PREVIEW, jpeg.tobytes())


def _shrunk(image_bgr: ImageArray, longest: int) -> ImageArray:
    height, width = image_bgr.shape[:2]
    factor = longest / max(height, width)
    if factor >= 1:
        return image_bgr
    size = (max(2, round(width * factor)), max(2, round(height * factor)))
    return np.asarray(cv2.resize(image_bgr, size, interpolation=cv2.INTER_AREA), np.uint8)
