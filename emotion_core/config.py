"""Settings that all parts share: small frozen values, validated once, at construction.

Environment variables of the application start with `EMOTION_LAB_`; `AppSettings.from_environment`
and, for sign-on and operation, `access.settings.AccessSettings` are the only places that read them.
"""

import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import platformdirs

from emotion_core.atomic_io import parse_json
from emotion_core.environment import count as _count
from emotion_core.environment import is_token, token_words
from emotion_core.environment import number as _number
from emotion_core.environment import switch as _switch
from emotion_core.errors import SettingsError

_PACKAGE = Path(__file__).resolve().parent
PROJECT_ROOT = _PACKAGE.parent


def _installed_or_checkout(installed: str, checkout: str) -> Path:
    """A file or folder of an installed package, else the one at the top of the checkout.

    A checkout never holds the first. The second is looked for last because next to an installed
    package any other package may have put a folder of that name.
    """
    inside = _PACKAGE / installed
    return inside if inside.exists() else PROJECT_ROOT / checkout


MODELS_DIR = _installed_or_checkout("_models", "models")
HOME_PAGE = _installed_or_checkout("_app/Home.py", "Home.py")


def check_range(name: str, value: float, low: float, high: float) -> None:
    """Refuse a setting outside [low, high], naming it.

    Raises:
        SettingsError: the value is out of range, or is not a number.
    """
    if not low <= value <= high:
        raise SettingsError(f"{name} must lie between {low} and {high}, got {value}.")


@dataclass(frozen=True, slots=True)
class DetectionSettings:
    """How faces are looked for."""

    # Smallest face side in pixels; 0 follows the frame's size.
    min_face_px: int = 0
    # Least certainty (Haar level weight) of a detection that counts.
    score_threshold: float = 1.0
    # Look closer at everything at once, several times slower: for photos.
    thorough: bool = False
    # Keep known faces that turn away from the camera; their readings are marked as turned and
    # unsure.
    profiles: bool = True

    def __post_init__(self) -> None:
        check_range("min_face_px", self.min_face_px, 0, 4096)
        check_range("score_threshold", self.score_threshold, -100, 100)


@dataclass(frozen=True, slots=True)
class TrackingSettings:
    """How identities are kept."""

    # Detections needed before a face is announced; 1 announces it at once (photos).
    confirm_hits: int = 3
    # A face unseen for longer than this is no longer followed, in seconds.
    max_gap_s: float = 1.0
    # Recognise a person who returns later, or after a cut, by how they look; off, they get a new
    # identity. What people look like stays in memory and is deleted with the stream.
    reidentify: bool = True

    def __post_init__(self) -> None:
        check_range("confirm_hits", self.confirm_hits, 1, 100)
        check_range("max_gap_s", self.max_gap_s, 0, 60)


@dataclass(frozen=True, slots=True)
class PipelineSettings:
    """Everything `Pipeline` can be told; one value serves live, video and photo.

    Examples:
        >>> from emotion_core import DetectionSettings, PipelineSettings, TrackingSettings
        >>> settings = PipelineSettings(
        ...     detection=DetectionSettings(min_face_px=60),
        ...     tracking=TrackingSettings(max_gap_s=2.0),
        ...     smoothing_strength=0.3,
        ... )
        >>> PipelineSettings(smoothing_strength=1.5)
        Traceback (most recent call last):
            ...
        emotion_core.errors.SettingsError: smoothing_strength must lie between 0.0 and 1.0, got 1.5.
    """

    detection: DetectionSettings = field(default_factory=DetectionSettings)
    tracking: TrackingSettings = field(default_factory=TrackingSettings)
    # 0 shows every raw reading, 1 is the slowest; in between a time constant in seconds follows.
    smoothing_strength: float = 0.5
    # Keep only the largest face of each frame.
    largest_face_only: bool = False
    # One participant: all faces are this person's, identity 1, however long the gaps; where several
    # are in a frame, the one most like this person is kept.
    one_person: bool = False
    # Subtract each person's neutral baseline where one was measured; off keeps it for later.
    use_baselines: bool = True
    # As `smoothing_strength`, for people while they speak: talking moves the mouth, and the reading
    # with it. None: like the rest.
    speaking_smoothing: float | None = None

    def __post_init__(self) -> None:
        check_range("smoothing_strength", self.smoothing_strength, 0.0, 1.0)
        if self.speaking_smoothing is not None:
            check_range("speaking_smoothing", self.speaking_smoothing, 0.0, 1.0)

    @classmethod
    def for_photo(cls) -> "PipelineSettings":
        """A photo is a stream of one frame: faces are announced at once and not smoothed."""
        return cls(
            detection=DetectionSettings(thorough=True),
            tracking=TrackingSettings(confirm_hits=1, reidentify=False),
            smoothing_strength=0.0,
        )


