import io
import threading
import warnings
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from emotion_core.errors import FrameError, PhotoError
from emotion_core.media import photo
from emotion_core.media.photo import read_photo, to_bgr


def encode(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def red_left() -> Image.Image:
    """Left half red, right half blue, 8 wide and 4 high."""
    pixels = np.zeros((4, 8, 3), np.uint8)
    pixels[:, :4, 0] = 255
    pixels[:, 4:, 2] = 255
    return Image.fromarray(pixels)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "BMP"])
def test_reads_as_bgr(kind: str) -> None:
    image = read_photo(encode(red_left().resize((80, 40)), kind))
    assert image.shape == (40, 80, 3)
    assert image.dtype == np.uint8
    assert image[20, 10, 2] > 200
    assert image[20, 70, 0] > 200


def test_heic_where_installed() -> None:
    pytest.importorskip("pillow_heif")
    assert photo.heic_available()
    image = read_photo(encode(red_left().resize((80, 40)), "HEIF"))
    assert image.shape == (40, 80, 3)


def test_heic_without_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(photo, "heic_available", lambda: False)
    with pytest.raises(PhotoError, match="pillow-heif"):
        read_photo(b"\0\0\0\x18ftypheic" + bytes(50))


@pytest.mark.parametrize(("orientation", "red_at"), [(1, "left"), (3, "right"), (6, "top")])
def test_exif_rotation_is_obeyed(orientation: int, red_at: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = read_photo(encode(red_left(), "PNG", exif=exif))
    row, column = {"left": (1, 1), "right": (1, -2), "top": (1, 1)}[red_at]
    assert image.shape[:2] == ((8, 4) if red_at == "top" else (4, 8))
    assert image[row, column].tolist() == [0, 0, 255]


def test_an_odd_exif_does_not_cost_the_picture() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x0110] = "a camera"
    data = encode(red_left(), "PNG", exif=exif)
    rng = np.random.default_rng(0)
    start = data.index(b"eXIf") + 4
    end = data.index(b"a camera")
    for _ in range(300):
        damaged = bytearray(data)
        for place in rng.integers(start, end, 3):
            damaged[place] = rng.integers(256)
        # The checksum of the chunk, so that only the EXIF is odd.
        length = int.from_bytes(data[start - 8 : start - 4], "big")
        crc = zlib.crc32(damaged[start - 4 : start + length])
        damaged[start + length : start + length + 4] = crc.to_bytes(4, "big")
        assert read_photo(bytes(damaged)).shape in {(8, 4, 3), (4, 8, 3)}


@pytest.mark.parametrize("mode", ["L", "1", "P", "CMYK", "RGBA", "LA", "I;16", "YCbCr"])
def test_every_mode_becomes_three_channels(mode: str) -> None:
    base = Image.fromarray(np.full((5, 6), 255, np.uint8))
    if mode == "I;16":
        base = Image.fromarray(np.full((5, 6), 65_535, np.uint16))
    kind = "TIFF" if mode in {"CMYK", "YCbCr"} else "PNG"
    image = read_photo(encode(base if mode == "I;16" else base.convert(mode), kind))
    assert image.shape == (5, 6, 3)
    assert image.min() > 150


def test_transparent_is_white() -> None:
    clear = Image.new("RGBA", (3, 3), (0, 0, 0, 0))
    assert read_photo(encode(clear)).min() == 255


def test_one_pixel_is_a_picture() -> None:
    assert read_photo(encode(Image.new("RGB", (1, 1)))).shape == (1, 1, 3)


def test_large_photo_is_scaled_down() -> None:
    assert read_photo(encode(Image.new("L", (6000, 30)))).shape == (13, 2560, 3)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "0 bytes"),
        (b"hello, I am no picture", "JPEG, PNG, WebP or HEIC"),
        (encode(Image.effect_noise((64, 64), 50))[:900], "damaged"),
        (encode(Image.new("1", (20_000, 20_000))), "too many pixels"),
        (encode(Image.new("1", (30_000, 1))), "a strip of 30000×1 pixels"),
        (encode(Image.new("1", (1, 201))), "a strip of 1×201 pixels"),
    ],
    ids=["empty", "text", "cut off", "bomb", "wide strip", "tall strip"],
)
def test_bad_pictures_are_named(data: bytes, words: str) -> None:
    with pytest.raises(PhotoError, match=words) as caught:
        read_photo(data, name="holiday.png")
    assert "holiday.png" in str(caught.value)


def test_many_threads_leave_the_warning_filters_as_they_were() -> None:
    """`warnings.catch_warnings` restores the filters of whichever thread ends last."""
    bomb = encode(Image.new("1", (10_000, 10_000)))
    small = encode(red_left())
    before = list(warnings.filters)
    start = threading.Barrier(4)

    def read() -> None:
        start.wait()
        for _ in range(20):
            read_photo(small)
            with pytest.raises(PhotoError, match="too many pixels"):
                read_photo(bomb)

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert list(warnings.filters) == before


def test_a_bomb_is_named_where_warnings_are_errors() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(PhotoError, match="too many pixels"):
            read_photo(encode(Image.new("1", (10_000, 10_000))))


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(PhotoError, match=r"gone\.jpg"):
        read_photo(tmp_path / "gone.jpg")


@pytest.mark.parametrize(
    ("array", "shape"),
    [
        (np.zeros((2, 3), np.uint8), (2, 3, 3)),
        (np.zeros((2, 3, 1), np.uint8), (2, 3, 3)),
        (np.zeros((2, 3, 4), np.uint8), (2, 3, 3)),
        (np.zeros((2, 3, 3), np.uint8), (2, 3, 3)),
    ],
)
def test_to_bgr(array: NDArray[Any], shape: tuple[int, ...]) -> None:
    assert to_bgr(array).shape == shape


@pytest.mark.parametrize(
    "array", [np.zeros((2, 3)), np.zeros((0, 3, 3), np.uint8), np.zeros((2, 2, 2), np.uint8), "x"]
)
def test_to_bgr_refuses(array: NDArray[Any]) -> None:
    with pytest.raises(FrameError):
        to_bgr(array)


def test_real_photo(shared_media: Path) -> None:
    assert read_photo(shared_media / "multi_face.jpg").shape[2] == 3
