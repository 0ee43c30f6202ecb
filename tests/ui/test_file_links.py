"""Links to files cannot be guessed, expire, lead nowhere else, and cost no memory."""

import os
import re
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from email.message import Message
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, NamedTuple

import psutil
import pytest
import streamlit as st
import uvicorn
from starlette.applications import Starlette

from emotion_core.errors import InputError, MissingDependencyError
from emotion_core.ui.common import downloads
from emotion_core.ui.common.file_links import GONE, LINKS, FileLinks, OfferedFile, file_routes

ROOT = Path(__file__).resolve().parents[2]
LARGE_BYTES = 400_000_000
MOST_GROWTH_BYTES = 30_000_000


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def links(clock: Clock) -> FileLinks:
    return FileLinks(60.0, clock)


class Answer(NamedTuple):
    status: int
    headers: Message
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


class Client:
    """Asks a server on loopback."""

    def __init__(self, port: int) -> None:
        self._port = port

    def get(self, address: str, method: str = "GET", **headers: str) -> Answer:
        connection = HTTPConnection("127.0.0.1", self._port, timeout=30)
        try:
            connection.request(method, address, headers=headers)
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            connection.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def client(links: FileLinks) -> Iterator[Client]:
    port = free_port()
    app = Starlette(routes=file_routes(links))
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    deadline = time.monotonic() + 30
    while not server.started:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    yield Client(port)
    server.should_exit = True
    thread.join()


@pytest.fixture
def clip(tmp_path: Path) -> OfferedFile:
    path = tmp_path / "clip.mp4"
    path.write_bytes(bytes(range(256)) * 8)
    return OfferedFile("a.mp4", "video/mp4", path)


def test_a_file_comes_with_its_name_and_type(
    client: Client, links: FileLinks, clip: OfferedFile
) -> None:
    assert isinstance(clip.content, Path)
    answer = client.get(f"/files?id={links.offer(clip)}")
    assert (answer.status, answer.body) == (200, clip.content.read_bytes())
    assert answer.headers["content-type"] == "video/mp4"
    assert answer.headers["content-disposition"] == "attachment; filename*=utf-8''a.mp4"
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [
        ("bytes=0-0", 0, 0),
        ("bytes=0-", 0, 2047),
        ("bytes=700-1299", 700, 1299),
        ("bytes=-5", 2043, 2047),
    ],
)
def test_a_player_gets_the_range_it_asks_for(
    client: Client, links: FileLinks, clip: OfferedFile, asked: str, first: int, last: int
) -> None:
    assert isinstance(clip.content, Path)
    answer = client.get(f"/files?id={links.offer(clip)}", Range=asked)
    assert answer.status == 206
    assert answer.headers["content-range"] == f"bytes {first}-{last}/2048"
    assert answer.body == clip.content.read_bytes()[first : last + 1]


def test_a_range_beyond_the_end_is_refused(
    client: Client, links: FileLinks, clip: OfferedFile
) -> None:
    link = f"/files?id={links.offer(clip)}"
    assert client.get(link, Range="bytes=9000-").status == 416


def test_what_is_made_on_demand_is_made_anew_each_time(client: Client, links: FileLinks) -> None:
    made: list[str] = []

    def make() -> Iterator[bytes]:
        made.append("x")
        yield from (b"a", b"b" * len(made))

    file = OfferedFile('é "1";\n.csv', "text/csv", make)
    link = f"/files?id={links.offer(file)}"
    assert [client.get(link).text for _ in range(2)] == ["ab", "abb"]
    assert client.get(link, "HEAD").status == 200
    assert len(made) == 2, "its head alone is no reason to make a file"
    disposition = client.get(link).headers["content-disposition"]
    assert disposition == "attachment; filename*=utf-8''%C3%A9%20%221%22%3B%0A.csv"


@pytest.mark.parametrize(
    "link_id", ["", "x", "../../etc/passwd", "%2e%2e%2fclip.mp4", "/etc/passwd", "clip.mp4"]
)
def test_nothing_but_an_offered_id_leads_anywhere(
    client: Client, links: FileLinks, clip: OfferedFile, link_id: str
) -> None:
    links.offer(clip)
    for address in (f"/files?id={link_id}", f"/files/{link_id}", "/files"):
        answer = client.get(address)
        assert answer.status in (307, 404)
    assert GONE in client.get(f"/files?id={link_id}").text


def test_ids_are_long_and_differ(links: FileLinks, clip: OfferedFile) -> None:
    ids = {links.offer(clip) for _ in range(200)}
    assert len(ids) == 200
    assert all(re.fullmatch("[A-Za-z0-9_-]{43}", i) for i in ids)


def test_a_link_expires_unless_it_is_offered_again(
    client: Client, links: FileLinks, clip: OfferedFile, clock: Clock
) -> None:
    kept, left = links.offer(clip), links.offer(clip)
    clock.now += 50
    assert links.offer(clip, kept) == kept
    clock.now += 11
    assert client.get(f"/files?id={kept}").status == 200
    assert client.get(f"/files?id={left}").status == 404
    renewed = links.offer(clip, left)
    assert renewed != left, "what has expired never comes back"
    assert client.get(f"/files?id={left}").status == 404


def test_a_file_that_was_deleted_is_a_sentence(
    client: Client, links: FileLinks, clip: OfferedFile
) -> None:
    assert isinstance(clip.content, Path)
    link = f"/files?id={links.offer(clip)}"
    clip.content.unlink()
    answer = client.get(link)
    assert (answer.status, GONE in answer.text) == (404, True)


