"""A video that was opened and hashed, on this machine or in a store."""

from dataclasses import dataclass

from emotion_core.batch.locations import Url
from emotion_core.video.analyze import Source


@dataclass(frozen=True, slots=True)
class RemoteSource:
    """A video in a store with the hash of its bytes (SHA-256, hexadecimal)."""

    path: Url
    sha256: str


Examined = Source | RemoteSource
"""A video that was opened, wherever it is."""
