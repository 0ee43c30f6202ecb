"""Files that are not what they seem, through a real upload: a clear message and a clean log."""

import io
import struct
import zlib
from pathlib import Path

import cv2
import pytest
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


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("empty.jpg", b"", "is empty"),
        ("letter.jpg", b"Dear camera, I am a letter.", "no picture that can be read"),
        ("cut.jpg", jpeg()[:3000], "damaged or cut off"),
        ("huge.png", huge_png(), "megapixels"),
        ("dot.png", tiny_png(), "face"),
    ],
)
def test_a_bad_photo_is_said_and_the_next_one_is_read(
    name: str, data: bytes, words: str, server: Server, open_browser: OpenBrowser, tmp_path: Path
) -> None:
    bad, good = tmp_path / name, tmp_path / "good.jpg"
    bad.write_bytes(data)
    good.write_bytes(jpeg())
    page = open_browser(None).new_page()
    page.goto(f"{server.url}/Photo")
    page.locator('input[type="file"]').first.set_input_files([str(bad), str(good)])
    page.locator(".lab-person").first.wait_for()
    text = page.get_by_test_id("stMain").inner_text()
    assert name in text
    assert words in text
    assert page.get_by_test_id("stException").count() == 0
    assert server.errors() == []


def test_a_text_file_named_mp4_is_said(
    server: Server, open_browser: OpenBrowser, tmp_path: Path
) -> None:
    letter = tmp_path / "letter.mp4"
    letter.write_text("Dear camera, I am a letter.")
    page = open_browser(None).new_page()
    page.goto(f"{server.url}/Video")
    page.locator('input[type="file"]').first.set_input_files(str(letter))
    page.get_by_text("letter.mp4").first.wait_for()
    page.get_by_role("button", name="Analyse video").click()
    page.get_by_text("cannot be opened as a video").first.wait_for()
    assert page.get_by_test_id("stException").count() == 0
    assert server.errors() == []
