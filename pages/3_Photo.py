"""Photo: every face in a picture, boxed and read."""

from dataclasses import replace

import streamlit as st

from emotion_core.config import PipelineSettings
from emotion_core.ui.common.adaptation import choose_adaptation
from emotion_core.ui.common.labelled_faces import offer_adaptation
from emotion_core.ui.common.network_choice import choose_network, chosen_network
from emotion_core.ui.common.page import end_page, start_page
from emotion_core.ui.common.resources import classifier_or_message
from emotion_core.ui.common.visitor_jobs import retention_words
from emotion_core.ui.photo_page.teaching import label_faces
from emotion_core.ui.photo_page.view import (
    UPLOAD_MB,
    read_pictures,
    sample_picture,
    show_downloads,
    show_reading,
)

FILES, CAMERA, SAMPLE = "Files", "Camera", "Sample"

start_page(
    "Photo",
    "The expression of every face in a picture, how certain the reading is, and what may "
    "impair it.",
)
classifier = classifier_or_message(chosen_network())
if classifier is None:
    choose_network("photo")
    st.stop()

with st.container(horizontal=True, vertical_alignment="center"):
    source = st.segmented_control(
        "Pictures from",
        [FILES, CAMERA, SAMPLE],
        default=FILES,
        required=True,
        key="photo_source",
        label_visibility="collapsed",
    )
    largest = st.toggle("Largest face only", key="photo_largest")

pictures: list[tuple[str, bytes]] = []
if source == FILES:
    uploads = st.file_uploader(
        f"Pictures – JPEG, PNG, WebP or HEIC, up to {UPLOAD_MB} MB and 60 megapixels each",
        type=["jpg", "jpeg", "png", "webp", "heic", "heif"],
        accept_multiple_files=True,
        max_upload_size=UPLOAD_MB,
        key="photo_upload",
    )
    pictures = [(upload.name, upload.getvalue()) for upload in uploads or []]
elif source == CAMERA:
    snapshot = st.camera_input("Take a picture", key="photo_camera", width=520)
    pictures = [("snapshot.jpg", snapshot.getvalue())] if snapshot else []
else:
    pictures = [sample_picture()]

adaptation = choose_adaptation(classifier.bundle, "photo")
choose_network("photo")
if pictures:
    settings = replace(PipelineSettings.for_photo(), largest_face_only=largest)
    with st.spinner("Reading …", show_time=len(pictures) > 3):
        readings = read_pictures(pictures, classifier, settings, adaptation)
    offer = st.container()
    show_downloads(readings)
    for number, reading in enumerate(readings, 1):
        show_reading(reading, number)
        label_faces(reading, number, classifier)
        if number < len(readings):
            st.divider()
    with offer:
        offer_adaptation(classifier, "photo")

end_page(
    "Pictures are analysed on the computer that serves this page, are not sent anywhere else "
    "and are never written to its disk; they are forgotten when you close the page. If you ask "
    "to have a face explained, a grey picture of it, 48×48 pixels, is kept there for "
    f"{retention_words()} or "
    "until you press Delete."
)
