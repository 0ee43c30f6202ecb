"""Labels for the key moments of a finished video, and the adaptation they lead to."""

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from made_clips import write_clip
from page_driver import run, words
from streamlit.testing.v1 import AppTest

from emotion_core.evaluation.likeness_fit import PHOTO_NOISE
from emotion_core.jobs.store import JobStore
from emotion_core.labels import EXPRESSIONS
from emotion_core.media.write import sample_video
from emotion_core.model.adaptation import Adaptation
from emotion_core.model.adaptation_file import to_json
from emotion_core.model.bundle import load_bundle
from emotion_core.model.classify import Classifier, Reading
from emotion_core.results.annotations import Hide
from emotion_core.results.export import read_faces
from emotion_core.ui.common.labelled_faces import LabelledFace
from emotion_core.ui.explain.jobs import explain_store
from emotion_core.ui.video_page.jobs import job_store
from emotion_core.video.options import described_network

PAGE = str(Path(__file__).resolve().parents[2] / "pages" / "2_Video.py")
GONE = "no longer on this computer"
# Far from all that the network was calibrated on.
ELSEWHERE = np.array([[*[9.0] * 384, PHOTO_NOISE]], np.float32)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Two people who walk past each other."""
    path = sample_video(tmp_path_factory.mktemp("clips") / "clip.mp4", 2.0, 10.0, "cross")
    return path.read_bytes()


@pytest.fixture
def app(
    clip: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, jobs_run_here: list[list[str]]
) -> AppTest:
    """The page with a finished video."""
    monkeypatch.setenv("EMOTION_LAB_WORK_DIR", str(tmp_path / "work"))
    monkeypatch.setenv("EMOTION_LAB_ADAPTATIONS_DIR", str(tmp_path / "adaptations"))
    app = AppTest.from_file(PAGE, default_timeout=120).run()
    app.file_uploader[0].set_value([("a.mp4", clip, "video/mp4")]).run()
    app.toggle(key="video_annotate").set_value(False).run()
    app.button(key="video_start").click().run()
    assert not app.exception
    assert [b for b in app.button if b.key == "video_new"]
    return app


def key_of(app: AppTest) -> str:
    (key,) = [t.key or "" for t in app.toggle if t.label == "Label these faces"]
    return key.removesuffix("_label")


def switched_on(app: AppTest) -> AppTest:
    app.toggle(key=f"{key_of(app)}_label").set_value(True)
    return run(app)


def choices(app: AppTest) -> dict[str, str]:
    """What each moment's choice is called, and its key."""
    return {b.label: b.key or "" for b in app.selectbox if b.label.endswith(" s shows")}


def choose(app: AppTest, label: str, which: int = 0) -> AppTest:
    app.selectbox(key=list(choices(app).values())[which]).set_value(label)
    return run(app)


def faces(app: AppTest) -> dict[str, LabelledFace]:
    kept: dict[str, LabelledFace] = app.session_state["labelled_faces"]
    return kept


def test_a_moment_is_corrected_from_the_video_and_taken_back(app: AppTest) -> None:
    assert not choices(app), "asked for first"
    before = set(sys.modules)
    choose(switched_on(app), "sad")
    assert "**Your labels**: sad 1" in words(app)
    (face,) = faces(app).values()
    assert EXPRESSIONS[face.label] == "sad"
    # The network alone, on the frame itself: near what the table says, which is smoothed.
    expression = next(iter(choices(app).values())).rpartition("_")[2]
    (folder,) = job_store()._root.glob("jobs/*/results/*")
    table = read_faces(folder / "faces.csv")
    column = EXPRESSIONS.index(expression)
    assert face.probs[column] == pytest.approx(table.probs[:, column].max(), abs=0.15)
    assert not {m.split(".")[0] for m in set(sys.modules) - before} & {"tensorflow", "keras"}
    assert "applied to new analyses" in words(app)
    app.button(key="video_adapt_make").click()
    assert "there are: sad 1" in words(run(app))
    choose(app, "–")
    assert not faces(app)
    assert "Your labels" not in words(app)
    choose(app, "fear")
    app.button(key="video_forget_labels").click()
    run(app)
    assert not faces(app)
    assert {app.selectbox(key=key).value for key in choices(app).values()} == {"–"}


def test_people_are_held_out_together_as_the_list_has_them(app: AppTest) -> None:
    switched_on(app)
    people = {name.split(" at ")[0] for name in choices(app)}
    assert people == {"Person 1", "Person 2"}
    for which in range(len(choices(app))):
        choose(app, "sad", which)
    assert {face.person.split()[-1] for face in faces(app).values()} == {"1", "2"}
    count = len(faces(app))
    app.selectbox(key=f"{key_of(app)}_2_merge_0").set_value(1)
    run(app)
    app.text_input(key=f"{key_of(app)}_1_name").set_value("Ada")
    run(app)
    assert len(faces(app)) == count
    shown = {app.selectbox(key=key).value for key in choices(app).values()}
    assert shown == {"sad"}, "the same faces"
    assert "named Ada" in {face.person for face in faces(app).values()}


