"""Photos read and shown: faces boxed and numbered, bars for each, and what to keep."""

import csv
import hashlib
import io
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import cv2
import numpy as np
import streamlit as st

from emotion_core.config import OverlaySettings, PipelineSettings
from emotion_core.datatypes import FloatArray, Frame, FrameResult, ImageArray
from emotion_core.errors import EmotionCoreError
from emotion_core.media.photo import read_photo
from emotion_core.media.portrait import PORTRAIT
from emotion_core.model.adaptation import Adaptation
from emotion_core.model.bundle import DEFAULT
from emotion_core.pipeline.pipeline import Pipeline
from emotion_core.results.export import COLUMNS, face_rows
from emotion_core.ui.common.charts import people_html
from emotion_core.ui.common.network_choice import chosen_network
from emotion_core.ui.common.resources import network_key
from emotion_core.ui.common.text import escape
from emotion_core.ui.explain.view import explain_button, show_explanation
from emotion_core.vision.crop import crop_faces
from emotion_core.vision.overlay import draw_overlay

if TYPE_CHECKING:
    from emotion_core.model.classify import Classifier

UPLOAD_MB: Final = 50
_BOXES: Final = Path(__file__).parents[1] / "assets" / "photo_boxes.js"
_CACHE: Final = "photo_readings"
# Up to this many faces are shown next to their picture; more are shown below it.
_BESIDE: Final = 2
_WIDE_PX: Final = 860
_LEGIBLE_PX: Final = 480
_MOST_ENLARGED: Final = 8
# What would make a reading of a photo better, in words.
_HINTS: Final = {
    "small": "the face is small",
    "dark": "the face is dark",
    "blurred": "the face is blurred",
    "cut": "the face is cut off",
    "turned": "the face is turned away",
}


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """One picture: its name, the picture with boxes as JPEG, and what was read.

    `width` is that of the picture in pixels, `crops` (N, 48, 48, 1) what the network saw of each
    face, `places` (N, 4) where it is, xyxy as shares of the picture's sides, `adaptation` the one
    that was applied. `problem` says why there is nothing of the picture; all else is empty then.
    """

    name: str
    jpeg: bytes = b""
    result: "FrameResult | None" = None
    width: int = 0
    problem: str = ""
    crops: "FloatArray | None" = None
    places: "FloatArray | None" = None
    adaptation: Adaptation | None = None


def read_pictures(
    pictures: list[tuple[str, bytes]],
    classifier: "Classifier",
    settings: "PipelineSettings",
    adaptation: Adaptation | None = None,
) -> list[Reading]:
    """Read each picture; one that cannot be read costs a message, not the others.

    Readings are cached in this visitor's session, so that a changed widget reads nothing again; a
    replaced network reads everything again.
    """
    kept: dict[str, Reading] = st.session_state.get(_CACHE, {})
    network = network_key(classifier)
    readings = {}
    for place, (name, data) in enumerate(pictures):
        adapted = adaptation.fingerprint if adaptation else ""
        asked = repr((place, name, settings, network, adapted)).encode("utf-8", "surrogateescape")
        key = hashlib.sha256(asked + data).hexdigest()
        readings[key] = kept.get(key) or _read(name, data, classifier, settings, adaptation)
    st.session_state[_CACHE] = readings
    return list(readings.values())


def _read(
    name: str,
    data: bytes,
    classifier: "Classifier",
    settings: "PipelineSettings",
    adaptation: Adaptation | None,
) -> Reading:
    try:
        image = read_photo(data, name=name)
        result = Pipeline(classifier, settings, adaptation=adaptation).process(Frame(image))
    except EmotionCoreError as error:
        return Reading(name, problem=str(error))
    drawn = draw_overlay(*_enlarged(image, result), OverlaySettings())
    height, width = image.shape[:2]
    return Reading(
        name,
        _jpeg(drawn),
        result,
        drawn.shape[1],
        crops=crop_faces(image, result.boxes, result.angles),
        places=np.clip(result.boxes / np.array([width, height] * 2, np.float32), 0, 1),
        adaptation=adaptation,
    )


def _enlarged(image: "ImageArray", result: "FrameResult") -> tuple["ImageArray", "FrameResult"]:
    """A small picture made larger, with its boxes: names of faces would not fit into it."""
    scale = min(_MOST_ENLARGED, _LEGIBLE_PX // max(image.shape[:2]))
    if scale < 2:
        return image, result
    large = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    return np.asarray(large, np.uint8), replace(result, boxes=result.boxes * scale)


def _jpeg(image: "ImageArray") -> bytes:
    return bytes(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 90])[1].tobytes())


