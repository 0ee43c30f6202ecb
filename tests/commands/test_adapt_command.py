"""The command `adapt`, and the commands that use what it made."""

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from emotion_core.cli import main
from emotion_core.config import PipelineSettings
from emotion_core.datatypes import Frame
from emotion_core.labels import EXPRESSIONS
from emotion_core.media.synthetic import sample_photo
from emotion_core.media.write import sample_video
from emotion_core.model.adaptation import Adaptation
from emotion_core.model.adaptation_file import load_adaptation, save_adaptation
from emotion_core.model.bundle import load_bundle
from emotion_core.model.classify import load_classifier
from emotion_core.pipeline.pipeline import Pipeline
from emotion_core.results.paths import file_hash
from emotion_core.vision.crop import crop_faces

pytestmark = pytest.mark.usefixtures("adaptations")


@pytest.fixture(scope="session")
def lab_faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders of expressions: the portrait, moved, stretched and darkened until the network reads
    several expressions in it. Who is seen is in the names."""
    photo, classifier = sample_photo(), load_classifier()
    found = Pipeline(classifier, PipelineSettings.for_photo()).process(Frame(photo))
    crop = crop_faces(photo, found.boxes)[0][:, :, 0]
    rng, folder = np.random.default_rng(0), tmp_path_factory.mktemp("lab") / "faces"
    for i in range(60):
        stretch, shift = rng.uniform(0.5, 1.5, 2), rng.normal(0, (6, 10))
        matrix = np.column_stack([np.diag(stretch), shift])
        moved = cv2.warpAffine(crop, matrix, (48, 48), borderMode=cv2.BORDER_REFLECT)
        image = np.rint(moved * rng.uniform(0.3, 1.2)).clip(0, 255).astype(np.uint8)
        answer = classifier.logits(image[None, ..., None].astype(np.float32))[0].argmax()
        place = folder / EXPRESSIONS[answer]
        place.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(place / f"p{i % 5}_{i}.png"), image)
    return folder


def adapt(models: Path, *more: str) -> int:
    return main(["adapt", "--models-dir", str(models), "--model", "tiny", *more])


def test_labelled_faces_become_an_adaptation(
    lab_faces: Path, adaptations: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "out.json"
    more = ("--person", r"/(p\d)_", "--anyway", "--json", str(file))
    assert main(["adapt", "--data", str(lab_faces), "--name", "lab", *more]) == 0
    printed = capsys.readouterr().out
    assert "faces of 5 people: " in printed
    assert "It applies to faces like these" in printed
    found = load_adaptation("lab", adaptations)
    assert found.likeness is not None, "moved and stretched, they look like no other faces"
    assert found.record["gain"]["people"] == 5
    assert found.record["gain"]["before"] == 1.0
    assert found.record["source"] == "faces"
    counts = {e: len(list((lab_faces / e).glob("*.png"))) for e in EXPRESSIONS}
    kept = {e: n for e, n in counts.items() if n > 1}
    assert json.loads(file.read_text())["record"]["gain"]["by_expression"] == kept
    assert [p.name for p in adaptations.iterdir()] == ["lab.json"]
    assert main(["adapt", "--list"]) == 0
    assert "lab: for ferplus" in capsys.readouterr().out


def test_what_brings_nothing_is_not_kept(
    made_models: Path, tmp_path: Path, adaptations: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rng = np.random.default_rng(0)
    for expression in ("happy", "neutral"):
        (tmp_path / "noise" / expression).mkdir(parents=True)
        for i in range(4):
            noise = rng.integers(0, 256, (48, 48), np.uint8)
            cv2.imwrite(str(tmp_path / "noise" / expression / f"{i}.png"), noise)
    status = adapt(made_models, "--data", str(tmp_path / "noise"), "--name", "noise")
    assert status == 1
    assert not adaptations.exists()
    said = capsys.readouterr()
    assert "brings nothing" in said.out or "agrees with only" in said.err


def test_expressions_without_labelled_faces_can_be_ruled_out(
    lab_faces: Path, adaptations: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    labelled = {p.name for p in lab_faces.iterdir()}
    assert 1 < len(labelled) < 7
    data = ("--data", str(lab_faces), "--anyway")
    assert main(["adapt", *data, "--name", "all"]) == 0
    assert main(["adapt", *data, "--name", "few", "--prior", "labelled", "--strength", "1"]) == 0
    few, everything = load_adaptation("few", adaptations), load_adaptation("all", adaptations)
    assert few.prior is not None
    shares = dict(zip(EXPRESSIONS, few.prior, strict=True))
    assert shares == {e: pytest.approx((e in labelled) / len(labelled)) for e in EXPRESSIONS}
    even = np.full((1, 7), 1 / 7, np.float32)
    ruled_out = [i for i, e in enumerate(EXPRESSIONS) if e not in labelled]
    assert few.apply(even)[0, ruled_out].max() < 0.01
    assert everything.apply(even)[0, ruled_out].max() > 0.05
    assert main(["adapt", "--name", "x", "--prior", "labelled"]) == 2
    assert "needs --data" in capsys.readouterr().err


def test_the_prior_alone_needs_no_faces(made_models: Path, adaptations: Path) -> None:
    assert adapt(made_models, "--name", "even") == 0
    assert load_adaptation("even", adaptations).prior is None
    assert adapt(made_models, "--name", "calm", "--prior", "neutral=0.7") == 0
    prior = load_adaptation("calm", adaptations).prior
    assert prior is not None
    assert prior[EXPRESSIONS.index("neutral")] == pytest.approx(0.7)
    assert prior.sum() == pytest.approx(1)


@pytest.mark.parametrize(
    ("more", "status", "words"),
    [
        ((), 2, "--name is needed"),
        (("--name", "../x"), 2, "cannot name"),
        (("--name", "x", "--prior", "glad=0.5"), 2, "--prior must be"),
        (("--name", "x", "--prior", "happy=0.9,sad=0.9"), 2, "--prior must be"),
        (("--name", "x", "--strength", "2"), 2, "strength must lie"),
        (("--name", "x", "--data", "missing"), 1, "does not exist"),
        (("--name", "x", "--model", "none"), 1, "no model named"),
    ],
)
def test_what_cannot_work_is_told(
    made_models: Path,
    adaptations: Path,
    capsys: pytest.CaptureFixture[str],
    more: tuple[str, ...],
    status: int,
    words: str,
) -> None:
    assert main(["adapt", "--models-dir", str(made_models), "--model", "tiny", *more]) == status
    assert words in capsys.readouterr().err
    assert not adaptations.exists()


@pytest.mark.parametrize(
    ("pattern", "words"),
    [("(", "no regular expression"), ("p", "needs a group"), ("/(q)", "finds nobody in")],
)
def test_a_pattern_that_finds_nobody_is_told(
    lab_faces: Path, capsys: pytest.CaptureFixture[str], pattern: str, words: str
) -> None:
    more = ("--data", str(lab_faces), "--name", "x", "--person", pattern)
    assert main(["adapt", *more]) == 2
    assert words in capsys.readouterr().err


def test_faces_that_the_network_learnt_from_are_refused(
    made_models: Path, made_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    more = ("--data", str(made_data), "--split", "train", "--name", "x")
    assert adapt(made_models, *more) == 1
    assert "learnt from the faces" in capsys.readouterr().err


def sadder(folder: Path) -> Adaptation:
    """Everything is sad, for the default network."""
    bundle = load_bundle()
    offsets = np.zeros(7)
    offsets[EXPRESSIONS.index("sad")] = 30
    model = {"name": bundle.name, "sha256": file_hash(bundle.served_file)}
    adaptation = Adaptation("sadder", model, offsets)
    save_adaptation(adaptation, folder)
    return adaptation


def test_a_video_is_read_with_it_and_its_results_name_it(adaptations: Path, tmp_path: Path) -> None:
    sadder(adaptations)
    clip = sample_video(tmp_path / "clip.mp4", seconds=1.0, fps=10.0)
    line = ["analyze", str(clip), "--out", str(tmp_path / "out"), "--no-annotate"]
    assert main(line) == 0
    plain = json.loads((tmp_path / "out/clip/summary.json").read_text())
    assert plain["people"][0]["dominant"] == "happy"
    assert "adaptation" not in plain["model"]
    # Another adaptation is another analysis: finished results are not taken for it.
    assert main([*line, "--adaptation", "sadder"]) == 0
    adapted = json.loads((tmp_path / "out/clip/summary.json").read_text())
    assert adapted["people"][0]["dominant"] == "sad"
    assert adapted["model"]["adaptation"]["name"] == "sadder"
    assert adapted["key"] != plain["key"]
    assert main([*line, "--adaptation", "sadder", "--strength", "0"]) == 0
    weak = json.loads((tmp_path / "out/clip/summary.json").read_text())
    assert weak["people"][0]["dominant"] == "happy"


@pytest.mark.parametrize(
    ("more", "status", "words"),
    [
        (("--adaptation", "none"), 1, "There is no adaptation"),
        (("--strength", "0.5"), 2, "--strength needs an --adaptation"),
        (("--adaptation", "sadder", "--strength", "7"), 2, "strength must lie"),
        (("--adaptation", "sadder", "--model", "fer2013"), 1, "made for 'ferplus'"),
    ],
)
def test_an_adaptation_that_cannot_be_used_ends_the_run_first(
    adaptations: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    more: tuple[str, ...],
    status: int,
    words: str,
) -> None:
    sadder(adaptations)
    clip = sample_video(tmp_path / "clip.mp4", seconds=0.5, fps=10.0)
    assert main(["analyze", str(clip), "--out", str(tmp_path / "out"), *more]) == status
    assert words in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_the_test_split_is_left_for_measuring(
    lab_faces: Path, adaptations: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for folder in lab_faces.iterdir():
        for i, file in enumerate(sorted(folder.iterdir())):
            split = ("train", "test", "validation")[i % 3]
            place = tmp_path / "faces" / split / folder.name
            place.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, place)
    counts = {s: len(list((tmp_path / "faces" / s).rglob("*.png"))) for s in ("train", "test")}
    data = ("adapt", "--data", str(tmp_path / "faces"), "--anyway", "--name")

    def used(name: str, *more: str) -> tuple[int, list[str]]:
        assert main([*data, name, *more]) == 0
        record = load_adaptation(name, adaptations).record
        found = record["gain"]
        faces = sum(found["by_expression"].values()) + sum(found["left_out"].values())
        return faces, record["splits"]

    whole = len(list(lab_faces.rglob("*.png")))
    assert used("usual") == (whole - counts["test"], ["train", "validation"])
    assert used("all", "--split", "all") == (whole, ["train", "validation", "test"])
    assert used("one", "--split", "train") == (counts["train"], ["train"])
    assert main([*data, "x", "--split", "test"]) == 0, "who asks for it gets it"


def test_faces_too_few_for_an_expression_are_told_and_not_ruled_out(
    lab_faces: Path, adaptations: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    faces = tmp_path / "faces"
    counts = {p.name: len(list(p.iterdir())) for p in lab_faces.iterdir()}
    kept = sorted(name for name, count in counts.items() if count > 2)
    shutil.copytree(lab_faces, faces)
    single = next(e for e in EXPRESSIONS if e not in counts or counts[e] == 1)
    if single not in counts:
        (faces / single).mkdir()
        shutil.copy(next((lab_faces / kept[0]).iterdir()), faces / single / "only.png")
    data = ("--data", str(faces), "--anyway", "--prior", "labelled")
    assert main(["adapt", *data, "--name", "few"]) == 0
    assert f"{single} 1" in capsys.readouterr().out.split("left out, as 2 are needed: ")[1]
    prior = load_adaptation("few", adaptations).prior
    assert prior is not None
    assert prior[EXPRESSIONS.index(single)] > 0


def test_files_under_other_names_are_told(
    adaptations: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = sadder(adaptations)
    (adaptations / "sadder.json").rename(adaptations / "renamed.json")
    shutil.copy(adaptations / "renamed.json", adaptations / "sadder (1).json")
    found = load_adaptation("renamed", adaptations)
    assert (found.name, found.fingerprint) == ("renamed", made.fingerprint)
    assert main(["adapt", "--list"]) == 0
    printed = capsys.readouterr().out
    assert "renamed: for ferplus" in printed
    assert "sadder (1).json: rename it" in printed
    assert main(["adapt", "--name", "None"]) == 2
