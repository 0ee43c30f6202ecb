"""Write MP4 video that plays in a browser, frame by frame, with the source's own sound."""

import contextlib
import errno
import math
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import av
import cv2
import numpy as np
from av.video.reformatter import ColorRange, Colorspace

from emotion_core.datatypes import Frame, ImageArray
from emotion_core.errors import OutputError, VideoError
from emotion_core.media.encoder import NO_ENCODER, clip_encoder
from emotion_core.media.probe import clock_offset_s, ffmpeg_name, open_plain, reason
from emotion_core.media.synthetic import sample_frames

# The clock of the file: fine enough for every frame rate in use, and for variable ones.
_TICKS_PER_S: Final = 90_000
# MP4 counts the ticks from one frame to the next in 31 bits: 6.6 hours.
_LONGEST_TICKS: Final = 2**31 - 1
# Sound that may stay as it is: Chromium plays it inside MP4. All other sound becomes AAC.
_COPIED_SOUND: Final = frozenset({"aac", "mp3"})
# What is left to the sound where the whole file is bound.
_MOST_SOUND_BIT_RATE: Final = 200_000
_WHOLE: Final = {"movflags": "+faststart"}
# A piece each half second, on the disk at once. The first waits for its frames: an index written
# before them (empty_moov) knows nothing of reordered frames, and the clip would begin late.
_PIECES: Final = {
    "movflags": "+delay_moov+default_base_moof",
    "frag_duration": "500000",
    "flush_packets": "1",
}


