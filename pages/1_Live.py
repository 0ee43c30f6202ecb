"""Live: the webcam's faces, read while you watch."""

import streamlit as st

from emotion_core.ui.common.network_choice import choose_network, chosen_network
from emotion_core.ui.common.page import end_page, start_page
from emotion_core.ui.common.resources import classifier_or_message
from emotion_core.ui.live_page.controls import live_controls
from emotion_core.ui.live_page.lost_stream import tell_of_lost_stream
from emotion_core.ui.live_page.lsl import lsl_available, lsl_panel
from emotion_core.ui.live_page.people import names_of, people_panel
from emotion_core.ui.live_page.readout import offer_download, show_last_minute, show_readings
from emotion_core.ui.live_page.recorder import attach, current_session, recorder_bar, show_finished
from emotion_core.ui.live_page.remote import follow_remote, open_to_remote
from emotion_core.ui.live_page.stream import (
    camera_help,
    connection_problem,
    current_processor,
    let_browser_stop,
    let_it_show,
    live_stream,
    probe,
    show_problem,
    use_settings,
)
from emotion_core.ui.live_page.teaching import has_takes, is_teaching, teaching_panel
from emotion_core.video.options import described_network

READINGS_EVERY_S = 0.5
TIMELINE_EVERY_S = 1.0
PEOPLE_EVERY_S = 2.0
RESTING_EVERY_S = 30.0

start_page(
    "Live",
    "Press START to see the expression of every face as it changes, and how certain each "
    "reading is.",
)
classifier = classifier_or_message(chosen_network())
if classifier is None:
    choose_network("live")
    st.stop()

stage, side = st.columns([3, 2], gap="medium")
with stage:
    # The video first and by itself: START is what a visitor waits for.
    running = live_stream(classifier)
    tell_of_lost_stream(running)
    let_it_show()
    # While expressions are asked for, the words are next to the picture.
    prompt = st.container()
    recorder = st.container()
    recorded = current_session()
    settings = live_controls(classifier.bundle, recorded is not None)
    use_settings(settings)
    locked = running or recorded is not None
    choose_network("live", "Stop the camera and end the recording to change it." if locked else "")
    people = st.expander("Names and neutral face", icon=":material/groups:")
    teacher = st.expander(
        "Teach it your face", icon=":material/face:", expanded=has_takes(current_processor())
    )
    others = (
        st.expander("Other programs of your lab", icon=":material/hub:")
        if lsl_available()
        else None
    )
    help_place = st.container()
processor = current_processor()
bundle = classifier.bundle
model = described_network(bundle, settings.adaptation)
if processor is not None and running:
    attach(processor, recorded, names_of(processor))
    open_to_remote(processor, model)


@st.fragment(run_every=READINGS_EVERY_S if running else None)
def readings() -> None:
    """Rates and people; refreshed separately, so that the stream is never touched."""
    processor = current_processor()
    if running:
        let_browser_stop()
        follow_remote(processor, names_of(processor))
    problem = connection_problem(processor, running)
    if problem:
        show_problem(problem)
    if processor is not None and (running or not processor.reading().ended):
        show_readings(processor, names_of(processor))
    elif running:
        st.info("Connecting …", icon=":material/sync:")
    else:
        st.markdown(
            "**How it works**\n"
            "1. Press **START** and let the browser use the camera.\n"
            "2. Look at the camera, with light from the front.\n"
            "3. Each face gets a lasting number, its expression and seven probabilities. Do "
            "not rely on readings marked *unsure*."
        )


@st.fragment(run_every=TIMELINE_EVERY_S if running else None)
def last_minute() -> None:
    """The scrolling timeline of everybody in view."""
    processor = current_processor()
    if processor is None:
        st.caption(
            "Once the camera is running, the last 60 seconds of everyone in view appear here."
        )
    else:
        show_last_minute(processor, names_of(processor))


# Also while nothing streams: a recording whose page is open is not deleted as forgotten.
@st.fragment(run_every=None if not recorded else TIMELINE_EVERY_S if running else RESTING_EVERY_S)
def recording() -> None:
    """The recording's buttons and clock."""
    recorder_bar(current_processor(), model)


@st.fragment(run_every=PEOPLE_EVERY_S if running else None)
def who() -> None:
    """Names and calibration of the people in view."""
    people_panel(current_processor(), current_session())


@st.fragment(run_every=READINGS_EVERY_S if running and is_teaching(processor) else None)
def teach() -> None:
    """Guided takes and the adaptation fitted to them."""
    teaching_panel(current_processor(), bundle, recorded=current_session() is not None)


@st.fragment(run_every=PEOPLE_EVERY_S if running else None)
def other_programs() -> None:
    """Readings out and markers in over the Lab Streaming Layer."""
    lsl_panel(current_processor(), model, settings)


# A place of its own for each fragment: one that draws more than last time would otherwise write
# over its neighbour.
with recorder:
    recording()
with people:
    who()
if others is not None:
    with others:
        other_programs()
with prompt if is_teaching(processor) else teacher:
    teach()
if is_teaching(processor):
    teacher.caption("Follow the words below the picture.")
with side:
    with st.container():
        readings()
    st.markdown("**Last 60 seconds**")
    with st.container():
        last_minute()
    if processor is not None:
        offer_download(processor)
show_finished()
end_page(
    "The video travels between this browser and the server that shows this page, and nowhere else. "
    "No picture is kept, unless you tick “Keep video” while recording: a frame is read, shown, and "
    "forgotten. People who return are recognised by their looks; what is remembered of these stays "
    "in memory and is deleted with the stream. Readings are kept only while you record, in a work "
    "folder for a set time, with a button to delete them."
)
probed = probe()
with help_place:
    camera_help(classifier, probed)
