"""Videos that are cut short, damaged, or lie about themselves."""

import io
import itertools
import struct
from collections.abc import Iterator
from typing import Any

import av
from hostile.cases import (
    ANALYZE,
    FPS,
    FRAMES,
    MESSAGE,
    PHOTO,
    RESULT,
    UPLOAD,
    Case,
    box,
    clip,
    encode,
    flipped,
    jpeg,
    patched,
    png_of,
    sound,
)

_NOTHING = dict.fromkeys((ANALYZE, UPLOAD, PHOTO), MESSAGE)
_VIDEO = {ANALYZE: RESULT, UPLOAD: RESULT, PHOTO: MESSAGE}


def cases() -> Iterator[Case]:
    """All of them."""
    return itertools.chain(
        _sound_ones(),
        _truncated(),
        _flipped(),
        _lying(),
        _huge(),
        _streams(),
        _times(),
        _edit_lists(),
        _sound_only(),
        _covers(),
        _no_media(),
    )


def _sound_ones() -> Iterator[Case]:
    """Whole clips: what refuses everything would pass all other cases."""
    for name in ("mp4", "fragments", "mov", "mkv", "webm", "ts", "avi", "mpg", "flv", "ogg", "wmv"):
        must = {ANALYZE: RESULT, UPLOAD: RESULT}
        yield Case("whole", f"whole-{name}.mp4", clip(name), must, name in ("mp4", "mkv"))
    for name in ("nut", "y4m", "h264", "mjpeg"):
        yield Case("whole", f"whole.{name}", clip(name), {ANALYZE: RESULT})


