"""Settings for several replicas that cannot be used: a sentence on the page, no stack trace."""

import subprocess
import sys
from pathlib import Path

import pytest
from page_driver import open_page, words

from emotion_core.config import PROJECT_ROOT
from emotion_core.live.recording_store import SessionStore
from emotion_core.ui.live_page.recorder import session_store

PAGES = PROJECT_ROOT / "pages"


@pytest.fixture(autouse=True)
def fresh_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMOTION_LAB_WORK_DIR", str(tmp_path))


def test_a_missing_package_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMOTION_LAB_DATABASE", "postgresql://lab@127.0.0.1:9/lab")
    monkeypatch.setenv("EMOTION_LAB_STORE", "s3://bucket")
    for name in [n for n in sys.modules if n.startswith("emotion_core.sharing.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "sqlalchemy", None)
    assert "pip install 'emotion-lab[replicas]'" in words(open_page(PAGES / "2_Video.py"))
    # Live video goes on without it.
    assert type(session_store()) is SessionStore


def test_only_one_of_the_two_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMOTION_LAB_STORE", "s3://bucket")
    assert "EMOTION_LAB_STORE needs EMOTION_LAB_DATABASE" in words(open_page(PAGES / "2_Video.py"))


def test_one_server_loads_nothing_of_it() -> None:
    code = (
        "import sys\n"
        "from streamlit.testing.v1 import AppTest\n"
        f"AppTest.from_file({str(PAGES / '2_Video.py')!r}, default_timeout=60).run()\n"
        "from emotion_core.ui.video_page.jobs import job_store\n"
        "from emotion_core.ui.live_page.recorder import session_store\n"
        "print(type(job_store()).__name__, type(session_store()).__name__)\n"
        "print([n for n in sys.modules if n.startswith(('emotion_core.sharing.', 'sqlalchemy'))])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT_ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-2:] == ["JobStore SessionStore", "[]"]
