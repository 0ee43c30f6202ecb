"""The store of codes: killed, shared, damaged, newer; coders, plans, training and tables."""

import contextlib
import signal
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pandas as pd
import pytest
from study_folders import recording, study_with

from emotion_core.errors import EmotionCoreError, InputError, OutputError, SettingsError
from emotion_core.study.coding.database import transaction
from emotion_core.study.coding.export import COLUMNS, codes_csv
from emotion_core.study.coding.plans import Plan, Window
from emotion_core.study.coding.replay import Action, Key
from emotion_core.study.coding.scheme import (
    Category,
    CodeKind,
    Scheme,
    read_scheme,
    save_scheme,
    scheme_of,
)
from emotion_core.study.coding.store import CODES, UNITS, CodingStore
from emotion_core.study.coding.training import feedback, training_units
from emotion_core.study.folder import Study

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs" / "data.md"
# Codes as fast as it can; each line tells of a key that is saved.
CODER = """
import sys
from pathlib import Path
from emotion_core.study.coding.replay import Action, Key
from emotion_core.study.coding.store import CodingStore
store, name = CodingStore(Path(sys.argv[1])), sys.argv[2]
unit = store.units_of(name)[0].id
for i in range(int(sys.argv[3])):
    store.press(name, unit, [Key(f"{name}{i}", Action.CODE, i / 1000, "happy")])
    print(i, flush=True)
"""


@pytest.fixture
def store(tmp_path: Path) -> CodingStore:
    """Two coders, and a plan of four clips."""
    store = CodingStore(tmp_path)
    store.add_coder("Anna")
    store.add_coder("Bo", 0.5)
    windows = [Window("P1_a", start, start + 5.0) for start in (0.0, 5.0, 10.0, 15.0)]
    store.add_plan("windows", Plan(), windows)
    return store


def coding_process(folder: Path, name: str, keys: int) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", CODER, str(folder), name, str(keys)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def keys_kept(store: CodingStore, name: str) -> int:
    return next(p.keys for p in store.progress() if p.coder.name == name)


@pytest.mark.parametrize("after", [1, 7, 40])
def test_a_killed_process_loses_at_most_its_last_key(store: CodingStore, after: int) -> None:
    process = coding_process(store.path.parents[1], "Anna", 100_000)
    assert process.stdout is not None
    saved = 0
    while saved < after:
        saved = int(process.stdout.readline()) + 1
    process.send_signal(signal.SIGKILL)
    saved = max([saved, *(int(line) + 1 for line in process.stdout.read().split())])
    process.communicate()
    assert saved <= keys_kept(store, "Anna") <= saved + 1
    # Whatever was under way, the next key is taken.
    store.press("Anna", store.units_of("Anna")[0].id, [Key("next", Action.UNDO)])
    with sqlite3.connect(store.path) as file:
        assert file.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    file.close()


def test_two_processes_code_at_once(store: CodingStore) -> None:
    folder = store.path.parents[1]
    processes = [coding_process(folder, name, 40) for name in ("Anna", "Bo")]
    for process in processes:
        assert len(process.communicate(timeout=60)[0].split()) == 40
    assert (keys_kept(store, "Anna"), keys_kept(store, "Bo")) == (40, 40)


def test_a_key_that_arrives_twice_counts_once(store: CodingStore) -> None:
    """From two tabs at once, or again after the connection was lost."""
    unit = store.units_of("Anna")[0]
    key = Key("one", Action.CODE, 1.0, "happy")
    tabs = [threading.Thread(target=store.press, args=("Anna", unit.id, [key])) for _ in range(4)]
    for tab in tabs:
        tab.start()
    for tab in tabs:
        tab.join()
    assert keys_kept(store, "Anna") == 1
    assert [c.running for c in store.coded("Anna", unit).codes] == [True]


def test_a_change_that_breaks_off_leaves_nothing(store: CodingStore) -> None:
    before = store.coders()

    def broken() -> None:
        with transaction(store.path, write=True) as file:
            file.execute("DELETE FROM coders")
            raise InputError("broken off")

    with pytest.raises(InputError, match="broken off"):
        broken()
    assert store.coders() == before != ()


