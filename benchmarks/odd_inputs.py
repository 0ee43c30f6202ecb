"""What is no ordinary face: how much of it is called unsure, and how much of it unusual.

python -m benchmarks.odd_inputs    # prints and writes results/odd_inputs.json; two minutes

Faces of other origin (../shared/data/other_faces.npz, LFW validation), as they are and changed:
covered, upside down, their parts shuffled; drawings and noise made here; and windows of pictures
without a face that the frontal cascade lets pass.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from benchmarks.common import save
from benchmarks.heads import pictures_without_a_face
from emotion_core.datatypes import FloatArray, ImageArray
from emotion_core.model.classify import Classifier, load_classifier
from emotion_core.vision.cascade import load_cascade
from emotion_core.vision.crop import crop_faces

_DATA: Final = Path(__file__).resolve().parents[2] / "shared" / "data" / "other_faces.npz"
_FACES: Final = 1000
_WINDOWS_A_PICTURE: Final = 12
Change = Callable[[ImageArray, np.random.Generator], ImageArray]


def masked(face: ImageArray, rng: np.random.Generator) -> ImageArray:
    """Nose, mouth and chin behind a plain mask."""
    outline = np.array([[6, 27], [24, 23], [42, 27], [38, 47], [10, 47]])
    return np.asarray(cv2.fillPoly(face.copy(), [outline], float(rng.integers(60, 250))), np.uint8)


def with_sunglasses(face: ImageArray, _: np.random.Generator) -> ImageArray:
    """Dark glasses over the eyes."""
    changed = face.copy()
    for x in (14, 34):
        cv2.ellipse(changed, (x, 19), (8, 6), 0, 0, 360, 20.0, -1)
    return np.asarray(cv2.line(changed, (14, 19), (34, 19), 20.0, 2), np.uint8)


def half_covered(face: ImageArray, rng: np.random.Generator) -> ImageArray:
    """One side of the face behind something plain."""
    changed = face.copy()
    changed[:, 24:] = rng.integers(20, 230)
    return changed


def shuffled(face: ImageArray, rng: np.random.Generator) -> ImageArray:
    """Sixteen squares of the face in another order."""
    squares = face.reshape(4, 12, 4, 12).swapaxes(1, 2).reshape(16, 12, 12)[rng.permutation(16)]
    return np.ascontiguousarray(squares.reshape(4, 4, 12, 12).swapaxes(1, 2).reshape(48, 48))


def drawn(_: ImageArray, rng: np.random.Generator) -> ImageArray:
    """A face of a circle, two dots and a bow."""
    drawing = np.full((48, 48), rng.integers(120, 255), np.uint8)
    ink = float(rng.integers(0, 60))
    cv2.circle(drawing, (24, 24), 22, float(rng.integers(170, 255)), -1)
    cv2.circle(drawing, (24, 24), 22, ink, 1)
    for x in (16, 32):
        cv2.circle(drawing, (x, 19), int(rng.integers(2, 4)), ink, -1)
    bow, start = (int(rng.integers(6, 12)), int(rng.integers(2, 8))), int(rng.choice([0, 180]))
    cv2.ellipse(drawing, (24, 30), bow, 0, start, start + 180, ink, 2)
    return drawing


def noisy(_: ImageArray, rng: np.random.Generator) -> ImageArray:
    """Noise of any fineness, contrast and lightness."""
    noise = cv2.GaussianBlur(rng.normal(size=(48, 48)), (0, 0), float(rng.uniform(0.5, 8)))
    sized = (noise - noise.mean()) / noise.std() * rng.uniform(5, 60) + rng.uniform(40, 210)
    return np.clip(sized, 0, 255).astype(np.uint8)


CHANGES: Final[dict[str, Change]] = {
    "as they are": lambda face, _: face,
    "with a mask": masked,
    "with sunglasses": with_sunglasses,
    "half covered": half_covered,
    "upside down": lambda face, _: face[::-1],
    "lying": lambda face, _: np.rot90(face),
    "shuffled": shuffled,
    "nearly black": lambda face, _: (face * 0.08).astype(np.uint8),
    "blurred": lambda face, _: np.asarray(cv2.GaussianBlur(face, (0, 0), 4), np.uint8),
    "drawn": drawn,
    "noise": noisy,
}


def windows_without_a_face(rng: np.random.Generator) -> Iterator[FloatArray]:
    """(N, 48, 48, 1) crops at which the cascade, asked to be lenient, sees a face."""
    cascade = load_cascade()
    for name, image in pictures_without_a_face():
        # The coins bear heads.
        if name == "coins":
            continue
        grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
        found = np.array(cascade.detectMultiScale(grey, 1.05, 0, minSize=(24, 24)), np.float32)
        if len(found):
            some = found[rng.permutation(len(found))[:_WINDOWS_A_PICTURE]]
            yield crop_faces(image, np.concatenate([some[:, :2], some[:, :2] + some[:, 2:]], 1))


def shares(classifier: Classifier, crops: FloatArray) -> dict[str, float]:
    """Of (N, 48, 48, 1) crops."""
    logits, activation, _ = classifier.read(crops)
    unusual = activation < classifier.unusual_below
    improbable = classifier.probabilities(logits).max(axis=1) < classifier.unsure_threshold
    return {
        "crops": len(crops),
        "unusual": round(float(unusual.mean()), 3),
        "unsure": round(float((unusual | improbable).mean()), 3),
    }


def main() -> None:
    """Measure and write results/odd_inputs.json."""
    classifier, rng = load_classifier(), np.random.default_rng(0)
    windows = np.concatenate(list(windows_without_a_face(rng)))
    rows = {"windows without a face": shares(classifier, windows)}
    if _DATA.is_file():
        with np.load(_DATA) as data:
            faces = data["lfw_images"][data["lfw_is_validation"]][:_FACES]
        for name, change in CHANGES.items():
            changed = np.stack([change(face, rng) for face in faces])
            rows[name] = shares(classifier, changed[..., None].astype(np.float32))
    save("odd_inputs", {"model": classifier.bundle.name, "rows": rows})


if __name__ == "__main__":
    main()
