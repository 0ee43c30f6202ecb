"""Files and functions that are short enough to be read in one go."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("emotion_core", "pages", "benchmarks", "examples", "tests")
LINES_OF_A_FILE = 400
# Without its docstring: what is explained to those who call a function does not make it longer for
# those who read it.
LINES_OF_A_FUNCTION = 55


def code_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """The lines of a function from `def` to its end, without decorators and docstring."""
    lines = (function.end_lineno or 0) - function.lineno + 1
    if ast.get_docstring(function) is None:
        return lines
    docstring = function.body[0]
    return lines - ((docstring.end_lineno or 0) - docstring.lineno + 1)


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
        too_long += [f"{path}: {f.name}" for f in functions if code_lines(f) > LINES_OF_A_FUNCTION]
    assert too_long == []


def test_a_docstring_does_not_count() -> None:
    (function,) = ast.parse('def f():\n    """Line.\n\n    More.\n    """\n    return 1\n').body
    assert isinstance(function, ast.FunctionDef)
    assert code_lines(function) == 2


def test_modules_of_tests_have_names_of_their_own() -> None:
    names = [path.name for path in (ROOT / "tests").rglob("test_*.py")]
    assert sorted(set(names)) == sorted(names)
