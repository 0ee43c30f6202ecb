"""Files that are not what they seem, through a real upload: a clear message and a clean log."""

import io
import struct
import zlib
from pathlib import Path

import cv2
from browser.app_server import OpenBrowser, Server
from PIL import Image

from emotion_core.media.synthetic import sample_photo


def jpeg() -> bytes:
    return cv2.imencode(".jpg", sample_photo())[1].tobytes()


def tiny_png() -> bytes:
    data = io.BytesIO()
    Image.new("RGB", (1, 1)).save(data, "PNG")
    return data.getvalue()


def huge_png(side: int = 20_000) -> bytes:
    """A true one-bit PNG of side × side pixels, a few kilobytes long."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    rows = zlib.compress(bytes((side // 8 + 1) * side), 9)
    head = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def test_bad_photos_are_said_and_the_next_one_is_read(
    server: Server, open_browser: OpenBrowser, tmp_path: Path
) -> None:
    bad = {
        "empty.jpg": (b"", "is empty"),
        "letter.jpg": (b"Dear camera, I am a letter.", "no picture that can be read"),
        "cut.jpg": (jpeg()[:3000], "damaged or cut off"),
        "huge.png": (huge_png(), "megapixels"),
        "dot.png": (tiny_png(), "no face"),
    }
    for name, (data, _) in bad.items():
        (tmp_path / name).write_bytes(data)
    (tmp_path / "good.jpg").write_bytes(jpeg())
    page = open_browser(None).new_page()
    page.goto(f"{server.url}/Photo")
    files = [str(tmp_path / name) for name in (*bad, "good.jpg")]
    page.locator("[class*=st-key-photo_upload] input[type=file]").set_input_files(files)
    page.locator(".lab-person").first.wait_for()
    lines = page.get_by_test_id("stMain").inner_text().splitlines()
    for name, (_, words) in bad.items():
        assert any(name in line and words in line for line in lines), name
    assert page.get_by_test_id("stException").count() == 0
    assert server.errors() == []


def test_a_text_file_named_mp4_is_said(
    server: Server, open_browser: OpenBrowser, tmp_path: Path
) -> None:
    letter = tmp_path / "letter.mp4"
    letter.write_text("Dear camera, I am a letter.")
    page = open_browser(None).new_page()
    page.goto(f"{server.url}/Video")
    page.locator("[class*=st-key-video_upload] input[type=file]").set_input_files(str(letter))
    page.get_by_text("letter.mp4").first.wait_for()
    page.get_by_role("button", name="Analyse video").click()
    page.get_by_text("cannot be opened as a video").first.wait_for()
    assert page.get_by_test_id("stException").count() == 0
    assert server.errors() == []
