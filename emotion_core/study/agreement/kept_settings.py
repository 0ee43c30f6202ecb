"""How agreement is computed, as study.toml keeps it in the table [agreement]."""

from collections.abc import Mapping
from typing import Any, Final

from emotion_core.errors import InputError
from emotion_core.study.agreement.report import AgreementSettings
from emotion_core.study.folder import Study
from emotion_core.study.problems import Problem
from emotion_core.study.study_file import STUDY, table_on_disk

TABLE: Final = "agreement"


def kept_settings(study: Study) -> tuple[AgreementSettings, tuple[Problem, ...]]:
    """The settings as they are on disk, and what cannot be used of them.

    Raises:
        InputError: study.toml cannot be read.
    """
    values = table_on_disk(study.folder, TABLE)
    try:
        return _settings(values), ()
    except InputError as error:
        words = f"{error} The defaults are used."
        return AgreementSettings(), (Problem(f"{STUDY}, [{TABLE}]", words),)


def _settings(values: object) -> AgreementSettings:
    if not isinstance(values, Mapping):
        raise InputError(f"It must be a table: write [{TABLE}].")
    coders, tolerance_s = values.get("coders", []), values.get("tolerance_s", 1.0)
    uncoded_as = values.get("uncoded_as", "")
    if not isinstance(coders, list) or not all(isinstance(c, str) for c in coders):
        raise InputError("coders must be a list of names.")
    if isinstance(tolerance_s, bool) or not isinstance(tolerance_s, int | float):
        raise InputError(f"tolerance_s must be a number of seconds, not {tolerance_s!r}.")
    if not isinstance(uncoded_as, str):
        raise InputError(f"uncoded_as must be a code, not {uncoded_as!r}.")
    return AgreementSettings(tuple(coders), float(tolerance_s), uncoded_as.strip())


def keep_settings(study: Study, settings: AgreementSettings) -> Study:
    """Write the settings; returns what is on disk then.

    Raises:
        OutputError: they cannot be written.
    """
    values: dict[str, Any] = {
        "coders": list(settings.coders),
        "tolerance_s": settings.tolerance_s,
        "uncoded_as": settings.uncoded_as,
    }
    return study.with_table(TABLE, values)
