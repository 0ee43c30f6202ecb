"""Agreement of the coders of a study, and the files that hold it."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import pandas as pd

from emotion_core.atomic_io import replace_file
from emotion_core.errors import InputError
from emotion_core.results.export import output_error
from emotion_core.study.agreement.coding import Coding, read_coding, with_uncoded_as
from emotion_core.study.agreement.machine import MACHINE, machine_codings
from emotion_core.study.agreement.report import Agreement, AgreementSettings, compare
from emotion_core.study.coding.scheme import read_scheme
from emotion_core.study.coding.store import FILE, CodingStore
from emotion_core.study.folder import RESULTS, Study
from emotion_core.study.problems import listed
from emotion_core.study.tables import csv_bytes

AGREEMENT: Final = "agreement.csv"
DISAGREEMENTS: Final = "disagreements.csv"
_NO_CODES: Final = (
    "There are no finished units of any coder: people code in the tab Coding of the Study page."
)


def has_codes(study: Study) -> bool:
    """Whether anybody has begun to code."""
    return (study.folder / FILE).is_file()


def people_coding(study: Study) -> Coding:
    """The codes of people that count: of recordings that the study includes.

    Raises:
        InputError, OutputError: they cannot be read.
    """
    scheme, problems = read_scheme(study)
    tables, categories = CodingStore(study.folder).tables(), [c.code for c in scheme.categories]
    coding = read_coding(*tables, categories, exclusive=scheme.exclusive)
    included = {r.recording: r.include for r in study.recordings}
    coded = sorted({name for of in coding.of.values() for name in of})
    told = [str(problem) for problem in problems]
    if gone := [name for name in coded if name not in included]:
        told.append(f"No longer in recordings.csv, and left out: {listed(gone)}.")
    if excluded := [name for name in coded if included.get(name) is False]:
        told.append(f"Not included in the study, and left out: {listed(excluded)}.")
    of = {
        coder: {name: one for name, one in mine.items() if included.get(name)}
        for coder, mine in coding.of.items()
    }
    kept = {coder: mine for coder, mine in of.items() if mine}
    return replace(coding, of=kept, problems=(*coding.problems, *told))


def study_agreement(study: Study, settings: AgreementSettings) -> Agreement:
    """Compare the coders of a study with each other and with the machine.

    Args:
        study: with codes; the machine takes part where there are readings of what is coded.
        settings: `rate_hz` is replaced by the study's rate.

    Raises:
        InputError: there are no two coders with time in common, or the codes cannot be read.
        OutputError: the codes cannot be read at this moment.
    """
    people = people_coding(study)
    if not people.of:
        raise InputError(" ".join([_NO_CODES, *people.problems]))
    settings = replace(settings, rate_hz=study.settings.rate_hz)
    if settings.uncoded_as:
        people = with_uncoded_as(people, settings.uncoded_as, people.coders)
    coding = events = people
    if not settings.coders or MACHINE in settings.coders:
        coded = sorted({name for of in people.of.values() for name in of})
        # An episode is at least so long; the readings' flicker is no event.
        min_s = (0.0, study.settings.episode_min_s)
        coding, events = (people.joined(one) for one in machine_codings(study, coded, min_s))
    recordings = {r.recording: r for r in study.recordings}
    return compare(
        coding,
        {name: r.participant for name, r in recordings.items()},
        settings,
        events=events,
        origins={name: r.start_s for name, r in recordings.items()},
    )


def write_agreement(study: Study, found: Agreement) -> None:
    """Write agreement.csv and disagreements.csv into the results of a study.

    Raises:
        OutputError: they cannot be written.
    """
    folder = study.folder / RESULTS
    try:
        folder.mkdir(exist_ok=True)
        for name, table in ((AGREEMENT, found.figures), (DISAGREEMENTS, found.disagreements)):
            replace_file(folder / name, csv_bytes(table))
    except OSError as error:
        raise output_error(folder, error) from error


def agreement_json(found: Agreement, sentences: Sequence[str]) -> dict[str, Any]:
    """Everything for machines; what is not defined is null."""
    tables = {
        "figures": found.figures,
        "coverage": found.coverage,
        "pairs": found.shared,
        "confusion": found.confusion,
        "shares": found.shares,
        "disagreements": found.disagreements,
    }
    return {
        "tolerance_s": found.settings.tolerance_s,
        "uncoded_as": found.settings.uncoded_as,
        "rate_hz": found.settings.rate_hz,
        "coders": list(found.coders),
        "notes": list(found.notes),
        "sentences": list(sentences),
        **{name: _records(table) for name, table in tables.items()},
    }


def _records(table: pd.DataFrame) -> list[dict[Any, Any]]:
    return table.astype(object).where(table.notna(), None).to_dict("records")
