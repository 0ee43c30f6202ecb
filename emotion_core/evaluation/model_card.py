"""The text of MODEL_CARD.md, made from the model folders' own files (Mitchell et al. 2019).

Whatever is a figure here was read from a file that `train` or `evaluate` wrote; nothing is typed in
by hand apart from the words around it and the peers' published figures (`peers`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

from emotion_core.evaluation.evaluate import SCORE_NAMES
from emotion_core.evaluation.labels_learnt import learnt_briefly
from emotion_core.evaluation.model_card_words import DATA, HEAD, LIMITS, PROTOCOL, TRIALS, USE
from emotion_core.evaluation.published_results import FER_ON_OTHER_FACES, peers_of
from emotion_core.labels import EXPRESSIONS, FOLDER_LABELS

if TYPE_CHECKING:
    import pandas as pd

    from emotion_core.evaluation.model_record import ModelRecord


def card_text(
    records: Sequence[ModelRecord], default: str, runs: pd.DataFrame, sizes: dict[str, int]
) -> str:
    """The whole card.

    Args:
        records: the models, the default one first.
        default: name of the model that is served by default.
        runs: the table of runs.csv.
        sizes: model → bytes of its served network.
    """
    parts = [HEAD.format(expressions=", ".join(EXPRESSIONS)), _models(records, default, sizes)]
    parts += [USE, DATA, PROTOCOL]
    parts += [_steps(runs, records), _trials(runs)]
    parts += [_model_section(record) for record in records]
    parts += [LIMITS, _runs(runs)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines)


def _percent(value: float | None, digits: int = 1) -> str:
    if value is None or math.isnan(value):
        return "–"
    return f"{100 * value:.{digits}f}%"


def _figure(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.3f}"


def _scored(score: dict[str, Any] | None) -> str:
    """0.812 [0.798, 0.825]."""
    if not score or score["value"] is None:
        return "–"
    return f"{score['value']:.3f} [{score['low']:.3f}, {score['high']:.3f}]"


def _report(record: ModelRecord) -> dict[str, Any] | None:
    """The report that the card is about: on test where there is one, else on validation."""
    for split in ("test", "validation"):
        for report in record.evaluations.values():
            if report.get("split") == split:
                return report
    return None


def _models(records: Sequence[ModelRecord], default: str, sizes: dict[str, int]) -> str:
    rows = []
    for record in records:
        report = _report(record)
        name = f"**{record.name}**" + (" (served by default)" if record.name == default else "")
        parameters = record.metadata.get("network", {}).get("parameters")
        score = "not measured"
        if report:
            headline = report["headline"]
            score = f"{headline['accuracy']:.3f} ({headline['name']}, {report['split']})"
        size = f"{sizes[record.name] / 1e6:.2f} MB" if record.name in sizes else "not kept"
        count = f"{parameters / 1e6:.2f} M" if parameters else "–"
        learnt = learnt_briefly(record.metadata, record.folder)
        rows.append((name, learnt, count, size, score))
    head = ("model", "labels learnt", "parameters", "served network", "accuracy")
    return "## Models\n\n" + _table(head, rows)


_STEPS: Final = """## What each step brought

