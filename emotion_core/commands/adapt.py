"""`adapt`: labelled faces → a small correction of a network's answers, kept under a name."""

from __future__ import annotations

import argparse
import dataclasses
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emotion_core.commands.options import (
    add_json_option,
    add_models_dir_option,
    check_json_option,
    write_json_option,
)
from emotion_core.config import AppSettings
from emotion_core.datasets.dataset import ALL, SPLITS, Dataset, Split
from emotion_core.datasets.known_images import count_known, read_known
from emotion_core.datasets.loading import load_dataset
from emotion_core.datasets.other_faces import is_other_faces, read_other_faces
from emotion_core.datasets.own_faces import people_of
from emotion_core.errors import InputError, ModelError, SettingsError
from emotion_core.evaluation.adaptation_making import (
    LEAST_FACES,
    Gain,
    make_adaptation,
    prior_adaptation,
    trained_prior,
    validation_rehearsal,
)
from emotion_core.evaluation.inference import served_readings
from emotion_core.evaluation.model_record import known_file
from emotion_core.evaluation.reference_faces import read_reference
from emotion_core.labels import EXPRESSIONS, LABEL_SETS, NUM_EXPRESSIONS
from emotion_core.model.adaptation import Adaptation
from emotion_core.model.adaptation_file import (
    SUFFIX,
    check_name,
    list_adaptations,
    load_adaptation,
    save_adaptation,
)
from emotion_core.model.bundle import ModelBundle
from emotion_core.model.classify import load_classifier
from emotion_core.pipeline.network_hash import network_hash

