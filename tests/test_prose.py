"""The English of docstrings and comments: idioms that this project once overused stay rare."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
# Correct words, but rare in English prose of this kind: "is said" for "is shown", "lies" and
# "stands" for "is", "beside" for "next to", "anew" for "again", "alone" for "only", "is no X" for
# "is not an X".
IDIOMS = re.compile(
    r"\b(?:is said|are said|stands?|lies?|beside|anew|nobody|whoever|alone"
    r"|(?<!there )(?:is|are) no|made in code)\b",
    re.IGNORECASE,
)
MOST_SHARE = 0.02


def prose(path: Path) -> Iterator[str]:
    """Every docstring, and every comment of one or more whole lines, of a module."""
    source = path.read_text("utf-8")
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node)
            if text:
                yield text
    block: list[str] = []
    last = -1
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type != tokenize.COMMENT or "noqa" in token.string:
            continue
        if block and token.start[0] != last + 1:
            yield " ".join(block)
            block = []
        block.append(token.string.lstrip("# "))
        last = token.start[0]
    if block:
        yield " ".join(block)


def test_idioms_are_rare_in_docstrings_and_comments() -> None:
    files = [*(ROOT / "emotion_core").rglob("*.py"), *(ROOT / "pages").glob("*.py")]
    texts = [(path, text) for path in files for text in prose(path)]
    found = [
        f"{path.relative_to(ROOT)}: {' '.join(text.split())[:120]}"
        for path, text in texts
        if IDIOMS.search(text)
    ]
    assert len(texts) > 1000
    assert len(found) < MOST_SHARE * len(texts), "\n".join(found)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("What lies beside it.", True),
        ("A covered camera is no rest.", True),
        ("There is no face in the frame.", False),
        ("Skips inference when there are no faces.", False),
    ],
)
def test_the_idioms_are_recognised(text: str, found: bool) -> None:
    assert bool(IDIOMS.search(text)) == found
