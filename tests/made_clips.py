"""Videos with given times, sizes and codecs."""

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np


def write_clip(
    path: Path,
    times: Iterable[float],
    size: tuple[int, int] = (64, 48),
    codec: str = "libx264",
    rotation: int | None = None,
    **options: Any,
) -> Path:
    """Frames whose grey level is their number, at the given times."""
    with av.open(str(path), "w", **options) as container:
        stream = container.add_stream(codec, rate=30)
        stream.width, stream.height = size
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        if codec == "libx264":
            stream.codec_context.options = {"g": "5"}
        if rotation is not None:
            stream.set_display_rotation(rotation)
        for number, time_s in enumerate(times):
            pixels = np.full((size[1], size[0], 3), 10 + 4 * number % 240, np.uint8)
            pixels[:10, :10] = 255
            frame = av.VideoFrame.from_ndarray(pixels, format="bgr24")
            frame.pts, frame.time_base = round(time_s * 1000), Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path
