"""The video encoder of this installation: which one writes clips that a browser plays."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import av

NO_ENCODER: Final = (
    "This installation of PyAV has no video encoder whose clips a browser plays (libx264, "
    "libopenh264 or libvpx-vp9). Install PyAV from PyPI: pip install --force-reinstall "
    "--only-binary av av"
)


@dataclass(frozen=True, slots=True)
class Encoder:
    """One of FFmpeg's encoders.

    Attributes:
        name: FFmpeg's name, such as "libx264".
        format: what it writes, in words, such as "H.264".
        options: FFmpeg's options for clips that are encoded while they are analysed.
        bit_rate: bits a second to aim at; 0 aims at the quality that the options name.
        at_once: further options that make the encoder hand out each frame at once, without looking
            ahead: for a film that must survive the end of its program.
        asks_bit_rate: the encoder obeys a limit only as the rate to aim at.
    """

    name: str
    format: str
    options: Mapping[str, str]
    at_once: Mapping[str, str]
    bit_rate: int = 0
    asks_bit_rate: bool = False

    def aim(self, limit: float | None) -> int | None:
        """Bits a second to aim at under a limit; None leaves the encoder's own default."""
        if not self.asks_bit_rate:
            return None
        return int(min(limit, self.bit_rate or limit)) if limit else self.bit_rate


# Best first. "veryfast" takes almost twice the time to save a quarter of the bytes. With the number
# of threads named, x264 writes the same bytes whatever the number of cores.
_ENCODERS: Final = (
    Encoder(
        "libx264",
        "H.264",
        {"preset": "superfast", "crf": "23", "g": "60", "threads": "2"},
        {"tune": "zerolatency"},
    ),
    # OpenH264 has no constant quality.
    Encoder("libopenh264", "H.264", {"g": "60"}, {}, bit_rate=6_000_000, asks_bit_rate=True),
    Encoder(
        "libvpx-vp9",
        "VP9",
        {"deadline": "realtime", "cpu-used": "8", "row-mt": "1", "crf": "33", "g": "60"},
        {"lag-in-frames": "0"},
        asks_bit_rate=True,
    ),
)


def clip_encoder() -> Encoder | None:
    """The best encoder that this installation has; None where it has none."""
    return next((encoder for encoder in _ENCODERS if _is_there(encoder.name)), None)


def _is_there(name: str) -> bool:
    try:
        av.codec.Codec(name, "w")
    except ValueError:  # UnknownCodecError
        return False
    return True
