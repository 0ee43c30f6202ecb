"""What a live stream says of itself at one moment."""

from dataclasses import dataclass

from emotion_core.datatypes import FrameResult


@dataclass(frozen=True, slots=True, eq=False)
class LiveReading:
    """What the page shows, taken at one moment.

    Attributes:
        result: newest result in the camera's own coordinates; None before the first.
        age_s: seconds since that result was ready; None before the first.
        analysis_fps: frames freshly decoded and read, a second.
        display_fps: frames handed back for display, a second.
        latency_ms: median time inside the server from a frame's arrival to its result, 2 s window.
        frames_in, frames_read: since the start; the difference was shown but not read.
        sends_back: whether the pictures are sent back to the browser.
        error: why the newest frame could not be read; "" when it could.
        picture_error: why the picture is not shown, or shown without its overlay, while the
            readings go on; "" where nothing failed.
        ended: the stream is over.
        silent: no frame has come for some seconds (to its end, where it is over), though it was
            not stopped.
    """

    result: FrameResult | None
    age_s: float | None
    analysis_fps: float
    display_fps: float
    latency_ms: float | None
    frames_in: int
    frames_read: int
    sends_back: bool
    error: str
    picture_error: str
    ended: bool
    silent: bool
