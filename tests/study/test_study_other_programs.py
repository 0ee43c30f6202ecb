"""OpenFace and py-feat next to this program's readings, on one clock."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_studies import faces_csv, made_study, probs_of, write_table
from study_folders import recording

from emotion_core.cli import main
from emotion_core.errors import InputError
from emotion_core.study.data_dictionary import column_entry
from emotion_core.study.definitions import Event, EventKind, StudySettings
from emotion_core.study.folder import Study
from emotion_core.study.freshness import inputs_digest
from emotion_core.study.other_files import add_other_tables
from emotion_core.study.other_programs import FILES, read_other
from emotion_core.study.readings import build_all, build_readings
from emotion_core.study.readings_file import read_readings
from emotion_core.study.tables import long_table, wide_table, write_tables

FRAMES = 40  # at 20 a second: 2 s, 20 steps of the study
FPS = 20.0
OURS = (10.0, 10.0, 50.0, 50.0)  # of faces_csv


def openface(
    path: Path,
    au12: Sequence[float],
    fps: float = FPS,
    blank: str = "",
    face: Callable[[int], int] = lambda _: 0,
    box: tuple[float, ...] | None = OURS,
    success: Callable[[int], int] = lambda _: 1,
) -> Path:
    """A table as FeatureExtraction writes it; `blank` is what version 2.0 puts after each comma."""
    head = ["frame", "face_id", "timestamp", "confidence", "success"]
    head += ["x_0", "x_67", "y_0", "y_67", "X_0"] if box else []
    head += ["AU12_r", "AU45_r", "AU12_c"]
    lines = [f",{blank}".join(head)]
    for i, value in enumerate(au12):
        cells: list[Any] = [i + 1, face(i), f"{i / fps:.3f}", 0.98, success(i)]
        cells += [box[0], box[0] + box[2], box[1], box[1] + box[3], 99] if box else []
        lines.append(f",{blank}".join(map(str, [*cells, value, 0.5, int(value > 1)])))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")
    return path


def pyfeat(path: Path, rows: Sequence[tuple[int, tuple[float, ...], float]]) -> Path:
    """A table as Fex.to_csv writes it: frame, box and AU12 of each face."""
    head = "FaceRectX,FaceRectY,FaceRectWidth,FaceRectHeight,FaceScore,Pitch,AU12,happiness,input,"
    lines = [f"{head}frame"]
    for frame, box, au12 in rows:
        cells = [*box, 0.99, -1.0, au12, au12 / 2, "P1_a.mp4", frame]
        lines.append(",".join("" if c != c else str(c) for c in cells))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")
    return path


def study_of(folder: Path, every: int = 1, settings: StudySettings | None = None) -> Study:
    """One recording of 40 frames, of which every so manieth was analysed; unseen from 1.5 s on."""
    probs = probs_of("happy", [0.5] * FRAMES)
    probs[30:] = np.nan
    lines = faces_csv(probs, FPS)
    write_table(folder / "recordings" / "P1_a", [lines[0], *lines[1::every]])
    summary = {"source": {"name": "P1_a.mp4", "duration_s": FRAMES / FPS, "fps": FPS}}
    (folder / "recordings" / "P1_a" / "summary.json").write_text(json.dumps(summary))
    events = [Event("*", EventKind.STIMULUS, "film", 0.5, 1.0)]
    return made_study(folder, [recording("P1_a")], events, settings)


def signal(study: Study, name: str) -> np.ndarray:
    return read_readings(build_readings(study, study.recordings[0]))[name].to_numpy(np.float64)


def told(study: Study) -> str:
    return " ".join(problem.message for problem in build_all(study))


RAMP = [i / 10 for i in range(FRAMES)]  # two frames a step: its mean is 0.2 k + 0.05


@pytest.mark.parametrize("blank", ["", " "])
@pytest.mark.parametrize("every", [1, 5])
def test_openface_is_on_the_clock_of_the_readings(tmp_path: Path, blank: str, every: int) -> None:
    study = study_of(tmp_path, every)
    openface(tmp_path / "recordings" / "P1_a" / "openface.csv", RAMP, blank=blank)
    assert told(study) == ""
    values = signal(study, "openface_AU12_r")
    expected = 0.2 * np.arange(15) + 0.05
    np.testing.assert_allclose(values[:15], expected, atol=1e-6)
    # From 1.5 s on the participant is not seen: no face can be said to be theirs.
    assert np.isnan(values[18:]).all()
    presence = signal(study, "openface_AU12_c")
    assert (presence[4], presence[5], presence[6]) == (0.0, 0.5, 1.0)


def test_frames_without_success_have_no_value(tmp_path: Path) -> None:
    study = study_of(tmp_path)
    path = tmp_path / "recordings" / "P1_a" / "openface.csv"
    openface(path, RAMP, success=lambda i: int(not 10 <= i < 14 and i != 20))
    values = signal(study, "openface_AU12_r")
    assert np.isnan(values[5:7]).all()
    assert values[10] == pytest.approx(2.1)  # only one of its two frames
    assert not np.isnan(values[7])


def test_the_participants_face_is_taken_by_its_place(tmp_path: Path) -> None:
    study = study_of(tmp_path)
    far, near = (200.0, 10.0, 50.0, 50.0), (14.0, 14.0, 40.0, 44.0)
    nobody = (float("nan"),) * 4
    rows = []
    for i in range(30):
        rows += [(i, far, 9.0), (i, near, RAMP[i])] if i != 4 else [(i, far, 9.0)]
    rows += [(i, nobody, float("nan")) for i in range(30, FRAMES)]
    pyfeat(tmp_path / "recordings" / "P1_a" / "pyfeat.csv", rows)
    values = signal(study, "pyfeat_AU12")
    assert told(study) == ""
    np.testing.assert_allclose(values[[0, 1, 3, 14]], [0.05, 0.25, 0.65, 2.85], atol=1e-6)
    assert values[2] == pytest.approx(0.5)  # its other frame has a face of somebody else
    assert signal(study, "pyfeat_happiness")[0] == pytest.approx(0.025)
    assert np.isnan(values[15:]).all()


def test_skipped_frames_hold_until_the_next(tmp_path: Path) -> None:
    study = study_of(tmp_path)
    rows = [(i, OURS, float(i)) for i in range(0, 30, 10)]
    pyfeat(tmp_path / "recordings" / "P1_a" / "pyfeat.csv", rows)
    values = signal(study, "pyfeat_AU12")
    assert values[:15].tolist() == [0.0] * 5 + [10.0] * 5 + [20.0] * 5


def test_without_boxes_the_face_found_most_often_is_taken(tmp_path: Path) -> None:
    study = study_of(tmp_path)
    path = tmp_path / "recordings" / "P1_a" / "openface.csv"
    openface(path, RAMP, box=None, face=lambda i: int(i >= 30))
    values = signal(study, "openface_AU12_r")
    assert not np.isnan(values[:15]).any()
    assert np.isnan(values[15:]).all()


def test_another_frame_rate_is_told_and_its_times_are_used(tmp_path: Path) -> None:
    study = study_of(tmp_path)
    path = tmp_path / "recordings" / "P1_a" / "openface.csv"
    openface(path, [i / 5 for i in range(20)], fps=10.0)
    assert "OpenFace read 10.00 frames a second, this program 20.00" in told(study)
    np.testing.assert_allclose(signal(study, "openface_AU12_r")[:15], 0.2 * np.arange(15))


def test_a_table_of_another_video_is_left_out_and_told(tmp_path: Path) -> None:
    study = study_of(tmp_path)
    path = tmp_path / "recordings" / "P1_a" / "openface.csv"
    openface(path, [1.0] * 200)
    assert "ends at 9.9" in told(study)
    openface(path, RAMP, box=(300.0, 300.0, 20.0, 20.0))
    assert "another video or another person. It is left out." in told(study)
    openface(path, RAMP, success=lambda _: 0)
    assert "did not find a face in any frame" in told(study)
    readings = read_readings(build_readings(study, study.recordings[0]))
    assert not [name for name in readings if str(name).startswith("openface")]
    assert readings["happy"].notna().any()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a,b\n1,2\n", "neither a table of OpenFace"),
        ("face,confidence,AU12_r\n0,0.9,1\n", "single images"),
        ("frame,timestamp,confidence,success\n1,0,1,1\n", "-aus"),
        ("frame,FaceRectX,FaceRectY,FaceRectWidth,FaceRectHeight\n0,1,1,1,1\n", "keep the columns"),
        ("frame,timestamp,confidence,success,AU12_r\n", "has no rows"),
        ("frame,timestamp,confidence,success,AU12_r\n1,0,1,1,high\n", "damaged"),
        ("frame,timestamp,confidence,success,AU12_r\n,0,1,1,1\n", "a frame has no number"),
        ("", "neither"),
    ],
)
def test_a_wrong_file_says_what_it_is(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "x.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=words):
        read_other(path)


def test_the_tables_have_rows_of_their_own(tmp_path: Path) -> None:
    study = study_of(tmp_path, settings=StudySettings(min_valid_s=0.0))
    path = tmp_path / "recordings" / "P1_a" / "openface.csv"
    before, digest = long_table(study), inputs_digest(study)
    openface(path, RAMP, success=lambda i: int(i != 15 and i != 14))
    assert inputs_digest(study) != digest
    long = long_table(study)
    ours = long[~long["signal"].str.startswith("openface")].reset_index(drop=True)
    assert ours.equals(before)
    assert long["signal"].iloc[9:12].tolist() == [
        "openface_AU12_r",
        "openface_AU45_r",
        "openface_AU12_c",
    ]
    film = long[(long["event"] == "film") & (long["signal"] == "openface_AU12_r")].iloc[0]
    # Steps 5 to 9 without 7: 1.05, 1.25, 1.65, 1.85.
    assert film["mean"] == pytest.approx(1.45)
    assert film["sd"] == pytest.approx(np.std([1.05, 1.25, 1.65, 1.85], ddof=1), abs=1e-6)
    assert (film["max"], film["max_time_s"]) == (pytest.approx(1.85), pytest.approx(0.4))
    assert (film["valid_s"], film["valid_share"]) == (pytest.approx(0.4), pytest.approx(0.8))
    assert film[["mean_corrected", "episodes", "dominant_share"]].isna().all()
    assert film["included"]
    wide = wide_table(long)
    assert wide.loc[wide["event"] == "film", "openface_AU12_r_mean"].item() == pytest.approx(1.45)
    assert "openface_AU12_r_episodes" not in wide
    assert wide["valid_share"].tolist() == wide_table(before)["valid_share"].tolist()


def test_steps_that_do_not_count_do_not_count_there_either(tmp_path: Path) -> None:
    study = study_of(tmp_path)
    openface(tmp_path / "recordings" / "P1_a" / "openface.csv", RAMP)
    changed = study.with_events([*study.events, Event("*", EventKind.EXCLUDE, "x", 0.5, 0.7)])
    long = long_table(changed)
    film = long[(long["event"] == "film") & (long["signal"] == "openface_AU12_r")].iloc[0]
    assert film["mean"] == pytest.approx(np.mean([1.45, 1.65, 1.85]))


def test_the_dictionary_explains_every_action_unit(tmp_path: Path) -> None:
    study = study_of(tmp_path)
    openface(tmp_path / "recordings" / "P1_a" / "openface.csv", RAMP)
    pyfeat(tmp_path / "recordings" / "P1_a" / "pyfeat.csv", [(i, OURS, 0.5) for i in range(30)])
    write_tables(study)
    about = json.loads((tmp_path / "results" / "long.json").read_text("utf-8"))
    meanings = {s["name"]: (s["unit"], s["meaning"]) for s in about["signals"]}
    assert meanings["openface_AU12_r"] == (
        "intensity",
        "Intensity of AU12 (lip corner puller) as OpenFace read it, 0 to 5.",
    )
    assert meanings["pyfeat_happiness"][1] == "Happiness as py-feat read it, 0 to 1."
    entry = column_entry("openface_AU12_c_max_time_s")
    assert (entry["unit"], "largest value" in entry["meaning"]) == ("s", True)
    for column in about["tables"]["wide.csv"]:
        assert column["meaning"] != "A column of recordings.csv." or column["name"] == "group"


def test_tables_are_added_by_the_name_of_the_video(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study = study_of(tmp_path / "study")
    good = openface(tmp_path / "p1_A.csv", RAMP)
    other = pyfeat(tmp_path / "fex.csv", [(0, OURS, 1.0)])
    bad = tmp_path / "bad.csv"
    bad.write_text("a,b\n")
    words = ["study", "add", str(study.folder)]
    files = [w for path in (good, other, bad) for w in ("--action-units", str(path))]
    assert main([*words, *files]) == 1
    told = capsys.readouterr()
    assert "P1_a (OpenFace)" in told.out
    assert "name the file after its recording" in told.err
    assert "neither a table of OpenFace" in told.err
    folder = study.folder / "recordings" / "P1_a"
    assert (folder / "openface.csv").read_bytes() == good.read_bytes()
    added = add_other_tables(study, [other], recording="P1_a")
    assert list(added.added.values()) == ["P1_a (py-feat)"]
    assert set(FILES) <= {path.name for path in folder.iterdir()}


def test_a_live_recording_is_compared_by_time(tmp_path: Path) -> None:
    study = study_of(tmp_path)
    folder = tmp_path / "recordings" / "P1_a"
    live = {"started_utc": "2026-05-01T08:00:00+00:00", "clip": {"origin_s": 0.5}}
    (folder / "summary.json").write_text(json.dumps(live))
    openface(folder / "openface.csv", RAMP, box=None)
    values = signal(study, "openface_AU12_r")
    assert np.isnan(values[:5]).all()
    assert values[5] == pytest.approx(0.05)
    pyfeat(folder / "pyfeat.csv", [(i, OURS, 0.5) for i in range(30)])
    assert "py-feat gives no times" in told(study)


def test_faces_of_a_copy_with_another_rate_are_compared_by_time(tmp_path: Path) -> None:
    study = study_of(tmp_path)
    # Half the rate: its frame 16 is our frame 32, in which the participant is not seen.
    openface(tmp_path / "recordings" / "P1_a" / "openface.csv", RAMP[:20], fps=FPS / 2)
    values = signal(study, "openface_AU12_r")
    assert values[:15] == pytest.approx(RAMP[:15])
    assert np.isnan(values[16:]).all()
