"""Adding tables of OpenFace and py-feat to the recordings of a study."""

import shutil
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from emotion_core.atomic_io import replacing
from emotion_core.errors import InputError
from emotion_core.results.export import output_error
from emotion_core.results.paths import safe_name
from emotion_core.study.additions import Additions
from emotion_core.study.definitions import Recording
from emotion_core.study.folder import Study
from emotion_core.study.other_programs import FILES, program_of
from emotion_core.study.problems import listed
from emotion_core.study.recordings import stem_of
from emotion_core.study.text_files import clean

_NAMES: Final = {program: name for name, program in FILES.items()}


def add_other_tables(
    study: Study, files: Sequence[Path], names: Sequence[str] = (), recording: str = ""
) -> Additions:
    """Copy tables of OpenFace or py-feat into the folders of the recordings that they belong to.

    A table belongs to the recording that has its name or whose video has it: OpenFace names its
    tables after the video. An earlier table of the same program is replaced.

    Args:
        study: the study; what is on disk is changed.
        files: the tables.
        names: what people call the files; their own names where left out.
        recording: all files belong to this one; "": by their names.

    Raises:
        OutputError: the study cannot be written.
    """
    known: dict[str, list[Recording]] = defaultdict(list)
    for row in study.recordings:
        for key in {_key(row.recording), _key(stem_of(row.file))}:
            known[key].append(row)
    result = Additions()
    called = names or [file.name for file in files]
    for file, name in zip(files, called, strict=True):
        try:
            program = program_of(file)
            found = known[_key(recording or stem_of(name))]
            if len(found) != 1:
                raise InputError(_whose(name, found))
        except InputError as error:
            result.failed[file] = str(error)
            continue
        _copy(file, study.analysis_folder(found[0]) / _NAMES[program])
        result.added[file] = f"{found[0].recording} ({program})"
    return result


def _whose(name: str, found: Sequence[Recording]) -> str:
    if found:
        several = listed([row.recording for row in found])
        return f"{name} may belong to {several}: name the file after its recording."
    return (
        f"No recording and no video is called {stem_of(name)}: name the file after its recording."
    )


def _copy(file: Path, target: Path) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with replacing(target) as part:
            shutil.copyfile(file, part)
    except OSError as error:
        raise output_error(target, error) from error


def _key(name: str) -> str:
    return safe_name(clean(name)).casefold()
