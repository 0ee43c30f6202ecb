"""What is wrong with a plan, told before a participant comes."""

from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import Final

from emotion_core.study.presentation.orders import trials_of, williams_square
from emotion_core.study.presentation.plan import PRESENTATION, STIMULI, Item, ItemKind, Order, Plan
from emotion_core.study.problems import Problem

# Suffix → media type, of what browsers show.
PICTURE_TYPES: Final = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".webp": "image/webp",
}
CLIP_TYPES: Final = {".mp4": "video/mp4", ".m4v": "video/mp4", ".webm": "video/webm"}
STIMULUS_TYPES: Final = PICTURE_TYPES | CLIP_TYPES


def check_plan(
    plan: Plan, folder: Path, look: Callable[[Path], str] | None = None
) -> tuple[Problem, ...]:
    """What keeps a presentation from being shown; () if it can be.

    Args:
        plan: of the study.
        folder: of the study.
        look: what is wrong with the content of a file, as a sentence; "" if it can be shown. None:
            only their names are looked at.
    """
    return tuple(Problem(PRESENTATION, words) for words in _wrong(plan, folder, look))


def _wrong(plan: Plan, folder: Path, look: Callable[[Path], str] | None) -> Iterator[str]:
    if not plan.consent.strip():
        yield (
            "The consent text is empty. Write what participants are to know and to agree to: "
            "without it no session can begin."
        )
    if not any(item.is_stimulus for item in plan.items):
        yield "There is no picture and no clip. Add files, then items that show them."
    for item in plan.items:
        if item.is_stimulus and (words := _wrong_file(item, folder, look)):
            yield f"{item.name}: {words}"


def _wrong_file(item: Item, folder: Path, look: Callable[[Path], str] | None) -> str:
    if not item.file:
        return "it has no file. Choose one."
    types = PICTURE_TYPES if item.kind is ItemKind.PICTURE else CLIP_TYPES
    path = stimulus_path(folder, item)
    if path is None or not path.is_file():
        return f"there is no file “{item.file}” in the folder {STIMULI}. Add it, or choose another."
    if path.suffix.lower() not in types:
        known = ", ".join(sorted(suffix.lstrip(".") for suffix in types))
        return f"a {item.kind} must be a file of the type {known}, not {path.suffix or 'this one'}."
    return look(path) if look else ""


def stimulus_path(folder: Path, item: Item) -> Path | None:
    """The file of a stimulus; None where its name leads out of the folder `stimuli`."""
    name = item.file.replace("\\", "/")
    if not name or PurePosixPath(name).name != name or name in (".", ".."):
        return None
    path = folder / STIMULI / name
    inside = path.resolve().is_relative_to((folder / STIMULI).resolve())
    return path if inside else None


def balance_words(plan: Plan) -> str:
    """How many participants a counterbalanced order needs; "" for the other orders."""
    trials = [t for t in trials_of(plan.items) if t[0].is_stimulus and not t[0].stays]
    if plan.order is not Order.COUNTERBALANCED or len(trials) < 2:
        return ""
    rows = len(williams_square(len(trials)))
    return (
        f"{rows} orders balance {len(trials)} trials: each is equally often in each place and "
        f"after each other one when the number of participants is a multiple of {rows}."
    )
