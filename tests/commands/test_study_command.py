"""`study`: from nothing to a report, and what goes wrong on the way."""

import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from emotion_core.cli import main
from emotion_core.commands import study_run
from emotion_core.config import MODELS_DIR, PROJECT_ROOT
from emotion_core.media.write import sample_video
from emotion_core.study.coding.plans import Plan, Window
from emotion_core.study.coding.replay import Action, Key
from emotion_core.study.coding.store import CodingStore
from emotion_core.study.definitions import EventKind
from emotion_core.study.folder import Study
from emotion_core.study.freshness import is_current
from emotion_core.study.outdated import Outdated, outdated


def study(*words: object) -> int:
    return main(["study", *map(str, words)])


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sample_video(tmp_path_factory.mktemp("clips") / "P01_funny.mp4", 1.0, 10.0)


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("study") / "sample"
    assert study("new", folder, "--sample") == 0
    assert study("run", folder) == 0
    return folder


def test_the_sample_runs_to_a_report_twice_with_the_same_bytes(
    sample: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = sample / "results"
    before = {p.name: p.read_bytes() for p in results.iterdir()}
    wanted = {"long.csv", "wide.csv", "cells.csv", "exclusions.csv", "statistics.csv", "long.json"}
    assert wanted | {"curves.csv", "means.csv", "report.html"} <= before.keys()
    assert study("run", sample, "--json", tmp_path / "out.json") == 0
    assert {p.name: p.read_bytes() for p in results.iterdir()} == before
    outcome = json.loads((tmp_path / "out.json").read_text())
    assert (outcome["events"], outcome["unusable"], outcome["problems"]) == (213, [], [])
    assert "report.html" in capsys.readouterr().out
    assert is_current(Study.open(sample))


def test_a_moved_study_gives_the_same_results(sample: Path, tmp_path: Path) -> None:
    assert study("export", sample, tmp_path / "study.zip") == 0
    with zipfile.ZipFile(tmp_path / "study.zip") as archive:
        archive.extractall(tmp_path / "moved")
    (moved,) = (tmp_path / "moved").iterdir()
    shutil.rmtree(moved / "results")
    shutil.rmtree(moved / "readings")
    assert study("run", moved) == 0
    for name in ("long.csv", "statistics.csv", "curves.csv", "report.html"):
        assert (moved / "results" / name).read_bytes() == (sample / "results" / name).read_bytes()


def test_from_videos_to_tables(clip: Path, tmp_path: Path) -> None:
    videos = tmp_path / "videos"
    videos.mkdir()
    shutil.copy(clip, videos / "P01_funny.mp4")
    shutil.copy(clip, videos / "P02_funny.mp4")
    (videos / "P03_funny.mp4").write_bytes(b"not a video")
    folder = tmp_path / "study"
    assert study("new", folder, "--name", "Käse, Überraschung") == 0
    assert study("add", folder, videos, "--pattern", "{participant}_{stimulus}.mp4") == 0
    events = tmp_path / "events.csv"
    events.write_text("recording,kind,label,start_s,end_s\n*,stimulus,film,0,0.8\n")
    assert study("add", folder, "--events", events, "--json", tmp_path / "added.json") == 0
    assert json.loads((tmp_path / "added.json").read_text())[0]["status"] == "added"
    assert [e.kind for e in Study.open(folder).events] == [EventKind.STIMULUS]
    # One bad video costs itself.
    assert study("analyze", folder, "--json", tmp_path / "first.json") == 1
    first = json.loads((tmp_path / "first.json").read_text())
    assert [o["status"] for o in first] == ["done", "done", "failed"]
    opened = Study.open(folder)
    summary = json.loads((folder / "recordings" / "P01_funny" / "summary.json").read_text())
    assert summary["settings"]["one_person"] is True
    assert opened.results_folder(opened.recordings[0]) == folder / "recordings" / "P01_funny"
    assert study("analyze", folder, "--json", tmp_path / "second.json") == 1
    second = json.loads((tmp_path / "second.json").read_text())
    assert [o["status"] for o in second] == ["skipped", "skipped", "failed"]
    assert study("run", folder, "--json", tmp_path / "run.json") == 1
    outcome = json.loads((tmp_path / "run.json").read_text())
    assert outcome["unusable"] == ["P03_funny"]
    assert any("analysed" in problem for problem in outcome["problems"])
    report = (folder / "results" / "report.html").read_text()
    assert "Käse, Überraschung" in report
    reports = json.loads((MODELS_DIR / "ferplus" / "evaluation.json").read_text())["evaluations"]
    accuracy = reports["ferplus_test"]["scores"]["ferplus"]["full"]["accuracy"]["value"]
    assert f"its accuracy was {accuracy:.3f}" in report
    assert "calibration error" in report


def test_two_people_of_a_video_are_two_recordings(tmp_path: Path) -> None:
    folder = tmp_path / "study"
    video = sample_video(tmp_path / "both.mp4", 1.0, 10.0, "cross")
    study("new", folder)
    assert study("add", folder, video) == 0
    rows = Study.open(folder).recordings
    # While nothing is known of a second person, everything is the first one's.
    assert study("analyze", folder) == 0
    one, two = (
        rows[0].__class__(name, rows[0].file, name, person=person)
        for name, person in (("left", "1"), ("right", "2"))
    )
    (folder / "recordings" / "both").rename(folder / "recordings" / "left")
    both = Study.open(folder).change_recordings(lambda _: [one, two])
    assert outdated(both) == {"left": Outdated.ONE_PERSON}
    assert study("analyze", folder, "--json", tmp_path / "out.json") == 0
    assert len(json.loads((tmp_path / "out.json").read_text())) == 2
    summary = json.loads((folder / "recordings" / "left" / "summary.json").read_text())
    assert summary["settings"]["one_person"] is False
    copied = folder / "recordings" / "right" / "faces.csv"
    assert copied.read_bytes() == (folder / "recordings" / "left" / "faces.csv").read_bytes()
    # What was read from another video is not kept, although the first recording is finished.
    (copied.parent / "summary.json").write_text('{"source": {"name": "another.mp4"}}')
    copied.write_text("of another video")
    assert study("analyze", folder) == 0
    assert copied.read_bytes() == (folder / "recordings" / "left" / "faces.csv").read_bytes()
    assert study("run", folder) == 0


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["run", "nowhere"], 1, "is not a study"),
        (["run", "empty"], 1, "no recordings yet"),
        (["new", "empty"], 1, "already"),
        (["add", "empty"], 2, "Name a video"),
        (["add", "empty", "missing.mp4"], 1, "no such file"),
        (["add", "empty", "video.mp4", "--pattern", "{participant"], 1, "brace"),
        (["add", "empty", "video.mp4", "--pattern", "{participant}_{film}"], 1, "does not fit"),
        (["add", "empty", "--events", "missing.csv"], 1, "missing.csv"),
        (["export", "empty", "."], 2, "must be a file"),
        (["run", "newer"], 1, "newer version"),
    ],
)
def test_what_goes_wrong_is_told(
    words: list[str],
    status: int,
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Study.create(tmp_path / "empty", "empty")
    Study.create(tmp_path / "newer", "newer")
    toml = tmp_path / "newer" / "study.toml"
    toml.write_text(toml.read_text().replace("format = 1", "format = 99"))
    if "newer" in words:
        toml.write_text(toml.read_text().replace('needs = "0.3"\n', ""))
    (tmp_path / "video.mp4").touch()
    assert study(*words) == status
    assert said in capsys.readouterr().err


def test_progress_as_lines_ends_with_the_end(
    sample: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert study("run", sample, "--progress", "json") == 0
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    fractions = [e["fraction"] for e in events if e["event"] == "progress"]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    assert [e["event"] for e in events[-2:]] == ["file_end", "end"]
    assert {e["file"] for e in events[:-1]} == {str(sample)}


def test_help_waits_for_no_statistics() -> None:
    code = (
        "import sys\n"
        "from emotion_core.cli import main\n"
        "try:\n    main(['study', 'run', '--help'])\n"
        "except SystemExit:\n    pass\n"
        "print(sorted({'pandas', 'duckdb', 'statsmodels', 'scipy', 'altair'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT_ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip().splitlines()[-1] == "[]"


def test_single_recordings_are_analysed_on_demand(clip: Path, tmp_path: Path) -> None:
    folder = tmp_path / "study"
    for name in ("a.mp4", "b.mp4"):
        shutil.copy(clip, tmp_path / name)
    study("new", folder)
    study("add", folder, tmp_path / "a.mp4", tmp_path / "b.mp4")
    assert study("analyze", folder, "--recording", "b") == 0
    opened = Study.open(folder)
    assert [opened.results_folder(r) is not None for r in opened.recordings] == [False, True]
    assert study("analyze", folder, "--recording", "c") == 1


def test_progress_and_codes_of_coders(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, csv, out = tmp_path / "s", tmp_path / "codes.csv", tmp_path / "coding.json"
    assert study("new", folder) == 0
    assert study("coding", folder) == 0
    assert "No one has coded yet" in capsys.readouterr().out
    store = CodingStore(folder)
    store.add_coder("Anna")
    store.add_plan("all", Plan(), [Window("r", 0.0, 5.0), Window("r", 5.0, 9.0)])
    unit = store.units_of("Anna")[0]
    store.press("Anna", unit.id, [Key("k", Action.CODE, unit.start_s, "happy")])
    store.finish("Anna", unit.id)
    assert study("coding", folder, "--csv", csv, "--json", out) == 0
    assert "Anna (100% of the clips): 1 of 2 clips done, 1 keys" in capsys.readouterr().out
    assert csv.read_text("utf-8").splitlines()[1].startswith("Anna,,r,")
    (coder,) = json.loads(out.read_text("utf-8"))["coders"]
    assert (coder["coder"], coder["done"], coder["units"]) == ("Anna", 1, 2)
    assert study("coding", folder, "--csv", tmp_path) == 2
    (folder / "coding" / "codes.sqlite").write_bytes(b"broken" * 200)
    assert study("coding", folder) == 1
    assert "is damaged" in capsys.readouterr().err


def test_every_adaptation_of_a_study_s_readings_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    served = {"name": "ferplus", "sha256": "a"}
    adaptation = {"name": "lab", "strength": 0.5, "fingerprint": "5a", "like_faces_only": True}
    models = {
        "plain": served,
        "weak": served | {"adaptation": adaptation},
        "strong": served | {"adaptation": adaptation | {"strength": 1.0, "fingerprint": "5b"}},
        "again": served,
    }

    class Read:
        included = tuple(models)

        def results_folder(self, recording: str) -> Path:
            return tmp_path / recording

    monkeypatch.setattr(study_run, "read_summary", lambda folder: {"model": models[folder.name]})
    told = study_run._networks(Read(), tmp_path)  # type: ignore[arg-type]
    like = "applied to faces like those it was made from"
    assert [t["adaptation"] for t in told] == [
        "",
        f"with the adaptation lab, strength 0.5, fingerprint 5a, {like}",
        f"with the adaptation lab, strength 1.0, fingerprint 5b, {like}",
    ]
