"""The measures of agreement: their names in agreement.csv, and what they mean."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class AgreementMeasure:
    """One measure.

    Attributes:
        name: in the column `measure` of agreement.csv.
        label: for people.
        counted: what the column `n` counts.
        meaning: how it is computed.
    """

    name: str
    label: str
    counted: str
    meaning: str


MEASURES: Final = (
    AgreementMeasure(
        "kappa_time",
        "Cohen’s κ (time)",
        "seconds",
        "Cohen's κ weighted by time: on a grid of the study's rate, each step is a unit.",
    ),
    AgreementMeasure(
        "agreement_time", "Agreement (time)", "seconds", "Share of time with the same code, 0 to 1."
    ),
    AgreementMeasure(
        "alpha_nominal",
        "Krippendorff’s α",
        "seconds",
        "Krippendorff's α for nominal codes on the same grid; a step that a coder has not told is "
        "missing for this coder only.",
    ),
    AgreementMeasure(
        "kappa_events",
        "Event κ",
        "events",
        "κ of events paired one to one within the tolerance; events without a partner count as "
        "disagreements.",
    ),
    AgreementMeasure(
        "f1_events",
        "Event F1",
        "events",
        "Twice the paired events of one code, divided by the events of both coders, 0 to 1.",
    ),
    AgreementMeasure(
        "icc_agreement",
        "ICC(A,1)",
        "events",
        "Absolute agreement of intensities of paired events of one code: two-way, single ratings.",
    ),
    AgreementMeasure(
        "icc_consistency",
        "ICC(C,1)",
        "events",
        "Consistency of the same intensities; a constant difference of the coders does not count.",
    ),
    AgreementMeasure(
        "alpha_ordinal",
        "Krippendorff’s α, ordinal",
        "seconds",
        "Krippendorff's α of intensities as ranks, in the time that the coders gave one code.",
    ),
    AgreementMeasure(
        "alpha_interval",
        "Krippendorff’s α, interval",
        "seconds",
        "Krippendorff's α of intensities as numbers, in the same time.",
    ),
    AgreementMeasure(
        "bias",
        "Difference in share of time",
        "participants",
        "Mean over participants of the first coder's share of time minus the second's.",
    ),
    AgreementMeasure(
        "limit_low", "Lower limit of agreement", "participants", "`bias` minus 1.96 SD."
    ),
    AgreementMeasure(
        "limit_high", "Upper limit of agreement", "participants", "`bias` plus 1.96 SD."
    ),
)
LABELS: Final = {measure.name: measure.label for measure in MEASURES}
# Column of agreement.csv → what it holds.
COLUMNS: Final[dict[str, str]] = {
    "first": "First coder; `all coders` for all people together.",
    "second": "Second coder; `machine` for the readings; empty for all people together.",
    "category": "A code; `all` for all of them.",
    "measure": "A name of the table of measures.",
    "value": "The measure; empty where it is not defined.",
    "low": "Lower limit of the 95% interval; empty where there is none.",
    "high": "Upper limit of the 95% interval.",
    "interval": "How the interval was found: bootstrap over participants, F or t distribution.",
    "n": "What the value is computed from: seconds, events or participants, as the measure says.",
    "participants": "Participants who contribute.",
    "note": "Why a value or an interval is missing.",
}
# Column of disagreements.csv → what it holds.
DISAGREEMENT_COLUMNS: Final[dict[str, str]] = {
    "recording": "Name of the recording.",
    "participant": "Who is seen.",
    "start_s": "Start of the stretch on the clock of the video, to a step of the study's rate.",
    "end_s": "Its end.",
    "seconds": "Its length.",
    "first": "First coder.",
    "second": "Second coder.",
    "first_code": "Code of the first coder; `nothing` where none was given, codes that overlap "
    "joined by ` + `.",
    "second_code": "Code of the second coder.",
}
