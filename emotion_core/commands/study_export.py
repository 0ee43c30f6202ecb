"""`study export`: the whole study as a zip."""

import argparse

from emotion_core.atomic_io import replacing
from emotion_core.commands.options import write_json_option
from emotion_core.commands.progress import printable
from emotion_core.errors import SettingsError
from emotion_core.results.export import output_error
from emotion_core.study.folder import Study


def run(options: argparse.Namespace) -> int:
    """Write the zip; returns 0."""
    study = Study.open(options.study)
    target = options.zip
    if target.is_dir() or not target.absolute().parent.is_dir():
        raise SettingsError(f"{target} must be a file in a folder that exists.")
    try:
        with replacing(target) as part, part.open("wb") as file:
            for piece in study.zip_pieces():
                file.write(piece)
    except OSError as error:
        raise output_error(target, error) from error
    size = target.stat().st_size
    write_json_option(options.json, {"file": str(target), "bytes": size})
    print(printable(f"{target}: {size / 1e6:.1f} MB"))
    return 0
