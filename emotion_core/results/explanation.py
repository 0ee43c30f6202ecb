"""Why a face was read as it was: the values that `explain` writes and the pages show.

explanation.json holds names, probabilities, parts and neighbours; explanation.npz the pictures and
maps: crop (48, 48), heat and drop (7, 48, 48), neighbours (K, 48, 48).
"""

from __future__ import annotations

import json
import zipfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from emotion_core.atomic_io import parse_json, replace_file
from emotion_core.errors import InputError, OutputError
from emotion_core.labels import EXPRESSIONS

VALUES, ARRAYS = "explanation.json", "explanation.npz"
VERSION: Final = 3
# Version 2 knew no adaptation.
_READ: Final = (2, VERSION)
HEAT_WITHOUT_ADAPTATION: Final = (
    "The evidence maps explain the network's own answer, before the adaptation."
)


@dataclass(frozen=True, slots=True)
class NearFace:
    """A training face near this one: its name, its label, and the cosine similarity, -1 to 1."""

    name: str
    expression: str
    similarity: float


@dataclass(frozen=True, slots=True, eq=False)
class Explanation:
    """One explained face; arrays of seven follow `EXPRESSIONS`.

    Attributes:
        model: name of the network.
        temperature: its calibration.
        crop: (48, 48) uint8, what the network saw.
        before, after: (7,) float32, the served network's probabilities before and after
            calibration, without any adaptation.
        heat: (7, 48, 48) float32 0-1, where the evidence for each expression is, to the network
            without any adaptation.
        drop: (7, 48, 48) float32, by how much each expression's log-odds in the answer fall when a
            patch covers a pixel.
        parts: name of a part → (7,) float32, the answer with this part covered.
        near: the nearest training faces, the nearest first.
        near_images: (K, 48, 48) uint8, their pictures.
        no_near: why there are none; "" where there are some.
        no_heat: why `heat` is empty; "" where it could be computed.
        adaptation: the one that was applied, as `Adaptation.described`; None without one.
        adapted: (7,) float32, the answer with it; None without one.
    """

    model: str
    temperature: float
    crop: NDArray[np.uint8]
    before: NDArray[np.float32]
    after: NDArray[np.float32]
    heat: NDArray[np.float32]
    drop: NDArray[np.float32]
    parts: dict[str, NDArray[np.float32]]
    near: tuple[NearFace, ...] = ()
    near_images: NDArray[np.uint8] = field(default_factory=lambda: np.empty((0, 48, 48), np.uint8))
    no_near: str = ""
    no_heat: str = ""
    adaptation: dict[str, Any] | None = None
    adapted: NDArray[np.float32] | None = None

    @property
    def answer(self) -> NDArray[np.float32]:
        """(7,) the probabilities that a page shows: calibrated and, with an adaptation, adapted."""
        return self.after if self.adapted is None else self.adapted

    @property
    def top(self) -> int:
        """Index of the expression that won."""
        return int(self.answer.argmax())

    def part_drops(self, expression: int) -> list[tuple[str, float]]:
        """How far an expression falls when each part is covered, the largest fall first."""
        falls = [(n, float(self.answer[expression] - p[expression])) for n, p in self.parts.items()]
        return sorted(falls, key=lambda item: -item[1])

    def full_drop(self, expression: int) -> float:
        """The change of log-odds that is drawn in full colour: the largest, at least 1."""
        return max(1.0, float(np.abs(self.drop[expression]).max()))

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON, without the pictures and maps."""

        def named(values: NDArray[np.float32]) -> dict[str, float]:
            return {e: round(float(v), 6) for e, v in zip(EXPRESSIONS, values, strict=True)}

        adapted = {}
        if self.adapted is not None:
            adapted = {
                "adaptation": self.adaptation,
                "after_adaptation": named(self.adapted),
                "heat_maps_explain": HEAT_WITHOUT_ADAPTATION,
            }
        return {
            "version": VERSION,
            "model": self.model,
            "temperature": self.temperature,
            "emotion": EXPRESSIONS[self.top],
            "before_calibration": named(self.before),
            "after_calibration": named(self.after),
            **adapted,
            "covered": {name: named(values) for name, values in self.parts.items()},
            "nearest_training_faces": [asdict(face) for face in self.near],
            "no_nearest_training_faces": self.no_near,
            "no_heat_map": self.no_heat,
        }

    def save(self, folder: Path) -> None:
        """Write both files; explanation.json comes last, so a folder with it is complete.

        Raises:
            OutputError: the folder cannot be written.
        """
        try:
            folder.mkdir(parents=True, exist_ok=True)
            np.savez_compressed(
                folder / ARRAYS,
                crop=self.crop,
                heat=self.heat,
                drop=self.drop,
                near=self.near_images,
            )
            text = json.dumps(self.to_dict(), indent=1, ensure_ascii=False)
            replace_file(folder / VALUES, f"{text}\n".encode())
        except OSError as error:
            raise OutputError(f"The explanation cannot be written: {error}.") from error


def load_explanation(folder: Path) -> Explanation:
    """Read what `save` wrote.

    Raises:
        InputError: a file is missing, damaged or of another version.
    """

    def seven(values: dict[str, float]) -> NDArray[np.float32]:
        return np.array([values[e] for e in EXPRESSIONS], np.float32)

    try:
        values = parse_json((folder / VALUES).read_text("utf-8"))
        if values["version"] not in _READ:
            raise InputError(f"{folder / VALUES} is of another version; explain the face again.")
        with (folder / ARRAYS).open("rb") as file, np.load(file) as arrays:
            return Explanation(
                values["model"],
                float(values["temperature"]),
                arrays["crop"],
                seven(values["before_calibration"]),
                seven(values["after_calibration"]),
                arrays["heat"],
                arrays["drop"],
                {name: seven(part) for name, part in values["covered"].items()},
                tuple(NearFace(**face) for face in values["nearest_training_faces"]),
                arrays["near"],
                values["no_nearest_training_faces"],
                values["no_heat_map"],
                values.get("adaptation"),
                seven(values["after_adaptation"]) if values.get("adaptation") else None,
            )
    except InputError:
        raise
    except (OSError, EOFError, ValueError, LookupError, TypeError, zipfile.BadZipFile) as error:
        raise InputError(f"{folder} holds no readable explanation ({error}).") from error
