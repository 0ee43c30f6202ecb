"""Who comes in, and what the interface refuses: tokens, rates, sizes, slow and broken clients."""

import http.client
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from emotion_core.api.closed import PREFIX
from emotion_core.api.limits import Places, RateLimit, RateLimits
from emotion_core.api.refusals import RefusedError
from emotion_core.config import AppSettings
from emotion_core.errors import SettingsError

ROUTES = [
    ("GET", "/openapi.json"),
    ("POST", "/frame"),
    ("POST", "/photo"),
    ("GET", "/live"),
    ("POST", "/live/x/recording"),
    ("GET", "/live/x/recording/files/faces.csv"),
    ("GET", "/videos"),
    ("POST", "/videos"),
    ("DELETE", "/videos/x"),
    ("GET", "/stream"),
]
MB_100 = 100_000_000
TOKEN_BUT_ONE = "a-token-for-tests-only-0123456780"


class Clock:
    now = 10.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_without_the_token_there_is_nothing(running: Any, method: str, path: str) -> None:
    for token in (None, "wrong", "", "ä", TOKEN_BUT_ONE):
        answer = running.client.ask(method, path, token=token and token.encode().decode("latin-1"))
        # /stream is a WebSocket: a plain GET finds nothing there, whoever asks.
        assert answer.status == (404 if path == "/stream" else 401)
        assert b"Bearer" in answer.body or path == "/stream"


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_where_no_token_is_set_nothing_is_there(serve: Any, method: str, path: str) -> None:
    answer = serve(token="").client.ask(method, path)
    assert (answer.status, answer.body) == (404, b"Not Found")


def test_wrong_tokens_are_answered_ten_times_a_minute_and_the_true_one_always(serve: Any) -> None:
    client = serve().client
    found = [client.ask("GET", "/live", token="wrong").status for _ in range(12)]
    assert found == [401] * 10 + [429] * 2
    assert client.ask("GET", "/live").status == 200


def test_a_refused_caller_waits_and_others_meanwhile_do_not(serve: Any) -> None:
    client = serve(pause_s=0.5).client
    with ThreadPoolExecutor(1) as pool:
        begun_s = time.monotonic()
        refused = pool.submit(client.ask, "GET", "/live", token="wrong")
        assert client.ask("GET", "/live").status == 200
        assert time.monotonic() - begun_s < 0.5
        assert refused.result().status == 401
    assert time.monotonic() - begun_s >= 0.5


def test_too_many_requests_a_minute_are_refused_with_the_time_to_wait(serve: Any) -> None:
    client = serve(rate=3).client
    found = [client.ask("GET", "/live") for _ in range(4)]
    assert [answer.status for answer in found] == [200, 200, 200, 429]
    assert 1 <= int(found[-1].headers["Retry-After"]) <= 20


def test_the_rate_recovers() -> None:
    clock = Clock()
    limit = RateLimit(60, clock)
    assert [limit.take() for _ in range(61)] == [0.0] * 60 + [1.0]
    clock.now += 2
    assert [limit.take() == 0 for _ in range(3)] == [True, True, False]


def test_addresses_are_counted_apart_and_forgotten_in_the_end() -> None:
    limits = RateLimits(1, Clock())
    assert [limits.take(a) > 0 for a in ("a", "a", "b")] == [False, True, False]
    for i in range(2000):
        limits.take(str(i))
    assert len(limits._known) <= 1024


def test_places_are_given_back_also_after_a_failure() -> None:
    places = Places(1, "pictures")
    with pytest.raises(KeyError), places.one():
        raise KeyError
    with places.one(), pytest.raises(RefusedError, match="1 pictures"), places.one():
        pass


@pytest.mark.parametrize(
    ("path", "limit"), [("/frame", "10 MB"), ("/photo", "50 MB"), ("/live/x/markers", "")]
)
def test_a_body_of_100_mb_is_refused_before_it_is_read(running: Any, path: str, limit: str) -> None:
    """The client says how much it would send, sends a little and waits."""
    with socket.create_connection(("127.0.0.1", running.client.port), timeout=10) as link:
        head = f"POST {PREFIX}{path} HTTP/1.1\r\nHost: x\r\nContent-Length: {MB_100}\r\n"
        head += "Authorization: Bearer a-token-for-tests-only-0123456789\r\n\r\n"
        link.sendall(head.encode() + b"x" * 1000)
        answer = http.client.HTTPResponse(link)
        answer.begin()
        assert answer.status == (413 if limit else 404)
        assert limit.encode() in answer.read()


def test_a_client_that_sends_100_mb_without_looking_gets_its_answer(running: Any) -> None:
    answer = running.client.ask("POST", "/frame", b"x" * MB_100)
    assert answer.status == 413
    assert answer.json["error"] == "The body is larger than 10 MB."


def test_a_body_of_unknown_length_is_cut_at_the_limit(serve: Any) -> None:
    client = serve(frame_bytes=1000).client
    pieces = (b"x" * 400 for _ in range(100))
    answer = client.ask("POST", "/frame", pieces)
    assert answer.status == 413


@pytest.mark.parametrize("path", ["/frame", "/videos"])
def test_a_slow_client_is_told_and_let_go(serve: Any, path: str) -> None:
    client = serve(body_s=0.2, idle_s=0.2).client
    connection = http.client.HTTPConnection("127.0.0.1", client.port, timeout=10)
    headers = {"Authorization": "Bearer a-token-for-tests-only-0123456789", "Content-Length": "99"}
    connection.request("POST", PREFIX + path, b"some", headers)
    begun_s = time.monotonic()
    answer = connection.getresponse()
    assert answer.status == 408
    assert time.monotonic() - begun_s < 2
    connection.close()


def test_200_requests_at_once_get_an_answer_or_a_clear_refusal(serve: Any, jpeg: bytes) -> None:
    client = serve(frames=8).client
    with ThreadPoolExecutor(200) as pool:
        found = list(pool.map(lambda _: client.ask("POST", "/frame", jpeg), range(200)))
    statuses = {answer.status for answer in found}
    assert statuses == {200, 429}
    assert all(a.json["faces"][0]["emotion"] == "happy" for a in found if a.status == 200)
    assert all(a.headers["Retry-After"] == "1" for a in found if a.status == 429)
    # The server is as before.
    assert client.ask("POST", "/frame", jpeg).status == 200


@pytest.mark.parametrize(
    ("token", "works"),
    [("", True), ("x" * 24, True), ("short", False), ("ä" * 30, False), ("a b" * 10, False)],
)
def test_a_token_that_could_be_guessed_is_refused(token: str, works: bool) -> None:
    environ = {"EMOTION_LAB_API_TOKEN": token}
    if works:
        settings = AppSettings.from_environment(environ)
        assert settings.api_token == token
        assert not token or token not in repr(settings)
        return
    with pytest.raises(SettingsError, match="EMOTION_LAB_API_TOKEN must have") as error:
        AppSettings.from_environment(environ)
    # It may be the true one with one letter wrong.
    assert token not in str(error.value)