@dataclass(frozen=True, slots=True)
class OverlaySettings:
    """What is drawn on a frame."""

    show: bool = True
    boxes: bool = True
    labels: bool = True
    bars: bool = False


@dataclass(frozen=True, slots=True)
class AppSettings:
    """What an administrator decides for one installation.

    Attributes:
        models_dir: folder of model folders (EMOTION_LAB_MODELS_DIR); by default the checkout's
            `models`, or the models inside the installed package.
        work_dir: uploads and results live here (EMOTION_LAB_WORK_DIR).
        retention_h: hours until uploads and results are deleted (EMOTION_LAB_RETENTION_H).
        video_dir: videos below this folder may be analysed without uploading them
            (EMOTION_LAB_VIDEO_DIR); None: uploads only.
        data_path: the data set that the networks were trained on, as `train --data` takes it
            (EMOTION_LAB_DATA); None: the pages cannot show its faces.
        data_dir: labelled faces below this folder may be evaluated without uploading them
            (EMOTION_LAB_DATA_DIR); None: uploads only.
        adaptations_dir: adaptations are kept here (EMOTION_LAB_ADAPTATIONS_DIR); by default where
            the system keeps a user's own files.
        ice_servers: RTCIceServer dicts as in the W3C's WebRTC recommendation
            (EMOTION_LAB_ICE_SERVERS, a JSON list); none is needed on one machine, none is baked in.
        ice_relay_only: live video goes through a TURN server and no other way
            (EMOTION_LAB_ICE_RELAY_ONLY, 1 or 0).
        yunet_path: OpenCV's YuNet finds the faces, from this .onnx file of yours
            (EMOTION_LAB_YUNET); None: the Haar cascades do.
        max_streams: live streams that are read at once (EMOTION_LAB_MAX_STREAMS); 0: two for each
            core, at least four.
        api_token: opens the interface for programs (EMOTION_LAB_API_TOKEN), at least 24 characters;
            "": there is none.
        api_rate: requests a minute that this interface answers (EMOTION_LAB_API_RATE).
        api_upload_mb: the largest video that it takes, in megabytes (EMOTION_LAB_API_UPLOAD_MB).
        database: PostgreSQL, by its URL, that several replicas share (EMOTION_LAB_DATABASE); "":
            this computer's work folder is all there is.
        store: the object store that they share, by its URL (EMOTION_LAB_STORE).
        cluster: HOST:PORT of the head of the Ray cluster that reads the videos of the Video page
            (EMOTION_LAB_CLUSTER); "": this computer does.
    """

    models_dir: Path = MODELS_DIR
    work_dir: Path = Path(tempfile.gettempdir()) / "emotion-lab"
    retention_h: float = 24.0
    video_dir: Path | None = None
    data_path: Path | None = None
    data_dir: Path | None = None
    adaptations_dir: Path = field(
        default_factory=lambda: platformdirs.user_data_path("emotion-lab", False) / "adaptations"
    )
    ice_servers: tuple[Mapping[str, Any], ...] = ()
    max_streams: int = 0
    ice_relay_only: bool = False
    yunet_path: Path | None = None
    # Not shown where the settings are printed.
    api_token: str = field(default="", repr=False)
    api_rate: int = 1200
    api_upload_mb: int = 500
    # They may hold passwords.
    database: str = field(default="", repr=False)
    store: str = field(default="", repr=False)
    cluster: str = ""

    def video_folder(self) -> Path | None:
        """`video_dir`, checked now: a share may be mounted after the program started.

        Raises:
            SettingsError: it is not a folder.
        """
        return _existing("EMOTION_LAB_VIDEO_DIR", self.video_dir, folder=True)

    def data_folder(self) -> Path | None:
        """`data_dir`, checked now.

        Raises:
            SettingsError: it is not a folder.
        """
        return _existing("EMOTION_LAB_DATA_DIR", self.data_dir, folder=True)

    def training_data(self) -> Path | None:
        """`data_path`, checked now.

        Raises:
            SettingsError: there is nothing at that path.
        """
        return _existing("EMOTION_LAB_DATA", self.data_path, folder=False)

    def __post_init__(self) -> None:
        check_range("retention_h", self.retention_h, 0.01, 24 * 365)
        check_range("max_streams", self.max_streams, 0, 10_000)
        check_range("EMOTION_LAB_API_RATE", self.api_rate, 1, 1_000_000)
        check_range("EMOTION_LAB_API_UPLOAD_MB", self.api_upload_mb, 1, 1_000_000)
        _check_shared(self.database, self.store)
        if self.cluster and not self.cluster.rpartition(":")[2].isdecimal():
            raise SettingsError(
                "EMOTION_LAB_CLUSTER must be the address that `ray start --head` prints, such as "
                f"10.0.0.1:6379, got {self.cluster!r}."
            )
        if self.api_token and not is_token(self.api_token):
            raise SettingsError(token_words("EMOTION_LAB_API_TOKEN"))

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> "AppSettings":
        """Read EMOTION_LAB_* variables; those that are unset or empty keep their defaults.

        Folders are checked where they are needed (`video_folder` and its siblings), so that one
        mistyped path does not stop the pages that have no use for it.

        Raises:
            SettingsError: a variable cannot be used; the message names it.
        """
        defaults = cls()
        environ = {name: text for name, text in environ.items() if text.strip()}
        return cls(
            models_dir=Path(environ.get("EMOTION_LAB_MODELS_DIR", defaults.models_dir)),
            work_dir=Path(environ.get("EMOTION_LAB_WORK_DIR", defaults.work_dir)),
            retention_h=_number(environ, "EMOTION_LAB_RETENTION_H", defaults.retention_h),
            video_dir=_path(environ, "EMOTION_LAB_VIDEO_DIR"),
            data_path=_path(environ, "EMOTION_LAB_DATA"),
            data_dir=_path(environ, "EMOTION_LAB_DATA_DIR"),
            adaptations_dir=Path(
                environ.get("EMOTION_LAB_ADAPTATIONS_DIR", defaults.adaptations_dir)
            ),
            ice_servers=_ice_servers(environ.get("EMOTION_LAB_ICE_SERVERS", "[]")),
            ice_relay_only=_switch(environ, "EMOTION_LAB_ICE_RELAY_ONLY"),
            yunet_path=_path(environ, "EMOTION_LAB_YUNET"),
            max_streams=_count(environ, "EMOTION_LAB_MAX_STREAMS", defaults.max_streams),
            api_token=environ.get("EMOTION_LAB_API_TOKEN", "").strip(),
            api_rate=_count(environ, "EMOTION_LAB_API_RATE", defaults.api_rate),
            api_upload_mb=_count(environ, "EMOTION_LAB_API_UPLOAD_MB", defaults.api_upload_mb),
            database=environ.get("EMOTION_LAB_DATABASE", "").strip(),
            store=environ.get("EMOTION_LAB_STORE", "").strip(),
            cluster=environ.get("EMOTION_LAB_CLUSTER", "").strip(),
        )


