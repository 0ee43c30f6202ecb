"""What the bar of a run with several videos at once shows."""

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest

from emotion_core.commands import analyze_progress
from emotion_core.progress import Event


class Bar:
    """Remembers what it was told last."""

    total = completed = 0.0
    description = ""

    def add_task(self, *_: Any, **__: Any) -> int:
        return 0

    def reset(self, _: int, total: float) -> None:
        self.total = total

    def update(self, _: int, completed: float, description: str) -> None:
        self.completed, self.description = completed, description


def event(kind: str, number: int, **more: Any) -> Event:
    return {"event": kind, "number": number, "file": f"in/v{number}.mp4"} | more


def ended(number: int, status: str) -> Event:
    facts = {"status": status, "message": "", "problem": "", "folder": None}
    return event("file_end", number, **facts)


def test_names_pace_and_failures_of_several_videos(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    bar = Bar()

    @contextlib.contextmanager
    def opened() -> Iterator[Bar]:
        yield bar

    monkeypatch.setattr(analyze_progress, "progress_bar", opened)
    with analyze_progress.bar_of_all() as tell:
        tell({"event": "start", "files": 3})
        for number, fps in ((0, 20.0), (1, 30.0)):
            tell(event("file_start", number))
            tell(event("progress", number, fraction=0.25, fps=fps))
        assert (bar.total, bar.completed) == (3, 0.5)
        assert bar.description == "v0.mp4, v1.mp4 · 50 frames/s"
        tell(event("file_again", 1, message="v1.mp4: it died"))
        assert bar.completed == 0.25
        assert bar.description.endswith(" · 20 frames/s")
        tell(ended(1, "failed"))
        assert (bar.completed, bar.description) == (1.25, "v0.mp4 · 20 frames/s · 1 failed")
        tell(ended(0, "done"))
        assert (bar.completed, bar.description) == (2, " · 1 failed")
        tell({"event": "note", "message": "Waiting for\ta free core."})
    told = capsys.readouterr().err.splitlines()
    assert "v1.mp4: it died" in told
    assert "Waiting for�a free core." in told
