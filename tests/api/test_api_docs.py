"""The Python examples of docs/api-server.md do what they say."""

import re
from pathlib import Path
from typing import Any

import pytest
from live_processor_stubs import FakePipeline, draw_red

from emotion_core.config import PROJECT_ROOT
from emotion_core.live.processor import LiveProcessor
from emotion_core.live.recording_store import SessionStore

PAGE = (PROJECT_ROOT / "docs" / "api-server.md").read_text("utf-8")
PHOTO, STREAM, LIVE = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture
def run(
    running: Any,
    jpeg: bytes,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Any:
    """Runs an example in a folder with a photo; returns what it prints."""
    (tmp_path / "photo.jpg").write_bytes(jpeg)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EMOTION_LAB_URL", f"http://127.0.0.1:{running.client.port}")
    monkeypatch.setenv("EMOTION_LAB_API_TOKEN", running.parts.token)

    def printed(code: str) -> str:
        exec(compile(code, "api-server.md", "exec"), {})
        return capsys.readouterr().out

    return printed


def test_a_photo(run: Any) -> None:
    assert run(PHOTO) == "happy 1.0 False\n"


def test_a_stream(run: Any) -> None:
    assert run(STREAM) == "0 ['happy']\n1 ['happy']\n"


def test_a_recording(running: Any, run: Any, tmp_path: Path) -> None:
    processor = LiveProcessor(FakePipeline(), draw_red, send_back=False)
    running.parts.live.add(processor, SessionStore(tmp_path / "live"), "tiny")
    try:
        printed = run(LIVE)
    finally:
        processor.on_ended()
    assert "'label': 'first trial'" in printed
    assert "'faces.csv'" in printed
