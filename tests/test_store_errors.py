"""What the errors of a store mean; none of the packages behind it is needed."""

import json

import pytest

from emotion_core.store_errors import is_missing, store_problem


class ConnectTimeoutError(Exception):
    """As the packages of stores call theirs."""


class NoCredentialsError(Exception):
    """As the packages of stores call theirs."""


class RefusedError(FileNotFoundError):
    """As fsspec gives the answer of a web server."""

    status = 403


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (PermissionError("Forbidden"), "access was denied (Forbidden). Check the credentials"),
        (RefusedError("a.mp4"), "access was denied (a.mp4)."),
        (TimeoutError(), "the store did not answer (TimeoutError)."),
        (ConnectTimeoutError("slow"), "the store did not answer (slow)."),
        (ConnectionRefusedError("refused"), "the store did not answer (refused)."),
        (NoCredentialsError(), "no credentials were found. Set AWS_ACCESS_KEY_ID and"),
        (FileNotFoundError("lab"), "there is no such bucket or folder (lab)."),
        (json.JSONDecodeError("odd", "", 0), "the store's answer could not be read (odd:"),
        (OSError("odd.\nTrace"), "s3://lab/a.mp4: odd."),
        (ValueError(), "s3://lab/a.mp4: ValueError."),
    ],
)
def test_what_went_wrong_is_a_sentence(error: Exception, said: str) -> None:
    text = store_problem("s3://lab/a.mp4", error)
    assert text.startswith("s3://lab/a.mp4: ")
    assert said in text


def test_the_cause_counts_where_the_store_says_not_found() -> None:
    """fsspec calls a web server that does not answer "not found", too."""
    assert is_missing(FileNotFoundError("a.mp4"))
    assert not is_missing(RefusedError("a.mp4"))
    error = FileNotFoundError("a.mp4")
    error.__cause__ = ConnectionRefusedError("refused")
    assert not is_missing(error)
    assert "did not answer" in store_problem("https://host.example/a.mp4", error)
