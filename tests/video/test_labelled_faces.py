"""Coded faces of a study as a labelled folder that `train` and `adapt` read."""

import json
import shutil
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from coded_studies import add_codes
from made_studies import faces_csv, made_study, probs_of, write_table
from study_folders import recording

from emotion_core.cli import main
from emotion_core.datasets.loading import load_dataset
from emotion_core.datasets.own_faces import people_of, split_by_person
from emotion_core.errors import InputError, OutputError, SettingsError
from emotion_core.progress import Progress
from emotion_core.results.face_moments import FaceMoment
from emotion_core.study.coded_faces import plan_faces
from emotion_core.study.coding.replay import Action, Key
from emotion_core.study.coding.store import CodingStore
from emotion_core.study.folder import Study
from emotion_core.video.labelled_faces import (
    PERSON,
    person_names,
    split_of_people,
    write_faces,
    write_faces_zip,
)

PEOPLE = ("A_1", "B/2", "C", "D", "E")
CODES = [(0, "happy"), (1, "sad"), (2, "neutral")]


def write_patterns(path: Path, patterns: Sequence[int]) -> Path:
    """Ten frames a second, 96×64, each with the blurred noise of its number."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10, options={"crf": "10"})
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        for i, number in enumerate(patterns):
            noise = np.random.default_rng(number).integers(0, 255, (8, 12), np.uint8)
            picture = cv2.resize(noise, (96, 64), interpolation=cv2.INTER_CUBIC)
            grey = np.repeat(np.asarray(picture, np.uint8)[:, :, None], 3, axis=2)
            frame = av.VideoFrame.from_ndarray(grey, format="bgr24")
            frame.pts, frame.time_base = i * 100, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study of five participants, three seconds each; in the second two of each, one picture."""
    folder = tmp_path_factory.mktemp("faces") / "study"
    folder.mkdir()
    rows = []
    for number, person in enumerate(PEOPLE):
        name = f"r{number}"
        patterns = [100 * number + (i if i < 10 or i >= 20 else 10) for i in range(30)]
        write_patterns(folder / f"{name}.mp4", patterns)
        rows.append(recording(name, participant=person))
    study = made_study(folder, rows)
    probs = probs_of("happy", np.full(30, 0.9))
    for row in study.recordings:
        table = np.where(np.arange(30)[:, None] < 25, probs, np.nan)
        write_table(study.analysis_folder(row), faces_csv(table))
    codes = {f"r{i}": CODES for i in range(5)}
    # Ben agrees about happy only, and has not seen the last recording.
    other = {f"r{i}": [(0.5, "happy"), (1, "fear")] for i in range(4)}
    add_codes(study, 3.0, {"Anna": codes, "Ben": other})
    return folder


@pytest.fixture
def study(made: Path, tmp_path: Path) -> Study:
    shutil.copytree(made, tmp_path / "study")
    return Study.open(tmp_path / "study")


def test_faces_of_one_coder_become_a_folder_that_training_reads(
    study: Study, tmp_path: Path
) -> None:
    plan = plan_faces(study, "Anna")
    assert plan.counts == {"happy": 15, "neutral": 10, "sad": 15}
    seen: list[Progress] = []
    written = write_faces(plan.moments, tmp_path / "out", seen.append)
    # Within a second of one picture, all faces but the first are left out.
    assert written.near_duplicates == 10
    assert written.faces == 30
    assert written.people == {"test": 1, "train": 3, "validation": 1}
    assert seen[-1].fraction == 1.0
    data = load_dataset(tmp_path / "out")
    people = {name: set(people_of(split.names, PERSON)) for name, split in data.splits.items()}
    assert sum(map(len, people.values())) == len(set.union(*people.values())) == 5
    parted = split_by_person(data, PERSON)
    assert len(parted.splits["test"]) == len(data.splits["test"])
    assert not data.notes, "every picture is a grey face of 48 by 48 pixels"


def test_the_crop_is_that_of_the_network(study: Study, tmp_path: Path) -> None:
    plan = plan_faces(study, "Anna", per_stretch=1)
    first = plan.moments[0]
    assert (first.expression, first.time_s, first.frame) == ("happy", 0.5, 5)
    write_faces(plan.moments, tmp_path / "out")
    (file,) = (tmp_path / "out").rglob("happy/A-1_r0_*.png")
    picture = cv2.imread(str(file), cv2.IMREAD_GRAYSCALE)
    noise = np.random.default_rng(5).integers(0, 255, (8, 12), np.uint8)
    whole = cv2.resize(noise, (96, 64), interpolation=cv2.INTER_CUBIC)
    wanted = cv2.resize(whole[10:60, 10:60], (48, 48), interpolation=cv2.INTER_AREA)
    assert picture is not None
    assert np.corrcoef(picture.ravel(), wanted.ravel())[0, 1] > 0.99


