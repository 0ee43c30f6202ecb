"""Two replicas behind nginx, as deploy/nginx.conf has it: one dies, the other takes over."""

import os
import re
import shutil
import signal
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from browser.app_server import FLAGS, WAIT_MS, Server, free_port, running_server, write_y4m
from browser.live_driver import LivePage
from playwright.sync_api import Browser, Page, expect, sync_playwright

from emotion_core.live.processor import THREAD_PREFIX
from emotion_core.media.write import repeat_video, sample_video

ROOT = Path(__file__).resolve().parents[2]
NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = [
    pytest.mark.skipif(NGINX is None, reason="nginx is not installed: apt-get install nginx-light"),
    pytest.mark.skipif(
        CHROMIUM is None, reason="Chromium is not installed: apt-get install chromium"
    ),
    pytest.mark.alone,
    pytest.mark.flaky(reruns=2),  # live video depends on the clock of a machine that may be busy
]


def wait_until(check: Callable[[], bool], what: str, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < end, f"waited in vain: {what}"
        time.sleep(0.1)


@dataclass(frozen=True)
class Proxy:
    """nginx in front of two replicas."""

    url: str
    log: Path

    def replica_of(self, route: str) -> str:
        """Where a visitor with this cookie is sent: an address."""
        before = len(self._lines(f"/_stcore/health?{route} ", 0))
        request = urllib.request.Request(
            f"{self.url}/_stcore/health?{route}", headers={"Cookie": f"lab_route={route}"}
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert "lab_route" not in str(answer.headers), "it has one"
        # A request that was sent on names both replicas.
        said = [part.split() for part in self._lines(f"/_stcore/health?{route} ", before + 1)]
        return said[-1][-1]

    def _lines(self, begin: str, count: int) -> list[str]:
        def found() -> list[str]:
            return [line for line in self.log.read_text().splitlines() if line.startswith(begin)]

        wait_until(lambda: len(found()) >= count, "the access log")
        return found()


def configuration(folder: Path, port: int, replicas: list[Server]) -> str:
    """deploy/nginx.conf on loopback, without certificates."""
    text = (ROOT / "deploy" / "nginx.conf").read_text()
    text = re.sub(r"server \{\s+listen 80;.*?\n\}\n", "", text, flags=re.DOTALL)
    text = re.sub(r"\n\s+ssl_certificate\S*\s.*?;", "", text)
    text = text.replace("listen 443 ssl;", f"listen 127.0.0.1:{port};")
    for number, replica in enumerate(replicas, 8501):
        address = f"server 127.0.0.1:{number}"
        assert address in text
        text = text.replace(address, f"server {replica.url.removeprefix('http://')}")
    places = "".join(
        f"{name}_temp_path {folder}/{name};\n"
        for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    # As root, nginx would give its work to a user who cannot write here.
    user = "user root;\n" if hasattr(os, "geteuid") and os.geteuid() == 0 else ""
    return (
        f"{user}daemon off;\nworker_processes 1;\npid {folder}/nginx.pid;\n"
        f"error_log {folder}/error.log;\nevents {{}}\nhttp {{\n"
        f"log_format test '$request_uri $upstream_addr';\naccess_log {folder}/access.log test;\n"
        f"{places}{text}}}\n"
    )


@contextmanager
def running_proxy(folder: Path, replicas: list[Server]) -> Iterator[Proxy]:
    port = free_port()
    file = folder / "nginx.conf"
    file.write_text(configuration(folder, port, replicas))
    assert NGINX is not None
    line = [NGINX, "-p", str(folder), "-c", str(file), "-e", str(folder / "error.log")]
    process = subprocess.Popen(line)
    proxy = Proxy(f"http://127.0.0.1:{port}", folder / "access.log")

    def answers() -> bool:
        assert process.poll() is None, (folder / "error.log").read_text()
        try:
            urllib.request.urlopen(f"{proxy.url}/_stcore/health", timeout=5).close()
        except OSError:
            return False
        return True

    try:
        wait_until(answers, "nginx")
        yield proxy
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(15)


@pytest.fixture
def replicas(tmp_path: Path) -> Iterator[list[Server]]:
    work = str(tmp_path / "work")
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    with (
        running_server(tmp_path / "one", EMOTION_LAB_WORK_DIR=work) as one,
        running_server(tmp_path / "two", EMOTION_LAB_WORK_DIR=work) as two,
    ):
        yield [one, two]


def streams(server: Server) -> int:
    return sum(name.startswith(THREAD_PREFIX) for name in server.threads())


def test_new_visitors_are_spread_and_stay_where_they_are(
    tmp_path: Path, replicas: list[Server]
) -> None:
    (tmp_path / "proxy").mkdir()
    with running_proxy(tmp_path / "proxy", replicas) as proxy:
        routes = set()
        for _ in range(24):
            with urllib.request.urlopen(f"{proxy.url}/_stcore/health", timeout=10) as answer:
                cookies = answer.headers.get_all("Set-Cookie") or []
            (cookie,) = [text for text in cookies if text.startswith("lab_route=")]
            assert "HttpOnly" in cookie
            routes.add(re.findall(r"lab_route=(\w{32});", cookie)[0])
        assert len(routes) == 24
        homes = {route: proxy.replica_of(route) for route in routes}
        assert len(set(homes.values())) == 2
        assert {route: proxy.replica_of(route) for route in routes} == homes
        # The first request that a dead replica does not take goes to the other one.
        replicas[0].process.kill()
        replicas[0].process.wait()
        left = replicas[1].url.removeprefix("http://")
        assert {proxy.replica_of(route) for route in routes} == {left}


def visitor(browser: Browser, proxy: Proxy, address: str) -> Page:
    """A page of a new visitor who is sent to a replica."""
    words = (f"{n:032x}" for n in range(1000))
    route = next(word for word in words if proxy.replica_of(word) == address)
    context = browser.new_context(permissions=["camera"], viewport={"width": 1360, "height": 1000})
    context.set_default_timeout(WAIT_MS)
    context.add_cookies([{"name": "lab_route", "value": route, "url": proxy.url}])
    return context.new_page()


def test_a_replica_that_dies_takes_nobody_else_along(
    tmp_path: Path, replicas: list[Server]
) -> None:
    clip = repeat_video(sample_video(tmp_path / "part.mp4", 4.0, 25.0), tmp_path / "long.mp4", 20)
    webcam = write_y4m(tmp_path / "move.y4m")
    dying, living = (replica.url.removeprefix("http://") for replica in replicas)
    flags = [
        *FLAGS,
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
        f"--use-file-for-fake-video-capture={webcam}",
    ]
    expect.set_options(timeout=WAIT_MS)
    (tmp_path / "proxy").mkdir()
    with running_proxy(tmp_path / "proxy", replicas) as proxy, sync_playwright() as api:
        browser = api.chromium.launch(executable_path=CHROMIUM, args=flags)
        theirs = visitor(browser, proxy, dying)
        lost = LivePage(theirs, proxy.url).open()
        lost.start()
        lost.wait_for_face()
        kept = LivePage(visitor(browser, proxy, living), proxy.url).open()
        kept.start()
        kept.wait_for_face()
        job = theirs.context.new_page()
        job.goto(f"{proxy.url}/Video")
        job.locator("[class*=st-key-video_upload] input[type=file]").set_input_files(str(clip))
        job.get_by_role("button", name="Analyse video").click()
        job.get_by_role("button", name="Cancel").first.wait_for()
        assert streams(replicas[0]) > 0
        assert streams(replicas[1]) > 0

        assert job.get_by_role("button", name="Cancel").first.is_visible()
        points = kept.timeline_points()
        replicas[0].process.kill()
        kept.wait_for_points(points + 10)
        assert kept.button("STOP").is_visible()
        # The pages of the other visitor connect again by themselves, to the replica that is left.
        theirs.get_by_text("The stream has ended.").wait_for()
        theirs.screenshot(path=str(tmp_path / "told.png"))
        theirs.reload()
        lost.button("START").wait_for()
        lost.start()
        lost.wait_for_face()
        job.reload()
        job.get_by_role("tab", name="Downloads").wait_for()
        browser.close()