def test_tables_have_the_agreed_columns_with_and_without_codes(tmp_path: Path) -> None:
    store = CodingStore(tmp_path)
    for frame, columns in ((store.codes(), CODES), (store.units(), UNITS)):
        assert tuple(frame.columns) == columns
        assert frame.empty
    assert not store.path.exists()
    assert store.codes().dtypes.astype(str).to_dict() == {
        "coder": "object", "recording": "object", "unit": "object", "start_s": "float64",
        "end_s": "float64", "code": "object", "intensity": "float64", "cannot_tell": "bool",
        "note": "object",
    }  # fmt: skip


def test_codes_and_clips_as_tables(store: CodingStore, tmp_path: Path) -> None:
    unit = store.units_of("Anna")[0]
    keys = [
        Key("a", Action.CODE, unit.start_s + 1, "happy"),
        Key("b", Action.INTENSITY, value=4),
        Key("c", Action.CANNOT_TELL, unit.start_s + 2),
        Key("d", Action.CODE, unit.start_s + 3, "blink", CodeKind.MOMENT),
        Key("e", Action.NOTE, target="a", text="=1+1, half"),
    ]
    store.press("Anna", unit.id, keys)
    store.finish("Anna", unit.id)
    store.finish("Bo", store.units_of("Bo")[0].id)
    codes = store.codes()
    assert codes["code"].tolist() == ["happy", "", "blink"]
    assert codes["cannot_tell"].tolist() == [False, True, False]
    assert (codes["start_s"] - unit.start_s).tolist() == [1.0, 2.0, 3.0]
    assert (codes["end_s"] - unit.start_s).tolist() == [2.0, 5.0, 3.0]
    assert codes["intensity"].fillna(0).tolist() == [4.0, 0.0, 0.0]
    assert store.units()["done"].tolist() == [True, True]
    study = study_with(tmp_path / "study", [recording("P1_a", participant="P1")])
    path = tmp_path / "codes.csv"
    path.write_bytes(codes_csv(study, store))
    table = pd.read_csv(path)
    assert list(table.columns) == list(COLUMNS)
    assert table["coder"].tolist() == ["Anna"] * 3 + ["Bo"]
    assert table["participant"].tolist() == ["P1"] * 4
    assert table["start_s"].isna().tolist() == [False] * 3 + [True]
    assert table["note"][0] == "=1+1, half"
    store.delete_coder("Anna")
    path.write_bytes(codes_csv(study, store))
    assert pd.read_csv(path)[["coder", "done", "cannot_tell"]].to_numpy().tolist() == [["Bo", 1, 0]]


def test_every_column_of_the_csv_is_documented() -> None:
    section = DOCS.read_text("utf-8").partition("### Codes")[2].partition("\n#")[0]
    for name, meaning in COLUMNS.items():
        assert f"| `{name}` | {meaning} |" in section


def test_shares_orders_and_progress(store: CodingStore) -> None:
    anna, bo = store.units_of("anna"), store.units_of("BO")
    assert (len(anna), len(bo)) == (4, 2)
    assert {u.id for u in bo} < {u.id for u in anna}
    assert anna == CodingStore(store.path.parents[1]).units_of("Anna")
    store.finish("Bo", bo[0].id)
    store.finish("Bo", bo[0].id)
    assert [(p.coder.name, p.done, p.units) for p in store.progress()] == [
        ("Anna", 0, 4), ("Bo", 1, 2),
    ]  # fmt: skip
    store.set_share("Bo", 1.0)
    assert len(store.units_of("Bo")) == 4
    store.reopen("Bo", bo[0].id)
    assert store.done("Bo") == frozenset()


@pytest.mark.parametrize("name", ["anna", " ANNA ", "Änna".replace("Ä", "A"), "Ａnna"])
def test_two_coders_cannot_have_one_name(store: CodingStore, name: str) -> None:
    with pytest.raises(InputError, match="continue as this coder, or take another name"):
        store.add_coder(name)
    assert store.find_coder(name) == store.coders()[0]


