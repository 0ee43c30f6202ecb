"""The files that an analysis hands out: faces.csv, Parquet, WebVTT, and a zip of all of them.

faces.csv is written row by row while the video is read, so memory does not grow with its length;
everything else is made from it.
"""

import csv
import errno
import io
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np

from emotion_core.datatypes import FrameResult, SignArray
from emotion_core.errors import InputError, OutputError
from emotion_core.labels import EXPRESSIONS
from emotion_core.results.annotations import Edits, markers_csv, shown_clip
from emotion_core.results.face_table import FaceTable, dominant_runs
from emotion_core.results.paths import CLIP, FACES, LSL_MARKERS
from emotion_core.results.streams import ByteSink, Content, PieceReader, csv_pieces
from emotion_core.results.valence_arousal import valence_arousal
from emotion_core.results.webvtt import Cue, webvtt_file

_RAW: Final = tuple(f"raw_{name}" for name in EXPRESSIONS)
# A contract: new columns go to the end.
_PLACE: Final = ("frame", "time_s", "track_id", "x", "y", "width", "height")
_MORE: Final = ("name", "detection_score", "predicted", "unsure", "valence", "arousal", "quality")
_LATER: Final = ("shot", "tracklet", "speaking", "angle")
COLUMNS: Final = (*_PLACE, *EXPRESSIONS, "emotion", "confidence", *_RAW, *_MORE, *_LATER)
_MEANINGS: Final[dict[str, str]] = {
    "frame": "Index of the frame in the source video, 0 for the first one.",
    "time_s": "The source's own presentation time of the frame, in seconds.",
    "track_id": "Identity of the person within this video, counted from 1; empty without a face.",
    "x": "Left edge of the face's box, pixels of the upright picture.",
    "y": "Top edge of the face's box, pixels of the upright picture.",
    "width": "Width of the face's box, pixels.",
    "height": "Height of the face's box, pixels.",
    "emotion": "The expression with the largest probability, also where `unsure`.",
    "confidence": "The largest of the seven probabilities, 0 to 1.",
    "name": "Name given to the person by the user; empty where none was given.",
    "detection_score": "The face detector's own certainty; larger is surer, no probability.",
    "predicted": "1: the face was not seen in this frame; its box is held over a short gap.",
    "unsure": "1: the confidence lies below the model's calibrated threshold.",
    "valence": "-1 unpleasant to 1 pleasant; derived from the probabilities, not measured.",
    "arousal": "-1 sleepy to 1 excited; derived from the probabilities, not measured.",
    "shot": "Number of the shot, from 1; the camera cuts between two shots. Also without a face.",
    "tracklet": "Number of the uninterrupted track; a person who was away has several.",
    "speaking": "1: the mouth moves as in speech, 0: it does not; empty where that is not known.",
    "angle": "Degrees counter-clockwise by which the head leans; the network saw it upright.",
    "quality": "Why it may be read poorly (+): small, dark, blurred, cut, turned, unusual.",
}


def face_rows(result: FrameResult, names: dict[int, str] | None = None) -> list[list[str]]:
    """The rows of faces.csv for one analysed frame; one row with empty columns without a face."""
    head = [str(result.index), f"{result.time_s:.6f}"]
    if not len(result):
        return [head + [""] * (len(COLUMNS) - 6) + [str(result.shot), "", "", ""]]
    affect = valence_arousal(result.probs)
    rows = []
    for i, label in enumerate(result.labels):
        left, top, right, bottom = (float(v) for v in result.boxes[i])
        track_id = int(result.track_ids[i])
        rows.append(
            head
            + [str(track_id), *(f"{v:.1f}" for v in (left, top, right - left, bottom - top))]
            + [f"{p:.6f}" for p in result.probs[i]]
            + [label, f"{result.probs[i].max():.6f}"]
            + [f"{p:.6f}" for p in result.raw_probs[i]]
            + [(names or {}).get(track_id, ""), f"{result.detection_scores[i]:.3f}"]
            + [str(int(result.predicted[i])), str(int(result.unsure[i]))]
            + [f"{v:.4f}" for v in affect[i]]
            + ["+".join(hint.value for hint in result.quality[i])]
            + [str(result.shot), str(int(result.tracklets[i]))]
            + ["" if result.speaking[i] < 0 else str(int(result.speaking[i]))]
            + [f"{result.angles[i]:.1f}"]
        )
    return rows


def output_error(path: Path, error: OSError) -> OutputError:
    """What a failed write means to the user."""
    if error.errno == errno.ENOSPC:
        return OutputError(f"The disk is full: {path.name} could not be finished. Free some space.")
    return OutputError(f"{path.name} could not be written: {error.strerror}.")


