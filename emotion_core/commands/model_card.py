"""`model-card`: MODEL_CARD.md from the model folders' own files."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from emotion_core.atomic_io import replace_file, write_json
from emotion_core.commands.options import add_json_option, add_models_dir_option
from emotion_core.errors import ModelError, OutputError
from emotion_core.evaluation.experiment_log import read_runs
from emotion_core.evaluation.model_card import card_text
from emotion_core.evaluation.model_record import read_record, served_sizes
from emotion_core.model.bundle import default_name, list_models, model_problem, models_folder


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options."""
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help="where to write it (MODEL_CARD.md beside the folder of models)",
    )
    add_models_dir_option(parser)
    add_json_option(parser, "the headline figures as JSON")


def run(options: argparse.Namespace) -> int:
    """Write the card; returns the exit status: 1 where a model's files are missing or damaged."""
    folder = models_folder(options.models_dir)
    names = list_models(folder)
    if not names:
        raise ModelError(f"There is no model in {folder} to write a card about. Train one first.")
    records = [read_record(folder / name) for name in names]
    sizes = served_sizes({name: folder / name for name in names})
    out = options.out or folder.absolute().parent / "MODEL_CARD.md"
    text = card_text(records, default_name(folder), read_runs(folder), sizes)
    figures = {r.name: {k: e.get("headline") for k, e in r.evaluations.items()} for r in records}
    try:
        replace_file(out, text.encode("utf-8"))
        if options.json:
            write_json(options.json, {"models": figures})
    except OSError as error:
        raise OutputError(f"The card cannot be written: {error}") from error
    print(f"wrote {out}")
    found = {problem for record in records for problem in record.problems}
    found |= {model_problem(record.name, folder) for record in records if record.is_external}
    problems = sorted(found - {""})
    for problem in problems:
        print(f"left out: {problem}", file=sys.stderr)
    return 1 if problems else 0
