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
    "authlib": "login",
    "httpx": "login",
    "mne_lsl": "lsl",
    "prometheus_client": "metrics",
    "onnxruntime": "onnx",
    "tensorflow": "train",
    "fsspec": "replicas",
    "psycopg": "replicas",
    "s3fs": "replicas",
    "sqlalchemy": "replicas",
    "ray": "cluster",
    "duckdb": "study",
    "pympi": "study",
    "statsmodels": "study",
    "tomlkit": "study",
}


def missing_extra(error: ModuleNotFoundError, extra: str = "") -> MissingDependencyError:
    """The error to show for a failed import.

    Args:
        error: names the missing module.
        extra: what needs it, where more than one extra brings its package.

    Raises:
        ModuleNotFoundError: `error` itself, where the missing module belongs to no extra: that is
            a broken installation or a fault in the program.
    """
    module = (error.name or "").partition(".")[0]
    if not extra and module not in _EXTRAS:
        raise error
    wanted = extra or _EXTRAS[module]
    return MissingDependencyError(
        f'{module} is not installed. This needs the extra "{wanted}": '
        f"pip install 'emotion-lab[{wanted}]'"
    )
