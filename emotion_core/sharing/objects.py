"""The object store that all replicas share: whole files under keys, by way of fsspec."""

import functools
import re
from pathlib import Path
from typing import Any, Final

import fsspec

from emotion_core.errors import MissingDependencyError, SettingsError, StoreError

_SIGN: Final = "emotion-lab.txt"
_SIGN_TEXT: Final = b"Files of the facial-expression lab. Its database says what they are.\n"


class Objects:
    """Files below one URL; all methods may be called from any thread.

    Args:
        url: as of EMOTION_LAB_STORE, "s3://bucket/prefix". Credentials, region and endpoint come
            from the environment, as the provider's own tools read them.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        # Shown to users: what comes before an @ may be a password.
        self._shown = re.sub(r"//[^/@]*@", "//", url)

    def put(self, file: Path, key: str) -> None:
        """Copy a file into the store.

        Raises:
            StoreError: the store does not take it.
            OSError: the file cannot be read.
        """
        with file.open("rb"):
            pass
        try:
            fs, root = self._place
            fs.put_file(str(file), f"{root}/{key}")
        except Exception as error:
            raise self._problem(error) from error

    def get(self, key: str, target: Path) -> None:
        """Copy an object to a path.

        Raises:
            FileNotFoundError: the store does not have it.
            StoreError: the store does not give it.
        """
        try:
            fs, root = self._place
            fs.get_file(f"{root}/{key}", str(target))
        except FileNotFoundError:
            raise
        except Exception as error:
            raise self._problem(error) from error

    def has(self, key: str) -> bool:
        """Whether the store has an object.

        Raises:
            StoreError: the store does not answer.
        """
        try:
            fs, root = self._place
            return bool(fs.exists(f"{root}/{key}"))
        except Exception as error:
            raise self._problem(error) from error

    def delete(self, key: str) -> None:
        """Delete an object; one that is gone does no harm.

        Raises:
            StoreError: the store does not answer.
        """
        try:
            fs, root = self._place
            fs.rm_file(f"{root}/{key}")
        except FileNotFoundError:
            return
        except Exception as error:
            raise self._problem(error) from error

    def check(self) -> None:
        """Write a small file.

        Raises:
            StoreError: it cannot be written; says why.
        """
        try:
            fs, root = self._place
            fs.pipe_file(f"{root}/{_SIGN}", _SIGN_TEXT)
        except Exception as error:
            raise self._problem(error) from error

    @functools.cached_property
    def _place(self) -> tuple[Any, str]:
        protocol = self._url.partition("://")[0]
        try:
            # Only folders have to be made before something is put into them.
            options = {"auto_mkdir": True} if protocol in ("file", "local") else {}
            fs, root = fsspec.core.url_to_fs(self._url, **options)
        except ImportError as error:
            raise MissingDependencyError(
                f"EMOTION_LAB_STORE={protocol}://… cannot be used: {error}. "
                "For S3: pip install 'emotion-lab[replicas]'"
            ) from error
        except ValueError as error:
            raise SettingsError(f"EMOTION_LAB_STORE cannot be used: {error}.") from error
        return fs, root.rstrip("/")

    def _problem(self, error: Exception) -> Exception:
        if isinstance(error, MissingDependencyError | SettingsError):
            return error
        said = str(error).strip().partition("\n")[0].rstrip(".") or type(error).__name__
        if isinstance(error, FileNotFoundError):
            said = f"there is no such bucket or folder ({said})"
        elif isinstance(error, PermissionError):
            said = f"access is denied ({said}); check the credentials"
        return StoreError(
            f"The shared store {self._shown} cannot be used: {said}. What is done is kept. "
            "Check EMOTION_LAB_STORE."
        )
