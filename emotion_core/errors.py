"""Every error this package raises on purpose.

EmotionCoreError
├── InputError (also ValueError)    what the caller gave cannot be used
│   ├── FrameError                  an array that is not a picture, an invalid time stamp
│   ├── MediaError                  a file that is not a readable photo or video
│   │   ├── PhotoError
│   │   └── VideoError
│   ├── DatasetError                labelled faces: zip, CSV or folder with something wrong in it
│   └── SettingsError               a setting outside its range
├── ModelError                      a model folder is missing, damaged or of another version
├── CheckpointError                 a training run cannot be resumed from its files
├── OutputError                     results cannot be written (full disk, no permission)
│   └── StoreError                  the database or object store of several replicas fails
└── MissingDependencyError          an optional package is not installed

Each message says what was wrong and what to do about it: pages show it unchanged.
"""


class EmotionCoreError(Exception):
    """Base of all errors of this package.

    Examples:
        >>> from emotion_core import EmotionCoreError, read_photo
        >>> try:
        ...     read_photo("missing.jpg")
        ... except EmotionCoreError as error:
        ...     print(type(error).__name__)
        PhotoError
    """


class InputError(EmotionCoreError, ValueError):
    """What the caller gave cannot be used."""


class FrameError(InputError):
    """An array that is not a picture, or an invalid time stamp."""


class MediaError(InputError):
    """A file that is not a readable photo or video."""


class PhotoError(MediaError):
    """A picture that cannot be read or is too large to be read safely."""


class VideoError(MediaError):
    """A video that cannot be opened or decoded."""


class DatasetError(InputError):
    """Labelled faces that cannot be used; the message names the file and the row."""


class SettingsError(InputError):
    """A setting outside its range."""


class ModelError(EmotionCoreError):
    """A model folder is missing, damaged or of another version."""


class CheckpointError(EmotionCoreError):
    """A training run cannot be resumed from its files."""


class OutputError(EmotionCoreError):
    """Results cannot be written."""


class StoreError(OutputError):
    """The database or the object store that several replicas share cannot be used now."""


class MissingDependencyError(EmotionCoreError):
    """An optional package is needed for this step and is not installed."""
