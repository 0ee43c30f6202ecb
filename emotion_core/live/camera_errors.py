"""Why a camera or a connection failed, in words: what happened and what to do."""

from collections.abc import Mapping
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


# Names: W3C Media Capture and Streams, getUserMedia(). From InsecureContext on they are ours.
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
            "No picture comes from the camera any more.",
            "It was unplugged or taken by another program, or the network was cut. Check both; the "
            "stream ends by itself within seconds, then press START. What was recorded is kept.",
        ),
        CameraProblem(
            "NoPicture",
            "The camera was switched on but gives no picture.",
            "Open its cover, switch it off and on, or choose another one.",
        ),
        CameraProblem(
            "NoRelay",
            "The TURN server does not answer, or refuses its credentials.",
            "Whoever runs this installation should look at EMOTION_LAB_ICE_SERVERS and at the TURN "
            "server's log. Inside one network the video may go without it.",
        ),
        CameraProblem(
            "NoCandidates",
            "The browser finds no way through the network.",
            "A browser extension or a policy may switch WebRTC off: try another browser.",
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


@dataclass(frozen=True, slots=True)
class CheckStep:
    """One step of the self-test.

    Attributes:
        title: what was tried.
        went_well: None where it was not tried.
        words: what was found, or what to do.
    """

    title: str
    went_well: bool | None
    words: str


_STEPS: Final = {
    "secure": ("Secure page", "Browsers may give this page a camera."),
    "permission": ("Permission", "The browser lets this page use the camera."),
    "device": ("Device", "There is a camera"),
    "picture": ("Picture", "The camera gives a picture"),
    "signalling": ("Signalling", "The browser and the server hear each other."),
    "ice": ("Ways through the network", "The browser found"),
    "media": ("Video at the server", "It arrives."),
}
_KINDS: Final = {
    "host": "this network",
    "srflx": "its public address",
    "prflx": "its public address",
    "relay": "a relay",
}
_NOT_TRIED: Final = "Not tried: a step before failed."


def check_steps(
    found: Mapping[str, str], details: Mapping[str, str], media: str | None
) -> list[CheckStep]:
    """The self-test in words, in the order of the video's way.

    Args:
        found: step → "" where it went well, else the error's name; absent: not reached.
        details: step → what was seen: the device's name, the picture's size, kinds of ICE
            candidates.
        media: the same as a value of `found` for the video at the server; None: no stream runs.
    """
    # That the report came is the proof.
    seen = {**found, "signalling": ""} | ({} if media is None else {"media": media})
    return [_step(name, seen.get(name), details.get(name, "")) for name in _STEPS]


def _step(name: str, problem: str | None, detail: str) -> CheckStep:
    title, good = _STEPS[name]
    if problem is None:
        return CheckStep(title, None, "Press START to try it." if name == "media" else _NOT_TRIED)
    if problem:
        known = camera_problem(problem)
        return CheckStep(title, False, f"{known.what} {known.advice} ({known.name})")
    if name == "ice":
        detail = ", ".join(dict.fromkeys(_KINDS.get(kind, kind) for kind in detail.split()))
    if name in ("device", "picture", "ice"):
        good += f": {detail}." if detail else "."
    return CheckStep(title, True, good)
