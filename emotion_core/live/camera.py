"""Why a camera or a connection failed, in words: what happened and what to do."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class CameraProblem:
    """One reason why there is no picture.

    Attributes:
        name: the browser's own error name (DOMException of getUserMedia), or one of ours.
        what: what happened, a sentence.
        advice: what to do about it, a sentence.
    """

    name: str
    what: str
    advice: str


# Names: W3C Media Capture and Streams, getUserMedia(). The last three are ours.
_PROBLEMS: Final = {
    problem.name: problem
    for problem in (
        CameraProblem(
            "NotAllowedError",
            "The browser does not let this page use the camera.",
            "Click the camera or lock symbol beside the page's address, allow the camera, and "
            "reload the page. If it is allowed there, allow the browser to use the camera in the "
            "system's privacy settings.",
        ),
        CameraProblem(
            "NotFoundError",
            "The browser finds no camera.",
            "Plug a camera in, or switch on the one in the lid, and press START again.",
        ),
        CameraProblem(
            "NotReadableError",
            "The camera is there but gives no picture.",
            "Close other programs that use it (video calls, other tabs), then press START again.",
        ),
        CameraProblem(
            "OverconstrainedError",
            "The camera cannot give the resolution or frame rate that was asked for.",
            "Choose a smaller resolution under “More settings” and press START again.",
        ),
        CameraProblem(
            "AbortError",
            "The camera stopped while it was starting.",
            "Unplug it and plug it in again, then press START again.",
        ),
        CameraProblem(
            "SecurityError",
            "The browser forbids the camera on this page.",
            "Cameras are blocked by this browser's or your organisation's settings; use another "
            "browser, or ask whoever looks after this computer.",
        ),
        CameraProblem(
            "InsecureContext",
            "Browsers give the camera only to secure pages, and this address is not one.",
            "Open the page as http://localhost on the computer that runs it, or over https.",
        ),
        CameraProblem(
            "NoConnection",
            "The camera works, but no video reaches the server.",
            "A firewall or a VPN may block it: try without VPN, or from the same network. On the "
            "internet a TURN server is needed (EMOTION_LAB_ICE_SERVERS).",
        ),
        CameraProblem(
            "NoFrames",
            "The connection stands, but no picture has arrived for a while.",
            "The camera may have been unplugged or taken by another program: press STOP, check "
            "it, then START.",
        ),
    )
}
_SYNONYMS: Final = {
    "PermissionDeniedError": "NotAllowedError",
    "DevicesNotFoundError": "NotFoundError",
    "TrackStartError": "NotReadableError",
    "ConstraintNotSatisfiedError": "OverconstrainedError",
}


def camera_problem(name: str) -> CameraProblem:
    """The words for an error name; unknown names are passed on with general advice."""
    known = _PROBLEMS.get(_SYNONYMS.get(name, name))
    return known or CameraProblem(
        name,
        f"The camera could not be started; the browser calls it “{name}”.",
        "Reload the page and press START again; another browser may do better.",
    )