def test_without_a_coder_only_what_all_agree_on_is_taken(study: Study) -> None:
    plan = plan_faces(study, per_stretch=4)
    assert plan.counts == {"happy": 16}
    assert {m.recording for m in plan.moments} == {"r0", "r1", "r2", "r3"}
    assert all(0.5 <= m.time_s < 1.0 for m in plan.moments)


def test_time_with_two_codes_has_no_faces(study: Study) -> None:
    store = CodingStore(study.folder)
    store.delete_coder("Ben")
    store.add_coder("Cem")
    (unit,) = [u for u in store.units_of("Cem") if u.recording == "r0"]
    # Happy from 0 to 1.5, sad from 1 to 2, then fear until the face is lost at 2.5.
    codes = [(0.0, "happy"), (1.0, "sad"), (1.5, "happy"), (2.0, "sad"), (2.0, "fear")]
    keys = [
        Key(f"c{i}", Action.CODE, time_s, code, exclusive=False)
        for i, (time_s, code) in enumerate(codes)
    ]
    store.press("Cem", unit.id, keys)
    store.finish("Cem", unit.id)
    found = plan_faces(study, "Cem", 40).moments
    times = {e: [m.time_s for m in found if m.expression == e] for e in ("happy", "sad", "fear")}
    assert times["happy"] == pytest.approx([i / 10 for i in range(10)])
    assert times["sad"] == pytest.approx([1.5, 1.6, 1.7, 1.8, 1.9])
    assert times["fear"] == pytest.approx([2.0, 2.1, 2.2, 2.3, 2.4])


def test_what_cannot_be_written_is_told(study: Study, tmp_path: Path) -> None:
    (study.folder / "r0.mp4").unlink()
    shutil.rmtree(study.analysis_folder(study.recordings[1]))
    write_patterns(study.folder / "r2.mp4", [1, 2, 3])
    plan = plan_faces(study, "Anna")
    assert "r0: The video is not here" in plan.problems[0]
    assert "r1: The video has not been analysed" in plan.problems[1]
    written = write_faces(plan.moments, tmp_path / "out")
    assert "r2: The video is not the one that was analysed" in written.problems[0]
    assert written.faces > 0


@pytest.mark.parametrize(
    ("coder", "per_stretch", "error", "words"),
    [
        ("Carla", 3, InputError, "no finished units of the coder Carla"),
        ("Anna", 0, SettingsError, "At least 1 face"),
    ],
)
def test_what_cannot_be_planned_is_refused(
    study: Study, coder: str, per_stretch: int, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        plan_faces(study, coder, per_stretch)


def test_the_only_coder_need_not_be_named(study: Study) -> None:
    store = CodingStore(study.folder)
    for progress in store.progress():
        if progress.coder.name != "Anna":
            store.delete_coder(progress.coder.name)
    assert plan_faces(study) == plan_faces(study, "Anna")


def test_a_folder_with_something_in_it_is_left_alone(study: Study) -> None:
    with pytest.raises(OutputError, match="name a new folder"):
        write_faces(plan_faces(study, "Anna").moments, study.folder)


def test_a_zip_holds_the_same_and_is_the_same_every_time(study: Study, tmp_path: Path) -> None:
    moments = plan_faces(study, "Anna", per_stretch=1).moments
    write_faces_zip(moments, tmp_path / "a.zip")
    write_faces_zip(moments, tmp_path / "b.zip")
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    data = load_dataset(tmp_path / "a.zip")
    assert set(data.splits) == {"train", "validation", "test"}


def test_names_of_people_are_told_apart_and_found_again() -> None:
    names = person_names(["A_1", "A-1", "B/2", "ü"])
    assert len(set(names.values())) == 4
    found = people_of(np.array([f"train/happy/{n}_x_1.png" for n in names.values()]), PERSON)
    assert found.tolist() == list(names.values())


@pytest.mark.parametrize(
    ("people", "splits"),
    [
        (1, {"train": 1}),
        (2, {"train": 1, "validation": 1}),
        (3, {"train": 1, "validation": 1, "test": 1}),
        (20, {"train": 12, "validation": 4, "test": 4}),
    ],
)
def test_every_person_is_in_one_split(people: int, splits: dict[str, int]) -> None:
    made = [
        FaceMoment(Path("x"), "r", f"P{i % people}", "happy", 0, 0.0, (0, 0, 9, 9))
        for i in range(3 * people)
    ]
    found = split_of_people(made)
    assert {s: list(found.values()).count(s) for s in set(found.values())} == splits


def test_the_command_tells_what_to_do_next(
    study: Study, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "my faces"
    given = ["--coder", "Anna", "--per-stretch", "1", "--json", str(tmp_path / "j.json")]
    assert main(["study", "export-faces", str(study.folder), "--to", str(out), *given]) == 0
    said = capsys.readouterr().out
    assert "train: 3 participants, happy 3" in said
    assert "emotion-lab adapt --data '" in said
    told = json.loads((tmp_path / "j.json").read_text("utf-8"))
    assert told["people"] == {"test": 1, "train": 3, "validation": 1}