@pytest.mark.parametrize("name", ["", "  ", "\n", "x" * 61, "machine", "Machine "])
def test_names_that_no_coder_can_have(store: CodingStore, name: str) -> None:
    with pytest.raises(InputError, match="name"):
        store.add_coder(name)


def test_what_is_deleted_is_gone_and_told(store: CodingStore) -> None:
    unit = store.units_of("Bo")[0]
    store.press("Bo", unit.id, [Key("a", Action.CODE, 1.0, "happy")])
    store.delete_coder("Bo")
    store.delete_coder("Bo")
    assert store.codes().empty
    with pytest.raises(InputError, match="deleted"):
        store.press("Bo", unit.id, [Key("b", Action.CODE, 1.0, "sad")])
    with pytest.raises(InputError, match="no coder “Bo”"):
        store.units_of("Bo")
    store.press("Anna", unit.id, [Key("c", Action.CODE, 1.0, "sad")])
    store.delete_plan(store.plans()[0].id)
    assert store.codes().empty
    assert store.units_of("Anna") == ()
    for share in (0.0, 1.5, float("nan")):
        with pytest.raises(SettingsError, match="share"):
            store.set_share("Anna", share)


def overwrite_header(path: Path) -> None:
    path.write_bytes(b"This is no database. " * 300)


def cut_tables(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[:100] + b"\0" * (len(data) - 100))


def newer(path: Path) -> None:
    with sqlite3.connect(path) as file:
        file.execute("PRAGMA user_version = 99")
    file.close()


def foreign(path: Path) -> None:
    path.unlink()
    with sqlite3.connect(path) as file:
        file.execute("CREATE TABLE songs (name TEXT)")
    file.close()


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (overwrite_header, "damaged"),
        (cut_tables, "damaged|lacks|not a file of codes"),
        (newer, "newer version"),
        (foreign, "not a file of codes"),
    ],
)
def test_a_file_that_cannot_be_used_is_told_and_kept(
    store: CodingStore, harm: object, words: str
) -> None:
    assert callable(harm)
    harm(store.path)
    before = store.path.read_bytes()
    for use in (store.codes, store.progress, lambda: store.add_coder("Cy")):
        with pytest.raises(EmotionCoreError, match=words):
            use()
    assert store.path.read_bytes() == before


