"""The study that the page shows: its files as they are now, and changes to them."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import pandas as pd
import streamlit as st

from emotion_core.errors import EmotionCoreError, SettingsError
from emotion_core.study.checks import check_study
from emotion_core.study.folder import RESULTS, Study
from emotion_core.study.freshness import LONG_TABLE, has_results, inputs_digest, is_current
from emotion_core.study.outcome import Question, question_of
from emotion_core.study.outdated import Outdated, outdated
from emotion_core.study.problems import Problem
from emotion_core.study.tables import variable_columns

# Columns of results/long.csv that hold text also where every value looks like a number.
_TEXT: Final = ("participant", "recording", "event", "event_kind", "signal", "reason")


class StudyView:
    """A study on the page.

    Args:
        token: by which it is found; begins the keys of its widgets.
        folder: of the study.

    Attributes:
        study: as it is on disk at this moment.

    Raises:
        EmotionCoreError: it cannot be read.
    """

    def __init__(self, token: str, folder: Path) -> None:
        self.token, self.folder = token, folder
        self.key = f"study_{token[:8]}"
        self.study = Study.open(folder)

    @property
    def has_results(self) -> bool:
        """Whether there are tables to show."""
        return has_results(self.study)

    @property
    def is_current(self) -> bool:
        """Whether nothing has changed since the results were computed."""
        return is_current(self.study)

    @property
    def variables(self) -> list[str]:
        """The further columns of recordings.csv, in order."""
        return list(dict.fromkeys(v for r in self.study.recordings for v in r.variables))

    @property
    def participants(self) -> list[str]:
        """Everybody, sorted."""
        return sorted({r.participant for r in self.study.recordings if r.participant})

    def results_file(self, name: str) -> Path:
        """Path of a file of results."""
        return self.folder / RESULTS / name

    def long_table(self) -> pd.DataFrame:
        """results/long.csv; do not change it.

        Raises:
            EmotionCoreError, OSError, ValueError: it cannot be read.
        """
        text = (*_TEXT, *variable_columns(self.study).values())
        return read_table(self.results_file(LONG_TABLE), text)

    def change(self, change: Callable[[Study], object]) -> bool:
        """Change the study on disk; returns whether that was possible, and tells where not.

        For a widget's callback, after which the page is drawn again anyway.
        """
        try:
            change(self.study)
        except EmotionCoreError as error:
            st.session_state[f"{self.key}_problem"] = str(error)
            return False
        return True

    def question(self) -> tuple[Question, str]:
        """What is asked, and what cannot be used of it; its defaults are used then."""
        try:
            return question_of(self.study.design), ""
        except SettingsError as error:
            return Question(), str(error)

    def problems(self) -> tuple[Problem, ...]:
        """What cannot be read of the study, and what is likely a mistake."""
        return _problems(self.token, inputs_digest(self.study), self.study)

    def outdated(self) -> dict[str, Outdated]:
        """Recordings whose video has to be analysed again, and why."""
        return _outdated(self.token, inputs_digest(self.study), self.study)

    def show_problem(self) -> None:
        """Tell what an earlier change met."""
        if problem := st.session_state.pop(f"{self.key}_problem", ""):
            st.error(problem, icon=":material/error:")


@st.cache_data(max_entries=24, show_spinner=False)
def _problems(token: str, digest: str, _study: Study) -> tuple[Problem, ...]:
    del token, digest
    return check_study(_study)


@st.cache_data(max_entries=24, show_spinner=False)
def _outdated(token: str, digest: str, _study: Study) -> dict[str, Outdated]:
    del token, digest
    return outdated(_study)


def file_state(path: Path) -> tuple[int, int, int]:
    """Differs from one writing of a file to the next; zeros where there is none."""
    try:
        stat = path.stat()
    except OSError:
        return 0, 0, 0
    return stat.st_mtime_ns, stat.st_ino, stat.st_size


def read_table(path: Path, text: Sequence[str] = ()) -> pd.DataFrame:
    """A CSV table of results; columns in `text` hold words whatever they look like.

    Raises:
        OSError, ValueError: it cannot be read.
    """
    return _read_table(str(path), tuple(text), file_state(path))


@st.cache_resource(max_entries=24, show_spinner=False)
def _read_table(path: str, text: tuple[str, ...], state: tuple[int, int, int]) -> pd.DataFrame:
    """One copy for all visitors; it is never written to. `state` tells its versions apart."""
    del state
    types: dict[str, Any] = dict.fromkeys(text, "string")
    table = pd.read_csv(path, dtype=types, keep_default_na=False, na_values=[""])
    # Only an empty cell is missing: a condition may be called NA.
    words = [name for name in text if name in table]
    table[words] = table[words].fillna("").astype(object)
    return table
