"""The way of the video through a TURN relay, and the end of everything with Ctrl-C."""

import json
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from browser.app_server import OpenBrowser, free_port, running_server
from browser.live_driver import LivePage

from emotion_core.labels import EXPRESSIONS

pytestmark = pytest.mark.alone

# Remembers every connection that a page makes: the component does not show them.
_REMEMBER = """
window.madeConnections = [];
const Original = window.RTCPeerConnection;
window.RTCPeerConnection = class extends Original {
  constructor(...options) { super(...options); window.madeConnections.push(this); }
};
"""
_WAYS = """
async () => {
  const ways = [];
  for (const connection of window.madeConnections) {
    const found = [...(await connection.getStats()).values()];
    const chosen = found.find((s) => s.type === "transport")?.selectedCandidatePairId;
    const pair = found.find((s) => s.id === chosen);
    ways.push(found.find((s) => s.id === pair?.localCandidateId)?.candidateType ?? "none");
  }
  return ways;
}
"""


def own_address() -> str:
    """An address of this machine that is not loopback: WebRTC leaves that one out."""
    for addresses in psutil.net_if_addrs().values():
        for address in addresses:
            if address.family == socket.AF_INET and not address.address.startswith("127."):
                return str(address.address)
    pytest.skip("this computer has no network address besides loopback, WebRTC needs one")


@pytest.fixture
def turn(tmp_path: Path) -> Iterator[str]:
    """A coturn of this test alone; the address of the relay."""
    program = shutil.which("turnserver")
    if program is None:
        pytest.skip("coturn is not installed (Debian, Ubuntu: apt-get install coturn)")
    address, port = own_address(), free_port()
    options = ["-n", "--no-cli", "--no-tls", "--no-dtls", "--lt-cred-mech", "--realm=lab"]
    options += [f"--listening-ip={address}", f"--relay-ip={address}", f"--listening-port={port}"]
    options += ["--user=lab:secret", f"--pidfile={tmp_path}/turn.pid", "--log-file=stdout"]
    options += [f"--userdb={tmp_path}/turn.db"]
    with (tmp_path / "turn.log").open("wb") as log:
        process = subprocess.Popen([program, *options], stdout=log, stderr=log, cwd=tmp_path)
    try:
        _wait_for_port(address, port, process)
        yield f"{address}:{port}"
    finally:
        process.terminate()
        process.wait(10)


def _wait_for_port(address: str, port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        assert process.poll() is None, "coturn did not start"
        try:
            socket.create_connection((address, port), 1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise AssertionError("coturn does not answer")


def test_video_goes_through_the_relay_and_ctrl_c_ends_a_running_stream(
    turn: str, open_browser: OpenBrowser, webcam_clip: Path, tmp_path: Path
) -> None:
    relay = {"urls": [f"turn:{turn}?transport=udp"], "username": "lab", "credential": "secret"}
    settings = {"EMOTION_LAB_ICE_SERVERS": json.dumps([relay]), "EMOTION_LAB_ICE_RELAY_ONLY": "1"}
    with running_server(tmp_path, **settings) as server:
        context = open_browser(webcam_clip)
        context.add_init_script(_REMEMBER)
        live = LivePage(context.new_page(), server.url).open()
        live.start()
        assert live.wait_for_face() in EXPRESSIONS
        assert live.frame.locator("body").evaluate(_WAYS) == ["relay"]

        server.process.send_signal(signal.SIGINT)
        server.process.wait(10)
        assert server.process.returncode == 0
        assert server.errors() == []
        assert "Traceback" not in server.log.read_text()