def test_hidden_faces_are_not_labelled(app: AppTest) -> None:
    switched_on(app)
    key = key_of(app)
    app.text_input(key=f"{key}_1_name").set_value("Ada")
    run(app)
    app.selectbox(key=f"{key}_hide").set_value(Hide.UNNAMED)
    run(app)
    assert {name.split(" at ")[0] for name in choices(app)} == {"Ada"}
    assert "Hidden faces cannot be labelled" in words(app)
    app.selectbox(key=f"{key}_hide").set_value(Hide.EVERYBODY)
    run(app)
    assert not choices(app)
    assert "Hidden faces cannot be labelled" in words(app)


def test_a_face_that_was_hidden_in_another_tab_meanwhile_is_refused(app: AppTest) -> None:
    switched_on(app)
    box = app.selectbox(key=next(iter(choices(app).values())))
    (folder,) = (p.parent for p in job_store()._root.glob("jobs/*/results/*/faces.csv"))
    (folder / "edits.json").write_text(json.dumps({"hide": "everybody"}))
    box.set_value("sad")
    run(app)
    assert "could not be labelled. It is hidden" in words(app)
    assert not faces(app)


def test_without_the_video_the_page_says_so(app: AppTest, tmp_path: Path) -> None:
    switched_on(app)
    assert GONE not in words(app)
    box = app.selectbox(key=next(iter(choices(app).values())))
    (upload,) = (tmp_path / "work" / "videos" / "incoming").glob("*/*.mp4")
    shutil.move(upload, tmp_path / "elsewhere.mp4")
    box.set_value("sad")
    run(app)
    assert f"could not be labelled. The uploaded video is {GONE}" in words(app)
    assert not choices(app)
    assert not faces(app)
    # Another video in its place is noticed.
    write_clip(upload, [0.0, 0.1])
    switched_on(run(app))
    choose(app, "sad")
    assert "not the one that was analysed" in words(app)


def test_labels_are_deleted_with_the_video(app: AppTest) -> None:
    choose(switched_on(app), "sad")
    assert faces(app)
    app.button(key="video_delete").click()
    run(app)
    assert not faces(app)


def test_labels_of_photos_and_videos_make_one_adaptation(
    app: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The photos' faces are in the session already; those of the video join them."""

    def answers(self: Classifier, crops: np.ndarray, second_look: bool = True) -> Reading:
        logits = np.tile(np.log(np.array(likely(0.5), np.float32)), (len(crops), 1))
        return Reading(logits, np.ones(len(crops), np.float32), ELSEWHERE.repeat(len(crops), 0))

    monkeypatch.setattr(Classifier, "read", answers)
    choose(switched_on(app), "neutral")
    (mine,) = faces(app).values()
    for number in range(12):
        happy = number % 2
        probs = np.array(likely(0.7 if happy else 0.5), np.float32)
        label = EXPRESSIONS.index("happy" if happy else "neutral")
        face = LabelledFace(probs, ELSEWHERE[0], label, f"photo {number}", mine.network)
        faces(app)[f"photo_{number}"] = face
    # One that another network read does not count.
    faces(app)["photo_old"] = LabelledFace(mine.probs, ELSEWHERE[0], 0, "photo x", ("", 0, 0, 0, 0))
    run(app)
    assert "**Your labels**: happy 6, neutral 7" in words(app)
    app.button(key="video_adapt_make").click()
    run(app)
    made = app.session_state["adaptations_own"]["my faces"]
    assert made.record["gain"]["people"] == 13
    assert made.likeness.shares(ELSEWHERE)[0] > 0.9, "it knows which faces it was made from"
    assert [b for b in app.get("download_button") if b.proto.label == "Download"]
    app.button(key="video_new").click()
    run(app)
    assert next(b for b in app.selectbox if b.label == "Adaptation").value == "my faces"
    assert "from 0.50 to 1.00" in words(app)


def likely(happy: float) -> list[float]:
    """Probabilities of a face that is happy or neutral."""
    rest = 0.01
    by_name = {"happy": happy, "neutral": 1 - happy - 5 * rest}
    return [by_name.get(expression, rest) for expression in EXPRESSIONS]


def test_the_explanation_of_a_moment_finds_its_adaptation(
    app: AppTest, jobs_run_here: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The contents of its file are in the job, even where the session never had it."""
    asked: list[str] = []
    monkeypatch.setattr(JobStore, "_launch", lambda store, job_id: asked.append(job_id))
    job = next(job_store()._root.glob("jobs/*/job.json"))
    (summary_file,) = job.parent.glob("results/*/summary.json")
    made = sadder()
    kept = json.loads(job.read_text())
    kept["arguments"] += ["--adaptation", json.dumps(to_json(made))]
    summary = json.loads(summary_file.read_text())
    summary["model"]["adaptation"] = made.described()
    summary_file.write_text(json.dumps(summary))
    app.button(key=explain_key(app)).click()
    run(app)
    assert "read with the adaptation 'sadder', which is not available" in words(app)
    job.write_text(json.dumps(kept))
    app.button(key=explain_key(app)).click()
    run(app)
    store = explain_store()
    (job_id,) = store._ids()
    state = store.state(job_id)
    assert state is not None
    arguments = state.options["arguments"]
    assert json.loads(arguments[arguments.index("--adaptation") + 1]) == to_json(made)


def explain_key(app: AppTest) -> str:
    return next(b.key for b in app.button if b.label == "Explain" and b.key)


def sadder() -> Adaptation:
    return Adaptation("sadder", described_network(load_bundle()), np.arange(7.0))
