"""Pictures that are damaged, far larger than their files, or oddly described."""

import struct
import zlib
from collections.abc import Iterator
from functools import partial

import numpy as np
from hostile.cases import (
    EVALUATE,
    MESSAGE,
    PHOTO,
    RESULT,
    Case,
    flipped,
    jpeg,
    lazy,
    patched,
    png,
    png_chunk,
    png_of,
    saved,
)
from PIL import Image

from emotion_core.media.synthetic import sample_photo

_NONE = {PHOTO: MESSAGE, EVALUATE: MESSAGE}
_FINE = {PHOTO: RESULT, EVALUATE: MESSAGE}


def cases() -> Iterator[Case]:
    """All of them."""
    yield from _whole()
    yield from _damaged()
    yield from _bombs()
    yield from _exif()
    yield from _heic()


def _portrait() -> Image.Image:
    return Image.fromarray(np.ascontiguousarray(sample_photo()[:, :, ::-1]))


def _whole() -> Iterator[Case]:
    image = _portrait()
    kinds = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "HEIF", "AVIF")
    for kind in kinds:
        yield Case("whole", f"{kind}.jpg", saved(image, kind), _FINE, kind == "JPEG")
    for mode in ("1", "L", "LA", "P", "RGBA", "CMYK", "YCbCr", "LAB", "F", "I"):
        data = saved(image.convert("RGB").convert("L" if mode in "FILA" else mode), "TIFF")
        yield Case("modes", f"{mode}.tiff", data, _FINE)
    frames = [image, image.rotate(90)] * 30
    for kind in ("GIF", "WEBP", "PNG", "TIFF"):
        make = partial(saved, image, kind, save_all=True, append_images=frames)
        yield Case("animated", f"animated.{kind.lower()}", lazy(make), _FINE)


