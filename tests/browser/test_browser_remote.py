"""Other programs and the live page: both see one recording, and LSL is switched on there."""

import importlib.util
import json
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from browser.app_server import OpenBrowser, Server, running_server
from browser.live_driver import LivePage
from browser.pictures import keep

from emotion_core.api.closed import PREFIX
from emotion_core.labels import EXPRESSIONS

pytestmark = pytest.mark.alone
TOKEN = "a-token-for-tests-only-0123456789"
LSL = importlib.util.find_spec("mne_lsl") is not None


def ask(server: Server, path: str, body: dict[str, Any] | None = None) -> Any:
    request = urllib.request.Request(
        server.url + PREFIX + path,
        None if body is None else json.dumps(body).encode(),
        {"Authorization": f"Bearer {TOKEN}"},
    )
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.loads(answer.read())


def test_a_recording_is_started_marked_and_stopped_from_elsewhere(
    tmp_path: Path, open_browser: OpenBrowser, webcam_clip: Path
) -> None:
    config = tmp_path / "lsl_api.cfg"
    config.write_text(
        "[multicast]\nResolveScope = machine\nAddressesOverride = {127.0.0.1}\n"
        "[lab]\nKnownPeers = {127.0.0.1}\nSessionID = browser-test\n"
    )
    environment = {"EMOTION_LAB_API_TOKEN": TOKEN, "LSLAPICFG": str(config)}
    with running_server(tmp_path, **environment) as server:
        live = LivePage(open_browser(webcam_clip).new_page(), server.url).open()
        live.start()
        assert live.wait_for_face() in EXPRESSIONS
        (stream,) = ask(server, "/live")["streams"]
        path = f"/live/{stream['id']}"
        assert len(ask(server, path)["result"]["faces"]) == 1
        if LSL:
            live.page.get_by_text("Other programs of your lab").click()
            live.choose("Lab Streaming Layer")
            live.page.get_by_text("Samples sent:").wait_for()

        ask(server, f"{path}/recording", {"action": "start"})
        live.page.get_by_text("Another program started this recording.").wait_for()
        marker = ask(server, f"{path}/markers", {"label": "second block"})
        live.page.get_by_text(f"{marker['start_s']:.1f} s second block").wait_for()
        keep(live.page, "remote-recording")
        ended = ask(server, f"{path}/recording", {"action": "stop"})
        assert ended["state"] == "finished"
        assert ended["summary"]["people"]
        live.page.get_by_text("Your recording", exact=True).wait_for()
        live.stop()
        assert server.errors() == []
