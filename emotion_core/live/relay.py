"""Keeps frames from queueing between the camera, the processor and the encoder."""

from typing import Any


def keep_newest_only(relay: Any) -> None:
    """Make an aiortc `MediaRelay` hand each subscriber the newest frame instead of a queue.

    streamlit-webrtc subscribes with aiortc's default, an unbounded queue before the processor and
    another before the encoder: on a busy computer encoding falls behind the camera, and the picture
    with it, by more every second. `buffered=False` is aiortc's own remedy (its pull request 498).
    Calling this again for the same relay changes nothing.
    """
    if getattr(relay.subscribe, "newest_only", False):
        return
    subscribe = relay.subscribe

    def newest(track: Any, buffered: bool = False) -> Any:
        del buffered
        return subscribe(track, buffered=False)

    newest.newest_only = True  # type: ignore[attr-defined]
    relay.subscribe = newest
