"""Sound files whose names hold every kind of character, or ask a program for something else."""

import os
from collections.abc import Iterator

from hostile.cases import ANALYZE, RESULT, UPLOAD, Case, clip

_NAMES = (
    "two\nlines.mp4",
    "\x1b[31mred\x1b]0;title\x07.mp4",
    "tab\tand\rreturn.mp4",
    "-y.mp4",
    "--out.mp4",
    "@list.mp4",
    ".hidden.mp4",
    "...mp4",
    " leading and trailing .mp4",
    "a:b.mp4",
    "12:30.mp4",
    "concat:a|b.mp4",
    "http:..mp4",
    "pipe:0.mp4",
    "subfile,,start,0,end,9,,:x.mp4",
    "img%03d.mp4",
    "%n%s%x.mp4",
    "%2e%2e%2fx.mp4",
    "*?[a].mp4",
    "$(touch written).mp4",
    "`touch written`;&|.mp4",
    "'quoted' \"twice\".mp4",
    "<script>alert(1)</script>.mp4".replace("/", "\u2044"),
    "**bold** [link](x) :red[x] $x$.mp4",
    "back\\slash\\..\\x.mp4",
    "CON.mp4",
    "nul.tar.mp4",
    "猫と犬.mp4",
    "\u202egpj.mp4",
    "e\u0301\u200b\ufeff.mp4",
    "👩‍👩‍👧‍👦" * 8 + ".mp4",
    "x" * 251 + ".mp4",
    "no suffix",
    "wrong.txt",
    os.fsdecode(b"caf\xe9 \xff\xfe.mp4"),
)


def cases() -> Iterator[Case]:
    """All of them: the files are sound, so the name must not matter."""
    short = {0, 1, 3, 9, 19, 34}
    for number, name in enumerate(_NAMES):
        must = {ANALYZE: RESULT, UPLOAD: RESULT}
        yield Case("name", name, clip("mp4"), must, number in short)
