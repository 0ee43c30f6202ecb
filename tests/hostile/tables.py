"""Data sets: tables with other signs, columns and sizes, and zips that are bombs or lie."""

import io
import struct
import zipfile
import zlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from hostile.cases import (
    DOORS,
    EVALUATE,
    MESSAGE,
    RESULT,
    UPLOAD,
    Case,
    flipped,
    lazy,
    patched,
    png_of,
)

_NONE = dict.fromkeys(DOORS, MESSAGE)
_FACES = _NONE | {EVALUATE: RESULT, UPLOAD: RESULT}
HEAD = "emotion,pixels,Usage"


def cases() -> Iterator[Case]:
    """All of them."""
    yield from _tables()
    yield from _large_tables()
    yield from _zips()
    yield from _bombs()
    yield from _ferplus()
    yield from _folders()


def rows(count: int = 14, usage: str = "PrivateTest") -> list[str]:
    """Lines of fer2013.csv with faces of noise."""
    rng = np.random.default_rng(3)
    faces = rng.integers(0, 256, (count, 2304))
    return [f"{i % 7},{' '.join(map(str, face))},{usage}" for i, face in enumerate(faces)]


def _text(lines: list[str], head: str = HEAD, end: str = "\n") -> str:
    return end.join([head, *lines]) + end


def _tables() -> Iterator[Case]:
    good, lines = _text(rows()), rows()
    right = {
        "whole.csv": good.encode(),
        "bom.csv": good.encode("utf-8-sig"),
        "windows.csv": _text(lines, end="\r\n").encode(),
        "no-last-line-end.csv": good.encode().rstrip(),
        "quoted.csv": good.replace("pixels", '"pixels"').encode(),
        "blank-lines.csv": _text(lines, end="\n\n").encode(),
    }
    for name, data in right.items():
        yield Case("table", name, data, _FACES, name in ("whole.csv", "bom.csv"))
    ferocious = {
        "utf-16.csv": good.encode("utf-16"),
        "utf-32.csv": good.encode("utf-32"),
        "latin.csv": good.replace("PrivateTest", "Prüfung").encode("latin-1"),
        "nul.csv": good.replace(",", ",\0", 3).encode(),
        "semicolons.csv": good.replace(",", ";").encode(),
        "tabs.csv": good.replace(",", "\t").encode(),
        "empty.csv": b"",
        "head-only.csv": HEAD.encode() + b"\n",
        "missing-pixels.csv": _text(
            [r.replace(",", ";", 1) for r in lines], "emotion,Usage"
        ).encode(),
        "missing-usage.csv": _text(
            [r.rpartition(",")[0] for r in lines], "emotion,pixels"
        ).encode(),
        "missing-emotion.csv": _text([r.partition(",")[2] for r in lines], "pixels,Usage").encode(),
        "twice-the-column.csv": _text(lines, "emotion,emotion,Usage").encode(),
        "more-cells.csv": good.replace("PrivateTest", "PrivateTest,,,,,,", 1).encode(),
        "fewer-cells.csv": good.replace(",PrivateTest", "", 1).encode(),
        "open-quote.csv": good.replace(",", ',"', 3).encode(),
        "cut.csv": good.encode()[:20_000],
        "words.csv": _text(["0,one two three,PrivateTest"]).encode(),
        "too-few.csv": _text(["0,1 2 3,PrivateTest"]).encode(),
        "minus.csv": _text([f"0,{'-1 ' * 2304},PrivateTest"]).encode(),
        "too-light.csv": _text([f"0,{'256 ' * 2304},PrivateTest"]).encode(),
        "parts.csv": _text([f"0,{'1.5 ' * 2304},PrivateTest"]).encode(),
        "not-a-number.csv": _text([f"0,{'nan ' * 2304},PrivateTest"]).encode(),
        "no-pixels.csv": _text(["0,,PrivateTest"]).encode(),
        "digits.csv": _text([f"0,{'9' * 5000},PrivateTest"]).encode(),
        "emotion-7.csv": good.replace("\n3,", "\n7,", 1).encode(),
        "emotion-minus.csv": good.replace("\n3,", "\n-1,", 1).encode(),
        "emotion-large.csv": good.replace("\n3,", "\n1e400,", 1).encode(),
        "emotion-digits.csv": good.replace("\n3,", f"\n{'3' * 5000},", 1).encode(),
        "emotion-word.csv": good.replace("\n3,", "\nhappy,", 1).encode(),
        "formula.csv": good.replace("\n3,", "\n=cmd|'/c calc'!A1,", 1).encode(),
        "usage.csv": good.replace("PrivateTest", "Elsewhere", 1).encode(),
        "html.csv": b"<!DOCTYPE html><title>Sign in</title>",
        "other.csv": b"a,b\n1,2\n",
        "noise.csv": flipped(bytes(50_000), 0, 50_000, 200_000, 5),
    }
    short = ("utf-16.csv", "missing-usage.csv", "nul.csv", "emotion-large.csv", "digits.csv")
    for name, data in ferocious.items():
        yield Case("table", name, data, _NONE, name in short)


