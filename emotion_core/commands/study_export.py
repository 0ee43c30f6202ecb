"""`study export`: the whole study as a zip, or its recordings for other programs."""

import argparse

from emotion_core.atomic_io import replacing
from emotion_core.commands.options import check_target, write_annotations, write_json_option
from emotion_core.commands.progress import printable
from emotion_core.errors import InputError, SettingsError
from emotion_core.interchange.formats import write
from emotion_core.results.export import output_error
from emotion_core.study.folder import RESULTS, Study
from emotion_core.study.interchange import documents_of


def run(options: argparse.Namespace) -> int:
    """Write the zip, or with `--to` the annotations; returns 0."""
    if (options.zip is None) == (options.to is None):
        raise SettingsError("Name the ZIP to write, or a format with --to.")
    study = Study.open(options.study)
    return _annotations(study, options) if options.to else _zip(study, options)


def _annotations(study: Study, options: argparse.Namespace) -> int:
    """Without --output they go to the folder of the study's results."""
    documents = documents_of(study)
    if not documents:
        raise InputError(f"{study.folder} has no recordings to export: add some first.")
    output = options.output
    if output is None:
        output = study.folder / RESULTS
        output.mkdir(exist_ok=True)
    written = write(documents, options.to, study.name)
    paths = write_annotations(written, output)
    told = {"files": [str(path) for path in paths], "problems": list(written.problems)}
    write_json_option(options.json, told)
    return 0


def _zip(study: Study, options: argparse.Namespace) -> int:
    target = options.zip
    check_target(target)
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
