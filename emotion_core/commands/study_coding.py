"""`study coding`: how far each coder is, and the codes as CSV."""

import argparse
from dataclasses import asdict

from emotion_core.commands.options import check_target, write_json_option, write_target
from emotion_core.commands.progress import printable
from emotion_core.study.coding.export import codes_csv
from emotion_core.study.coding.store import CodingStore
from emotion_core.study.folder import Study


def run(options: argparse.Namespace) -> int:
    """Print the progress, and write the codes where that is asked for; returns 0."""
    study = Study.open(options.study)
    store = CodingStore(study.folder)
    target = options.csv
    check_target(target, "--csv ")
    progress = store.progress()
    for one in progress:
        name, share = one.coder.name, f"{one.coder.share:.0%} of the clips"
        words = f"{name} ({share}): {one.done} of {one.units} clips done, {one.keys} keys"
        if one.training:
            words += f", {one.training_done} of {one.training} training clips"
        print(printable(words))
    if not progress:
        print("No one has coded yet: open the study on the Study page, tab Coding.")
    if target is not None:
        write_target(target, codes_csv(study, store))
        print(printable(f"{target}: {len(store.codes())} codes"))
    coders = [asdict(one) | {"coder": one.coder.name, "share": one.coder.share} for one in progress]
    write_json_option(options.json, {"folder": str(study.folder), "coders": coders})
    return 0