EXIT_DONE, EXIT_FAILED = 0, 1
# A prior that only expects what the faces are labelled as.
_LABELLED = "labelled"
# Where so large a share of the faces is of the network's own training split, its answers to them
# say nothing about other faces.
_MOST_LEARNT = 0.5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options."""
    parser.add_argument("--name", help="under which it is kept and chosen")
    parser.add_argument(
        "--data",
        type=Path,
        help="labelled faces: <expression>/*.png|jpg, FER+ folder or zip, fer2013.csv, or an .npz "
        "of faces of other origin; without it only the prior is changed",
    )
    parser.add_argument(
        "--split",
        choices=(*SPLITS, ALL),
        help="of the data (all; the test split is left out where there is one for training)",
    )
    parser.add_argument("--labels", choices=LABEL_SETS, help="whose labels (those of the model)")
    parser.add_argument(
        "--person",
        metavar="REGEX",
        help="finds in an image's name who is seen, as its first group: '/(\\w+)_' in "
        "'happy/anna_3.png'; people are left out as a whole to measure the gain (default: every "
        "image shows somebody else)",
    )
    parser.add_argument(
        "--prior",
        default="balanced",
        metavar="SHARES",
        help="how often the expressions are expected: 'balanced' (default), 'trained' as in the "
        "network's training faces, 'labelled' for those alone that --data has labels of, or such "
        "as 'neutral=0.6,happy=0.2', where the others share the rest",
    )
    parser.add_argument("--strength", type=float, metavar="0-1", help="(what suits the faces best)")
    parser.add_argument("--anyway", action="store_true", help="keep it even if it brings nothing")
    parser.add_argument("--list", action="store_true", help="list the adaptations that there are")
    parser.add_argument("--out", type=Path, metavar="DIR", help="(EMOTION_LAB_ADAPTATIONS_DIR)")
    parser.add_argument("--model", default="default", help="name of the model folder")
    add_models_dir_option(parser)
    add_json_option(parser, "write the adaptation and its gain for machines")


def run(options: argparse.Namespace) -> int:
    """Make an adaptation; returns 0, or 1 where it brings nothing and is not kept."""
    folder = options.out or AppSettings.from_environment().adaptations_dir
    if options.list:
        print("\n".join(_listed(folder)))
        return EXIT_DONE
    check_json_option(options.json)
    if not options.name:
        raise SettingsError("--name is needed: the adaptation is chosen by it.")
    name = check_name(options.name)
    classifier = load_classifier(options.model, options.models_dir)
    bundle = classifier.bundle
    model = {"name": bundle.name, "sha256": network_hash(bundle)}
    rehearsal = validation_rehearsal(bundle)
    labels = None if rehearsal is None else rehearsal[1]
    labelled = options.prior == _LABELLED
    if labelled and options.data is None:
        raise SettingsError("--prior labelled needs --data: it is about its labels.")
    prior = None if labelled else _prior(options.prior, bundle, labels)
    splits: tuple[str, ...] = ()
    if options.data is None:
        made, gain = prior_adaptation(name, model, _needed(bundle, labels), prior), None
    else:
        faces = read_labelled_faces(options, bundle)
        splits = faces.splits
        found = served_readings(classifier, faces.images)
        made, gain = make_adaptation(
            classifier.probabilities(found.logits),
            faces.labels,
            faces.people,
            name=name,
            model=model,
            rehearsal=rehearsal,
            features=found.features,
            reference=read_reference(bundle.path),
            strength=options.strength,
        )
        made = dataclasses.replace(made, prior=_prior_of(gain) if labelled else prior)
    source = options.data.name if options.data else None
    made = _recorded(made.with_strength(options.strength), source, splits)
    write_json_option(options.json, {**made.described(), "model": model, "record": made.record})
    if gain is not None:
        print(gain_text(gain, made.strength))
        if made.likeness is not None:
            print("It applies to faces like these; the others are read as without it.")
    if gain is not None and not gain.offered and not options.anyway:
        print(
            "It is not kept, as it brings nothing on people left out. Label more faces, or keep it "
            "with --anyway."
        )
        return EXIT_FAILED
    file = save_adaptation(made, folder)
    print(f"wrote {file}; use it with --adaptation {name!r}")
    return EXIT_DONE


def _listed(folder: Path) -> list[str]:
    """A line for each adaptation of a folder."""
    names = list_adaptations(folder)
    lines = [
        f"{file.name}: rename it, it cannot be chosen by this name"
        for file in sorted(folder.glob(f"*{SUFFIX}"))
        if file.stem not in names
    ]
    for name in names:
        try:
            found = load_adaptation(name, folder)
            lines.append(f"{name}: for {found.model['name']}, strength {found.strength:g}")
        except InputError as error:
            lines.append(f"{name}: {error}")
    return lines or [f"There are no adaptations in {folder}."]


@dataclass(frozen=True, slots=True, eq=False)
class LabelledImages:
    """Images (N, 48, 48) uint8, labels (N,), who is seen (N,), None if that is not known, and the
    splits that they are of, if there are any."""

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    people: NDArray[Any] | None
    splits: tuple[str, ...] = ()


def read_labelled_faces(options: argparse.Namespace, bundle: ModelBundle) -> LabelledImages:
    """The faces that `--data` names, those without a label left out.

    Raises:
        DatasetError: nothing readable there.
        InputError: no face has a label, or the network learnt from these faces.
        SettingsError: `--person` is no pattern with a group, or finds nobody in a name.
    """
    if is_other_faces(options.data):
        return _other_faces(options.data)
    dataset = load_dataset(options.data)
    used = _used_splits(dataset, options.split)
    split = Dataset(dataset.source, {name: dataset.splits[name] for name in used}).split(ALL)
    labels = split.labels(options.labels or _label_set(split, bundle))
    kept = labels >= 0
    if not kept.any():
        raise InputError(f"No face of {options.data.name} has a label of this label set.")
    _check_unknown(split.images[kept], bundle, options.data)
    people = people_of(split.names[kept], options.person) if options.person else None
    return LabelledImages(split.images[kept], labels[kept].astype(np.int64), people, used)


def _used_splits(dataset: Dataset, asked: str | None) -> tuple[str, ...]:
    """Names of the splits that are learnt from: the test split is there to measure what was learnt.

    Raises:
        DatasetError: the split that is asked for is missing or empty.
    """
    if asked is not None and asked != ALL:
        dataset.split(asked)
        return (asked,)
    found = tuple(name for name in SPLITS if len(dataset.splits.get(name, ())))
    spared = asked is None and "train" in found
    return tuple(name for name in found if not (spared and name == "test"))


def _other_faces(path: Path) -> LabelledImages:
    sets = read_other_faces(path)
    images = np.concatenate([faces.images for faces in sets])
    labels = np.concatenate([faces.labels for faces in sets]).astype(np.int64)
    people = np.concatenate(
        [[f"{faces.name} {person}" for person in faces.people] for faces in sets]
    )
    judged = np.concatenate(
        [np.isin(f.labels, [EXPRESSIONS.index(e) for e in f.judged]) for f in sets]
    )
    return LabelledImages(images[judged], labels[judged], people[judged])


def _label_set(split: Split, bundle: ModelBundle) -> str:
    """The model's own label set, or the only one that the data have."""
    found = [s for s in LABEL_SETS if (split.labels(s) >= 0).any()]
    return bundle.label_set if bundle.label_set in found or not found else found[0]


