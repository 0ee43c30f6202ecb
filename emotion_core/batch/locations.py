"""Where videos come from and results go: paths of this machine, or URLs of a store."""

import re
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from emotion_core.errors import SettingsError

# At least two letters: "C:" is a drive of Windows.
_SCHEME: Final = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]+)://")


class Url(str):
    """The URL of a file or folder in a store, such as ``s3://bucket/clips/a.mp4``.

    Offers what a run uses of a path: `name`, `stem` and `/`.
    """

    __slots__ = ()

    @property
    def scheme(self) -> str:
        """What comes before the colon, in small letters."""
        return self.partition(":")[0].lower()

    @property
    def is_web(self) -> bool:
        """Whether a web server answers: it gives files, has no folders and takes nothing."""
        return self.scheme in ("http", "https")

    @property
    def name(self) -> str:
        """The last part of the path, without a web address's query."""
        path = unquote(urlsplit(self).path) if self.is_web else self.partition("://")[2]
        return path.rstrip("/").rpartition("/")[2] or "video"

    @property
    def stem(self) -> str:
        """The name without its suffix."""
        return Path(self.name).stem

    def __truediv__(self, name: str) -> "Url":
        return Url(f"{self.rstrip('/')}/{name}")


Location = Path | Url


def location(text: str) -> Location:
    """What a user names: a URL, or a path, also as ``file://``.

    Raises:
        SettingsError: a ``file://`` URL names another machine, or a URL names nothing.
    """
    match = _SCHEME.match(text)
    if match is None:
        return Path(text)
    if match[1].lower() == "file":
        parts = urlsplit(text)
        if parts.netloc not in ("", "localhost"):
            raise SettingsError(f"{text} names a file of another machine: file:///PATH is needed.")
        return Path(unquote(parts.path))
    if not text[match.end() :].strip("/"):
        raise SettingsError(f"{text} names neither a file nor a folder.")
    return Url(text)