def _truncated() -> Iterator[Case]:
    for size in (0, 1, 4, 8, 32, 100):
        yield Case("truncated", f"cut-{size}.mp4", clip("mp4")[:size], _NOTHING, size in (0, 32))
    for name in ("mp4", "faststart", "fragments", "mkv", "webm", "ts", "avi", "mpg", "wmv"):
        data = clip(name)
        for share in (10, 40, 70, 97):
            cut = data[: len(data) * share // 100]
            yield Case("truncated", f"{name}-{share}.mp4", cut, {}, (name, share) == ("mkv", 40))
    data = clip("mkv")
    yield Case("spliced", "middle-missing.mkv", data[:3000] + data[9000:])
    yield Case("spliced", "twice.mp4", clip("mp4") * 2)
    yield Case("spliced", "ts-twice.ts", clip("ts") * 2, _VIDEO)


def _flipped() -> Iterator[Case]:
    for name in ("mp4", "mkv", "avi", "ts", "webm", "ogg"):
        data = clip(name)
        index = data.find(b"moov") if name == "mp4" else max(0, len(data) - 600)
        places = {
            "head": (4, 200, 6),
            "index": (index, len(data), 10),
            "payload": (300, max(400, index), 40),
        }
        for place, (begin, end, count) in places.items():
            for seed in range(2):
                damaged = flipped(data, begin, end, count, seed)
                short = (name, place, seed) in (("mp4", "index", 0), ("mkv", "payload", 0))
                yield Case("flipped", f"{name}-{place}-{seed}.mp4", damaged, {}, short)


def _field(data: bytes, kind: bytes, offset: int, new: bytes) -> bytes:
    """An MP4 with a field of every box of a kind replaced; the offset counts from the kind."""
    at = data.find(kind)
    assert at > 0, kind
    while at > 0:
        data = patched(data, at + offset, new)
        at = data.find(kind, at + 4)
    return data


def _lying() -> Iterator[Case]:
    data = clip("mp4")
    most = b"\xff\xff\xff\xff"
    for kind, offset in ((b"mvhd", 20), (b"mdhd", 20), (b"tkhd", 24)):
        for words, value in (("none", bytes(4)), ("most", most), ("one", b"\0\0\0\1")):
            lie = _field(data, kind, offset, value)
            short = (kind, words) == (b"mvhd", "most")
            yield Case("lying length", f"{kind.decode()}-{words}.mp4", lie, _VIDEO, short)
    for kind in (b"mvhd", b"mdhd"):
        yield Case("lying clock", f"{kind.decode()}-scale-0.mp4", _field(data, kind, 16, bytes(4)))
    for kind in (b"stts", b"stsz", b"stsc", b"stco", b"stss", b"ctts"):
        if kind in data:
            lie = _field(data, kind, 8 + 4 * (kind == b"stsz"), most)
            yield Case("lying index", f"{kind.decode()}-many.mp4", lie, {}, kind == b"stsz")
    sizes = _field(data, b"stsz", 8, b"\x7f\xff\xff\xff")
    yield Case("lying index", "samples-of-two-gigabytes.mp4", sizes, {}, True)
    yield Case("lying index", "box-of-two-gigabytes.mp4", patched(data, 0, b"\x7f\xff\xff\xff"))
    nested = b""
    for _ in range(3000):
        nested = box(b"moov", nested)
    yield Case("lying index", "boxes-in-boxes.mp4", clip("mp4")[:32] + nested, _NOTHING)
    for words, length in (("nan", float("nan")), ("inf", float("inf")), ("minus", -5.0)):
        mkv = clip("mkv")
        at = mkv.find(b"\x44\x89\x88")
        assert at > 0
        lie = patched(mkv, at + 3, struct.pack(">d", length))
        yield Case("lying length", f"matroska-{words}.mkv", lie, _VIDEO, words == "nan")


def _huge() -> Iterator[Case]:
    for words, side in (("65535", b"\xff\xff"), ("0", b"\0\0")):
        data = clip("mp4")
        at = data.find(b"avc1", data.find(b"stsd"))
        head = patched(data, at + 4 + 24, side * 2)
        yield Case("huge", f"avc1-{words}.mp4", head, {}, words == "65535")
    for width, height in ((1_000_000, 1_000_000), (65_000, 65_000), (0, 0), (100_000_000, 1)):
        head = f"YUV4MPEG2 W{width} H{height} F25:1 Ip A1:1 C420\nFRAME\n".encode()
        yield Case("huge", f"{width}x{height}.y4m", head + bytes(1000), _NOTHING, width == 65_000)
    gif = b"GIF89a\xff\xff\xff\xff\x80\0\0" + bytes(6)
    image = b",\0\0\0\0\xff\xff\xff\xff\0\x02\x02\x4c\x01\0;"
    yield Case("huge", "huge.gif", gif + image, _NOTHING, True)
    ivf = b"DKIF\0\0\x20\0VP80" + struct.pack("<HHIIII", 65535, 65535, 30, 1, 1, 0)
    yield Case("huge", "huge.ivf", ivf + struct.pack("<IQ", 100, 0) + bytes(100), _NOTHING)
    mkv = clip("mkv")
    at = mkv.find(b"\xb0\x82")
    assert at > 0
    yield Case("huge", "huge.mkv", patched(mkv, at + 2, b"\xff\xff"))
    yield Case("huge", "huge-frames.mjpeg", _large_jpeg() * 3, {PHOTO: MESSAGE})


def _large_jpeg() -> bytes:
    data = jpeg()
    at = data.find(b"\xff\xc0")
    return patched(data, at + 5, b"\xff\xf0\xff\xf0")


def _many_streams(data: bytes, count: int) -> bytes:
    """An MP4 whose only track stands in its index many times."""
    begin = data.find(b"moov") - 4
    at = data.find(b"trak") - 4
    size = struct.unpack(">I", data[at : at + 4])[0]
    inner = data[begin + 8 : at] + data[at : at + size] * count + data[at + size :]
    return data[:begin] + box(b"moov", inner)


def _streams() -> Iterator[Case]:
    sounds = _many_streams(sound("ipod", "aac"), 3000)
    yield Case("many streams", "3000-sounds.mov", sounds, _NOTHING, True)
    yield Case("many streams", "900-pictures.mp4", _many_streams(clip("mp4"), 900))
    programs = b"".join(_ts_packet(0x100 + i, i) for i in range(4000))
    yield Case("many streams", "4000-pids.ts", programs, _NOTHING)
    mixed = clip("ts") + b"".join(_ts_packet(0x400 + i, i) for i in range(2000)) + clip("ts")
    yield Case("many streams", "pids-between.ts", mixed)


def _ts_packet(pid: int, counter: int) -> bytes:
    head = bytes([0x47, 0x40 | (pid >> 8 & 0x1F), pid & 0xFF, 0x10 | counter & 15])
    return (head + b"\0\0\1\xe0\0\0\x80\x80\x05\x21\0\1\0\1").ljust(188, b"\xff")


def _times() -> Iterator[Case]:
    even = [i / FPS for i in range(FRAMES)]
    jump = [t + (40_000 if i > 6 else 0) for i, t in enumerate(even)]
    yield Case("times", "jump.mkv", encode("mkv", jump), {ANALYZE: MESSAGE}, True)
    small = [t + (600 if i > 6 else 0) for i, t in enumerate(even)]
    yield Case("times", "pause.mkv", encode("mkv", small), _VIDEO)

    def still(packet: Any, number: int) -> None:
        packet.pts = packet.dts = 0

    def wraps(packet: Any, number: int) -> None:
        # The clock of a transport stream has 33 bits.
        shift = int((2**33 / 90_000 - 0.5) / packet.time_base)
        packet.pts, packet.dts = packet.pts + shift, packet.dts + shift

    def back(packet: Any, number: int) -> None:
        if number >= FRAMES // 2:
            packet.pts = packet.dts = number - FRAMES // 2

    yield Case("times", "wraps.ts", encode("ts", even, wraps), _VIDEO, True)
    yield Case("times", "still.nut", _loose("nut", still), {})
    yield Case("times", "back.nut", _loose("nut", back), {})
    mkv = clip("mkv")
    frozen, at = mkv, mkv.find(b"\xa3")
    while 0 < at < len(mkv) - 10:
        # The two bytes behind a block's length and track: its time within the cluster.
        frozen, at = patched(frozen, at + 4, b"\0\0"), mkv.find(b"\xa3", at + 1)
    yield Case("times", "still.mkv", frozen, {}, True)
    early = [t - 5 for t in even]
    yield Case("times", "early.mkv", encode("mkv", early), _VIDEO)
    yield Case("times", "one.mp4", encode("mp4", [0.0]), _VIDEO)
    yield Case("times", "dense.mp4", encode("mp4", [i / 1000 for i in range(FRAMES)]), _VIDEO)
    for words, deltas in (("0", bytes(4)), ("most", b"\x7f\xff\xff\xff"), ("minus", b"\xff" * 4)):
        yield Case("times", f"step-{words}.mp4", _field(clip("mp4"), b"stts", 12, deltas))


def _loose(container: str, change: Any) -> bytes:
    """A clip whose stamps its container may refuse; what was written until then."""
    try:
        return encode(container, [i / FPS for i in range(FRAMES)], change)
    except (av.error.FFmpegError, ValueError):
        return clip(container)[:-500]


def _edit_lists() -> Iterator[Case]:
    edits = {
        "empty-for-days": [(2_000_000_000, -1, 1)],
        "begins-behind-the-end": [(1000, 900_000_000, 1)],
        "backward": [(1000, 0, -1)],
        "stands": [(1000, 0, 0)],
        "thousands": [(1, i % 900, 1) for i in range(5000)],
        "none": [],
    }
    for words, entries in edits.items():
        yield Case("edit list", f"{words}.mp4", _with_edits(entries), {}, words == "thousands")


def _with_edits(entries: list[tuple[int, int, int]]) -> bytes:
    """The clip, its index in front of nothing else's offsets: `moov` is its last box."""
    data = clip("mp4")
    begin = data.find(b"moov") - 4
    moov = bytearray(data[begin:])
    table = b"".join(struct.pack(">IiHH", d, t, r & 0xFFFF, 0) for d, t, r in entries)
    new = box(b"edts", box(b"elst", struct.pack(">II", 0, len(entries)) + table))
    at = moov.find(b"edts") - 4
    old = struct.unpack(">I", moov[at : at + 4])[0] if at >= 0 else 0
    if at < 0:
        at = moov.find(b"mdia") - 4
    moov[at : at + old] = new
    for kind in (b"moov", b"trak"):
        place = moov.find(kind) - 4
        size = struct.unpack(">I", moov[place : place + 4])[0] + len(new) - old
        moov[place : place + 4] = struct.pack(">I", size)
    return data[:begin] + bytes(moov)


def _sound_only() -> Iterator[Case]:
    kinds = {
        "wav": "pcm_s16le",
        "mp3": "libmp3lame",
        "ipod": "aac",
        "matroska": "aac",
        "flac": "flac",
        "ogg": "libvorbis",
        "mpegts": "aac",
    }
    for container, codec in kinds.items():
        try:
            data = sound(container, codec)
        except (av.error.FFmpegError, ValueError):
            continue
        name = f"sound-{container}.mp4"
        yield Case("sound only", name, data, _NOTHING, container == "mp3")


def _covers() -> Iterator[Case]:
    for words, picture in (("cover", jpeg()), ("huge-cover", _large_jpeg())):
        apic = b"\0image/jpeg\0\x03\0" + picture
        frame = b"APIC" + struct.pack(">I", len(apic)) + b"\0\0" + apic
        size = bytes(len(frame) >> shift & 0x7F for shift in (21, 14, 7, 0))
        data = b"ID3\x03\0\0" + size + frame + sound("mp3", "libmp3lame")
        yield Case("cover", f"{words}.mp3", data, _NOTHING, words == "cover")
    block = struct.pack(">II", 3, 10) + b"image/jpeg" + struct.pack(">I", 0)
    block += struct.pack(">IIIII", 9, 9, 24, 0, len(jpeg())) + jpeg()
    flac = sound("flac", "flac")
    head = b"\x06" + struct.pack(">I", len(block))[1:] + block
    yield Case("cover", "cover.flac", flac[:42] + head + flac[42:], {ANALYZE: MESSAGE})


def _no_media() -> Iterator[Case]:
    def empty(container: str, codec: str) -> bytes:
        data = io.BytesIO()
        with av.open(data, "w", format=container) as target:
            stream: Any = target.add_stream(codec, rate=25)
            stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
            target.start_encoding()
        return data.getvalue()

    for container, codec in (("mp4", "libx264"), ("matroska", "libx264"), ("avi", "mpeg4")):
        name = f"no-frames-{container}.mp4"
        yield Case("no frames", name, empty(container, codec), _NOTHING, container == "mp4")
    yield Case("no frames", "head.y4m", b"YUV4MPEG2 W64 H48 F25:1\n", _NOTHING)
    yield Case("rubbish", "zeros.mp4", bytes(1_000_000), _NOTHING)
    noise = flipped(bytes(300_000), 0, 300_000, 900_000, 1)
    yield Case("rubbish", "noise.mp4", noise, {}, True)
    yield Case("rubbish", "noise.mpg", noise, {})
    yield Case("rubbish", "letter.mp4", b"Dear camera, I am a letter.\n" * 900, _NOTHING)
    yield Case("rubbish", "picture.mp4", png_of(20_000, 20_000), {PHOTO: MESSAGE})
    yield Case("rubbish", "syncs.ts", (b"\x47" + bytes(187)) * 2000, _NOTHING)
    yield Case("rubbish", "starts.h264", b"\0\0\0\1\x67" * 20_000, _NOTHING)
    yield Case("rubbish", "starts.mpg", b"\0\0\1\xba" * 30_000, {PHOTO: MESSAGE})
    yield Case("rubbish", "elf.avi", b"\x7fELF\2\1\1" + bytes(5000), _NOTHING)
