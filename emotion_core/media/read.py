"""Videos frame by frame with PyAV: true times, upright pictures, memory that does not grow.

Seconds are used everywhere; the file's own ticks exist only at the boundary to PyAV. A frame that
fails to
decode is counted, reported and skipped: the rest of the file is still read.
"""

import math
from bisect import bisect_left
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import av
import cv2
import numpy as np
from av.video.reformatter import VideoReformatter

from emotion_core.datatypes import Frame, ImageArray
from emotion_core.errors import SettingsError, VideoError
from emotion_core.media.probe import (
    MAX_PIXELS,
    Orientation,
    display_size,
    open_video,
    orientation_of,
    reason,
    stream_info,
    video_stream,
)
from emotion_core.media.threads import apply_limit

# A damaged file may fail in every packet; after this many in a row nothing more will come.
_MAX_FAILURES_IN_A_ROW: Final = 500
# A clock that goes back further than this was reset: no codec reorders frames so far.
_CLOCK_BEGINS_ANEW_S: Final = 1.0
# Formats of broadcasts, cut anywhere.
_LEANING: Final = ("mpegts", "mpeg")


@dataclass(slots=True)
class ReadReport:
    """What happened while reading; filled in as frames are read.

    Attributes:
        frames_seen: decoded frames, also those left out; `newest_s` is the time of the last one.
        failed: frames that could not be decoded; `first_problem` says why the first could not.
        cut_short: the file ends well before the length it announces.
        stopped: the reading was ended by `stop`.
    """

    frames_seen: int = 0
    newest_s: float = 0.0
    failed: int = 0
    first_problem: str = ""
    cut_short: bool = False
    stopped: bool = False

    def add(self, error: object) -> None:
        """Count one frame that could not be decoded."""
        self.failed += 1
        self.first_problem = self.first_problem or str(error)