def test_a_missing_package_is_named(client: Client, links: FileLinks) -> None:
    def fail() -> Iterator[bytes]:
        raise MissingDependencyError("pip install 'emotion-lab[app]'")
        yield b""

    answer = client.get(f"/files?id={links.offer(OfferedFile('a.html', 'text/html', fail))}")
    assert answer.status == 501
    assert "pip install &#x27;emotion-lab[app]&#x27;" in answer.text


def test_what_cannot_be_made_is_a_sentence_without_a_path(client: Client, links: FileLinks) -> None:
    def fail() -> Iterator[bytes]:
        raise InputError("/secret/place is gone")
        yield b""

    file = OfferedFile("a.csv", "text/csv", fail)
    answer = client.get(f"/files?id={links.offer(file)}")
    assert (answer.status, GONE in answer.text) == (404, True)
    assert "secret" not in answer.text


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("http://localhost:8501/Video", "http://localhost:8501"),
        ("http://localhost:8501/Video/", "http://localhost:8501"),
        ("http://localhost:8501", "http://localhost:8501"),
        ("https://lab.example.org/lab/Live", "https://lab.example.org/lab"),
        ("https://lab.example.org/lab", "https://lab.example.org/lab"),
        ("https://lab.example.org/a/b/Model", "https://lab.example.org/a/b"),
        ("javascript:alert(1)//Video", None),
        (None, None),
    ],
)
def test_links_begin_where_the_browser_reaches_the_server(
    monkeypatch: pytest.MonkeyPatch, url: str | None, base: str | None
) -> None:
    class Context:
        pass

    Context.url = url  # type: ignore[attr-defined]
    monkeypatch.setattr(st, "context", Context)
    monkeypatch.setattr(LINKS, "served", True)
    assert downloads.served_base() == base
    monkeypatch.setattr(LINKS, "served", False)
    assert downloads.served_base() is None


# A server as `streamlit run` starts it, with one large clip on offer.
APP = """
import pathlib, sys
import streamlit as st
from emotion_core.ui.common.file_links import LINKS, OfferedFile, file_routes

here = pathlib.Path(__file__).parent
if __name__ != "__main__":
    app = st.App(__file__, routes=file_routes())
    clip = OfferedFile("a.mp4", "video/mp4", here / "large.mp4")
    from emotion_core.results.streams import zip_pieces
    make = lambda: zip_pieces({"large.mp4": here / "large.mp4"})
    everything = OfferedFile("a.zip", "application/zip", make)
    ids = [LINKS.offer(clip), LINKS.offer(everything)]
    (here / "ids.part").write_text(" ".join(ids))
    (here / "ids.part").rename(here / "ids")
"""


class Running(NamedTuple):
    links: list[str]
    process: psutil.Process


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("server")
    (folder / "app.py").write_text(APP)
    with (folder / "large.mp4").open("wb") as file:
        file.truncate(LARGE_BYTES)
    port = free_port()
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.headless", "true"]
    command += ["--server.address", "127.0.0.1", "--server.port", str(port)]
    command += ["--server.baseUrlPath", "lab", "--server.fileWatcherType", "none"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    server = subprocess.Popen(command, cwd=folder, env=environment)
    try:
        base = f"http://127.0.0.1:{port}/lab"
        _wait_for(f"{base}/_stcore/health", server)
        ids = (folder / "ids").read_text().split()
        yield Running([f"{base}/files?id={i}" for i in ids], psutil.Process(server.pid))
    finally:
        server.kill()
        server.wait()


def _wait_for(address: str, server: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 60
    while True:
        assert server.poll() is None, "the server ended"
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except OSError:
            assert time.monotonic() < deadline, "the server does not answer"
            time.sleep(0.2)


def fetch(address: str, process: psutil.Process, **headers: str) -> tuple[Any, int, int]:
    """The answer, its length, and the most memory that the server had meanwhile."""
    request = urllib.request.Request(address, headers=headers)
    length = most = 0
    with urllib.request.urlopen(request, timeout=60) as answer:
        while piece := answer.read(1 << 20):
            length += len(piece)
            most = max(most, process.memory_info().rss)
    return answer, length, most


def test_a_large_file_costs_the_server_no_memory(running: Running) -> None:
    clip, everything = running.links
    # What the first answer of a server loads is loaded once.
    fetch(clip, running.process, Range="bytes=0-99")
    before = running.process.memory_info().rss
    answer, length, most = fetch(clip, running.process)
    assert (answer.status, length) == (200, LARGE_BYTES)
    assert most - before < MOST_GROWTH_BYTES
    answer, length, most = fetch(clip, running.process, Range="bytes=1000000-380999999")
    assert (answer.status, length) == (206, 380_000_000)
    assert most - before < MOST_GROWTH_BYTES
    answer, length, most = fetch(everything, running.process)
    assert length > LARGE_BYTES
    assert answer.headers["content-type"] == "application/zip"
    assert most - before < MOST_GROWTH_BYTES


def test_a_server_below_a_path_answers_only_there(running: Running) -> None:
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(f"{running.links[0]}x", timeout=20)
    assert caught.value.code == 404
    assert GONE in caught.value.read().decode()
    with pytest.raises(urllib.error.HTTPError):
        urllib.request.urlopen(running.links[0].replace("/lab/files", "/files"), timeout=20)