def _large_tables() -> Iterator[Case]:
    """Small to make, and larger in memory than they look."""

    def write(name: str, head: bytes, line: bytes, count: int, short: bool = False) -> Case:
        def make(path: Path) -> None:
            with path.open("wb") as file:
                file.write(head)
                for _ in range(0, count, 1000):
                    file.write(line * 1000)

        return Case("large table", name, make, _NONE, short)

    head = HEAD.encode() + b"\n"
    yield write("line-without-end.csv", head, b"0" * 100, 2_000_000)
    yield write("columns.csv", b"", b"a,", 30_000_000, True)
    yield write("short-rows.csv", head, b"0\n", 30_000_000)
    yield write("empty-rows.csv", head, b"\n", 100_000_000)
    yield write("wide-and-tall.csv", b"a," * 30_000 + b"\n", b"1\n", 5_000_000)
    row = f"0,{' '.join(['9'] * 2304)},Elsewhere\n".encode()
    yield write("many-rows.csv", head, row, 40_000)


def face() -> bytes:
    """A picture of 48×48 grey pixels."""
    image = np.random.default_rng(1).integers(0, 256, (48, 48), np.uint8)
    return cv2.imencode(".png", image)[1].tobytes()


def zipped(files: dict[str, bytes], how: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip of named contents."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", how) as target:
        for name, content in files.items():
            target.writestr(name, content)
    return data.getvalue()


@cache
def faces() -> bytes:
    """A zip of seven folders with two faces each."""
    words = ("angry", "disgust", "fear", "happy", "neutral", "sad", "surprise")
    return zipped({f"test/{w}/{i}.png": face() for w in words for i in range(2)})