class VideoWriter:
    """A context manager that writes an MP4 (yuv420p, faststart) under its final name when done.

    The pictures are H.264, or VP9 where this installation of PyAV has no H.264 encoder.

    Until then the file is called `.<name>.part.mp4` in the same folder; an exception inside the
    `with` block removes it. Where no frame was written, no file appears.

    Args:
        path: the file to write, ending in .mp4.
        fps: the usual rate, a help for the encoder; times given to `write` are what counts.
        sound_from: a video whose first sound track is copied (or made AAC), or None.
        origin_s: time of the source at which the new file begins.
        end_s: time of the source after which its sound is left out, or None.
        bit_rate: most bits a second that the pictures take on average, or None: pictures that need
            more lose detail.
        pieces: the unfinished file (see `unfinished`) can be read up to its last second should
            the program die or the disk be full, and is not removed then. Players seek badly in such
            a file: `repeat_video(.., times=1)` makes it whole.

    Attributes:
        bit_rate, origin_s: as given.
        frames: how many frames were written.
        sound_problem: why there is no (or not all) sound, or "".

    Raises:
        OutputError: the file cannot be written; a full disk is named as such, and so is a missing
            encoder, at the first frame.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        fps: float = 30.0,
        sound_from: str | Path | None = None,
        origin_s: float = 0.0,
        end_s: float | None = None,
        bit_rate: float | None = None,
        pieces: bool = False,
    ) -> None:
        self.path = Path(path)
        self.frames, self.sound_problem = 0, ""
        self._part = unfinished(self.path)
        self._options = _PIECES if pieces else _WHOLE
        self._fps, self.origin_s, self._end_s = fps, origin_s, end_s
        self.bit_rate = bit_rate
        self._sound_from = Path(sound_from) if sound_from else None
        self._container: Any = None
        self._stream: Any = None
        self._sound: _Sound | None = None
        self._last_tick = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            self.close()
        else:
            self._abandon()

    def write(self, image_bgr: ImageArray, time_s: float) -> None:
        """Append one frame.

        Args:
            image_bgr: (H, W, 3) uint8 BGR, of one size for the whole file; an odd side gains a row
                or column, as yuv420p asks for.
            time_s: time on the source's clock, increasing.
        """
        even = _even(image_bgr)
        tick = max(self._last_tick + 1, round((time_s - self.origin_s) * _TICKS_PER_S))
        if tick - max(self._last_tick, 0) > _LONGEST_TICKS:
            raise OutputError(
                f"{self.path.name} could not be written: at {time_s:,.0f} s the next frame lies "
                "more than six hours after the one before, which no MP4 can hold. Choose a part of "
                "the video, or leave the annotated clip out."
            )
        try:
            if self._container is None:
                self._open(even.shape[1], even.shape[0])
            # OpenCV turns BGR into yuv420p (BT.601, limited range) twice as fast as FFmpeg here.
            planes = cv2.cvtColor(even, cv2.COLOR_BGR2YUV_I420)
            frame = av.VideoFrame.from_numpy_buffer(np.asarray(planes, np.uint8), format="yuv420p")
            frame.pts, frame.time_base = tick, Fraction(1, _TICKS_PER_S)
            self._container.mux(self._stream.encode(frame))
            self._feed_sound(time_s)
        except (av.error.FFmpegError, OSError) as error:
            raise _output_error(self.path, error) from error
        self._last_tick = tick
        self.frames += 1

    def close(self) -> None:
        """Finish the file and give it its name; harmless when called again."""
        if self._container is None:
            return
        try:
            self._container.mux(self._stream.encode())
            last_s = self.origin_s + self._last_tick / _TICKS_PER_S + 1 / self._fps
            self._feed_sound(min(last_s, self._end_s or math.inf))
            if self._sound:
                self._sound.finish(self._container)
            self._container.close()
            self._part.replace(self.path)
        except (av.error.FFmpegError, OSError) as error:
            raise _output_error(self.path, error) from error
        finally:
            self._abandon()

    def _open(self, width: int, height: int) -> None:
        encoder = clip_encoder()
        if encoder is None:
            raise OutputError(f"{self.path.name} could not be written. {NO_ENCODER}")
        self._container = av.open(ffmpeg_name(self._part), "w", format="mp4", options=self._options)
        rate = Fraction(self._fps).limit_denominator(1001)
        options = dict(encoder.options)
        if self._options is _PIECES:
            options |= encoder.at_once
        if self.bit_rate:
            # Still frames save up for lively ones, ten seconds long.
            options["maxrate"] = str(int(self.bit_rate))
            options["bufsize"] = str(int(10 * self.bit_rate))
        self._stream = self._container.add_stream(encoder.name, rate=rate, options=options)
        self._stream.width, self._stream.height = width, height
        self._stream.pix_fmt = "yuv420p"
        context = self._stream.codec_context
        context.time_base = Fraction(1, _TICKS_PER_S)
        if (aim := encoder.aim(self.bit_rate)) is not None:
            context.bit_rate = aim
        # Said, not left to a guess: players take untagged HD for BT.709.
        context.colorspace, context.color_range = Colorspace.ITU601, ColorRange.MPEG
        if self._sound_from:
            try:
                self._sound = _Sound(
                    self._sound_from, self._container, self.origin_s, bound=bool(self.bit_rate)
                )
            except (av.error.FFmpegError, OSError, ValueError) as error:
                self.sound_problem = f"the sound could not be used: {error}"

    def _feed_sound(self, until_s: float) -> None:
        """Sound follows the picture, packet by packet: the file stays interleaved."""
        if self._sound is None:
            return
        try:
            packets = list(self._sound.packets(until_s))
        except (av.error.FFmpegError, ValueError) as error:
            self.sound_problem = f"the sound breaks off: {error}"
            self._sound.close()
            self._sound = None
            return
        for packet in packets:
            self._container.mux(packet)

    def _abandon(self) -> None:
        """Close everything and remove the unfinished file, unless it can be read."""
        if self._sound:
            self._sound.close()
            self._sound = None
        if self._container is not None:
            # The file is removed in any case, and the first error is on its way.
            with contextlib.suppress(av.error.FFmpegError, OSError):
                self._container.close()
            self._container = None
        if self._options is _WHOLE:
            self._part.unlink(missing_ok=True)


class _Sound:
    """The first sound track of a file, copied or made AAC, handed out up to a given time."""

    def __init__(self, path: Path, target: Any, origin_s: float, *, bound: bool) -> None:
        self._source: Any = open_plain(path)
        self._origin_s = origin_s
        self._offset_s = clock_offset_s(self._source)
        self._track: Any = next(iter(self._source.streams.audio), None)
        self._next: Any = None
        self._last_dts: int | None = None
        if self._track is None:
            return
        if origin_s > 0:
            self._source.seek(int((origin_s - self._offset_s) * av.time_base))
        context = self._track.codec_context
        large = bound and (context.bit_rate or 0) > _MOST_SOUND_BIT_RATE
        self._copied = context.name in _COPIED_SOUND and not large
        self._add_to(target)
        self._incoming = self._source.demux(self._track)

    def _add_to(self, target: Any) -> None:
        context = self._track.codec_context
        if self._copied:
            self._stream = target.add_stream_from_template(self._track)
            return
        rate = context.sample_rate if context.sample_rate in (44_100, 48_000) else 48_000
        self._stream = target.add_stream("aac", rate=rate)
        self._stream.layout = "mono" if context.layout.nb_channels == 1 else "stereo"
        self._resampler = av.AudioResampler("fltp", self._stream.layout, rate)

    def packets(self, until_s: float) -> Iterator[Any]:
        """Packets for the new file whose sound begins before `until_s` on the source's clock."""
        while self._track is not None:
            packet = self._next or next(self._incoming, None)
            self._next = None
            if packet is None:
                return
            if packet.pts is None:
                continue
            time_s = float(packet.pts * packet.time_base) + self._offset_s
            if time_s > until_s:
                self._next = packet
                return
            # A file read from its beginning keeps its priming samples, which lie before zero.
            if time_s >= self._origin_s or self._origin_s == 0:
                yield from self._rising(self._moved(packet))

    def _rising(self, packets: Iterator[Any]) -> Iterator[Any]:
        """Without those that do not follow the one before: MP4 takes no stamp twice."""
        for packet in packets:
            if self._last_dts is None or packet.dts is None or packet.dts > self._last_dts:
                self._last_dts = packet.dts
                yield packet

    def _moved(self, packet: Any) -> Iterator[Any]:
        shift_s = self._offset_s - self._origin_s
        if self._copied:
            ticks = round(shift_s / packet.time_base)
            packet.pts += ticks
            packet.dts = packet.pts
            packet.stream = self._stream
            yield packet
            return
        for decoded in packet.decode():
            if decoded.pts is not None:
                decoded.pts += round(shift_s / decoded.time_base)
            for frame in self._resampler.resample(decoded):
                yield from self._stream.encode(frame)

    def finish(self, target: Any) -> None:
        """Flush what an AAC encoder still holds."""
        if self._track is not None and not self._copied:
            for packet in self._rising(self._stream.encode(None)):
                target.mux(packet)

    def close(self) -> None:
        """Close the source."""
        self._source.close()


