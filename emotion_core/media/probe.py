"""What a video file is, before its pictures are decoded; refuses what cannot be read safely."""

import math
import re
import struct
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import av
from av.sidedata.sidedata import Type as DataKind

from emotion_core.errors import VideoError

VIDEO_SUFFIXES: Final[frozenset[str]] = frozenset(
    {".mp4", ".mov", ".mkv", ".avi", ".webm", ".m4v", ".mpg", ".mpeg", ".ts", ".wmv", ".3gp"}
)
# FFmpeg's formats that are one file. Playlists (hls, concat, image sequences) are left out: an
# uploaded text could otherwise name other files of this machine and show them as a video.
PLAIN_FORMATS: Final = (
    "mov,matroska,webm,avi,mpegts,mpeg,mpegvideo,m4v,3gp,flv,live_flv,asf,asf_o,ogg,nut,ivf,obu,av1,"
    "h261,h263,h264,hevc,vvc,vc1,dirac,cavsvideo,avs2,avs3,evc,mxf,gxf,dv,rm,wtv,yuv4mpegpipe,mjpeg,"
    "mpjpeg,jpeg_pipe,gif,apng,nuv,swf,"
    # Audio only, in order to report it.
    "wav,w64,mp3,flac,aac,ac3,eac3,aiff,au,caf,wv,tta,ape,amr"
)
# 4K cinema. A single 8K frame takes 100 MB as BGR, and several times that in a decoder.
MAX_PIXELS: Final[int] = 4096 * 2304
# Frame rates outside this are the container's fault; they only ever replace missing times.
_USUAL_FPS: Final = (1.0, 240.0)
_LONGEST_S: Final = 1e7
# How Matroska says the length of one of its streams: 00:01:02.345000000.
_TAGGED: Final = re.compile(r"(\d+):(\d\d):(\d\d(?:\.\d+)?)")
_FIRST_CAMERA: Final = 1980
# Formats whose clock starts anywhere by design; all others keep their own times.
_FREE_RUNNING_FORMATS: Final = ("mpegts", "mpeg")


@dataclass(frozen=True, slots=True)
class VideoInfo:
    """What a file's head says, before anything is decoded.

    Attributes:
        path: the file.
        width, height: pixels of the upright picture (rotation and pixel shape obeyed).
        codec: FFmpeg's name of the codec, such as "h264".
        fps: average frames a second, made plausible; a help for progress, never for times.
        duration_s: length of the pictures in seconds, or None where the file does not say.
        frames: expected number of frames, or None where nothing says.
        has_audio: the file carries sound.
        offset_s: added to the file's own clock so that no time is negative; mostly 0.
        created_utc: when the camera says that it made the file, ISO 8601 with an offset; "" where
            it does not. Many cameras write local time as if it were UTC, some the end.
        start_s: when the pictures begin, on the clock of `read_frames`: some cameras count from
            when they were switched on.
    """

    path: Path
    width: int
    height: int
    codec: str
    fps: float
    duration_s: float | None
    frames: int | None
    has_audio: bool
    offset_s: float
    created_utc: str = ""
    start_s: float = 0.0

    @property
    def end_s(self) -> float | None:
        """When the pictures end, on the clock of `read_frames`, or None; as `duration_s`."""
        return None if self.duration_s is None else self.start_s + self.duration_s

    def span_s(self, start_s: float, end_s: float | None) -> tuple[float, float]:
        """Where the pictures of a range begin and end, in seconds; infinite where nothing says."""
        return max(start_s, self.start_s), min(end_s or math.inf, self.end_s or math.inf)


def probe(path: str | Path) -> VideoInfo:
    """Read the head of a video.

    Raises:
        VideoError: the file is missing, empty, no video, or its pictures are unusable; the message
            names the file and says what to do.
    """
    path = Path(path)
    with open_video(path) as container:
        stream = video_stream(path, container)
        info = stream_info(path, container, stream)
        return _turned(info, _first_orientation(container, stream))


def open_video(path: Path) -> Any:
    """An open PyAV container (a context manager).

    Raises:
        VideoError: the file is missing, empty or no video.
    """
    try:
        if not path.is_file():
            raise VideoError(f"{path.name}: there is no such file.")
        if path.stat().st_size == 0:
            raise VideoError(f"{path.name} is empty (0 bytes): copy or record it again.")
        return open_plain(path)
    except VideoError:
        raise
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise VideoError(
            f"{path.name} cannot be opened as a video ({reason(error)}). It may be damaged, cut "
            "off, or of another type than its name says."
        ) from error


def open_plain(path: Path) -> Any:
    """PyAV's container of a file that holds its pictures and its sound itself.

    Raises:
        FFmpegError, OSError, ValueError: as PyAV does.
    """
    return av.open(
        ffmpeg_name(path), metadata_errors="ignore", options={"format_whitelist": PLAIN_FORMATS}
    )


def ffmpeg_name(path: Path) -> str:
    """What FFmpeg opens: it would take the "12" of a relative "12:30.mp4" for a protocol."""
    return str(path.absolute())


def reason(error: BaseException) -> str:
    """The system's or FFmpeg's words for what went wrong."""
    return str(getattr(error, "strerror", None) or error)


