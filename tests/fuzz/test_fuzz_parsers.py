"""Whatever a file or a variable holds, its parser gives a value or the error that it documents."""

import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from emotion_core.config import AppSettings
from emotion_core.datasets.known_images import read_known
from emotion_core.datasets.loading import load_dataset
from emotion_core.errors import DatasetError, InputError, ModelError, SettingsError
from emotion_core.jobs.log import JobLog, read_json
from emotion_core.labels import EXPRESSIONS
from emotion_core.model.bundle import list_models, load_bundle
from emotion_core.results.annotations import Edits, edited_clip, markers_csv
from emotion_core.results.edits_file import change_edits, load_edits
from emotion_core.results.export import COLUMNS, faces_csv, read_faces
from emotion_core.results.paths import EDITS, SUMMARY, read_summary, safe_name


# No deadlines: a busy machine is no fault of a parser.
def documented(ask: Callable[[], Any], error: type[Exception], words: str) -> Any:
    """What a parser gives; None where it raises its documented error, with these words in it."""
    try:
        return ask()
    except error as raised:
        if words not in str(raised):
            raise
        return None


quick = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
NESTED = "[" * 100_000
LARGE = 10**400
leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([LARGE, -LARGE, 2**63, 2**31])
    | st.floats()
    | st.text()
    | st.sampled_from(["\ud800", "\0", "9" * 5000, "1e999", "nan", "-0", "../x"])
)
values = st.recursive(
    leaves, lambda v: st.lists(v, max_size=4) | st.dictionaries(st.text(), v, max_size=4)
)
rubbish = st.binary(max_size=200) | st.text().map(lambda t: t.encode("utf-8", "surrogatepass"))


def as_json(value: Any) -> bytes:
    """JSON as Python writes it: with NaN, Infinity and lone surrogates as escapes."""
    return json.dumps(value).encode()


def file_of(data: bytes, name: str) -> Path:
    """A file in a folder of its own."""
    path = Path(tempfile.mkdtemp(prefix="fuzz-", dir=os.environ["FUZZ_DIR"])) / name
    path.write_bytes(data)
    return path


@pytest.fixture(autouse=True)
def fuzz_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FUZZ_DIR", str(tmp_path))


ids = st.integers(-5, 5).map(str) | st.sampled_from([str(2**63), "9" * 5000, "x", "1.5", ""])
edits_like = st.fixed_dictionaries(
    {},
    optional={
        "names": st.dictionaries(ids, leaves, max_size=4) | values,
        "merged": st.dictionaries(ids, leaves, max_size=4) | values,
        "excluded": st.lists(leaves, max_size=4) | values,
        "markers": st.lists(
            st.fixed_dictionaries(
                {}, optional={"start_s": leaves, "end_s": leaves, "label": leaves}
            ),
            max_size=4,
        )
        | values,
    },
)


@quick
@given(rubbish | values.map(as_json) | edits_like.map(as_json))
@example(NESTED.encode())
@example(as_json({"names": {"1": "\ud800"}, "merged": {}, "excluded": [], "markers": []}))
@example(as_json({"names": {}, "merged": {"1": 2**63}, "excluded": [2**70], "markers": []}))
def test_any_edits_can_be_shown_changed_and_kept(data: bytes) -> None:
    folder = file_of(data, EDITS).parent
    edits = load_edits(folder)
    table = read_faces(file_of(_faces([[1, 0.5], [2, 0.5]]), "faces.csv"))
    for shown in (edits, change_edits(folder, lambda e: e.rename(1, "Ada"))):
        assert isinstance(shown, Edits)
        assert len(shown.apply(table)) <= 2
        assert markers_csv(shown).encode()
        assert shown.name_of(1).encode()
        assert edited_clip(folder, shown).parent == folder
        assert faces_csv(file_of(_faces([[1, 0.5]]), "faces.csv"), shown)
    assert load_edits(folder) == change_edits(folder, lambda e: e)
    assert "Ada" in load_edits(folder).names.values()
    assert load_edits(folder).lost == 0


names = st.sampled_from(
    ["RETENTION_H", "MAX_STREAMS", "ICE_SERVERS", "ICE_RELAY_ONLY", "VIDEO_DIR", "DATA", "DATA_DIR",
     "MODELS_DIR", "WORK_DIR"]
)  # fmt: skip


@quick
@given(st.dictionaries(names, st.text() | values.map(json.dumps) | st.floats().map(str)))
@example({"ICE_SERVERS": NESTED})
@example({"ICE_SERVERS": '[{"urls": 5}]'})
@example({"RETENTION_H": "9" * 5000})
@example({"VIDEO_DIR": "\0"})
def test_any_environment_gives_settings_or_names_the_variable(environ: dict[str, str]) -> None:
    given_ = {f"EMOTION_LAB_{name}": text for name, text in environ.items()}
    try:
        found = AppSettings.from_environment(given_)
    except SettingsError as error:
        named = str(error)
        if not any(n in named or n.removeprefix("EMOTION_LAB_").lower() in named for n in given_):
            raise
        return
    assert 0 < found.retention_h <= 24 * 365
    for ask in (found.video_folder, found.data_folder, found.training_data):
        documented(ask, SettingsError, "EMOTION_LAB_")


