"""Studies with codes of people: the store filled as the coding page fills it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from made_studies import faces_csv, made_study, probs_of, write_table
from study_folders import recording

from emotion_core.study.coding.plans import Plan, Window
from emotion_core.study.coding.replay import Action, Key
from emotion_core.study.coding.store import CodingStore
from emotion_core.study.folder import Study
from emotion_core.study.readings import build_all

# A code from a second on, and its intensity: "" ends the running one, "?" cannot tell.
Codes = Sequence[Any]


def analysed_study(folder: Path, read: Mapping[str, Sequence[str]], step_s: float = 1.0) -> Study:
    """Recordings in which the machine reads these expressions, each for `step_s`; with readings."""
    made = []
    for name, expressions in read.items():
        steps = round(step_s * 10)
        rows = [probs_of(e, np.full(steps, 0.9)) for e in expressions]
        results = write_table(folder.parent / "results" / name, faces_csv(np.concatenate(rows)))
        made.append(recording(name, file=str(results), participant=name))
    study = made_study(folder, made)
    build_all(study)
    return study


def add_codes(
    study: Study, end_s: float, codes: Mapping[str, Mapping[str, Codes]], finish: bool = True
) -> None:
    """Let coders code whole recordings: coder → recording → codes."""
    store = CodingStore(study.folder)
    names = sorted({name for of in codes.values() for name in of})
    store.add_plan("All", Plan(seed=1), [Window(name, 0.0, end_s) for name in names])
    for coder, of in codes.items():
        store.add_coder(coder)
        for unit in store.units_of(coder):
            if unit.recording not in of:
                continue
            store.press(coder, unit.id, _keys(f"{coder}-{unit.id}", of[unit.recording]))
            if finish:
                store.finish(coder, unit.id)


def _keys(name: str, codes: Codes) -> list[Key]:
    keys = []
    for i, (time_s, code, *intensity) in enumerate(codes):
        action = {"": Action.END, "?": Action.CANNOT_TELL}.get(code, Action.CODE)
        keys.append(Key(f"{name}-{i}", action, time_s, code.strip("?")))
        if intensity:
            keys.append(Key(f"{name}-{i}i", Action.INTENSITY, time_s, value=intensity[0]))
    return keys