# Whole numbers up to here are exact as float64; NaN is not below it.
_LARGEST: Final = 2.0**53
# Text of faces.csv for one row group of a Parquet file, about 15,000 rows.
_BATCH_BYTES: Final = 1 << 22
_READ: Final = (*_PLACE, *EXPRESSIONS, "detection_score", "predicted", "unsure")


def read_faces(path: Path) -> FaceTable:
    """Read faces.csv as columns; a last line that was cut off is dropped.

    Raises:
        InputError: the file is missing or no such table.
    """
    columns = _columns(path)
    faces = ~np.isnan(columns["track_id"])
    times, ids = columns["time_s"], columns["track_id"][faces]
    frames = columns["frame"]
    if not all((np.abs(c) < _LARGEST).all() for c in (times, ids, frames)):
        raise InputError(f"{path} is damaged: a time is no time. Analyse the video again.")

    def numbers(*names: str, dtype: type = np.float32) -> Any:
        picked = [columns[name][faces].astype(dtype) for name in names]
        return np.stack(picked, 1) if len(names) > 1 else picked[0]

    shots = columns["shot"]
    return FaceTable(
        frame=numbers("frame", dtype=np.int64),
        time_s=columns["time_s"][faces],
        track_id=numbers("track_id", dtype=np.int64),
        boxes_xywh=numbers("x", "y", "width", "height"),
        probs=numbers(*EXPRESSIONS),
        detection_score=numbers("detection_score"),
        predicted=numbers("predicted", dtype=np.bool_),
        unsure=numbers("unsure", dtype=np.bool_),
        tracklet=numbers("tracklet", dtype=np.int64),
        shot=numbers("shot", dtype=np.int64),
        speaking=_signs(columns["speaking"][faces]),
        angle=np.nan_to_num(numbers("angle")),
        frame_times=np.unique(columns["time_s"]),
        cuts=np.unique(columns["time_s"][1:][np.diff(shots) > 0]),
    )


def _signs(column: np.ndarray) -> SignArray:
    """(N,) int8: 1 and 0 as they are, anything else is not known (-1)."""
    return np.where(column == 1, 1, np.where(column == 0, 0, -1)).astype(np.int8)


def _columns(path: Path) -> dict[str, np.ndarray]:
    """Columns as float64; empty cells are NaN. Arrow keeps hours of rows out of Python objects."""
    import pyarrow as pa
    import pyarrow.csv as pa_csv

    try:
        with path.open(encoding="utf-8", newline="") as file:
            there = next(csv.reader(file), [])
        names = [*_READ, *(name for name in _LATER if name in there)]
        table = pa_csv.read_csv(
            path,
            parse_options=pa_csv.ParseOptions(invalid_row_handler=lambda _: "skip"),
            convert_options=pa_csv.ConvertOptions(
                include_columns=names, column_types=dict.fromkeys(names, pa.float64())
            ),
        )
    except (OSError, ValueError, csv.Error, pa.ArrowInvalid, KeyError) as error:
        raise InputError(
            f"{path} is no table of faces: {error}. Analyse the video again."
        ) from error
    columns = {name: table[name].to_numpy(zero_copy_only=False) for name in names}
    # A table of an earlier version: it has no recognised people, cuts, speech or leaning heads.
    columns.setdefault("tracklet", columns["track_id"])
    columns.setdefault("shot", np.ones(len(columns["time_s"])))
    columns.setdefault("speaking", np.full(len(columns["time_s"]), np.nan))
    columns.setdefault("angle", np.zeros(len(columns["time_s"])))
    return columns


def edited_rows(path: Path, edits: Edits) -> Iterator[list[str]]:
    """The rows of faces.csv with the user's edits applied, header first.

    An excluded person's rows are left out; a frame that is then without a face keeps its one empty
    row. Of two merged identities in one frame, the one seen with more certainty stays.

    Raises:
        InputError: the file is damaged.
    """
    try:
        yield from _edited_rows(path, edits)
    except (ValueError, KeyError, csv.Error) as error:
        raise InputError(f"{path} is damaged ({error}). Analyse the video again.") from error


