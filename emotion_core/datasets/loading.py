"""Reading labelled faces from a folder, a zip or fer2013.csv."""

import errno
import os
from pathlib import Path

from emotion_core.datasets import readers
from emotion_core.datasets.dataset import Dataset
from emotion_core.errors import DatasetError


def load_dataset(path: str | Path) -> Dataset:
    """Read labelled faces in any of the layouts that `dataset` describes.

    Raises:
        DatasetError: nothing readable there; the message names the file and the row.
    """
    source = Path(path)
    try:
        if not source.exists():
            raise DatasetError(f"{source} does not exist. Give a folder, a zip or fer2013.csv.")
        if not os.access(source, os.R_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        splits, notes = readers.read(source)
    except PermissionError as error:
        raise DatasetError(f"{source} may not be read ({error.strerror}).") from error
    if not any(len(split) for split in splits.values()):
        raise DatasetError(
            f"{source.name} holds no labelled faces in a layout this program knows. See "
            "`evaluate --help` for the layouts."
        )
    return Dataset(source, splits, notes)
