"""The public names: each is documented with an example, and the examples run as written."""

import doctest
import inspect
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
from made_classifiers import Happy

import emotion_core
from emotion_core import (
    Detections,
    InputError,
    VideoError,
    analyze_video,
    load_results,
    sample_video,
)
from emotion_core.datatypes import ImageArray
from emotion_core.model.classify import load_classifier
from emotion_core.results.annotations import Edits
from emotion_core.results.edits_file import save_edits
from emotion_core.results.export import COLUMNS
from emotion_core.video import api
from emotion_core.vision.detection import KnownFaces

OLD = Path(__file__).parent / "results" / "version_0_1"
WITH_EXAMPLES = [
    "EmotionCoreError",
    "ExpressionClassifier",
    "FaceDetector",
    "Frame",
    "FrameResult",
    "Pipeline",
    "PipelineSettings",
    "VideoResult",
    "analyze_video",
    "draw_overlay",
    "load_classifier",
    "load_results",
    "read_photo",
]


def test_every_public_name_is_there_and_documented() -> None:
    assert sorted(emotion_core.__all__) == sorted(emotion_core._HOMES)
    for name in emotion_core.__all__:
        thing = getattr(emotion_core, name)
        assert name == "EXPRESSIONS" or inspect.getdoc(thing), f"{name} has no docstring"


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_the_examples_run(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    thing = getattr(emotion_core, name)
    assert "Examples:" in thing.__doc__
    parser = doctest.DocTestParser()
    test = parser.get_doctest(thing.__doc__, {}, name, None, None)
    assert test.examples
    report: list[str] = []
    runner = doctest.DocTestRunner(verbose=False, optionflags=doctest.NORMALIZE_WHITESPACE)
    result = runner.run(test, out=report.append)
    assert result.failed == 0, "".join(report)


def test_the_public_names_load_no_page_and_no_trainer() -> None:
    code = (
        "import sys, emotion_core\n"
        "assert not {'cv2', 'numpy', 'av'} & set(sys.modules)\n"
        "[getattr(emotion_core, name) for name in emotion_core.__all__]\n"
        "assert not {'tensorflow', 'keras', 'streamlit', 'pandas'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sample_video(tmp_path_factory.mktemp("clips") / "clip.mp4", 2.0, 20.0)


def test_the_table_is_that_of_faces_csv(clip: Path, tmp_path: Path) -> None:
    result = analyze_video(clip, tmp_path / "out", classifier=Happy())
    assert tuple(result.faces.columns) == COLUMNS
    written = pd.read_csv(tmp_path / "out" / "faces.csv")
    np.testing.assert_allclose(result.faces["happy"], written["happy"])
    assert result.faces["track_id"].dtype == "Int64"
    assert result.faces["unsure"].dtype == "boolean"
    assert result.folder == tmp_path / "out"
    assert [person["dominant"] for person in result.people] == ["happy"]


def test_a_frame_without_a_face_has_missing_values(tmp_path: Path) -> None:
    empty = sample_video(tmp_path / "empty.mp4", 0.5, 10.0, "empty")
    result = analyze_video(empty, classifier=Happy())
    assert len(result.faces) == 5
    assert result.faces["track_id"].isna().all()
    assert result.people == []


def test_nothing_is_left_behind_without_a_folder(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    result = analyze_video(clip, classifier=Happy())
    assert result.folder is None
    assert len(result.faces) == 40
    assert list(tmp_path.iterdir()) == []


def test_finished_results_are_opened_and_not_computed_again(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = analyze_video(clip, tmp_path, every=2)
    computed: list[object] = []
    monkeypatch.setattr(api, "analyse_video", lambda *a, **k: computed.append(a))
    again = analyze_video(clip, tmp_path, every=2)
    assert computed == []
    pd.testing.assert_frame_equal(first.faces, again.faces)
    analyze_video(clip, tmp_path, every=3)
    assert len(computed) == 1


def test_results_of_ones_own_classifier_are_never_taken_for_the_models(
    clip: Path, tmp_path: Path
) -> None:
    own = analyze_video(clip, tmp_path, classifier=Happy())
    assert own.summary["model"]["name"] == "Happy"
    models = analyze_video(clip, tmp_path)
    assert models.summary["model"]["sha256"]
    assert own.faces["happy"].iloc[0] != models.faces["happy"].iloc[0]


class Corner:
    """Finds one face, always in the same place; ten lines, as the documents promise."""

    def __init__(self) -> None:
        self.resets = 0

    def update(self, image_bgr: ImageArray, time_s: float, known: KnownFaces) -> Detections:
        return Detections.of([(10, 20, 90, 100)], [1.0], known)

    def reset(self) -> None:
        self.resets += 1

    def configure(self, settings: object) -> None: ...


def test_a_loaded_network_is_named_in_the_results(clip: Path) -> None:
    by_name = analyze_video(clip, rate=1.0)
    shared = analyze_video(clip, rate=1.0, classifier=load_classifier())
    assert shared.summary["model"] == by_name.summary["model"]
    assert shared.summary["model"]["name"] == "ferplus"


def test_ones_own_detector_decides_where_the_faces_are(clip: Path) -> None:
    detector = Corner()
    result = analyze_video(clip, classifier=Happy(), detector=detector)
    seen = result.faces.dropna(subset="track_id")
    assert len(seen) == 38, "announced with the third detection"
    np.testing.assert_allclose(
        seen[["x", "y", "width", "height"]], np.tile([10, 20, 80, 80], (38, 1)), atol=1
    )
    assert detector.resets == 1
    assert result.summary["model"]["detector"] == "Corner"


def test_progress_is_told(clip: Path) -> None:
    told: list[float] = []
    analyze_video(clip, classifier=Happy(), progress=lambda p: told.append(p.fraction))
    assert told
    assert told == sorted(told)
    assert told[-1] > 0.8


@pytest.mark.parametrize("name", ["missing.mp4", "text.mp4"])
def test_what_is_no_video_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / "text.mp4").write_text("no video")
    with pytest.raises(VideoError, match=name):
        analyze_video(tmp_path / name, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_folder_without_results_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"faces\.csv"):
        load_results(tmp_path)


def test_results_of_version_0_1_open_with_their_edits() -> None:
    result = load_results(OLD)
    assert len(result.faces) == 12, "the second of two people is excluded"
    assert set(result.faces["track_id"]) == {1}
    assert set(result.faces["name"]) == {"Ada"}
    assert [(m.start_s, m.end_s, m.label) for m in result.markers] == [(0.2, 0.6, "they meet")]
    assert [(p["name"], p["dominant"]) for p in result.people] == [("Ada", "happy")]
    on_disk = json.loads((OLD / "summary.json").read_text())
    assert result.summary["model"] == on_disk["model"]
    assert result.summary["source"]["name"] == "two.mp4"


def columns_cut(text: str, keep: int) -> str:
    return "".join(",".join(line.split(",")[:keep]) + "\n" for line in text.splitlines())


def test_a_table_with_fewer_columns_keeps_its_rows(tmp_path: Path) -> None:
    """New columns go to the end: an older table ends before them."""
    whole = (OLD / "faces.csv").read_text()
    (tmp_path / "faces.csv").write_text(columns_cut(whole, COLUMNS.index("valence")))
    result = load_results(tmp_path)
    assert len(result.faces) == 24
    assert "valence" not in result.faces
    save_edits(tmp_path, Edits().exclude(1).exclude(2))
    assert load_results(tmp_path).faces["track_id"].isna().sum() == 12


def test_a_person_may_be_called_na(tmp_path: Path) -> None:
    (tmp_path / "faces.csv").write_bytes((OLD / "faces.csv").read_bytes())
    save_edits(tmp_path, Edits().rename(1, "NA"))
    names = load_results(tmp_path).faces.set_index("track_id")["name"]
    assert set(names[1]) == {"NA"}
    assert names[2].isna().all()


def test_internal_modules_are_no_public_names() -> None:
    things = [getattr(emotion_core, name) for name in emotion_core.__all__]
    assert not any(isinstance(thing, ModuleType) for thing in things)