def video_stream(path: Path, container: Any) -> Any:
    """The container's video stream; cover pictures do not count.

    Raises:
        VideoError: there is none, or its pictures are unusable.
    """
    # Cover pictures of music files are video streams of one still; they are not videos.
    streams = [s for s in container.streams.video if not _is_cover(s)]
    if not streams:
        what = "only sound" if container.streams.audio else "no pictures"
        raise VideoError(f"{path.name} holds {what}: a video stream is needed.")
    stream = streams[0]
    context = stream.codec_context
    if context is None:
        raise VideoError(f"{path.name} uses a codec that this program cannot decode.")
    width, height = context.width, context.height
    if width < 1 or height < 1:
        raise VideoError(
            f"{path.name} is damaged: it says its pictures are {width}×{height} pixels. Copy or "
            "export it again."
        )
    if width * height > MAX_PIXELS:
        raise VideoError(
            f"{path.name} is {width}×{height} pixels, more than the {MAX_PIXELS // 10**6} "
            "megapixels this program reads safely. Make a smaller copy first, for example with "
            "`ffmpeg -i IN.mp4 -vf scale=1920:-2 OUT.mp4`."
        )
    return stream


def _is_cover(stream: Any) -> bool:
    return bool(stream.disposition & av.stream.Disposition.attached_pic)


def stream_info(path: Path, container: Any, stream: Any) -> VideoInfo:
    """What the head of an open file says, before its rotation is known."""
    width, height = display_size(
        stream.codec_context.width, stream.codec_context.height, stream.sample_aspect_ratio
    )
    fps = _plausible_fps(stream.average_rate or stream.guessed_rate)
    offset_s = clock_offset_s(container)
    start_s = max(0.0, float((stream.start_time or 0) * (stream.time_base or 0)) + offset_s)
    duration = _duration_s(container, stream, start_s - offset_s)
    frames = stream.frames or (round(duration * fps) if duration else None)
    return VideoInfo(
        path,
        width,
        height,
        stream.codec_context.name,
        fps,
        duration,
        frames,
        bool(container.streams.audio),
        offset_s,
        _created_utc(container, stream),
        start_s,
    )


def _created_utc(container: Any, stream: Any) -> str:
    """The tag `creation_time` of the file or its pictures; "" where it is missing or no time."""
    tags = (source.metadata.get("creation_time", "") for source in (container, stream))
    text = next(filter(None, tags), "")
    try:
        made = datetime.fromisoformat(text)
    except ValueError:
        return ""
    # QuickTime counts from 1904: what was never set is that year, or 1970.
    if made.year < _FIRST_CAMERA:
        return ""
    made = made if made.tzinfo is not None else made.replace(tzinfo=UTC)
    return made.isoformat(timespec="milliseconds")


@dataclass(frozen=True, slots=True)
class Orientation:
    """How a decoded picture becomes the one that is shown: rows and columns are exchanged first.

    Attributes:
        transposed: rows become columns.
        mirrored: left and right are exchanged then.
        flipped: top and bottom are exchanged then.
    """

    transposed: bool = False
    mirrored: bool = False
    flipped: bool = False


def orientation_of(decoded: Any) -> Orientation:
    """What the display matrix of a decoded frame asks for, rounded to quarter turns.

    The matrix maps a pixel (x, y) to (a x + c y, b x + d y) (ISO/IEC 14496-12, `tkhd`).
    """
    found = decoded.side_data.get(DataKind.DISPLAYMATRIX)
    if found is None:
        return Orientation()
    a, b, _, c, d = struct.unpack("=5i", bytes(found)[:20])
    if abs(b) + abs(c) > abs(a) + abs(d):
        return Orientation(transposed=True, mirrored=c < 0, flipped=b < 0)
    return Orientation(mirrored=a < 0, flipped=d < 0)


def _first_orientation(container: Any, stream: Any) -> Orientation:
    """What the first frame asks for; nothing where none can be decoded."""
    try:
        return orientation_of(next(container.decode(stream)))
    except (av.error.FFmpegError, ValueError, StopIteration):
        return Orientation()


def _turned(info: VideoInfo, orientation: Orientation) -> VideoInfo:
    if not orientation.transposed:
        return info
    return replace(info, width=info.height, height=info.width)


def _duration_s(container: Any, stream: Any, start_s: float) -> float | None:
    """The pictures' own length, or that of the whole file: sound may last longer.

    Args:
        start_s: of the pictures, on the file's own clock. What Matroska says of them, and what is
            said of a whole file, is when they end.
    """
    end_s = (container.duration or 0) / av.time_base
    if stream.duration and stream.time_base:
        end_s = start_s + float(stream.duration * stream.time_base)
    elif match := _TAGGED.match(stream.metadata.get("DURATION", "")):
        hours, minutes, rest = match.groups()
        end_s = 3600 * int(hours) + 60 * int(minutes) + float(rest)
    # A start that the end contradicts is not believed.
    seconds = end_s - start_s if end_s > start_s > 0 else end_s
    return seconds if 0 < seconds < _LONGEST_S else None


def _plausible_fps(rate: Any) -> float:
    fps = float(rate) if rate else 25.0
    return fps if _USUAL_FPS[0] <= fps <= _USUAL_FPS[1] else 25.0


def clock_offset_s(container: Any) -> float:
    """Seconds to add to the file's clock: it may start below zero, or anywhere (MPEG-TS)."""
    start = (container.start_time or 0) / av.time_base
    free_running = any(name in container.format.name for name in _FREE_RUNNING_FORMATS)
    return -start if start < 0 or free_running else 0.0


def display_size(width: int, height: int, aspect: Any) -> tuple[int, int]:
    """Width and height with square pixels: faces of old camcorders would be squeezed otherwise."""
    ratio = float(aspect) if aspect else 1.0
    # Ratios beyond these are mistakes in the file's head.
    return (round(width * ratio), height) if 0.4 < ratio < 2.5 else (width, height)
