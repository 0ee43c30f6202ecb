"""The rules of the house: who may import whom, read from the source of every module."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "emotion_core"
SHARED_WORDS = {"labels", "datatypes", "errors", "extras", "config", "atomic_io", "progress"}
SHARED_WORDS |= {"environment", "store_errors"}
_TOOLS = {"vision", "model", "media", "datasets", "results"}
_ANALYSIS = _TOOLS | {"pipeline", "evaluation"}
_USES = _ANALYSIS | {"charts", "reports", "live", "video", "jobs", "training", "study"}
_USES |= {"interchange", "sharing"}
# Package → packages below it that it may import, beside itself and the shared words.
MAY_IMPORT: dict[str, set[str]] = {
    "access": set(),
    "monitoring": {"access", "jobs", "live", "model", "sharing"},
    "datasets": set(),
    "vision": set(),
    "media": set(),
    "model": {"datasets"},
    "results": {"media"},
    "pipeline": {"vision", "model", "results"},
    "evaluation": _TOOLS,
    "charts": _TOOLS | {"evaluation"},
    "reports": {"charts", "results", "media", "study", "interchange"},
    "training": _TOOLS | {"evaluation"},
    "sharing": {"access", "results"},
    "jobs": {"results", "sharing"},
    "interchange": {"results"},
    "study": {"results", "interchange"},
    "video": _ANALYSIS - {"evaluation"},
    "batch": _ANALYSIS - {"evaluation"} | {"video"},
    "live": _ANALYSIS - {"evaluation"} | {"sharing"},
    "lsl": {"live", "results"},
    "api": _ANALYSIS - {"evaluation"} | {"live", "video", "jobs"},
    "ui": _USES | {"lsl", "api", "access", "monitoring"},
    "commands": _USES | {"batch", "cli", "lsl"},
}
STREAMLIT = {"streamlit", "streamlit_webrtc"}
TENSORFLOW = {"tensorflow", "keras"}
MAY_BUILD_NETWORKS = (
    "model/network.py",
    "model/explain.py",
    "model/tflite_export.py",
    "evaluation/",
    "training/",
    "commands/",
)


def imports(path: Path) -> Iterator[str]:
    """Every module that a file imports, anywhere in it, except for type checking alone."""
    tree = ast.parse(path.read_text("utf-8"))
    for node in _skip_type_checking(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide who imports whom"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _skip_type_checking(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            continue
        yield child
        yield from _skip_type_checking(child)


def modules(folder: Path = PACKAGE) -> list[Path]:
    return sorted(folder.rglob("*.py"))


def place(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


@pytest.mark.parametrize("path", modules(), ids=place)
def test_arrows_run_down_only(path: Path) -> None:
    room = place(path).split("/")[0]
    if room not in MAY_IMPORT:
        return
    for name in imports(path):
        parts = name.split(".")
        if parts[0] != "emotion_core" or len(parts) < 2:
            continue
        allowed = MAY_IMPORT[room] | SHARED_WORDS | {room}
        # `from emotion_core import Frame` goes through the package's lazy front door.
        assert parts[1] in allowed or parts[1][0].isupper(), f"{place(path)} imports {name}"


@pytest.mark.parametrize("name", sorted(SHARED_WORDS))
def test_shared_words_know_nobody(name: str) -> None:
    for imported in imports(PACKAGE / f"{name}.py"):
        parts = imported.split(".")
        assert parts[0] != "emotion_core" or parts[1] in SHARED_WORDS, f"{name} imports {imported}"


@pytest.mark.parametrize("path", modules(), ids=place)
def test_streamlit_and_tensorflow_stay_in_their_rooms(path: Path) -> None:
    roots = {name.split(".")[0] for name in imports(path)}
    if not place(path).startswith("ui/"):
        assert not roots & STREAMLIT, f"{place(path)} draws pages"
    if not place(path).startswith(MAY_BUILD_NETWORKS):
        assert not roots & TENSORFLOW, f"{place(path)} waits for tensorflow"


@pytest.mark.parametrize("path", [ROOT / "Home.py", *sorted((ROOT / "pages").glob("*.py"))])
def test_pages_import_no_tensorflow_and_nothing_that_trains(path: Path) -> None:
    names = set(imports(path))
    assert not {name.split(".")[0] for name in names} & TENSORFLOW
    assert not any(name.startswith(("emotion_core.commands", "tensorflow")) for name in names)


def circles(names: set[str], arrows: dict[str, set[str]]) -> list[list[str]]:
    """The groups of modules that import one another, in any number of steps."""

    def reach(name: str) -> set[str]:
        found: set[str] = set()
        ahead = [name]
        while ahead:
            new = arrows[ahead.pop()] - found
            found |= new
            ahead += new
        return found

    reached = {name: reach(name) for name in names}
    groups = {frozenset(b for b in reached[a] if a in reached[b]) for a in names}
    return sorted(sorted(group) for group in groups if group)


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def test_no_module_imports_itself_through_others() -> None:
    """Imports inside functions and under TYPE_CHECKING count: a circle there is a circle too."""
    paths = {module_name(path): path for path in modules()}
    arrows: dict[str, set[str]] = {name: set() for name in paths}
    for name, path in paths.items():
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module:
                wanted = {f"{node.module}.{alias.name}" for alias in node.names} & paths.keys()
                arrows[name] |= wanted or ({node.module} & paths.keys())
    # The front door names what lies behind it, and what lies behind may use it.
    arrows["emotion_core"] = set()
    assert circles(set(paths), arrows) == []


def test_a_circle_is_seen() -> None:
    arrows = {"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}
    assert circles(set(arrows), arrows) == [["a", "b", "c"]]


def test_the_rules_see_a_forbidden_import(tmp_path: Path) -> None:
    path = tmp_path / "bad.py"
    path.write_text("def f():\n    from emotion_core.live import processor\n    import keras.ops\n")
    assert list(imports(path)) == ["emotion_core.live.processor", "keras.ops"]


def test_the_live_page_starts_without_tensorflow_pandas_or_altair() -> None:
    """In a process of its own: what the START button waits for, and the network that it serves."""
    page = ROOT / "pages" / "1_Live.py"
    wanted = sorted({name.rpartition(".")[0] for name in imports(page) if "emotion_core" in name})
    code = (
        "import importlib, sys\n"
        f"[importlib.import_module(name) for name in {wanted!r}]\n"
        "from emotion_core.model.classify import load_classifier\n"
        "from emotion_core.live.build import build_processor\n"
        "from emotion_core.live.settings import LiveSettings\n"
        "build_processor(load_classifier(), LiveSettings())\n"
        "heavy = {'tensorflow', 'keras', 'pandas', 'altair', 'matplotlib'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip().splitlines()[-1] == "[]"


# An import inside a function is worth its line only where it makes a start faster: tensorflow,
# keras, pandas, pyarrow, and the pages that draw charts.
MOST_LAZY_IMPORTS = 60


def test_few_imports_are_inside_functions() -> None:
    lazy = {
        (place(path), node.lineno)
        for path in modules()
        for function in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    }
    assert len(lazy) <= MOST_LAZY_IMPORTS, sorted(lazy)