def _check_shared(database: str, store: str) -> None:
    """Several replicas need both: the queue, edits and names of files, and what the files hold."""
    for given, name, missing, example in (
        (database, "EMOTION_LAB_DATABASE", "EMOTION_LAB_STORE", "s3://BUCKET/PREFIX"),
        (store, "EMOTION_LAB_STORE", "EMOTION_LAB_DATABASE", "postgresql://USER@HOST/DATABASE"),
    ):
        if given and not (store and database):
            raise SettingsError(
                f"{name} needs {missing} as well, such as {missing}={example}. Without both, "
                "everything stays in this computer's work folder."
            )
        if given and "://" not in given:
            raise SettingsError(f"{name} must be a URL.")


def _path(environ: Mapping[str, str], name: str) -> Path | None:
    text = environ.get(name)
    return Path(text) if text else None


def _existing(name: str, path: Path | None, *, folder: bool) -> Path | None:
    # Unlike pathlib, os.path takes a name that no file can have for a missing file.
    there = os.path.isdir if folder else os.path.exists
    if path is not None and not there(path):
        what = "a folder that exists" if folder else "a folder or a file that exists"
        raise SettingsError(f"{name} must be {what}, got {str(path)!r}.")
    return path


def _ice_servers(text: str) -> tuple[Mapping[str, Any], ...]:
    example = '[{"urls": "stun:stun.example.org:3478"}]'
    try:
        servers = parse_json(text)
    except ValueError as error:
        raise SettingsError(f"EMOTION_LAB_ICE_SERVERS is no JSON; write {example}.") from error
    if not isinstance(servers, list) or not all(
        isinstance(server, dict) and "urls" in server for server in servers
    ):
        raise SettingsError(f"EMOTION_LAB_ICE_SERVERS must be a list such as {example}.")
    return tuple(servers)
