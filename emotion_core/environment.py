"""Values of environment variables, checked; each error names its variable."""

import math
from collections.abc import Mapping

from emotion_core.errors import SettingsError


def number(environ: Mapping[str, str], name: str, default: float) -> float:
    """A finite number.

    Raises:
        SettingsError: it is not one.
    """
    try:
        value = float(environ.get(name, default))
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise SettingsError(f"{name} must be a number, got {environ[name]!r}.")
    return value


def count(environ: Mapping[str, str], name: str, default: int) -> int:
    """A whole number, 0 or more.

    Raises:
        SettingsError: it is not one.
    """
    text = environ.get(name, str(default)).strip()
    # int() refuses thousands of digits with an error of its own; the range is checked later.
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise SettingsError(f"{name} must be a whole number, 0 or more, got {text!r}.")
    return int(text)


def switch(environ: Mapping[str, str], name: str) -> bool:
    """Whether a variable is 1; unset is 0.

    Raises:
        SettingsError: it is neither 1 nor 0.
    """
    text = environ.get(name, "0").strip()
    if text not in ("0", "1"):
        raise SettingsError(f"{name} must be 1 or 0, got {text!r}.")
    return text == "1"


def words(environ: Mapping[str, str], name: str) -> tuple[str, ...]:
    """The parts of a list that is separated by commas, without spaces around them."""
    return tuple(part.strip() for part in environ.get(name, "").split(",") if part.strip())


SHORTEST_TOKEN = 24


def is_token(text: str) -> bool:
    """Whether a text can be a token: long enough not to be guessed, and safe in a header."""
    known = text.isascii() and text.replace("-", "").replace("_", "").isalnum()
    return known and len(text) >= SHORTEST_TOKEN


def token_words(name: str) -> str:
    """What to do where a variable holds a text that cannot be a token."""
    return (
        f"{name} must have at least {SHORTEST_TOKEN} characters, letters, "
        "digits, - and _ only. This makes one: "
        "python -c 'import secrets; print(secrets.token_urlsafe(32))'"
    )