def test_a_file_that_another_program_holds_is_told(
    store: CodingStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("emotion_core.study.coding.database._PATIENCE_S", 0.05)
    other = sqlite3.connect(store.path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(OutputError, match="in use by another program"):
        store.add_coder("Cy")
    other.execute("ROLLBACK")
    other.close()
    assert store.add_coder("Cy").name == "Cy"


def test_training_clips_come_first_and_are_compared_with_their_answers(store: CodingStore) -> None:
    unit = store.units_of("Anna")[0]
    start = unit.start_s
    with pytest.raises(InputError, match="has not finished a clip"):
        training_units(store, "Anna", 2, 1)
    store.press("Anna", unit.id, [
        Key("a", Action.CODE, start, "happy"),
        Key("b", Action.CODE, start + 2, "sad"),
        Key("c", Action.CODE, start + 1, "blink", CodeKind.MOMENT),
    ])  # fmt: skip
    store.finish("Anna", unit.id)
    store.add_training("training", 1, training_units(store, "Anna", 5, 1))
    store.set_share("Bo", 1.0)
    first, *rest = store.units_of("Bo")
    assert (first.training, first.start_s, first.answered_by) == (True, start, "Anna")
    assert not any(u.training for u in (*rest, *store.units_of("Anna")))
    # A clip whose answers were shown is not coded once more.
    assert [u.start_s for u in rest].count(start) == 0
    store.press("Bo", first.id, [
        Key("d", Action.CODE, start, "happy"),
        Key("e", Action.CODE, start + 3, "sad"),
        Key("f", Action.CODE, start + 1.3, "blink", CodeKind.MOMENT),
        Key("g", Action.CODE, start + 4, "blink", CodeKind.MOMENT),
    ])  # fmt: skip
    store.finish("Bo", first.id)
    codes = store.codes()
    mine = codes[codes["coder"] == "Bo"]
    assert mine["code"].tolist() == ["happy", "blink", "sad", "blink"]
    found = feedback(first, store.finished("Bo", first))
    assert found.same == pytest.approx(0.8)
    assert (found.moments, found.moments_found, found.moments_added) == (1, 1, 1)
    units = store.units()
    assert units[units["coder"] == "Bo"]["training"].tolist() == [True]


def test_the_scheme_is_kept_in_the_study(tmp_path: Path) -> None:
    study = study_with(tmp_path / "study", [])
    assert read_scheme(study) == (Scheme(), ())
    assert [c.key for c in Scheme().categories] == list("1234567")
    path = study.folder / "study.toml"
    path.write_text(f"{path.read_text('utf-8')}\n# mine\n", "utf-8")
    wanted = Scheme(
        (Category("2", "smile", "Lächeln"), Category("9", "blink", kind=CodeKind.MOMENT)), False
    )
    study = save_scheme(study, wanted)
    assert read_scheme(study) == (wanted, ())
    assert "# mine" in path.read_text("utf-8")
    fewer = Scheme((Category("1", "smile"),), exclusive=False)
    assert read_scheme(save_scheme(study, fewer)) == (fewer, ())


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"categories": []}, "as a table"),
        ({"categories": {}}, "at least one"),
        ({"categories": {"10": {"code": "a"}}}, "key from 1 to 9"),
        ({"categories": {"1": {"code": ""}}}, "needs a code"),
        ({"categories": {"1": {"code": "Cannot tell"}}}, "on key 0 already"),
        ({"categories": {"1": {"code": 5}}}, "must be text"),
        ({"categories": {"1": {"code": "a"}, "2": {"code": "A"}}}, "the code a"),
        ({"categories": {"1": {"code": "a", "kind": "x"}}}, "stretch or moment"),
        ({"intensity": "yes"}, "true or false"),
    ],
)
def test_a_scheme_that_cannot_be_used_is_told(values: dict[str, object], words: str) -> None:
    scheme, problems = scheme_of(values)
    assert scheme == Scheme()
    assert words in str(problems[0])


def test_a_zip_made_while_coders_code_holds_a_whole_store(tmp_path: Path) -> None:
    study = study_with(tmp_path / "study", [])
    store = CodingStore(study.folder)
    store.add_coder("Anna")
    store.add_plan("w", Plan(), [Window("r", 0.0, 9.0)])
    store.press("Anna", store.units_of("Anna")[0].id, [Key("a", Action.CODE, 1.0, "happy")])
    other = sqlite3.connect(store.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    other.execute("DELETE FROM keys")
    assert (store.path.parent / "codes.sqlite-journal").exists()
    archive = tmp_path / "study.zip"
    archive.write_bytes(b"".join(study.zip_pieces()))
    other.execute("COMMIT")
    other.close()
    copy = Study.unzip(archive, tmp_path / "copy")
    assert [path.name for path in (copy.folder / "coding").iterdir()] == ["codes.sqlite"]
    assert CodingStore(copy.folder).codes()["code"].tolist() == ["happy"]
    assert store.codes().empty


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ("UPDATE units SET answers = 'nonsense'", "clip"),
        ("UPDATE units SET answers = '[[1, 2]]'", "clip"),
        ("UPDATE plans SET settings = '{'", "plan"),
        ("UPDATE keys SET action = 'dance'", "key"),
    ],
)
def test_a_damaged_row_is_told(store: CodingStore, change: str, part: str) -> None:
    store.press("Anna", store.units_of("Anna")[0].id, [Key("a", Action.CODE, 1.0, "happy")])
    with contextlib.closing(sqlite3.connect(store.path)) as file, file:
        file.execute(change)
    with pytest.raises(InputError, match=rf"damaged \({part} .*left as it is"):
        store.plans(), store.codes()
