"""Optional parts of the installation: which extra of pip brings a package that is missing."""

from typing import Final

from emotion_core.errors import MissingDependencyError

# Top-level module → the extra in pyproject.toml whose packages bring it.
_EXTRAS: Final[dict[str, str]] = {
    "altair": "app",
    "jinja2": "app",
    "markupsafe": "app",
    "starlette": "app",
    "streamlit": "app",
    "streamlit_webrtc": "app",
    "vl_convert": "app",
    "keras": "train",
    "mne_lsl": "lsl",
    "onnxruntime": "onnx",
    "tensorflow": "train",
    "fsspec": "cluster",
    "ray": "cluster",
    "duckdb": "study",
    "pympi": "study",
    "statsmodels": "study",
    "tomlkit": "study",
}


def missing_extra(error: ModuleNotFoundError) -> MissingDependencyError:
    """The error to show for a failed import.

    Raises:
        ModuleNotFoundError: `error` itself, where the missing module belongs to no extra: that is
            a broken installation or a fault in the program.
    """
    module = (error.name or "").partition(".")[0]
    if module not in _EXTRAS:
        raise error
    return MissingDependencyError(
        f'{module} is not installed. This needs the extra "{_EXTRAS[module]}": '
        f"pip install 'emotion-lab[{_EXTRAS[module]}]'"
    )
