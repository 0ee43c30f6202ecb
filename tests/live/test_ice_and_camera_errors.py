import pytest

from emotion_core.errors import SettingsError
from emotion_core.live.camera_errors import camera_problem, check_steps
from emotion_core.live.ice import rtc_configuration

TURN = {"urls": ["turn:t.example.org:3478"], "username": "u", "credential": "c"}


@pytest.mark.parametrize(
    "servers", [[], [{"urls": "stun:s.example.org"}], [TURN], [{"urls": "stuns:s"}, TURN]]
)
def test_usable_servers_pass_through(servers: list[dict[str, object]]) -> None:
    assert rtc_configuration(servers) == {"iceServers": servers}


def test_relay_only_is_passed_to_the_browser_and_needs_a_relay() -> None:
    made = rtc_configuration([{"urls": "stun:s.example.org"}, TURN], relay_only=True)
    assert made["iceTransportPolicy"] == "relay"
    for servers in ([], [{"urls": "stun:s.example.org"}]):
        with pytest.raises(SettingsError, match="turn: server"):
            rtc_configuration(servers, relay_only=True)


@pytest.mark.parametrize(
    ("server", "words"),
    [
        ({}, "urls"),
        ({"urls": []}, "urls"),
        ({"urls": "http://example.org"}, "http://example.org"),
        ({"urls": ["stun:ok", 3]}, "urls"),
        ({"urls": "turn:t.example.org"}, "credential"),
        ({"urls": "turns:t", "username": "u"}, "credential"),
    ],
)
def test_unusable_servers_are_named(server: dict[str, object], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        rtc_configuration([server])


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("NotAllowedError", "allow the camera"),
        ("PermissionDeniedError", "allow the camera"),
        ("NotFoundError", "Plug a camera in"),
        ("NotReadableError", "Close other programs"),
        ("InsecureContext", "https"),
        ("NoConnection", "TURN"),
    ],
)
def test_each_problem_says_what_to_do(name: str, words: str) -> None:
    problem = camera_problem(name)
    assert words in problem.advice
    assert problem.what.endswith(".")


def test_unknown_names_are_passed_on() -> None:
    assert "OddError" in camera_problem("OddError").what


ALL_WELL = dict.fromkeys(("secure", "permission", "device", "picture", "ice"), "")


@pytest.mark.parametrize(
    ("found", "media", "marks", "words"),
    [
        ({}, None, [None, None, None, None, True, None, None], "Not tried"),
        (ALL_WELL, None, [True] * 6 + [None], "Press START to try it"),
        (ALL_WELL, "", [True] * 7, "this network, a relay"),
        (ALL_WELL, "NoConnection", [True] * 6 + [False], "TURN server is needed"),
        (
            {"secure": "", "permission": "NotAllowedError", "ice": ""},
            None,
            [True, False, None, None, True, True, None],
            "allow the camera",
        ),
        (ALL_WELL | {"ice": "NoRelay"}, None, [True] * 5 + [False, None], "credentials"),
    ],
)
def test_the_self_test_names_the_step_that_fails(
    found: dict[str, str], media: str | None, marks: list[bool | None], words: str
) -> None:
    steps = check_steps(found, {"ice": "host relay", "device": "Webcam"}, media)
    assert [step.went_well for step in steps] == marks
    assert words in " ".join(step.words for step in steps)