def _damaged() -> Iterator[Case]:
    image = _portrait()
    for kind in ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "HEIF", "BMP"):
        data = saved(image, kind)
        for share in (3, 50, 95):
            cut = data[: len(data) * share // 100]
            yield Case("truncated", f"{kind}-{share}.png", cut, {}, (kind, share) == ("JPEG", 50))
        for seed in range(2):
            head = flipped(data, 2, 200, 8, seed)
            yield Case("flipped", f"{kind}-head-{seed}.png", head)
        yield Case("flipped", f"{kind}-body.png", flipped(data, 200, len(data), 30, 7))


def _bombs() -> Iterator[Case]:
    rows = zlib.compress(bytes((20_000 // 8 + 1) * 20_000), 9)
    bits = png_of(20_000, 20_000, png_chunk(b"IDAT", rows), png_chunk(b"IEND", b""), depth=1)
    yield Case("bomb", "bits.png", bits, _NONE, True)
    most = 2**31 - 1
    yield Case("bomb", "head.png", png_of(most, most), _NONE)
    yield Case("bomb", "strip.png", png_of(60_000_000, 1), _NONE)
    zeros = zlib.compress(bytes(30_000_000), 1)
    for kind, body in ((b"zTXt", b"x\0\0" + zeros), (b"iTXt", b"x\0\1\0\0\0" + zeros),
                       (b"iCCP", b"x\0\0" + zeros)):  # fmt: skip
        data = png()
        bomb = data[:33] + png_chunk(kind, body) + data[33:]
        yield Case("bomb", f"{kind.decode()}.png", bomb, {}, kind == b"iCCP")
    data = jpeg()
    at = data.find(b"\xff\xc0")
    large = patched(data, at + 5, b"\xff\xdc\xff\xdc")
    yield Case("bomb", "head.jpg", large, _NONE, True)
    scans = saved(_portrait(), "JPEG", progressive=True)
    last = scans.rfind(b"\xff\xda")
    again = scans[:-2] + scans[last:-2] * 2000 + b"\xff\xd9"
    yield Case("bomb", "scans.jpg", again)
    marks = data[:2] + (b"\xff\xe1\xff\xff" + bytes(65_533)) * 200 + data[2:]
    yield Case("bomb", "marks.jpg", marks)
    gif = b"GIF89a\x10\x27\x10\x27\x80\0\0" + bytes(6)
    frame = b",\0\0\0\0\x10\x27\x10\x27\0\x02\x02\x4c\x01\0"
    yield Case("bomb", "frames.gif", gif + frame * 1000 + b";", _NONE)
    bmp = saved(Image.new("RGB", (4, 4)), "BMP")
    yield Case("bomb", "head.bmp", patched(bmp, 18, struct.pack("<ii", 60_000, 60_000)), _NONE)
    tiff = saved(Image.new("L", (4, 4)), "TIFF")
    yield Case("bomb", "loop.tiff", _looped(tiff))
    yield Case("bomb", "webp.webp", lazy(_large_webp), _NONE)
    yield Case("bomb", "many.ico", struct.pack("<HHH", 0, 1, 65_535) + bytes(16 * 65_535), {})
    pbm = b"P1 60000 60000\n" + b"1 " * 1000
    yield Case("bomb", "text.pbm", pbm, _NONE)


def _large_webp() -> bytes:
    return saved(Image.new("RGB", (16_383, 16_383)), "WEBP", lossless=True, method=0)


def _looped(tiff: bytes) -> bytes:
    """A TIFF whose directory of tags is followed by itself."""
    begin = struct.unpack("<I", tiff[4:8])[0]
    count = struct.unpack("<H", tiff[begin : begin + 2])[0]
    return patched(tiff, begin + 2 + 12 * count, struct.pack("<I", begin))


def _tags(entries: list[tuple[int, int, int, bytes]], following: int = 0) -> bytes:
    """An EXIF block of tag, type, count, value."""
    table = b"".join(struct.pack("<HHI", *e[:3]) + e[3][:4].ljust(4, b"\0") for e in entries)
    head = b"Exif\0\0II*\0" + struct.pack("<I", 8)
    return head + struct.pack("<H", len(entries)) + table + struct.pack("<I", following)


def _exif() -> Iterator[Case]:
    turn = 0x0112
    blocks = {
        "turn-0": _tags([(turn, 3, 1, b"\0\0")]),
        "turn-9": _tags([(turn, 3, 1, b"\x09\0")]),
        "turn-many": _tags([(turn, 3, 2**31, b"\x06\0")]),
        "turn-words": _tags([(turn, 2, 4, b"six\0")]),
        "turn-ratio": _tags([(turn, 5, 1, struct.pack("<I", 2**31))]),
        "turn-type-99": _tags([(turn, 99, 1, b"\6\0")]),
        "loop": _tags([(0x8769, 4, 1, struct.pack("<I", 8))], 8),
        "far": _tags([(0x8769, 4, 1, b"\xff" * 4), (0x8825, 4, 1, b"\xff" * 4)], 2**31),
        "many": _tags([(i, 3, 1, b"\1\0") for i in range(5000)]),
        "empty": b"Exif\0\0",
        "rubbish": b"Exif\0\0" + bytes(range(256)) * 9,
    }
    data = jpeg()
    for words, block in blocks.items():
        mark = b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block
        odd = data[:2] + mark + data[2:]
        yield Case("exif", f"{words}.jpg", odd, _FINE, words in ("turn-many", "loop"))
    for turn_code in range(1, 9):
        exif = Image.Exif()
        exif[turn] = turn_code
        turned = saved(_portrait(), "JPEG", exif=exif)
        yield Case("exif", f"turned-{turn_code}.jpg", turned, _FINE)


def _heic() -> Iterator[Case]:
    data = saved(_portrait(), "HEIF")
    at = data.find(b"ispe")
    for words, side in (("most", b"\x7f\xff\xff\xff"), ("none", bytes(4)), ("20000", b"\0\0N ")):
        lie = patched(data, at + 8, side * 2)
        yield Case("heic", f"sides-{words}.heic", lie, {EVALUATE: MESSAGE}, words == "most")
    for kind in (b"iloc", b"iinf", b"ipma", b"pitm", b"hvcC", b"irot"):
        place = data.find(kind)
        if place > 0:
            lie = patched(data, place + 4, b"\xff" * 12)
            yield Case("heic", f"{kind.decode()}.heic", lie, {EVALUATE: MESSAGE})
    yield Case("heic", "no-items.heic", data[: data.find(b"meta") - 4], _NONE)
    yield Case("heic", "other-brand.heic", patched(data, 8, b"hevx"), {EVALUATE: MESSAGE})
    yield Case("heic", "jpeg-inside.heic", data[:24] + jpeg(), _NONE)
    yield Case("heic", "brand-only.heic", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", _NONE, True)
