"""Methods and results of an analysis of agreement, as sentences for a paper, with references."""

import math
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

from emotion_core.study.agreement.bootstrap import DRAWS, LEAST
from emotion_core.study.agreement.figures import BOOTSTRAP, EVERY_CODER
from emotion_core.study.agreement.machine import MACHINE
from emotion_core.study.agreement.report import Agreement
from emotion_core.study.statistics.sentences import fixed

REFERENCES: Final = {
    "Bakeman": "Bakeman, R., Quera, V., & Gnisci, A. (2009). Observer agreement for timed-event "
    "sequential data: A comparison of time-based and event-based algorithms. Behavior Research "
    "Methods, 41(1), 137–147. https://doi.org/10.3758/BRM.41.1.137",
    "Bland": "Bland, J. M., & Altman, D. G. (1986). Statistical methods for assessing agreement "
    "between two methods of clinical measurement. The Lancet, 327(8476), 307–310. "
    "https://doi.org/10.1016/S0140-6736(86)90837-8",
    "Cohen": "Cohen, J. (1960). A coefficient of agreement for nominal scales. Educational and "
    "Psychological Measurement, 20(1), 37–46. https://doi.org/10.1177/001316446002000104",
    "Efron": "Efron, B., & Tibshirani, R. J. (1993). An introduction to the bootstrap. Chapman & "
    "Hall.",
    "Krippendorff": "Krippendorff, K. (2019). Content analysis: An introduction to its methodology "
    "(4th ed.). SAGE. https://doi.org/10.4135/9781071878781",
    "McGraw": "McGraw, K. O., & Wong, S. P. (1996). Forming inferences about some intraclass "
    "correlation coefficients. Psychological Methods, 1(1), 30–46. "
    "https://doi.org/10.1037/1082-989X.1.1.30",
}
_SYMBOLS: Final = {
    "kappa_time": "κ",
    "alpha_nominal": "α",
    "kappa_events": "event κ",
    "f1_events": "F1",
    "icc_agreement": "ICC(A,1)",
    "icc_consistency": "ICC(C,1)",
    "alpha_ordinal": "ordinal α",
    "alpha_interval": "interval α",
}


def methods(found: Agreement) -> str:
    """What was done, with citations."""
    rated = bool(found.figures["measure"].isin(["icc_agreement"]).any())
    words = [
        f"Codes were compared on a common grid of {found.settings.rate_hz:g} steps per second with "
        "time-weighted Cohen’s κ (Cohen, 1960) and Krippendorff’s α (Krippendorff, 2019). As "
        "events, they were paired one to one if they began within "
        f"{found.settings.tolerance_s:g} s of each other; events without a partner counted as "
        "disagreements in κ of events (Bakeman et al., 2009) and in F1.",
    ]
    if rated:
        words.append(
            "Intensities of paired events were compared with intraclass correlations of single "
            "ratings, ICC(A,1) and ICC(C,1) (McGraw & Wong, 1996)."
        )
    words.append("Shares of time were compared with limits of agreement (Bland & Altman, 1986).")
    if (found.figures["interval"] == BOOTSTRAP).any():
        words.append(
            f"Intervals are 95% percentile intervals of {DRAWS:,} bootstrap samples of "
            "participants (Efron & Tibshirani, 1993)."
        )
    if (found.figures["interval"] == "F").any():
        words.append(
            f"With fewer than {LEAST} participants, limits of intraclass correlations are based on "
            "the F distribution."
        )
    words.append("Time that a coder had not coded, or had marked as “cannot tell”, was left out.")
    if found.settings.uncoded_as:
        words.append(f"Time without a code counted as {found.settings.uncoded_as}.")
    if MACHINE in found.coders:
        words.append(
            "The machine’s code was the most probable of seven expressions; its unsure readings "
            "were treated as “cannot tell”."
        )
    return " ".join([*words, f"Agreement was computed with {_software()}."])


def results(found: Agreement) -> list[str]:
    """One sentence for each pair of coders, and one for all people together."""
    shared = {(row["first"], row["second"]): row for row in found.shared.to_dict("records")}
    sentences = [_pair(found, pair, shared[pair]) for pair in found.pairs]
    alpha = found.figure(EVERY_CODER, "", "alpha_nominal")
    if alpha is not None:
        people = sum(coder != MACHINE for coder in found.coders)
        sentences.append(f"Across all {people} coders, {_value(alpha)}.")
    return sentences


def _pair(found: Agreement, pair: tuple[str, str], shared: Mapping[Any, Any]) -> str:
    people, minutes = int(shared["participants"]), float(shared["shared_s"]) / 60
    who = f"{people} participant{'' if people == 1 else 's'}"
    time = f"{minutes:.1f} min" if minutes >= 1 else f"{60 * minutes:.0f} s"
    head = f"In {time} of video of {who}, {_names(pair)} agreed on the code"
    share = found.figure(*pair, "agreement_time")
    kappa = found.figure(*pair, "kappa_time")
    parts = [f"{head} {100 * share['value']:.0f}% of the time, {_value(kappa)}"]
    for measure in (
        "alpha_nominal",
        "kappa_events",
        "f1_events",
        "icc_agreement",
        "icc_consistency",
    ):
        figure = found.figure(*pair, measure)
        if figure is not None and math.isfinite(figure["value"]):
            parts.append(_value(figure))
    return "; ".join(parts) + "."


def _names(pair: tuple[str, str]) -> str:
    if pair[1] == MACHINE:
        return f"coder {pair[0]} and the machine"
    return f"coders {pair[0]} and {pair[1]}"


def _value(figure: Mapping[str, Any]) -> str:
    """ "κ = .71, 95% CI [.60, .80]"; why it is missing where it is."""
    symbol = _SYMBOLS[figure["measure"]]
    if not math.isfinite(figure["value"]):
        return f"{symbol} is not defined, since both used one and the same category all the time"
    value = f"{symbol} = {_number(figure['value'])}"
    if not math.isfinite(figure["low"]):
        return value
    return f"{value}, 95% CI [{_number(figure['low'])}, {_number(figure['high'])}]"


def _number(value: float) -> str:
    """Two decimals; coefficients cannot exceed one, and have no zero before the point."""
    return fixed(value, 2).replace("0.", ".", 1)


def _software() -> str:
    try:
        return f"Facial-expression lab (emotion-lab {version('emotion-lab')})"
    except PackageNotFoundError:
        return "Facial-expression lab"


def references(found: Agreement) -> list[str]:
    """What `methods` cites."""
    text = methods(found)
    return [words for name, words in REFERENCES.items() if name in text]