def unfinished(path: Path) -> Path:
    """Where a `VideoWriter` of `path` keeps its file until it is done."""
    return path.with_name(f".{path.stem}.part.mp4")


def _even(image_bgr: ImageArray) -> ImageArray:
    """Even sides, as yuv420p asks for; the encoder rejects pictures of fewer than 16 pixels."""
    height, width = image_bgr.shape[:2]
    lower, right = (max(16, side + side % 2) - side for side in (height, width))
    if not (lower or right):
        return np.ascontiguousarray(image_bgr)
    grown = cv2.copyMakeBorder(image_bgr, 0, lower, 0, right, cv2.BORDER_REPLICATE)
    return np.asarray(grown, np.uint8)


def _output_error(path: Path, error: BaseException) -> OutputError:
    if getattr(error, "errno", None) == errno.ENOSPC:
        return OutputError(f"The disk is full: {path.name} could not be finished. Free some space.")
    return OutputError(f"{path.name} could not be written: {reason(error)}.")


def write_frames(path: str | Path, frames: Iterator[Frame], fps: float = 30.0) -> Path:
    """Write a stream of frames, each at its own time, without sound; returns the path.

    Raises:
        OutputError: the file cannot be written.
        VideoError: there is no frame.
    """
    with VideoWriter(path, fps=fps) as writer:
        for frame in frames:
            writer.write(frame.image, frame.time_s)
    if not writer.frames:
        raise VideoError(f"{Path(path).name}: no frame was given, so there is nothing to write.")
    return Path(path)


def sample_video(
    path: str | Path, seconds: float = 8.0, fps: float = 25.0, scenario: str = "move"
) -> Path:
    """Write a synthetic clip (see `sample_frames`) as H.264; returns the path."""
    return write_frames(path, sample_frames(seconds, fps, scenario=scenario), fps)


def write_sample(path: str | Path) -> Path:
    """Write the pages' sample: twelve seconds in which two people change expression."""
    return sample_video(path, 12.0, 25.0, "expressions")


def repeat_video(source: str | Path, target: str | Path, times: int) -> Path:
    """Write a clip's pictures `times` in a row without decoding them: hours within a second.

    Args:
        source: a clip as `VideoWriter` makes it, also one in pieces.
        target: the file to write, an MP4.
        times: 1 or more; 1 makes a file whole that was written in pieces.
    """
    stream, shift, newest, step = None, 0, 0, 1
    with av.open(ffmpeg_name(Path(target)), "w", format="mp4", options=_WHOLE) as out:
        for _ in range(times):
            end = shift
            with av.open(str(source)) as container:
                track = container.streams.video[0]
                stream = stream or out.add_stream_from_template(track)
                for packet in container.demux(track):
                    if packet.pts is None or packet.dts is None:
                        continue
                    packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                    # Pieces of VP9 do not say how long a frame lasts; players drop a last frame
                    # that lasts no time at all.
                    step, newest = max(packet.dts - newest, 0) or step, packet.dts
                    packet.duration = packet.duration or step
                    end = max(end, packet.pts + packet.duration)
                    packet.stream = stream
                    out.mux(packet)
            shift = end
    return Path(target)