def show_reading(reading: Reading, number: int) -> None:
    """One picture with its faces next to it."""
    if reading.result is None:
        st.error(reading.problem, icon=":material/broken_image:")
        return
    count = len(reading.result)
    words = {0: "no face", 1: "one face"}.get(count, f"{count} faces")
    if count <= _BESIDE:
        picture, faces = st.columns([3, 2], gap="medium")
    else:
        # A tall pile of faces would leave the place under the picture empty.
        picture, faces = st.container(width=_WIDE_PX), st.container()
    with picture:
        wide = reading.width >= _LEGIBLE_PX // 2
        with st.container(key=f"photo_picture_{number}"):
            st.image(reading.jpeg, width="stretch" if wide else reading.width)
        st.download_button(
            "Picture with boxes",
            reading.jpeg,
            file_name=f"faces_{number}.jpg",
            mime="image/jpeg",
            key=f"photo_jpeg_{number}",
            type="tertiary",
            icon=":material/download:",
            on_click="ignore",
        )
    with faces:
        st.markdown(f"**{escape(reading.name)}** · {words}")
        with st.container(key=f"photo_cards_{number}"):
            _faces(reading.result)
        _link_boxes(reading, number)
        keys = _explain_buttons(reading, number)
    for who, key in keys.items():
        show_explanation(key, who)


def _link_boxes(reading: Reading, number: int) -> None:
    """Pointing at a face in the picture marks its card, and the other way round.

    Also gives the picture its words, for those who cannot see it.
    """
    assert reading.result is not None
    assert reading.places is not None
    tie = st.components.v2.component("emotion_lab_photo_boxes", js=_BOXES.read_text("utf-8"))
    data = {
        "picture": f"photo_picture_{number}",
        "cards": f"photo_cards_{number}",
        "alt": f"{reading.name}, its faces boxed and numbered",
        "places": reading.places.tolist(),
        "words": [f"Face #{track}" for track in reading.result.track_ids.tolist()],
    }
    tie(key=f"photo_boxes_{number}", data=data, height=0)


def _explain_buttons(reading: Reading, number: int) -> dict[str, str]:
    """A button for each face; returns the names of the faces and the keys of their explanations.

    The crop is in the key: another picture at the same place is another face. So is the adaptation,
    without which the answer is another, and the network.
    """
    keys, adaptation = {}, reading.adaptation
    network = chosen_network()
    read_by = f"_{adaptation.fingerprint}" if adaptation else ""
    read_by += "" if network == DEFAULT else f"_{network}"
    assert reading.result is not None
    assert reading.crops is not None
    with st.container(horizontal=True):
        for track, crop in zip(reading.result.track_ids, reading.crops, strict=True):
            digest = hashlib.sha256(crop.tobytes()).hexdigest()[:12]
            key = f"photo_{number}_{track}_{digest}{read_by}"
            label = f"Explain face #{track}"
            explain_button(crop, key=key, label=label, adaptation=adaptation, network=network)
            keys[f"Face #{track}"] = key
    return keys


def _faces(result: "FrameResult") -> None:
    if not len(result):
        st.info(
            "No face found. Faces must be turned towards the camera and at least about 40 "
            "pixels wide; a brighter or larger picture helps.",
            icon=":material/face_retouching_off:",
        )
        return
    names = {int(track): f"Face #{int(track)}" for track in result.track_ids}
    st.html(people_html(result, names, hint_words=_HINTS))
    if result.unsure.any():
        st.caption("*Unsure*: the highest probability is below the network's threshold.")


def csv_text(readings: list[Reading]) -> str:
    """All faces of all pictures: `picture, face`, then the columns of faces.csv."""
    # Frame, time, identity and name mean nothing in a photo; the number in the picture does.
    left_out = {"frame", "time_s", "track_id", "name", "predicted"}
    places = [i for i, name in enumerate(COLUMNS) if name not in left_out]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["picture", "face", *(COLUMNS[i] for i in places)])
    for reading in readings:
        if reading.result is not None:
            track = COLUMNS.index("track_id")
            writer.writerows(
                [reading.name, row[track], *(row[i] for i in places)]
                for row in face_rows(reading.result)
            )
    return text.getvalue()


def json_text(readings: list[Reading]) -> str:
    """All pictures with their faces, or with why they could not be read."""
    entries: list[dict[str, Any]] = []
    for reading in readings:
        if reading.result is None:
            entries.append({"picture": reading.name, "problem": reading.problem})
        else:
            entries.append({"picture": reading.name, "faces": reading.result.to_dict()["faces"]})
    return json.dumps(entries, indent=1, ensure_ascii=False)


def show_downloads(readings: list[Reading]) -> None:
    """All faces as CSV and JSON."""
    if not any(r.result is not None for r in readings):
        return
    with st.container(horizontal=True):
        for label, make, suffix, mime in (
            ("All faces (CSV)", csv_text, "csv", "text/csv"),
            ("All faces (JSON)", json_text, "json", "application/json"),
        ):
            st.download_button(
                label,
                make(readings),
                file_name=f"faces.{suffix}",
                mime=mime,
                key=f"photo_{suffix}",
                icon=":material/download:",
                on_click="ignore",
            )


def sample_picture() -> tuple[str, bytes]:
    """The public-domain portrait that comes with the program."""
    return "Eileen Collins, NASA.jpg", PORTRAIT.read_bytes()
