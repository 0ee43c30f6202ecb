"""What the errors of a store of files, as fsspec raises them, mean to the user.

The packages behind it need not be installed: their errors are known by name.
"""

import json
from collections.abc import Iterator
from typing import Final

_NO_CREDENTIALS: Final = (
    "NoCredentialsError",
    "PartialCredentialsError",
    "TokenRetrievalError",
    "DefaultCredentialsError",
    "RefreshError",
)
_CREDENTIALS: Final = {
    "s3": "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile of the AWS command line",
    "gs": "`gcloud auth application-default login`, or GOOGLE_APPLICATION_CREDENTIALS",
}


def is_missing(error: Exception) -> bool:
    """Whether an error says that there is no such file, folder or bucket."""
    # Web servers that do not answer, or refuse, are "not found" to fsspec, too.
    return isinstance(error, FileNotFoundError) and not (_unreachable(error) or _denied(error))


def store_problem(place: str, error: Exception) -> str:
    """What went wrong in a store, and what to do, as sentences.

    Args:
        place: URL of what was read or written, without passwords; named first.
        error: what fsspec raised.
    """
    said = str(error).strip().partition("\n")[0].rstrip(".") or type(error).__name__
    names = {type(e).__name__ for e in _chain(error)}
    if names & set(_NO_CREDENTIALS):
        scheme = place.partition(":")[0].lower()
        ways = _CREDENTIALS.get(scheme, "the credentials of this store")
        return f"{place}: no credentials were found. Set {ways}, on each machine that uses it."
    if _denied(error):
        return f"{place}: access was denied ({said}). Check the credentials and their rights."
    if _unreachable(error):
        return f"{place}: the store did not answer ({said}). Check its address and the network."
    if isinstance(error, FileNotFoundError):
        return f"{place}: there is no such bucket or folder ({said})."
    if isinstance(error, json.JSONDecodeError):
        return f"{place}: the store's answer could not be read ({said})."
    return f"{place}: {said}."


def _denied(error: Exception) -> bool:
    return any(isinstance(e, PermissionError) for e in _chain(error)) or any(
        getattr(e, "status", None) in (401, 403) for e in _chain(error)
    )


def _unreachable(error: Exception) -> bool:
    return any(
        isinstance(e, TimeoutError | ConnectionError)
        or "Connect" in type(e).__name__
        or "Timeout" in type(e).__name__
        for e in _chain(error)
    )


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
