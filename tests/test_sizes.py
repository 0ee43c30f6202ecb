"""Files and functions that are short enough to be read in one go."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("emotion_core", "pages", "benchmarks", "examples", "tests")
LINES_OF_A_FILE = 400
LINES_OF_A_FUNCTION = 55


def lines_of(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """From `def` to the end, docstring included, decorators not."""
    return (function.end_lineno or 0) - function.lineno + 1


@pytest.mark.parametrize("folder", FOLDERS)
def test_files_and_functions_are_short(folder: str) -> None:
    too_long = []
    for path in sorted((ROOT / folder).rglob("*.py")):
        source = path.read_text("utf-8")
        if source.count("\n") > LINES_OF_A_FILE:
            too_long.append(str(path))
        functions = (
            node
            for node in ast.walk(ast.parse(source))
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        )
        too_long += [f"{path}: {f.name}" for f in functions if lines_of(f) > LINES_OF_A_FUNCTION]
    assert too_long == []


def test_modules_of_tests_have_names_of_their_own() -> None:
    names = [path.name for path in (ROOT / "tests").rglob("test_*.py")]
    assert sorted(set(names)) == sorted(names)
