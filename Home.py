"""Home: what this program does, whether it is ready, where to start. Also what serves all pages."""

import streamlit as st

if __name__ == "__main__":
    # Streamlit runs a page under this name, once for each visit and click. The imports are here
    # because Streamlit warns of caches that are declared before its server runs.
    from emotion_core.ui.common.page import PROGRAM, end_page, start_page
    from emotion_core.ui.common.resources import prepare_live
    from emotion_core.ui.home_page.sample import show_sample
    from emotion_core.ui.home_page.view import readiness, show_limits, show_readiness, show_starts

    start_page(
        PROGRAM,
        "Reads facial expressions in a live webcam, in videos and in photos, on this computer: "
        "each face found with OpenCV's Haar cascade, each expression read by a small convolutional "
        "network whose scores and failures are shown on the Model page.",
    )
    show_starts()
    left, right = st.columns([3, 2], gap="large")
    with left:
        show_sample()
    with right:
        show_readiness(readiness())
        show_limits()
    end_page(
        "Everything runs on the computer that serves this page; nothing is sent anywhere else and "
        "no use is counted. Live video is kept only while you record with “Keep video” on. Uploads "
        "and results stay in a work folder for a set time, 24 hours unless the administrator chose "
        "otherwise, with a button to delete them at once. Studies stay until you delete them."
    )
    # Last, so that nothing of this page waits for it.
    prepare_live()
else:
    # `streamlit run Home.py` finds this assignment and imports it, once, as the server: the pages
    # together with the routes that hand out files in pieces and that answer other programs.
    from emotion_core.ui.common.api_door import interface_routes
    from emotion_core.ui.common.file_links import file_routes
    from emotion_core.ui.common.operations import Operations
    from emotion_core.ui.presentation_page.messages import message_routes

    server = Operations.from_environment()
    files = file_routes(guard=server.file_guard())
    routes = [*files, *message_routes(), *interface_routes(), *server.routes()]
    app = st.App(__file__, routes=routes, middleware=server.middleware(), lifespan=server.lifespan)
