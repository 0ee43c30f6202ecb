"""The built wheel, installed into an empty folder: what it holds, and that it works by itself."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import tomllib
import urllib.request
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from emotion_core.model.bundle import list_models

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
# Every finder overlooks what an installation without extras does not have.
WITHOUT_EXTRAS = """
import sys
class Blind:
    def __init__(self, finder):
        self.finder = finder
    def find_spec(self, name, path=None, target=None):
        hidden = {"tensorflow", "keras", "streamlit", "altair", "starlette", "jinja2"}
        hidden |= {"vl_convert", "mne_lsl"}
        top = name.partition(".")[0]
        return None if top in hidden else self.finder.find_spec(name, path, target)
    def __getattr__(self, name):
        return getattr(self.finder, name)
sys.meta_path[:] = [Blind(finder) for finder in sys.meta_path]
"""


def pip(*arguments: object) -> None:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q"]
    subprocess.run([*command, *map(str, arguments)], check=True, timeout=180)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    pip("wheel", ROOT, "--no-deps", "--no-build-isolation", "--no-index", "-w", folder)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("installed")
    pip("install", wheel, "--no-deps", "--no-index", "--no-compile", "--target", folder)
    return folder


def environment(installed: Path) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("EMOTION_LAB_")}
    return kept | {"PYTHONPATH": str(installed), "STREAMLIT_SERVER_HEADLESS": "true"}


def run(installed: Path, cwd: Path, code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=cwd,
        env=environment(installed),
        capture_output=True,
        text=True,
        timeout=180,
    )


def requirements_txt() -> dict[str, Requirement]:
    lines = [
        line.partition("#")[0].strip()
        for line in (ROOT / "requirements.txt").read_text().splitlines()
    ]
    found = [Requirement(line) for line in lines if line]
    return {one.name: one for one in found}


def test_the_package_asks_for_what_requirements_txt_asks_for() -> None:
    extras = PROJECT["optional-dependencies"]
    declared = [*PROJECT["dependencies"], *extras["app"], *extras["train"], *extras["study"]]
    ours = [Requirement(text) for text in declared]
    assert {one.name: one for one in ours} == requirements_txt()
    ranges = {str(one) for one in ours}
    assert len(ranges) == len(requirements_txt()), "a package is declared with two ranges"


def test_the_docs_extra_is_what_requirements_dev_asks_for() -> None:
    lines = (ROOT / "requirements-dev.txt").read_text().splitlines()
    wanted = {Requirement(line.partition("#")[0]) for line in lines if line.startswith("mkdocs")}
    assert {Requirement(text) for text in PROJECT["optional-dependencies"]["docs"]} == wanted


def test_the_core_asks_for_neither_tensorflow_nor_streamlit() -> None:
    core = {Requirement(text).name for text in PROJECT["dependencies"]}
    assert not core & {"tensorflow", "streamlit", "streamlit-webrtc", "altair"}


def test_the_wheel_holds_the_served_models_and_the_pages_and_nothing_else(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    models = {name for name in names if "/_models/" in name}
    expected = {"emotion_core/_models/default.txt"} | {
        f"emotion_core/_models/{model}/{file}"
        for model in list_models(ROOT / "models", served=True)
        for file in (
            "model.json",
            "model.tflite",
            "predictions_ferplus_validation.csv",
            "reference_faces.npz",
        )
    }
    assert models == expected
    pages = {f"emotion_core/_app/pages/{p.name}" for p in (ROOT / "pages").glob("*.py")}
    assert pages <= names
    assert "emotion_core/py.typed" in names
    tops = {name.partition("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"emotion_core"}
    assert not [name for name in names if name.endswith(".pyc")]


def test_every_file_of_the_package_is_in_the_wheel(wheel: Path) -> None:
    inside = set(zipfile.ZipFile(wheel).namelist())
    ours = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "emotion_core").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert ours <= inside


def test_a_pipeline_reads_a_face_without_the_extras(installed: Path, tmp_path: Path) -> None:
    code = WITHOUT_EXTRAS + (
        "import json, emotion_core\n"
        "from emotion_core import Frame, Pipeline\n"
        "from emotion_core.config import PipelineSettings\n"
        "from emotion_core.media import sample_photo\n"
        "pipeline = Pipeline.load(settings=PipelineSettings.for_photo())\n"
        "result = pipeline.process(Frame(sample_photo(), 0, 0.0))\n"
        "print(json.dumps([emotion_core.__file__, result.labels]))\n"
    )
    done = run(installed, tmp_path, code)
    assert done.returncode == 0, done.stderr
    file, labels = json.loads(done.stdout)
    assert Path(file).is_relative_to(installed)
    assert labels == ["happy"]


CLI = WITHOUT_EXTRAS + "from emotion_core.launcher import main; sys.exit(main(sys.argv[1:]))"


def test_analyze_needs_no_extra(installed: Path, tmp_path: Path) -> None:
    from emotion_core.media.write import sample_video

    clip = sample_video(tmp_path / "clip.mp4", 0.5, 10.0)
    done = run(installed, tmp_path, CLI, "analyze", str(clip), "--out", "out")
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "out" / "clip" / "summary.json").read_text())["people"]


@pytest.mark.parametrize(
    ("arguments", "extra"),
    [
        ((), "emotion-lab[app]"),
        (("train", "--data", "faces", "--name", "mine"), "emotion-lab[train]"),
        (("lsl", "--list"), "emotion-lab[lsl]"),
    ],
    ids=["the app", "train", "lsl"],
)
def test_a_missing_extra_is_named(
    installed: Path, tmp_path: Path, arguments: tuple[str, ...], extra: str
) -> None:
    done = run(installed, tmp_path, CLI, *arguments)
    assert done.returncode == 1
    assert f"pip install '{extra}'" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_missing_module_of_no_extra_is_not_explained_away() -> None:
    from emotion_core.extras import missing_extra

    fault = ModuleNotFoundError("No module named 'numpy.nothing'", name="numpy.nothing")
    with pytest.raises(ModuleNotFoundError) as caught:
        missing_extra(fault)
    assert caught.value is fault


@pytest.mark.parametrize("page", ["Home.py", "pages/4_Model.py"])
def test_installed_pages_work_with_the_shipped_models(
    installed: Path, tmp_path: Path, page: str
) -> None:
    code = (
        "import sys\n"
        "from streamlit.testing.v1 import AppTest\n"
        "page = AppTest.from_file(sys.argv[1], default_timeout=120).run()\n"
        "assert not page.exception, page.exception\n"
        "print([e.value for e in page.title], [e.value for e in page.error])\n"
    )
    done = run(installed, tmp_path, code, str(installed / "emotion_core" / "_app" / page))
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().endswith("[]"), done.stdout


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        return int(probe.getsockname()[1])


def healthy(port: int, process: "subprocess.Popen[bytes]") -> bool:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(
                f"http://localhost:{port}/_stcore/health", timeout=5
            ) as got:
                return got.status == 200
        except OSError:
            time.sleep(0.2)
    return False


@pytest.mark.skipif(sys.platform == "win32", reason="ends a group of processes as POSIX does")
def test_the_script_starts_the_app_and_an_interrupt_ends_it(
    installed: Path, tmp_path: Path
) -> None:
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, str(installed / "bin" / "emotion-lab")],
        cwd=tmp_path,
        env=environment(installed) | {"STREAMLIT_SERVER_PORT": str(port)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        assert healthy(port, process)
        os.killpg(process.pid, signal.SIGINT)  # as Ctrl-C does on a terminal
        assert process.wait(30) == 0
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
