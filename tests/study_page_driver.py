"""The Study page as a person uses it: open a study, choose a tab, look at what is told."""

import shutil
from pathlib import Path

from page_driver import run
from streamlit.testing.v1 import AppTest

from emotion_core.config import PROJECT_ROOT
from emotion_core.study.definitions import Recording
from emotion_core.study.folder import Study
from emotion_core.study.store import StudyStore

PAGE = str(PROJECT_ROOT / "pages" / "5_Study.py")
TABS = [
    *("Recordings", "Events", "Measures", "Statistics", "Curves", "Two people"),
    *("Presentation", "Coding", "Agreement", "Report"),
]


def page(token: str = "") -> AppTest:
    app = AppTest.from_file(PAGE, default_timeout=60)
    if token:
        app.query_params["study"] = token
    return run(app)


def add(work: Path, source: Path | None = None) -> str:
    """A study of somebody else, whose address is known: a copy, or an empty one."""

    def fill(folder: Path) -> None:
        if source is None:
            Study.create(folder, "Empty")
        else:
            shutil.copytree(source, folder)

    return StudyStore(work / "studies").add("somebody", fill)


def folder_of(work: Path, token: str) -> Path:
    folder = StudyStore(work / "studies").find(token)
    assert folder is not None
    return folder


def token_of(app: AppTest) -> str:
    given = app.query_params["study"]
    return given if isinstance(given, str) else given[0]


def open_tab(app: AppTest, token: str, name: str) -> AppTest:
    app.session_state[f"study_{token[:8]}_tab"] = name
    return run(app)


def rows_of(count: int = 2) -> list[Recording]:
    return [Recording(f"r{i}", f"{i}.mp4", f"P{i}", {"group": "A"}) for i in range(count)]


def way(app: AppTest, token: str, name: str) -> AppTest:
    app.session_state[f"study_{token[:8]}_way"] = name
    return run(app)