Scores on validation, where choices are made, of the last training of each model; a step that builds
on another model names it."""
_STEP_SCORES: Final = ("accuracy", "macro_f1", "rare_recall", "ece")


def _steps(runs: pd.DataFrame, records: Sequence[ModelRecord]) -> str:
    """The models compared on validation, the weakest first, then what serving changes."""
    trained = runs[(runs["event"] == "train") & (runs["split"] == "validation")]
    parts = [_STEPS]
    for label_set, part in trained.groupby("label_set", sort=False):
        last = part.groupby("model", sort=False).tail(1).sort_values("accuracy")
        rows = [
            (str(row["model"]), *(_figure(row[s]) for s in _STEP_SCORES), str(row["note"]))
            for row in last.to_dict("records")
        ]
        head = ("model", "accuracy", "macro-F1", "rare recall", "ECE", "recipe")
        name = SCORE_NAMES.get(str(label_set), str(label_set))
        each = ", each model on faces of its own" if label_set == FOLDER_LABELS else ""
        parts.append(f"{name}, validation{each}:\n\n" + _table(head, rows))
    served = [row for record in records if (row := _serving_row(record))]
    if served:
        names = ["model", "float", "int8", "int8, unclear faces also mirrored: served"]
        parts.append("Accuracy, macro-F1 on validation:\n\n" + _table(names, served))
    return "\n\n".join(parts) if len(parts) > 1 else ""


def _trials(runs: pd.DataFrame) -> str:
    """Short trainings in which one thing differs, and the mean of those in which nothing does."""
    trials = runs[runs["event"] == "trial"].groupby("model", sort=False).tail(1)
    plain = trials[trials["model"].str.startswith("plain")]
    if plain.empty:
        return ""
    scores = ("accuracy", "macro_f1", "cross_score")
    mean, spread = plain[list(scores)].mean(), plain[list(scores)].max() - plain[list(scores)].min()
    rows = [
        (
            str(row["model"]),
            *(f"{row[s]:.3f} ({row[s] - mean[s]:+.3f})" for s in scores),
            *(_figure(row[s]) for s in ("ece", "cross_ece")),
            str(row["note"]).removeprefix("one change: "),
        )
        for row in trials.sort_values("cross_score").to_dict("records")
    ]
    chance = ", ".join(f"{spread[s]:.3f}" for s in scores)
    head = (
        "trial",
        "accuracy",
        "macro-F1",
        "other faces",
        "ECE",
        "ECE, other faces",
        "what differs",
    )
    return TRIALS.format(seeds=len(plain), chance=chance) + "\n\n" + _table(head, rows)


def _serving_row(record: ModelRecord) -> tuple[str, ...] | None:
    for report in record.evaluations.values():
        block = report["scores"].get(record.label_set)
        if report.get("split") == "validation" and block and "served_once" in block:
            served = {k: block["full"][k]["value"] for k in ("accuracy", "macro_f1")}
            kinds = (block.get("float"), block["served_once"], served)
            return (
                record.name,
                *(f"{k['accuracy']:.3f}, {k['macro_f1']:.3f}" if k else "–" for k in kinds),
            )
    return None


def _origin(record: ModelRecord) -> str:
    """Where a model comes from, which the chapters above do not tell of every one."""
    if record.is_external:
        return (
            f"Made with another program ({record.metadata.get('file')}): it learnt "
            f"{record.learnt}. Nothing above on networks, data and licences is about it, and "
            "whether it knows the images below is not known."
        )
    if record.folder:
        return (
            f"It learnt {record.learnt}. Those faces are not part of this project, and the terms "
            "of their owners apply, too."
        )
    return ""


def _model_section(record: ModelRecord) -> str:
    report = _report(record)
    title = f"## {record.name}"
    if report is None:
        words = "Not evaluated yet: `python -m emotion_core evaluate` measures it."
        return "\n\n".join(part for part in (title, _origin(record), words) if part)
    split = report["split"]
    warning = (
        ""
        if split == "test"
        else "\n\n**On validation, on which choices were made; not on the test.**"
    )
    main = report["scores"][report["headline"]["label_set"]]
    parts = [
        f"{title}{warning}",
        _origin(record),
        f"### Scores on the {split} split\n\n" + _scores(report),
        _beside(report),
        f"### Each expression ({main['name']}, {split})\n\n" + _classes(main["full"]),
        "### Failure modes\n\n" + _failures(main["full"], report),
        _robustness(record),
        _other_faces(record),
        _served(record, report),
        _training(record),
    ]
    return "\n\n".join(part for part in parts if part)


_SCORES: Final = (
    ("accuracy", "accuracy"),
    ("balanced accuracy", "balanced_accuracy"),
    ("macro-F1", "macro_f1"),
    ("mean recall of disgust and fear", "rare_recall"),
    ("accuracy of the surest 90%", "accuracy_at_90"),
    ("accuracy of the surest 80%", "accuracy_at_80"),
    ("ECE", "ece"),
    ("negative log-likelihood", "nll"),
)


def _scores(report: dict[str, Any]) -> str:
    columns = []
    for block in report["scores"].values():
        columns.append((block["name"], block["full"]))
        if without := block["without_near_duplicates"]:
            columns.append((f"{block['name']} without near-duplicates", without))
    rows = [["images", *(f"{block['images']:,}" for _, block in columns)]]
    rows += [[title, *(_scored(block[key]) for _, block in columns)] for title, key in _SCORES]
    rows += [["ECE before calibration", *(f"{b['ece_uncalibrated']:.3f}" for _, b in columns)]]
    return _table(["", *(name for name, _ in columns)], rows)


def _beside(report: dict[str, Any]) -> str:
    """Ours compared with people, chance and peers, for each label set; peers on test only."""
    rows = []
    for label_set, block in report["scores"].items():
        name = block["name"]
        rows.append((name, "**this model**", _scored(block["full"]["accuracy"]), ""))
        if people := block.get("human_agreement"):
            rows.append((name, "human agreement", _scored(people), "same images"))
        chance = f"{block['chance']['largest']:.3f}"
        rows.append((name, "always the most frequent expression", chance, "same images"))
        if report["split"] == "test":
            rows += [(name, p.name, f"{p.accuracy:.3f}", p.source) for p in peers_of(label_set)]
    return "Beside others (accuracy):\n\n" + _table(("score", "who", "accuracy", "source"), rows)


def _classes(block: dict[str, Any]) -> str:
    rows = [
        (
            expression,
            f"{row['images']:,}",
            *(_scored(row[key]) for key in ("precision", "recall", "f1")),
        )
        for expression, row in block["per_class"].items()
    ]
    return _table(("", "images", "precision", "recall", "F1"), rows)


def _failures(block: dict[str, Any], report: dict[str, Any]) -> str:
    """The largest confusions, and where the two label sets contradict each other."""
    lines = ["The confusions that take the largest share of an expression's images:", ""]
    lines += [
        f"- {truth} called {answer}: {_percent(share)} ({count:,} images)"
        for share, count, truth, answer in _off_diagonal(block["confusion_matrix"])[:6]
    ]
    agree = report.get("labels_agree")
    if agree and agree["share"] is not None:
        lines += [
            "",
            f"The labels themselves disagree: FER2013 and FER+ give the same expression to "
            f"{_percent(agree['share'])} of the {agree['images']:,} images that both label. "
            "Furthest apart:",
            "",
        ]
        lines += [
            f"- FER2013 says {theirs}, FER+ voters say {ours}: {_percent(share)} of its images "
            f"({count:,})"
            for share, count, theirs, ours in _off_diagonal(agree["fer2013_rows_ferplus_columns"])[
                :4
            ]
        ]
    return "\n".join(lines)


def _off_diagonal(matrix: list[list[int]]) -> list[tuple[float, int, str, str]]:
    """(share of the row, count, row, column) of all wrong cells, the largest share first."""
    cells = [
        (count / sum(row), count, EXPRESSIONS[i], EXPRESSIONS[j])
        for i, row in enumerate(matrix)
        for j, count in enumerate(row)
        if i != j and count
    ]
    return sorted(cells, reverse=True)


def _robustness(record: ModelRecord) -> str:
    table = record.robustness
    if table is None:
        return ""
    undamaged = table.loc[table["damage"] == "none", "accuracy"].tolist()
    rows = []
    for damage, part in table[table["damage"] != "none"].groupby("damage", sort=False):
        steps = zip(part["level"], part["accuracy"], strict=True)
        levels = ", ".join(f"{level:g}: {accuracy:.3f}" for level, accuracy in steps)
        rows.append((str(damage), str(part["unit"].iloc[0]), levels))
    head = f"### Damaged faces ({table['split'].iloc[0]} split)"
    whole = f"Accuracy on undamaged faces: {undamaged[0]:.3f}." if undamaged else ""
    return f"{head}\n\n{whole}\n\n" + _table(("damage", "unit of the level", "accuracy"), rows)


def _other_faces(record: ModelRecord) -> str:
    scores = record.other_faces
    if scores is None:
        return ""
    rows = []
    for block in scores["sets"]:
        fer = FER_ON_OTHER_FACES.get(block["name"], {})
        rows += [
            (block["name"], name, f"{r['images']:,}", _scored(r), f"{fer[name]:.2f}" if fer else "")
            for name, r in block["recall"].items()
        ]
    about = "\n".join(
        f"- {b['name']}: {b['about']}; {b['people']:,} people. Accuracy {b['accuracy']:.3f}, mean "
        f"confidence {b['confidence']:.3f}, ECE {b['ece']:.3f}, unsure {_percent(b['unsure'])}"
        for b in scores["sets"]
    )
    table = _table(("set", "expression", "faces", "recall", "`fer` 25.10"), rows)
    cross = _scored(scores["cross_score"])
    return (
        f"### Faces of other origin\n\nMean recall {cross}; intervals over people. None of these "
        f"faces was used in training.\n\n{table}\n\n{about}"
    )


def _served(record: ModelRecord, report: dict[str, Any]) -> str:
    near, speed = report.get("served_against_float"), report.get("speed") or {}
    lines = ["### Served network", ""]
    if near:
        points = near["served_minus_float_points"][report["headline"]["label_set"]]
        lines.append(
            f"- int8 against float: {points['accuracy']:+.2f} points of accuracy, "
            f"{points['macro_f1']:+.2f} of macro-F1; the same answer on "
            f"{_percent(near['same_answer'])} of {near['images']:,} images"
        )
    if speed:
        lines.append(
            f"- {speed['served_ms_per_face_one_thread']:.2f} ms a face on one thread of the "
            f"machine that measured it; {speed['served_bytes'] / 1e6:.2f} MB"
        )
    unsure = record.metadata.get("unsure") or {}
    if unsure.get("accuracy_unsure") is not None:
        lines.append(
            f"- temperature {record.metadata['temperature']:.3f}; answers below a probability of "
            f"{unsure['threshold']:.2f} are called unsure: on validation "
            f"{_percent(1 - unsure['coverage'])} of them, of which "
            f"{_percent(unsure['accuracy_unsure'])} were right"
        )
    if activation := record.metadata.get("activation"):
        lines.append(
            f"- faces to which it responds with a mean activation below "
            f"{activation['unusual_below']:.3f} are called unusual, and unsure: 1% of the "
            "validation faces"
        )
    return "\n".join(lines)


def _training(record: ModelRecord) -> str:
    settings, facts = record.metadata.get("settings") or {}, record.metadata.get("training") or {}
    if not settings:
        return ""
    flat = {k: v for k, v in settings.items() if not isinstance(v, dict)}
    flat |= {f"network {k}": v for k, v in (settings.get("network") or {}).items()}
    flat |= {f"augment {k}": v for k, v in (settings.get("augment") or {}).items()}
    words = ", ".join(f"{k.replace('_', ' ')} {_plain(v)}" for k, v in flat.items())
    best = f"best epoch {facts.get('best_epoch', '–')} of {facts.get('epochs', '–')}; "
    packages = ", ".join(f"{k} {v}" for k, v in record.metadata.get("packages", {}).items() if v)
    return f"### Training\n\n{best}{words}.\n\nPackages: {packages}."


def _plain(value: Any) -> str:
    return "-".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _runs(runs: pd.DataFrame) -> str:
    title = "## Runs, and every look at the test split"
    if runs.empty:
        return f"{title}\n\nNone is logged yet."
    scores = ("accuracy", "macro_f1", "rare_recall", "ece")
    rows = [
        (
            *(str(row[k]) for k in ("date", "model", "event", "split", "label_set")),
            *(_figure(row[k]) for k in scores),
            str(row["note"]).replace("|", "/"),
        )
        for row in runs.to_dict("records")
    ]
    head = ("date", "model", "event", "split", "labels", "accuracy", "macro-F1", "rare recall")
    return f"{title}\n\n" + _table((*head, "ECE", "recipe or reason"), rows)
