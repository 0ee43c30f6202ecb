"""`study coding`: how far each coder is, and the codes as CSV."""

import argparse
from dataclasses import asdict

from emotion_core.atomic_io import replace_file
from emotion_core.commands.options import write_json_option
from emotion_core.commands.progress import printable
from emotion_core.errors import SettingsError
from emotion_core.results.export import output_error
from emotion_core.study.coding.export import codes_csv
from emotion_core.study.coding.store import CodingStore
from emotion_core.study.folder import Study


def run(options: argparse.Namespace) -> int:
    """Print the progress, and write the codes where that is asked for; returns 0."""
    study = Study.open(options.study)
    store = CodingStore(study.folder)
    target = options.csv
    if target is not None and (target.is_dir() or not target.absolute().parent.is_dir()):
        raise SettingsError(f"{target} must be a file in a folder that exists.")
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
        try:
            replace_file(target, codes_csv(study, store))
        except OSError as error:
            raise output_error(target, error) from error
        print(printable(f"{target}: {len(store.codes())} codes"))
    coders = [asdict(one) | {"coder": one.coder.name, "share": one.coder.share} for one in progress]
    write_json_option(options.json, {"folder": str(study.folder), "coders": coders})
    return 0