def _edited_rows(path: Path, edits: Edits) -> Iterator[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.reader(file)
        # A table of another version may have fewer columns, or more.
        header = next(rows, list(COLUMNS))
        place = {name: i for i, name in enumerate(header)}
        yield header
        frame: list[list[str]] = []
        for row in rows:
            if len(row) < len(header):
                break
            if frame and frame[0][0] != row[0]:
                yield from _edited_frame(frame, edits, place)
                frame = []
            frame.append(row)
        if frame:
            yield from _edited_frame(frame, edits, place)


def _edited_frame(
    rows: list[list[str]], edits: Edits, place: dict[str, int]
) -> Iterable[list[str]]:
    best: dict[int, list[str]] = {}
    for row in rows:
        if row[place["track_id"]] == "":
            continue
        track_id = int(row[place["track_id"]])
        if edits.apart and "tracklet" in place:
            track_id = edits.apart.get(int(row[place["tracklet"]]), track_id)
        track_id = edits.merged.get(track_id, track_id)
        if track_id in edits.excluded:
            continue
        row = list(row)
        row[place["track_id"]], row[place["name"]] = str(track_id), edits.names.get(track_id, "")
        rival = best.get(track_id)
        if rival is None or _certainty(row, place) > _certainty(rival, place):
            best[track_id] = row
    if best:
        return best.values()
    kept = ("frame", "time_s", "shot")
    return [[rows[0][i] if name in kept else "" for name, i in place.items()]]


def _certainty(row: list[str], place: dict[str, int]) -> tuple[bool, float]:
    return row[place["predicted"]] == "0", float(row[place["detection_score"]])


def faces_csv(path: Path, edits: Edits) -> Iterator[bytes]:
    """faces.csv with the edits applied, UTF-8, in pieces.

    Raises:
        OSError: the file cannot be read.
    """
    return csv_pieces(edited_rows(path, edits))


def faces_parquet(path: Path, edits: Edits) -> Iterator[bytes]:
    """The same table as Parquet with typed columns, in pieces; empty cells are null.

    Raises:
        OSError: the file cannot be read.
    """
    import pyarrow.csv as pa_csv
    import pyarrow.parquet as pa_parquet

    sink = ByteSink()
    batches = pa_csv.open_csv(
        io.BufferedReader(PieceReader(faces_csv(path, edits))),
        read_options=pa_csv.ReadOptions(use_threads=False, block_size=_BATCH_BYTES),
        convert_options=pa_csv.ConvertOptions(
            column_types=_parquet_types(),
            # Nothing but nothing: a person may be called NA.
            null_values=[""],
            strings_can_be_null=True,
            true_values=["1"],
            false_values=["0"],
        ),
    )
    with pa_parquet.ParquetWriter(sink, batches.schema) as writer:
        for batch in batches:
            writer.write_batch(batch)
            yield sink.take()
    yield sink.take()


def _parquet_types() -> dict[str, Any]:
    import pyarrow as pa

    types = dict.fromkeys(COLUMNS, pa.float64())
    types |= dict.fromkeys(("frame", "track_id", "shot", "tracklet"), pa.int64())
    types |= dict.fromkeys(("emotion", "name", "quality"), pa.string())
    return types | dict.fromkeys(("predicted", "unsure", "speaking"), pa.bool_())


def webvtt(table: FaceTable, edits: Edits, origin_s: float = 0.0) -> str:
    """Subtitles of each person's dominant expression, for players of the annotated clip.

    Args:
        table: with the edits already applied.
        edits: for the names.
        origin_s: the source's time at which the clip begins.
    """
    return webvtt_file(
        Cue(
            run.start_s - origin_s,
            run.end_s - origin_s,
            f"{edits.name_of(track_id)}: {run.expression}",
        )
        for track_id in table.people
        for run in dominant_runs(table.person(track_id))
    )


def column_dictionary() -> str:
    """What every column of faces.csv means, as CSV: `column, meaning`."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("column", "meaning"))
    for name in COLUMNS:
        kind = name.removeprefix("raw_")
        how = "calibrated, not smoothed" if name in _RAW else "calibrated and smoothed over time"
        writer.writerow((name, _MEANINGS.get(name, f"Probability of '{kind}', 0 to 1; {how}.")))
    return text.getvalue()


def export_files(folder: Path, edits: Edits, origin_s: float) -> dict[str, Content]:
    """Every export of a results folder by name, as `zip_pieces` takes it (summary left out).

    The tables are read when their pieces are.

    Raises:
        InputError: there is no table of faces.
    """
    faces = folder / FACES
    table = edits.apply(read_faces(faces))
    files: dict[str, Content] = {
        "faces.csv": faces_csv(faces, edits),
        "faces.parquet": faces_parquet(faces, edits),
        "markers.csv": markers_csv(edits),
        "subtitles.vtt": webvtt(table, edits, origin_s),
        "columns.csv": column_dictionary(),
    }
    clip = shown_clip(folder, edits)
    if clip.is_file():
        files[CLIP] = clip
    if (lsl := folder / LSL_MARKERS).is_file():
        files[LSL_MARKERS] = lsl
    return files
