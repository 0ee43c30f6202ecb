"""Buttons and players of files: by link where a server answers links, else by Streamlit."""

import re
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from emotion_core.ui.common import downloads
from emotion_core.ui.common.file_links import LINKS, OfferedFile

BASE = "http://lab.example.org/lab"


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"film")
    return path


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloads, "served_base", lambda: BASE)


def page(clip: str) -> None:
    from pathlib import Path

    import streamlit as st

    from emotion_core.ui.common.downloads import can_play, play_video, show_download
    from emotion_core.ui.common.file_links import OfferedFile

    table = OfferedFile("a.csv", "text/csv", lambda: iter([b"a,", b"b\n"]))
    show_download("Table", table, key="table", kind="primary")
    if st.toggle("Play", value=True) and can_play(Path(clip).stat().st_size):
        play_video(OfferedFile("a.mp4", "video/mp4", Path(clip), inline=True), key="clip")


def shown(clip: Path) -> AppTest:
    app = AppTest.from_function(page, args=(str(clip),), default_timeout=60).run()
    assert not app.exception
    return app


def link(app: AppTest, kind: str) -> str:
    (element,) = app.get(kind)
    return str(element.proto.url)


def file_behind(address: str) -> OfferedFile | None:
    found = re.fullmatch(re.escape(BASE) + r"/files\?id=(.{43})", address)
    assert found, address
    return LINKS.find(found[1])


@pytest.mark.usefixtures("served")
def test_links_lead_to_the_files_and_stay_the_same_from_run_to_run(clip: Path) -> None:
    app = shown(clip)
    table, player = link(app, "link_button"), link(app, "video")
    assert not app.get("download_button")
    offered = file_behind(table)
    assert offered is not None
    assert b"".join(offered.pieces()) == b"a,b\n"
    film = file_behind(player)
    assert film is not None
    assert (film.content, film.inline) == (clip, True)
    app.run()
    assert (link(app, "link_button"), link(app, "video")) == (table, player)


@pytest.mark.usefixtures("served")
def test_a_clip_that_was_drawn_again_has_another_address(clip: Path) -> None:
    app = shown(clip)
    before = link(app, "video")
    clip.write_bytes(b"another film")
    app.run()
    assert link(app, "video") != before


@pytest.mark.usefixtures("served")
def test_visitors_do_not_share_links(clip: Path) -> None:
    assert link(shown(clip), "link_button") != link(shown(clip), "link_button")


@pytest.mark.usefixtures("served")
def test_a_clip_of_any_size_is_played_by_link(clip: Path) -> None:
    assert downloads.can_play(10**12)


def test_without_links_streamlit_hands_the_files_out(clip: Path) -> None:
    app = shown(clip)
    (button,) = app.get("download_button")
    assert (button.proto.label, button.proto.type) == ("Table", "primary")
    assert not app.get("link_button")
    assert "/media/" in link(app, "video")
    assert not downloads.can_play(10**12)
