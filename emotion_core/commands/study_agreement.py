"""`study agreement`: codes of people and the machine's readings → how well they agree."""

import argparse
import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from emotion_core.commands.options import check_target, write_json_option, write_target
from emotion_core.commands.progress import printable
from emotion_core.study.agreement.kept_settings import kept_settings
from emotion_core.study.agreement.measures import LABELS
from emotion_core.study.agreement.of_study import (
    AGREEMENT,
    agreement_json,
    study_agreement,
    write_agreement,
)
from emotion_core.study.agreement.report import Agreement
from emotion_core.study.agreement.sentences import methods, references, results
from emotion_core.study.folder import RESULTS, Study
from emotion_core.study.tables import csv_bytes


def run(options: argparse.Namespace) -> int:
    """Compute agreement, write results/agreement.csv and print the figures; returns 0."""
    check_target(options.csv, "--csv ")
    study = Study.open(options.study)
    settings, problems = kept_settings(study)
    given: dict[str, Any] = {
        "coders": None if options.coder is None else tuple(options.coder),
        "tolerance_s": options.tolerance,
        "uncoded_as": None if options.uncoded_as is None else options.uncoded_as.strip(),
    }
    settings = replace(settings, **{k: v for k, v in given.items() if v is not None})
    found = study_agreement(study, settings)
    write_agreement(study, found)
    sentences = [methods(found), *results(found), *references(found)]
    write_json_option(options.json, agreement_json(found, sentences))
    if options.csv is not None:
        write_target(options.csv, csv_bytes(found.figures))
    for line in (*map(str, problems), *lines_of(found)):
        print(printable(line))
    print(printable(f"{study.folder / RESULTS / AGREEMENT}: {len(found.figures)} figures"))
    return 0


def lines_of(found: Agreement) -> Sequence[str]:
    """The overall figures of each pair, notes, and sentences for a paper."""
    rows = found.figures[found.figures["category"] == "all"]
    lines = []
    for row in rows.to_dict("records"):
        who = f"{row['first']} – {row['second']}" if row["second"] else str(row["first"])
        value = "–" if math.isnan(row["value"]) else f"{row['value']:.3f}"
        limits = "" if math.isnan(row["low"]) else f" [{row['low']:.3f}, {row['high']:.3f}]"
        note = f"  {row['note']}" if row["note"] else ""
        lines.append(f"{who}: {LABELS[row['measure']]} {value}{limits}{note}")
    lines += [f"note: {note}" for note in found.notes]
    return [*lines, *results(found)]
