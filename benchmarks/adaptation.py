"""What an adaptation from a few labelled faces brings to the faces of other people.

    python -m benchmarks.adaptation [--model ferplus] [--draws 20]

For each set of faces (../shared/data, or `--data DIR`): half of the people are drawn, of them K
labelled faces of each expression; what is made from these is measured on the other half, and on the
other sets. Rehearsal and reference are of one half of FER+ validation, measuring uses the other;
the photographs of the reference are LFW's other people.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.common import save
from emotion_core.datasets.loading import load_dataset
from emotion_core.datasets.other_faces import open_other_faces
from emotion_core.errors import InputError
from emotion_core.evaluation.adaptation_making import make_adaptation
from emotion_core.evaluation.inference import served_readings
from emotion_core.evaluation.reference_faces import Reference, reference_of
from emotion_core.labels import EXPRESSIONS
from emotion_core.model.classify import Classifier, load_classifier

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
FACES_EACH = (3, 10)


@dataclass(frozen=True, slots=True, eq=False)
class FaceSet:
    """Probabilities (N, 7), features (N, F), labels (N,) and people (N,) of the faces of a set."""

    probs: NDArray[np.float32]
    features: NDArray[np.float32]
    labels: NDArray[np.int64]
    people: NDArray[np.int64]

    def part(self, kept: NDArray[Any]) -> "FaceSet":
        """The faces of some rows."""
        return FaceSet(self.probs[kept], self.features[kept], self.labels[kept], self.people[kept])


def read_sets(
    classifier: Classifier, data: Path
) -> tuple[dict[str, FaceSet], FaceSet, Reference | None]:
    """All sets by name, the faces to rehearse, and what an adaptation's faces are compared with."""
    sets, others = {}, open_other_faces(data / "other_faces.npz")
    for faces in others.sets:
        judged = np.isin(faces.labels, [EXPRESSIONS.index(e) for e in faces.judged])
        sets[faces.name] = FaceSet(
            *_read(classifier, faces.images[judged]),
            faces.labels[judged].astype(np.int64),
            faces.people[judged],
        )
    split = load_dataset(data / "ferplus.zip").split("validation")
    read, own = _read(classifier, split.images), classifier.bundle.label_set
    rehearsed = np.random.default_rng(5).random(len(split)) < 0.5
    for label_set, name in (("ferplus", "FER+ labels"), ("fer2013", "FER2013 labels")):
        labels = split.labels(label_set).astype(np.int64)
        whole = FaceSet(*read, labels, np.arange(len(labels)))
        sets[name] = whole.part((labels >= 0) & ~rehearsed)
        if label_set == own:
            rows = (labels >= 0) & rehearsed
            kept = whole.part(rows)
            reference = reference_of(classifier, split.images[rows], labels[rows], others.pool)
    return sets, kept, reference


def _read(
    classifier: Classifier, images: NDArray[np.uint8]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    found = served_readings(classifier, images)
    return classifier.probabilities(found.logits), found.features


def mean_recall(probs: NDArray[np.float32], labels: NDArray[np.int64]) -> float:
    """Mean over the expressions that there are."""
    answers = probs.argmax(axis=1)
    return float(np.mean([(answers[labels == c] == c).mean() for c in np.unique(labels)]))


def _drawn(faces: FaceSet, each: int, rng: np.random.Generator) -> tuple[FaceSet, FaceSet]:
    """Up to `each` faces of every expression of half of the people, and all of the other half."""
    people = rng.permutation(np.unique(faces.people))
    teaching = np.isin(faces.people, people[: len(people) // 2])
    taught = [
        rng.permutation(np.flatnonzero(teaching & (faces.labels == code)))[:each]
        for code in np.unique(faces.labels)
    ]
    return faces.part(np.concatenate(taught)), faces.part(~teaching)


def measure(
    name: str,
    sets: dict[str, FaceSet],
    kept: FaceSet,
    reference: Reference | None,
    each: int,
    draws: int,
) -> dict[str, Any]:
    """Gains on other people of the set, and on the other sets, over random draws."""
    mine, rng = sets[name], np.random.default_rng(1)
    rows: list[dict[str, float]] = []
    refused = 0
    for draw in range(draws):
        few, rest = _drawn(mine, each, rng)
        try:
            made, gain = make_adaptation(
                few.probs,
                few.labels,
                few.people,
                name=name,
                model={},
                rehearsal=(kept.probs, kept.labels),
                features=few.features,
                reference=reference,
                seed=draw,
            )
        except InputError:
            refused += 1
            continue
        row = {"strength": made.strength, "offered": float(gain.offered)}
        row["applies to faces like these"] = float(made.likeness is not None)
        row["gain at full strength"] = _gained(made.with_strength(1), rest)
        row["gain"] = _gained(made, rest)
        inside = gain.difference.low <= row["gain"] <= gain.difference.high
        row["inside the interval that was told"] = float(inside)
        others = {other: faces for other, faces in sets.items() if other != name}
        rows.append(row | {f"on {other}": _gained(made, faces) for other, faces in others.items()})
    figures = {key: [row[key] for row in rows] for key in rows[0]}
    return {
        "faces_of_each_expression": each,
        "expressions": len(np.unique(mine.labels)),
        "mean_recall_without": round(mean_recall(mine.probs, mine.labels), 4),
        "draws": draws,
        "refused": refused,
        **{
            key: {"mean": round(float(np.mean(values)), 4), "worst": round(min(values), 4)}
            for key, values in figures.items()
        },
    }


def _gained(made: Any, faces: FaceSet) -> float:
    adapted = made.apply(faces.probs, faces.features)
    return mean_recall(adapted, faces.labels) - mean_recall(faces.probs, faces.labels)


def main() -> None:
    """Measure every set with few and more faces, and save the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", nargs="+", default=["ferplus", "fer2013"])
    parser.add_argument("--draws", type=int, default=20)
    parser.add_argument("--data", type=Path, default=SHARED_DATA)
    options = parser.parse_args()
    found = {}
    for model in options.model:
        sets, kept, reference = read_sets(load_classifier(model), options.data)
        found[model] = {
            name: [measure(name, sets, kept, reference, each, options.draws) for each in FACES_EACH]
            for name in sets
        }
    save("adaptation", {"models": found})


if __name__ == "__main__":
    main()