GOOD_MODEL: dict[str, Any] = {
    "version": 1,
    "name": "x",
    "labels": list(EXPRESSIONS),
    "label_set": "ferplus",
    "temperature": 1.2,
    "unsure": {"threshold": 0.5},
}
near_model = st.dictionaries(st.sampled_from([*GOOD_MODEL, "dataset"]), values, max_size=2).map(
    lambda change: GOOD_MODEL | change
)


@quick
@given(rubbish | values.map(as_json) | near_model.map(as_json))
@example(NESTED.encode())
@example(as_json(GOOD_MODEL | {"temperature": LARGE}))
@example(as_json(GOOD_MODEL))
def test_any_model_json_gives_a_model_or_the_reason(data: bytes) -> None:
    folder = file_of(data, "model.json").parent
    (folder / "model.tflite").touch()
    bundle = documented(lambda: load_bundle(folder.name, folder.parent), ModelError, "model.json")
    if bundle is not None:
        assert bundle.temperature > 0
        assert 0 <= bundle.unsure_threshold <= 1


@quick
@given(rubbish)
@example(b"\0")
@example(b"../..")
@example(b"")
@example(("x" * 5000).encode())
def test_any_default_txt_gives_a_model_or_the_reason(data: bytes) -> None:
    folder = file_of(data, "default.txt").parent
    assert list_models(folder) == []
    with pytest.raises(ModelError):
        load_bundle(models_dir=folder)


def _faces(rows: list[list[Any]]) -> bytes:
    """faces.csv with the given identities and scores in its first frame."""
    lines = [",".join(COLUMNS)]
    for track_id, score in rows:
        cells = dict.fromkeys(COLUMNS, "0.1") | {
            "frame": "0",
            "track_id": str(track_id),
            "emotion": "happy",
            "name": "",
            "detection_score": str(score),
            "predicted": "0",
            "unsure": "0",
            "quality": "",
        }
        lines.append(",".join(cells[name] for name in COLUMNS))
    return ("\n".join(lines) + "\n").encode()


cells = st.sampled_from(["", "0", "1", "-1", "nan", "inf", "1e400", "x", '"', "1,2", "\0", "\r"])
damaged_faces = st.tuples(st.integers(0, 2000), cells, st.integers(0, 60)).map(
    lambda c: (
        _faces([[1, 0.5], [2, 0.5]])[: c[0]]
        + c[1].encode()
        + _faces([[1, 0.5], [2, 0.5]])[c[0] + c[2] :]
    )
)


@quick
@given(rubbish | damaged_faces | st.tuples(cells, cells).map(lambda c: _faces([list(c)])))
@example(b"")
@example(b"\xff" * 100)
@example((",".join(COLUMNS) + "\n").encode())
@example(_faces([["1e30", "0.5"]]))
@example(_faces([["1", "x"]]))
def test_any_faces_csv_gives_a_table_or_says_that_it_is_none(data: bytes) -> None:
    path = file_of(data, "faces.csv")
    again = "Analyse the video again"
    table = documented(lambda: read_faces(path), InputError, again)
    if table is not None:
        assert len(table) == len(table.probs) == len(table.boxes_xywh)
        assert np.isin(table.time_s, table.frame_times).all()
    edits = Edits(merged={2: 1}, excluded=frozenset({3}))
    assert documented(lambda: faces_csv(path, edits), InputError, again) != b""


@quick
@given(rubbish | values.map(as_json))
@example(NESTED.encode())
def test_any_summary_or_job_is_a_dictionary_or_nothing(data: bytes) -> None:
    assert isinstance(read_summary(file_of(data, SUMMARY).parent), dict)
    path = file_of(data, "job.json")
    assert isinstance(read_json(path), dict)
    path.write_bytes(data + b"\n")
    log = JobLog(path)
    log.update()
    log.files([{"name": "a", "path": "a"}])


@quick
@given(rubbish | st.text(alphabet="0123456789abcdef,\n").map(str.encode))
def test_any_known_images_are_read_or_said_to_be_damaged(data: bytes) -> None:
    try:
        found = read_known(file_of(b"split,every,signature_bits\n" + data, "known_images.csv"))
    except ModelError:
        return
    assert all(sample.rows.shape[1] == 14 for sample in found.values())


@quick
@given(rubbish | st.lists(st.tuples(cells, cells, cells), max_size=4).map(
    lambda rows: "\n".join(["emotion,pixels,Usage", *map(",".join, rows)]).encode()
))  # fmt: skip
def test_any_fer2013_csv_is_refused_with_the_reason(data: bytes) -> None:
    with pytest.raises(DatasetError, match=r"fer2013\.csv"):
        load_dataset(file_of(data, "fer2013.csv"))


@given(st.text() | st.sampled_from(["\ud800", "con", "..", "a/b", "\0"]))
def test_any_name_becomes_a_safe_one(text: str) -> None:
    name = safe_name(text)
    assert name
    assert len(name.encode()) <= 200
    assert not set(name) & set('<>:"/\\|?*\0\n')
    assert not name.startswith(".")
