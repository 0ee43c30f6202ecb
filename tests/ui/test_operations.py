"""The server's own routes: health for anyone, metrics for few; a wrong setting opens nothing."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from asgi_calls import Answer, ask
from starlette.applications import Starlette

from emotion_core.config import PROJECT_ROOT
from emotion_core.ui.common import sign_on
from emotion_core.ui.common.api_door import interface_routes
from emotion_core.ui.common.operations import Operations

TOKEN = "m" * 30


@pytest.fixture(autouse=True)
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EMOTION_LAB_WORK_DIR", str(tmp_path / "work"))
    monkeypatch.setattr(sign_on.SERVER, "drops_forged_headers", False)
    return tmp_path / "work"


def get(path: str, *headers: tuple[str, str], client: tuple[str, int] | None = None) -> Answer:
    server = Operations.from_environment()
    server.middleware()
    app = Starlette(routes=server.routes())
    return ask(app, path, *headers, client=client or ("127.0.0.1", 50_000))


def test_without_settings_there_is_health_and_nothing_else() -> None:
    server = Operations.from_environment()
    assert server.middleware() == []
    assert server.file_guard() is None
    answer = get("/healthz")
    assert (answer.status, json.loads(answer.text)) == (200, {"status": "ok", "problems": {}})
    assert answer.headers["cache-control"] == "no-store"
    assert get("/metrics").status == 404


def test_health_says_why(work: Path) -> None:
    work.write_text("a file")
    answer = get("/healthz")
    assert answer.status == 503
    assert "cannot be written" in json.loads(answer.text)["problems"]["work folder"]


@pytest.mark.parametrize(
    "name", ["EMOTION_LAB_LOG", "EMOTION_LAB_SIGN_ON", "EMOTION_LAB_RETENTION_H"]
)
def test_wrong_settings_are_told_and_close_the_rest(
    name: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv(name, "nonsense")
    monkeypatch.setenv("EMOTION_LAB_METRICS", "1")
    monkeypatch.setenv("EMOTION_LAB_API_TOKEN", "a" * 30)
    answer = get("/healthz")
    assert answer.status == 503
    assert name in json.loads(answer.text)["problems"]["settings"]
    assert name in caplog.text
    assert get("/metrics").status == 404
    assert len(interface_routes()) == 1, "the interface for programs stays closed"


def test_health_tells_of_a_sign_on_that_admits_no_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMOTION_LAB_SIGN_ON", "oidc")
    monkeypatch.setattr(sign_on, "find_spec", lambda name: None)
    answer = get("/healthz")
    assert answer.status == 503
    assert "emotion-lab[login]" in json.loads(answer.text)["problems"]["sign-on"]


@pytest.mark.parametrize(
    ("client", "headers", "may"),
    [
        (("127.0.0.1", 50_000), [], True),
        (("10.2.3.4", 50_000), [], True),
        (("10.9.9.9", 50_000), [], False),
        (("10.9.9.9", 50_000), [("Authorization", f"Bearer {TOKEN}")], True),
        (("10.9.9.9", 50_000), [("Authorization", "Bearer wrong")], False),
        (("127.0.0.1", 50_000), [("Authorization", "Bearer wrong")], False),
        # A proxy on this machine hands on what anyone asks.
        (("127.0.0.1", 50_000), [("X-Forwarded-For", "203.0.113.9")], False),
        (("127.0.0.1", 0), [], False),
    ],
)
def test_metrics_are_for_addresses_and_tokens(
    client: tuple[str, int],
    headers: list[tuple[str, str]],
    may: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("EMOTION_LAB_METRICS", "1")
    monkeypatch.setenv("EMOTION_LAB_METRICS_TOKEN", TOKEN)
    monkeypatch.setenv("EMOTION_LAB_METRICS_FROM", "127.0.0.1, 10.2.0.0/16")
    # With or without the package: those who may not ask are told nothing.
    assert (get("/metrics", *headers, client=client).status != 403) == may


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMOTION_LAB_METRICS", "1")
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    monkeypatch.delitem(sys.modules, "emotion_core.monitoring.metrics", raising=False)
    answer = get("/metrics")
    assert answer.status == 501
    assert "pip install 'emotion-lab[metrics]'" in answer.text


def test_a_plain_server_starts_without_what_only_large_ones_need() -> None:
    """In a process of its own: what the server imports before it answers."""
    large = {"authlib", "httpx", "prometheus_client", "psutil", "numpy", "cv2"}
    own = {"emotion_core.monitoring.health", "emotion_core.api.routes"}
    code = (
        f"import sys, Home; print(sorted({large | own} & set(sys.modules)), "
        "Home.server.middleware())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT_ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[] []"
