"""What a hostile file is made of, and the clips and pictures from which most of them are made."""

import io
import math
import struct
import tempfile
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from PIL import Image

from emotion_core.media.photo import heic_available
from emotion_core.media.synthetic import sample_frames, sample_photo

Data = bytes | Callable[[Path], None]
ANALYZE, PHOTO, EVALUATE, UPLOAD = "analyze", "photo", "evaluate", "upload"
DOORS = (ANALYZE, PHOTO, EVALUATE, UPLOAD)
RESULT, MESSAGE = "result", "message"


@dataclass(frozen=True, slots=True)
class Case:
    """One hostile file, or folder.

    Attributes:
        kind: what is wrong with it, such as "truncated".
        name: of the file; may hold any character that a file system takes.
        data: its bytes, or a function that makes the file or folder at a path.
        must: door → `RESULT` or `MESSAGE` where only one of them is right.
        short: part of the short version.
    """

    kind: str
    name: str
    data: Data
    must: Mapping[str, str] = field(default_factory=dict)
    short: bool = False

    def write(self, folder: Path) -> Path:
        """Make it in a folder of its own; returns its path."""
        path = folder / self.name
        if isinstance(self.data, bytes):
            path.write_bytes(self.data)
        else:
            self.data(path)
        return path


@dataclass(frozen=True, slots=True)
class Secrets:
    """What no hostile file may lead to: files beside the corpus, and a server on this machine."""

    folder: Path
    port: int

    @property
    def video(self) -> Path:
        """A video that opens without fault."""
        return self.folder / "secret.mp4"

    @property
    def picture(self) -> Path:
        """A picture that opens without fault."""
        return self.folder / "secret.png"

    @property
    def text(self) -> Path:
        """A text file."""
        return self.folder / "secret.txt"

    @property
    def url(self) -> str:
        """The beginning of an address of the server."""
        return f"http://127.0.0.1:{self.port}"

    def write(self) -> None:
        """Make the files."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.video.write_bytes(clip("mp4"))
        self.picture.write_bytes(png())
        self.text.write_text("the secret\n")


# Container → codec and options of a clip of one second.
_CLIPS: dict[str, tuple[str, str, dict[str, str]]] = {
    "mp4": ("mp4", "libx264", {}),
    "faststart": ("mp4", "libx264", {"movflags": "+faststart"}),
    "fragments": ("mp4", "libx264", {"movflags": "frag_keyframe+empty_moov"}),
    "mov": ("mov", "libx264", {}),
    "mkv": ("matroska", "libx264", {}),
    "webm": ("webm", "libvpx", {}),
    "ts": ("mpegts", "libx264", {}),
    "avi": ("avi", "mpeg4", {}),
    "mpg": ("mpeg", "mpeg2video", {}),
    "flv": ("flv", "libx264", {}),
    "ogg": ("ogg", "libvpx", {}),
    "wmv": ("asf", "msmpeg4", {}),
    "nut": ("nut", "mpeg4", {}),
    "y4m": ("yuv4mpegpipe", "wrapped_avframe", {}),
    "gif": ("gif", "gif", {}),
    "h264": ("h264", "libx264", {}),
    "mjpeg": ("mjpeg", "mjpeg", {}),
}
_PIXELS = {"gif": "rgb8", "mjpeg": "yuvj420p"}
FRAMES, FPS = 12, 12


@cache
def clip(container: str) -> bytes:
    """The bytes of a sound clip of one second with one face."""
    return encode(container, [i / FPS for i in range(FRAMES)])


def encode(
    container: str,
    times: Iterable[float],
    change: Callable[[Any, int], None] = lambda packet, number: None,
    size: tuple[int, int] = (320, 240),
) -> bytes:
    """A clip with pictures at the given times.

    Args:
        container: a key of the clips above.
        times: seconds.
        change: called with each packet before it is written, and its number.
        size: width and height in pixels.
    """
    form, codec, options = _CLIPS[container]
    tick = Fraction(1, 1000)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip"
        with av.open(str(path), "w", format=form, options=options) as target:
            stream: Any = target.add_stream(codec, rate=FPS)
            stream.width, stream.height = size
            stream.pix_fmt = _PIXELS.get(codec, "yuv420p")
            if codec == "libx264":
                stream.options = {"g": "6", "preset": "ultrafast"}
            if codec not in ("mpeg4", "mpeg2video", "msmpeg4", "gif", "wrapped_avframe", "mjpeg"):
                stream.codec_context.time_base = tick
            for number, packet in enumerate(_packets(stream, times, size)):
                change(packet, number)
                target.mux(packet)
        return path.read_bytes()


def _packets(stream: Any, times: Iterable[float], size: tuple[int, int]) -> Iterable[Any]:
    base = stream.codec_context.time_base or Fraction(1, FPS)
    for image, time_s in zip(_images(size), times, strict=False):
        frame = av.VideoFrame.from_ndarray(image, format="bgr24").reformat(format=stream.pix_fmt)
        frame.pts, frame.time_base = round(time_s / base), base
        yield from stream.encode(frame)
    yield from stream.encode(None)


@cache
def _images(size: tuple[int, int]) -> list[Any]:
    return [f.image for f in sample_frames(2 * FRAMES / FPS, FPS, size=size)]


@cache
def sound(container: str, codec: str) -> bytes:
    """A second of a tone without pictures."""
    rate = 48_000
    wave = np.sin(np.arange(rate) * 2 * math.pi * 440 / rate).astype(np.float32)[None]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sound"
        with av.open(str(path), "w", format=container) as target:
            stream: Any = target.add_stream(codec, rate=rate)
            stream.layout = "mono"
            resampler = av.AudioResampler(stream.format.name, "mono", rate, 1024)
            frame = av.AudioFrame.from_ndarray(wave, format="fltp", layout="mono")
            frame.sample_rate = rate
            for piece in [*resampler.resample(frame), *resampler.resample(None), None]:
                target.mux(stream.encode(piece))
        return path.read_bytes()


@cache
def png() -> bytes:
    """The portrait as PNG."""
    return cv2.imencode(".png", sample_photo())[1].tobytes()


@cache
def jpeg() -> bytes:
    """The portrait as JPEG."""
    return cv2.imencode(".jpg", sample_photo())[1].tobytes()


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    """A picture as Pillow writes it, HEIF included."""
    heic_available()
    data = io.BytesIO()
    image.save(data, kind, **options)
    return data.getvalue()


def png_chunk(kind: bytes, body: bytes) -> bytes:
    """One chunk of a PNG with a right checksum."""
    check = zlib.crc32(kind + body)
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", check)


def png_of(width: int, height: int, *chunks: bytes, depth: int = 8, colour: int = 0) -> bytes:
    """A PNG of its signature, a head and the given chunks."""
    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", head) + b"".join(chunks)


def patched(data: bytes, at: int, new: bytes) -> bytes:
    """The same bytes with some replaced."""
    return data[:at] + new + data[at + len(new) :]


def flipped(data: bytes, begin: int, end: int, count: int, seed: int) -> bytes:
    """The same bytes with `count` random bits flipped between two offsets."""
    rng = np.random.default_rng(seed)
    changed = bytearray(data)
    for at in rng.integers(begin, max(begin + 1, min(end, len(data))), count):
        changed[at] ^= 1 << int(rng.integers(8))
    return bytes(changed)


def lazy(make: Callable[[], bytes]) -> Data:
    """Bytes that take long to make: only where the file is written."""

    def write(path: Path) -> None:
        path.write_bytes(make())

    return write


def box(kind: bytes, body: bytes) -> bytes:
    """One box of an MP4."""
    return struct.pack(">I", 8 + len(body)) + kind + body
