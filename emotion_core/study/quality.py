"""Which events count: the quality gate, and the log of what it leaves out."""

from collections.abc import Mapping

import pandas as pd

from emotion_core.results.face_table import Float64Array
from emotion_core.study.definitions import SIGNALS, StudySettings
from emotion_core.study.folder import Study
from emotion_core.study.readings import missing_reason


def gate(measured: Mapping[str, Float64Array], settings: StudySettings) -> list[str]:
    """Why events are left out; "" for those that count.

    Args:
        measured: `valid_share`, `valid_s` and `unsure_share`, each (G,); NaN is missing.
        settings: the thresholds.
    """
    shares, seconds, unsure = (
        measured[name].tolist() for name in ("valid_share", "valid_s", "unsure_share")
    )
    return [_reason(*row, settings=settings) for row in zip(shares, seconds, unsure, strict=True)]


def _reason(share: float, seconds: float, unsure: float, settings: StudySettings) -> str:
    reasons = []
    if not share >= settings.min_valid_share:
        known = "none" if share != share else _percent(share)
        reasons.append(f"{known} of it is valid, less than {_percent(settings.min_valid_share)}")
    # A sum of steps may miss the threshold by rounding.
    if not seconds >= settings.min_valid_s - 1e-9:
        reasons.append(f"{seconds:g} s are valid, less than {settings.min_valid_s:g} s")
    if unsure > settings.max_unsure_share:
        most = _percent(settings.max_unsure_share)
        reasons.append(f"{_percent(unsure)} of its readings are unsure, more than {most}")
    if not reasons and not seconds > 0:
        reasons.append("none of it is valid")
    return "; ".join(reasons)


def _percent(share: float) -> str:
    return f"{100 * share:.4g}%"


def exclusions(study: Study, long: pd.DataFrame) -> pd.DataFrame:
    """The log of what does not count, and why.

    Args:
        study: the study.
        long: its long table.

    Returns:
        One row for each event that is left out; a recording without any readings has one row, and
        its `event` is missing. Columns: recording, participant, event, event_kind, occurrence,
        start_s, end_s, reason.
    """
    columns = ["recording", "participant", "event", "event_kind", "occurrence", "start_s"]
    columns += ["end_s", "reason"]
    out = long.loc[~long["included"] & (long["signal"] == SIGNALS[0]), columns]
    without = {r.recording for r in study.recordings if missing_reason(study, r)}
    whole = out["recording"].isin(without)
    log = out[~whole | ~out["recording"].duplicated()].reset_index(drop=True)
    whole = log["recording"].isin(without)
    log["occurrence"] = log["occurrence"].astype("Int64")
    log.loc[whole, ["event", "event_kind", "occurrence", "start_s", "end_s"]] = None
    return log
