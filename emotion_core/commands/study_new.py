"""`study new`: a folder with an empty study, or with the synthetic sample."""

import argparse

from emotion_core.commands.options import write_json_option
from emotion_core.commands.progress import printable
from emotion_core.study.folder import Study
from emotion_core.study.sample import make_sample_study


def run(options: argparse.Namespace) -> int:
    """Make the study; returns 0."""
    if options.sample:
        study = make_sample_study(options.study)
    else:
        study = Study.create(options.study, options.name or options.study.resolve().name)
    outcome = {"folder": str(study.folder), "name": study.name, "recordings": len(study.recordings)}
    write_json_option(options.json, outcome)
    print(printable(f"{study.folder}: {study.name}, {len(study.recordings)} recordings"))
    return 0
