"""Model folders with everything that the Model page reads but a network."""

import json
from pathlib import Path

import numpy as np
import pandas as pd

from emotion_core.atomic_io import write_json
from emotion_core.datasets.dataset import Split
from emotion_core.evaluation import evaluate
from emotion_core.evaluation.corruptions import DAMAGES
from emotion_core.evaluation.inference import Answers
from emotion_core.evaluation.predictions import predictions_table, write_predictions
from emotion_core.labels import EXPRESSIONS
from emotion_core.model.calibrate import softmax

TEMPERATURE = 1.4


def write_split(folder: Path, name: str, seed: int, hardness: float, skill: float = 3.0) -> None:
    """Predictions of a made split, and the report that goes with them."""
    rng = np.random.default_rng(len(name))
    truth = np.arange(140) % 7
    votes = np.zeros((140, 10), np.int16)
    votes[np.arange(140), np.array([4, 5, 6, 1, 0, 3, 2])[truth]] = 8
    votes[:, 8] = 2
    names = np.array([f"{name}{i}.png" for i in range(140)])
    images = np.zeros((140, 48, 48), np.uint8)
    fer2013 = np.where(rng.random(140) < 0.3, (truth + 1) % 7, truth).astype(np.int8)
    split = Split(name, names, images, votes, fer2013)
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, hardness, (140, 7)) + skill * np.eye(7)[truth]
    raw, served = softmax(logits), softmax(logits, TEMPERATURE)
    path = folder / f"predictions_ferplus_{name}.csv"
    write_predictions(path, predictions_table(split, raw, served))
    answers = Answers(served, raw, np.empty((len(raw), 0), np.float32), raw, served, 0.5)
    scores = {
        s: evaluate.score_label_set(s, split, split.labels(s), answers, None, resamples=50)
        for s in ("ferplus", "fer2013")
    }
    near = {"images": 140, "same_answer": 1.0, "mean_difference": 0.0, "largest_difference": 0.0}
    points = {s: {"accuracy": 0.0, "macro_f1": 0.0} for s in scores}
    speed = {
        "served_ms_per_face_one_thread": 0.5,
        "float_ms_per_face_one_thread": 1.25,
        "served_bytes": 700_000,
        "float_bytes": 3_000_000,
    }
    report = {
        "split": name,
        "headline": {
            "label_set": "ferplus",
            "name": scores["ferplus"]["name"],
            "accuracy": scores["ferplus"]["full"]["accuracy"]["value"],
        },
        "scores": scores,
        "served_against_float": near | {"served_minus_float_points": points},
        "speed": speed,
    }
    file = folder / "evaluation.json"
    known = json.loads(file.read_text())["evaluations"] if file.exists() else {}
    write_json(file, {"version": 1, "evaluations": {**known, f"ferplus_{name}": report}})


def write_model(folder: Path, label_set: str, seed: int, skill: float) -> None:
    """A model folder with everything that the page reads but a network."""
    folder.mkdir(parents=True)
    unsure = {"threshold": 0.4, "coverage": 0.9, "accuracy_sure": 0.8, "accuracy_unsure": 0.3}
    metadata = {
        "version": 1,
        "name": folder.name,
        "labels": list(EXPRESSIONS),
        "label_set": label_set,
        "temperature": TEMPERATURE,
        "unsure": unsure,
        "settings": {"epochs": 3, "network": {"channels": [4, 4, 8, 8]}},
        "training": {"epochs": 3, "best_epoch": 2},
    }
    write_json(folder / "model.json", metadata)
    write_split(folder, "test", seed, 2.0, skill)
    write_split(folder, "validation", seed + 1, 1.0, skill)
    history = {"epoch": [1, 2, 3], "loss": [2.0, 1.5, 1.2], "accuracy": [0.2, 0.5, 0.6]}
    history |= {"val_loss": [1.9, 1.4, 1.5], "val_accuracy": [0.3, 0.6, 0.5]}
    pd.DataFrame(history | {"learning_rate": 1e-3, "seconds": 9.0}).to_csv(
        folder / "history.csv", index=False
    )
    levels = [("none", 0.0, "", 0.8)] + [
        (d.kind, x, d.unit, 0.6) for d in DAMAGES for x in d.levels
    ]
    pd.DataFrame(levels, columns=["damage", "level", "unit", "accuracy"]).assign(
        dataset="ferplus", split="test", label_set=label_set, images=140, macro_f1=0.5
    ).to_csv(folder / "robustness.csv", index=False)
