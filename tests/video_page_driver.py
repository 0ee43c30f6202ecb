"""The Video page as a person uses it: give files, press start, wait for the result."""

import time
from pathlib import Path

import pytest
from page_driver import open_page
from streamlit.testing.v1 import AppTest

from emotion_core.ui.video_page.jobs import job_store

PAGE = str(Path(__file__).resolve().parents[1] / "pages" / "2_Video.py")


def page() -> AppTest:
    return open_page(PAGE)


def start(app: AppTest, *files: tuple[str, bytes]) -> AppTest:
    app.file_uploader[0].set_value([(name, data, "video/mp4") for name, data in files])
    app.run()
    assert not app.exception
    app.button(key="video_start").click().run()
    assert not app.exception
    return app


def until_ended(app: AppTest, seconds: float = 90) -> AppTest:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        app.run()
        assert not app.exception
        if any(b.key == "video_new" for b in app.button):
            return app
        time.sleep(0.3)
    pytest.fail("the job did not end")


def job_id(app: AppTest) -> str:
    given = app.query_params["job"]
    return given if isinstance(given, str) else given[0]


def view_key(app: AppTest) -> tuple[str, Path]:
    (folder,) = job_store().results_of(job_id(app)).glob("*/faces.csv")
    return f"{job_id(app)}_{folder.parent.name}", folder.parent