def _check_unknown(images: NDArray[np.uint8], bundle: ModelBundle, data: Path) -> None:
    try:
        learnt = count_known(images, read_known(known_file(bundle.path))).get("train", 0)
    except ModelError:
        # An installed package has no such sample; a damaged one says nothing.
        return
    if learnt > _MOST_LEARNT * len(images):
        raise InputError(
            f"{bundle.name} learnt from the faces of {data.name}: what it says to them tells "
            "nothing about other faces. Choose --split validation, or other faces."
        )


def _needed(bundle: ModelBundle, labels: NDArray[np.int64] | None) -> NDArray[np.int64]:
    if labels is None:
        raise InputError(
            f"{bundle.path} keeps no predictions of its validation split, so that the prior of "
            f"{bundle.name} is not known. `evaluate --split validation` writes them."
        )
    return labels


def _prior(
    text: str, bundle: ModelBundle, labels: NDArray[np.int64] | None
) -> NDArray[np.float64] | None:
    """The shares that `--prior` asks for; None: all alike.

    Raises:
        SettingsError: it is none of the words and no list of shares.
    """
    if text == "balanced":
        return None
    if text == "trained":
        return trained_prior(_needed(bundle, labels))
    shares: dict[str, float] = {}
    try:
        for part in text.split(","):
            expression, share = part.split("=")
            shares[expression.strip()] = float(share)
        unknown = set(shares) - set(EXPRESSIONS)
        rest = 1 - sum(shares.values())
        usable = not unknown and all(s >= 0 for s in shares.values()) and rest > -1e-9
    except ValueError:
        usable = False
    others = NUM_EXPRESSIONS - len(shares)
    if not usable or (not others and abs(rest) > 1e-6):
        raise SettingsError(
            "--prior must be 'balanced', 'trained', 'labelled', or shares of at most 1 in all such "
            f"as 'neutral=0.6,happy=0.2', got {text!r}. The expressions: {', '.join(EXPRESSIONS)}."
        )
    each = max(rest, 0.0) / others if others else 0.0
    return np.array([shares.get(expression, each) for expression in EXPRESSIONS])


def _prior_of(gain: Gain) -> NDArray[np.float64]:
    """All labelled expressions alike, the others never."""
    found = {*gain.by_expression, *gain.left_out}
    labelled = np.array([e in found for e in EXPRESSIONS], np.float64)
    return labelled / labelled.sum()


def _recorded(made: Adaptation, source: str | None, splits: tuple[str, ...]) -> Adaptation:
    today = datetime.now(UTC).date().isoformat()
    about = {"source": source, "splits": list(splits), "date": today}
    return dataclasses.replace(made, record={**made.record, **about})


def gain_text(gain: Gain, strength: float) -> str:
    """What an adaptation brings, in three lines."""
    counts = ", ".join(f"{e} {n}" for e, n in gain.by_expression.items())
    few = ", ".join(f"{e} {n}" for e, n in gain.left_out.items())
    left_out = f" (left out, as {LEAST_FACES} are needed: {few})" if few else ""
    change = gain.difference
    return (
        f"{gain.faces:,} faces of {gain.people:,} people: {counts}{left_out}\n"
        f"mean recall on people left out: {gain.before:.3f} without, {gain.after:.3f} with it; "
        f"difference {change.value:+.3f} [{change.low:+.3f}, {change.high:+.3f}]\n"
        f"log-loss {gain.loss_before:.3f} without, {gain.loss_after:.3f} with it; "
        f"strength {strength:.2f}"
    )