@dataclass(slots=True)
class FrameSelector:
    """Chooses frames: every Nth one, or the nearest to an even rate by the frames' own times.

    Attributes:
        every: 1 takes each frame, 2 every other one …
        rate: frames a second, or None for no limit; `every` must be 1 then.
        passed: frames of the range before the first one that is asked about: a choice that goes on
            in the middle of a video.
        next_s: the time from which on the next frame is taken where there is a rate.

    Raises:
        SettingsError: a value out of range, or both given.
    """

    every: int = 1
    rate: float | None = None
    passed: int = 0
    next_s: float = -math.inf

    def __post_init__(self) -> None:
        if self.every < 1:
            raise SettingsError(f"Every Nth frame needs N of 1 or more, got {self.every}.")
        if self.rate is not None and not 0 < self.rate <= 1000:
            raise SettingsError(f"A rate must lie above 0 and up to 1000 Hz, got {self.rate}.")
        if self.rate is not None and self.every != 1:
            raise SettingsError("Choose either every Nth frame or a rate, not both.")

    def takes(self, position: int, time_s: float) -> bool:
        """Whether the frame at `position` (0 for the first of the range) is chosen."""
        if self.rate is None:
            return (self.passed + position) % self.every == 0
        # Half a millisecond of slack: 1/30 s in file ticks is never exactly 1/30.
        if time_s + 5e-4 < self.next_s:
            return False
        step = 1 / self.rate
        start = time_s if math.isinf(self.next_s) else self.next_s
        self.next_s = start + step * (1 + max(0.0, (time_s - start) // step))
        return True


@dataclass(frozen=True, slots=True)
class KeyFrame:
    """A frame at which decoding can begin.

    Attributes:
        tick: its presentation time in the file's own ticks.
        index: its position in the source.
    """

    tick: int
    index: int


def read_frames(
    path: str | Path,
    *,
    start_s: float = 0.0,
    end_s: float | None = None,
    selector: FrameSelector | None = None,
    report: ReadReport | None = None,
    stop: Callable[[], bool] = lambda: False,
    begin: KeyFrame | None = None,
) -> Generator[Frame, None, None]:
    """Decode a video, one frame at a time; the file is closed when the generator is.

    Args:
        path: any container and codec that FFmpeg knows.
        start_s: frames shown before this time are left out.
        end_s: frames shown at or after this time are left out.
        selector: which frames of the range are handed out; all by default.
        report: filled in with what was decoded and what failed.
        stop: asked at every decoded frame that is left out, as its user only sees the others; True
            ends the reading.
        begin: the last key frame before `start_s`, if known: a seek saves passing over the file.

    Yields:
        Frame: image (H, W, 3) uint8 BGR, upright, its own memory; `index` is the position in the
        source, `time_s` the source's presentation time in seconds, strictly increasing.

    Raises:
        VideoError: as `probe`, or no frame at all could be decoded.
        SettingsError: the range is empty.
    """
    path = Path(path)
    if not (math.isfinite(start_s) and start_s >= 0) or (end_s is not None and end_s <= start_s):
        raise SettingsError(f"The range from {start_s} to {end_s} seconds holds no frame.")
    chosen, report = selector or FrameSelector(), report or ReadReport()
    position = 0
    with open_video(path) as container:
        reader = _Reader(path, container, report)
        to_bgr = _ToBgr(reader.aspect)
        for decoded, index, time_s in reader.frames(start_s, begin):
            if end_s is not None and time_s >= end_s:
                break
            inside = time_s >= start_s
            if inside and chosen.takes(position, time_s):
                yield Frame(to_bgr(decoded), index, time_s)
            elif stop():
                report.stopped = True
                break
            position += inside
        else:
            reader.check_length()
        if report.frames_seen == 0:
            raise VideoError(
                f"{path.name}: not a single frame could be decoded "
                f"({report.first_problem or 'it holds no pictures'}). Copy or export it again."
            )


class _ToBgr:
    """Turns decoded frames into upright BGR arrays; keeps one conversion context for all."""

    def __init__(self, aspect: Any) -> None:
        self._reformatter, self._aspect = VideoReformatter(), aspect
        self._rotation: int | None = None
        self._orientation = Orientation()

    def __call__(self, decoded: Any) -> ImageArray:
        width, height = display_size(decoded.width, decoded.height, self._aspect)
        bgr = self._reformatter.reformat(decoded, width, height, "bgr24").to_ndarray()
        # A frame whose side data was looked at stays in memory until garbage is collected.
        if decoded.rotation != self._rotation:
            self._rotation, self._orientation = decoded.rotation, orientation_of(decoded)
        return _upright(np.asarray(bgr, np.uint8), self._orientation)


def _upright(image: ImageArray, orientation: Orientation) -> ImageArray:
    if orientation.transposed:
        image = np.asarray(cv2.transpose(image), np.uint8)
    if orientation.mirrored or orientation.flipped:
        both = orientation.mirrored and orientation.flipped
        axis = -1 if both else int(orientation.mirrored)
        image = np.asarray(cv2.flip(image, axis), np.uint8)
    return image


class _Reader:
    """One pass over a file; holds the clock and counts what fails."""

    def __init__(self, path: Path, container: Any, report: ReadReport) -> None:
        self._path, self._container, self._report = path, container, report
        self._stream = video_stream(path, container)
        self._stream.thread_type = "AUTO"
        apply_limit(self._stream)
        info = stream_info(path, container, self._stream)
        self._step_s, self._offset_s = 1 / info.fps, info.offset_s
        self._duration_s, self._end_s = info.duration_s, info.end_s
        self._last_s, self._longest_step_s = -math.inf, 1.0
        self._begin_at: int | None = None
        # Of the packets since the beginning, where the stamps of those before are not known.
        self._passed: list[int] | None = None

    @property
    def aspect(self) -> Any:
        """Width of a pixel over its height, or None."""
        return self._stream.sample_aspect_ratio

    def check_length(self) -> None:
        """Note a file that ends well before the length its head announces."""
        expected = self._end_s
        if not (expected and self._duration_s) or not math.isfinite(self._last_s):
            return
        # The last picture lasts as long as any other may have.
        if self._last_s + self._longest_step_s < expected - 0.02 * self._duration_s:
            self._report.cut_short = True
            # Whether the decoder also complains of the last, half frame is a matter of chance.
            ends = f"the file ends at {self._last_s:.1f} s of the {expected:.1f} s it announces"
            first = self._report.first_problem
            self._report.first_problem = f"{first}; {ends}" if first else ends

    def frames(
        self, start_s: float, begin: KeyFrame | None = None
    ) -> Iterator[tuple[Any, int, float]]:
        """Decoded frames with their index and time, from a key frame at or before `start_s`."""
        if begin is not None and self._seek(begin):
            stamps, index, first = [begin.tick], begin.index, True
        else:
            stamps = self._skip_to(start_s) if start_s > 0 else []
            index, first = 0, bool(stamps)
        for decoded in self._decoded():
            if decoded is not None:
                if first and decoded.pts is not None:
                    # A decoder may drop what it cannot show after a beginning in the midst.
                    known = sorted(self._passed or stamps)
                    index += bisect_left(known, decoded.pts)
                    index -= bisect_left(known, begin.tick) if self._passed and begin else 0
                    self._passed, first = None, False
                self._report.frames_seen += 1
                self._report.newest_s = self._time_s(decoded)
                yield decoded, index, self._report.newest_s
            index += 1

    def _time_s(self, decoded: Any) -> float:
        time_s = None if decoded.time is None else decoded.time + self._offset_s
        if time_s is None or not math.isfinite(time_s):
            time_s = self._last_s + self._step_s if math.isfinite(self._last_s) else 0.0
        if time_s < self._last_s - _CLOCK_BEGINS_ANEW_S:
            # Joined recordings: the second one begins where the first one ended.
            follows_s = self._last_s + self._step_s
            self._offset_s += follows_s - time_s
            time_s = follows_s
        if time_s <= self._last_s:
            time_s = self._last_s + min(self._step_s, 1e-3)
        if math.isfinite(self._last_s):
            self._longest_step_s = max(self._longest_step_s, time_s - self._last_s)
        self._last_s = max(0.0, time_s)
        return self._last_s

    def _decoded(self) -> Iterator[Any]:
        """Every decoded frame; None for one that failed."""
        in_a_row = 0
        for packet in self._packets():
            try:
                frames = packet.decode()
            except (av.error.FFmpegError, ValueError) as error:
                self._report.add(reason(error))
                in_a_row += 1
                if in_a_row >= _MAX_FAILURES_IN_A_ROW:
                    self._report.cut_short = True
                    return
                yield None
                continue
            in_a_row = 0 if frames else in_a_row
            yield from map(self._sound, frames)

    def _sound(self, decoded: Any) -> Any:
        """The frame, or None where the decoder invented a part of it or it grew out of bounds."""
        problem = "a damaged frame" if decoded.is_corrupt else ""
        if decoded.width * decoded.height > MAX_PIXELS:
            problem = f"a frame of {decoded.width}×{decoded.height} pixels"
        if problem:
            self._report.add(problem)
        return None if problem else decoded

    def _packets(self) -> Iterator[Any]:
        """All packets, or those from the key frame on with which the reading begins."""
        waiting = self._begin_at is not None
        try:
            for packet in self._container.demux(self._stream):
                if waiting and packet.pts == self._begin_at and packet.is_keyframe:
                    waiting = False
                if not waiting:
                    if self._passed is not None and packet.pts is not None:
                        self._passed.append(packet.pts)
                    yield packet
        except (av.error.FFmpegError, OSError) as error:
            self._report.add(f"the file breaks off: {reason(error)}")
            self._report.cut_short = True

    def _seek(self, begin: KeyFrame) -> bool:
        """Go to a key frame; False, and nowhere else, where this format does not lead there."""
        if any(name in self._container.format.name for name in _LEANING):
            return False
        # In a file opened again: one that leads astray could not be read from its beginning.
        with open_video(self._path) as scout:
            if not _leads_to(scout, video_stream(self._path, scout), begin.tick):
                return False
        self._container.seek(begin.tick, stream=self._stream)
        self._begin_at, self._passed = begin.tick, []
        return True

    def _skip_to(self, start_s: float) -> list[int]:
        """Choose the key frame with which to begin; returns the sorted stamps of the frames up to
        `start_s`, in which a frame's place is its index.

        Packets are passed over without decoding them, which takes a second for an hour; a seek
        would be faster, but misses key frames in some formats. Where the file carries no usable
        time stamps, nothing is passed over, and [] is returned.
        """
        ticks = math.floor((start_s - self._offset_s) / self._stream.time_base)
        # A second pass over the file: raw streams cannot be rewound.
        with open_video(self._path) as scout:
            stamps, keys = stamps_until(scout, video_stream(self._path, scout), ticks)
        # A broadcast's first group of pictures may lean on the one before.
        keys = keys[: -1 if any(f in self._container.format.name for f in _LEANING) else None]
        if keys:
            self._begin_at = keys[-1]
        return stamps


def _leads_to(container: Any, stream: Any, tick: int) -> bool:
    """Whether a seek arrives at or before the key frame of a tick."""
    try:
        container.seek(tick, stream=stream)
        for packet in container.demux(stream):
            if packet.pts == tick and packet.is_keyframe:
                return True
            if packet.dts is not None and packet.dts > tick:
                return False
    except (av.error.FFmpegError, OSError):
        pass
    return False


def stamps_until(container: Any, stream: Any, ticks: float) -> tuple[list[int], list[int]]:
    """Presentation stamps, sorted, of the packets up to `ticks`, and of the key frames among them
    that are shown by then; both empty where any is missing or the clock restarts."""
    stamps: list[int] = []
    keys: list[int] = []
    newest: int | None = None
    back = _CLOCK_BEGINS_ANEW_S / stream.time_base
    try:
        for packet in container.demux(stream):
            if packet.size == 0:
                continue
            # Matroska holds no decoding stamps: those before the first reordered frame are missing.
            if packet.pts is None or (packet.dts is None and newest is not None):
                return [], []
            if packet.dts is not None:
                if newest is not None and packet.dts < newest - back:
                    return [], []
                newest = packet.dts
                if packet.dts > ticks:
                    break
            if not packet.is_discard:
                stamps.append(packet.pts)
                if packet.is_keyframe and packet.pts <= ticks:
                    keys.append(packet.pts)
    except av.error.FFmpegError:
        return [], []
    return sorted(stamps), keys