def _zips() -> Iterator[Case]:
    data = faces()
    yield Case("zip", "whole.zip", data, _FACES, True)
    yield Case("zip", "comment.zip", data[:-2] + b"\xff\xff" + b"PK\5\6" * 16_383 + b"xxx", {})
    yield Case("zip", "begun.zip", b"#!/bin/sh\n" * 99 + data, {})
    for share in (1, 30, 80, 99):
        yield Case("zip", f"cut-{share}.zip", data[: len(data) * share // 100], _NONE, share == 80)
    for place, (begin, end) in {"files": (0, 3000), "list": (len(data) - 900, len(data))}.items():
        for seed in range(3):
            damaged = flipped(data, begin, end, 6, seed)
            yield Case(
                "zip", f"flipped-{place}-{seed}.zip", damaged, {}, (place, seed) == ("list", 0)
            )
    for words, name in (
        ("up", "../../happy/a.png"),
        ("root", "/happy/a.png"),
        ("drive", "C:\\happy\\a.png"),
        ("back", "..\\..\\happy\\a.png"),
    ):
        climbing = zipped({"sad/b.png": face(), name: face()})
        yield Case("zip", f"climbs-{words}.zip", climbing, _NONE, words == "up")
    for kind in (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA, zipfile.ZIP_STORED):
        yield Case("zip", f"kind-{kind}.zip", zipped({"happy/a.png": face()}, kind), _FACES)
    for words, offset, value in (("kind-99", 10, 99), ("encrypted", 8, 1)):
        at = data.rfind(b"PK\1\2")
        yield Case(
            "zip", f"{words}.zip", patched(data, at + offset, struct.pack("<H", value)), _NONE
        )
    odd = {"happy/\x1b[31m\n.png": face(), "happy/猫.png": face(), "happy/$(touch x).png": face()}
    yield Case("zip", "odd-names.zip", zipped(odd), _FACES, True)
    yield Case("zip", "mac-only.zip", zipped({"__MACOSX/happy/._a.png": b"x"}), _NONE)
    yield Case("zip", "empty.zip", zipped({}), _NONE)
    yield Case("zip", "other-words.zip", zipped({"joyful/a.png": face()}), _NONE)
    yield Case("zip", "in-a-zip.zip", zipped({"happy/a.png": data, "b.zip": data}), _NONE)
    yield Case("zip", "named.csv", data, _NONE)
    yield Case("zip", "table.zip", _text(rows()).encode(), _NONE)
    yield Case("zip", "with-table.zip", zipped({"a/fer2013.csv": _text(rows()).encode()}), _FACES)
    latin = zipped({"happy/caf__.png": face()}).replace(b"caf__", b"caf\xe9\xff")
    yield Case("zip", "latin-names.zip", latin, {})


def _bombs() -> Iterator[Case]:
    flat = lazy(lambda: zipped({"happy/a.png": bytes(200_000_000)}))
    yield Case("zip bomb", "flat.zip", flat, _NONE, True)
    table = {"fer2013.csv": HEAD.encode() + b"\n" + b"0," * 50_000_000}
    yield Case("zip bomb", "table.zip", lazy(lambda: zipped(table)), _NONE)
    yield Case("zip bomb", "overlapping.zip", _overlapping(5000), {}, True)
    yield Case("zip bomb", "lying-size.zip", lazy(_lying_size), _NONE)
    picture = png_of(20_000, 20_000, depth=1)
    yield Case("zip bomb", "pictures.zip", zipped({"happy/a.png": picture}), _NONE)
    many = {f"happy/{i}.png": b"" for i in range(20_000)}
    yield Case("zip bomb", "many-files.zip", lazy(lambda: zipped(many)), _NONE)
    end = b"PK\5\6" + bytes(4) + b"\xff" * 4 + b"\xff" * 8 + bytes(2)
    large = b"PK\6\6" + struct.pack("<QHHIIQQQQ", 44, 45, 45, 0, 0, 2**40, 2**40, 2**40, 0)
    locator = b"PK\6\7" + struct.pack("<IQI", 0, 4, 1)
    yield Case("zip bomb", "zip64.zip", b"PK\3\4" + large + locator + end, _NONE, True)
    most = b"PK\5\6" + bytes(4) + b"\xff\xff\xff\xff" + b"\xff\xff\xff\x7f" + bytes(6)
    yield Case("zip bomb", "list-of-two-gigabytes.zip", faces()[:-22] + most, _NONE)


def _lying_size() -> bytes:
    lie = bytearray(zipped({"happy/a.png": bytes(30_000_000)}))
    for mark, place in ((b"PK\3\4", 22), (b"PK\1\2", 24)):
        at = lie.find(mark) + place
        lie[at : at + 4] = struct.pack("<I", 2000)
    return bytes(lie)


def _overlapping(count: int) -> bytes:
    """Many entries that share one compressed body (Fifield 2019)."""
    body = bytes(1_000_000)
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = packer.compress(body) + packer.flush()
    sizes = struct.pack("<III", zlib.crc32(body), len(packed), len(body))
    local = b"PK\3\4" + struct.pack("<HHHHH", 20, 0, 8, 0, 0) + sizes
    local += struct.pack("<HH", 1, 0) + b"x" + packed
    listed = []
    for number in range(count):
        name = f"happy/{number}.png".encode()
        entry = b"PK\1\2" + struct.pack("<HHHHHH", 20, 20, 0, 8, 0, 0) + sizes
        listed.append(entry + struct.pack("<HHHHHII", len(name), 0, 0, 0, 0, 0, 0) + name)
    table = b"".join(listed)
    end = struct.pack("<HHHHIIH", 0, 0, count, count, len(table), len(local), 0)
    return local + table + b"PK\5\6" + end


def _label(name: str = "a.png", votes: str = "10,0,0,0,0,0,0,0,0,0") -> bytes:
    return f'{name},"(0, 0, 48, 48)",{votes}\n'.encode()


def _ferplus() -> Iterator[Case]:
    labels = {
        "whole": _label(),
        "bom": b"\xef\xbb\xbf" + _label(),
        "missing-picture": _label("b.png"),
        "climbs": _label("../../../secret/secret.png"),
        "root": _label("/etc/passwd"),
        "votes-large": _label(votes="1e9,0,0,0,0,0,0,0,0,0"),
        "votes-minus": _label(votes="-1,0,0,0,0,0,0,0,0,0"),
        "votes-word": _label(votes="ten,0,0,0,0,0,0,0,0,0"),
        "votes-half": _label(votes="5.5,0,0,0,0,0,0,0,0,0"),
        "columns-more": _label(votes="10,0,0,0,0,0,0,0,0,0,0"),
        "columns-fewer": _label(votes="10"),
        "empty": b"",
        "utf-16": _label().decode().encode("utf-16"),
        "twice": _label() * 2,
    }
    for words, label in labels.items():
        data = zipped({"FER2013Test/label.csv": label, "FER2013Test/a.png": face()})
        must = _FACES if words in ("whole", "bom", "twice") else _NONE
        yield Case("ferplus", f"{words}.zip", data, must, words in ("climbs", "bom"))
    top = {"FER2013Test/label.csv": _label(), "FER2013Test/a.png": face()}
    for words, text in (("odd", b"a,b\n1,2\n"), ("emotion-9", b"Image name,emotion\na.png,9\n")):
        yield Case("ferplus", f"labels-{words}.zip", zipped({**top, "labels.csv": text}), _NONE)


def _folders() -> Iterator[Case]:
    def deep(path: Path) -> None:
        inner = path.joinpath(*["d"] * 300, "happy")
        inner.mkdir(parents=True)
        (inner / "a.png").write_bytes(face())

    def empty(path: Path) -> None:
        (path / "happy").mkdir(parents=True)

    def rubbish(path: Path) -> None:
        (path / "happy").mkdir(parents=True)
        (path / "happy" / "a.png").write_bytes(b"no picture")

    def csv_folder(path: Path) -> None:
        (path / "fer2013.csv").mkdir(parents=True)

    yield Case("folder", "deep", deep, _NONE | {EVALUATE: RESULT})
    yield Case("folder", "empty", empty, _NONE)
    yield Case("folder", "rubbish", rubbish, _NONE, True)
    yield Case("folder", "csv", csv_folder, _NONE)
