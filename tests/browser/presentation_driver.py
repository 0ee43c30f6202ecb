"""A session as a participant has it: a study with a plan, and a camera that films the stage."""

from pathlib import Path

import cv2
import numpy as np
from playwright.sync_api import Page

from emotion_core.media.synthetic import sample_photo
from emotion_core.media.write import VideoWriter
from emotion_core.study.folder import Study
from emotion_core.study.presentation.plan import STIMULI, Plan, save_plan
from emotion_core.study.store import SESSION, StudyStore

# The camera shows what the stage shows, as if it filmed the screen; a face where it shows nothing.
FILM = """
(face) => {
  const stage = () => {
    const host = window.top.document.querySelector('.emotion-lab-stage')
    return host?.shadowRoot.querySelector('.place > video, .place > img')
  }
  navigator.mediaDevices.getUserMedia = async () => {
    const canvas = document.createElement('canvas')
    canvas.width = 640
    canvas.height = 480
    const pen = canvas.getContext('2d')
    const portrait = new Image()
    portrait.src = face
    const draw = () => {
      const shown = stage()
      const there = shown && getComputedStyle(shown).visibility === 'visible'
      pen.drawImage(portrait, 0, 0, 640, 480)
      // Beside the face, so that it goes on being read.
      if (there) pen.drawImage(shown, 0, 0, 160, 480)
      window.top.requestAnimationFrame(draw)
    }
    draw()
    return canvas.captureStream(30)
  }
}
"""


def write_flashes(path: Path, flashes_s: list[float], length_s: float, fps: int = 30) -> Path:
    """A black clip that is white for a fifth of a second at each of some times."""
    with VideoWriter(path) as writer:
        for i in range(round(length_s * fps)):
            time_s = i / fps
            white = any(flash <= time_s + 1e-6 < flash + 0.2 for flash in flashes_s)
            image = np.full((240, 320, 3), 255 if white else 0, np.uint8)
            writer.write(image, time_s)
    return path


def film_the_stage(page: Page) -> None:
    """Give the page a camera that films what it shows."""
    ok, data = cv2.imencode(".jpg", sample_photo())
    assert ok
    import base64

    face = "data:image/jpeg;base64," + base64.b64encode(data.tobytes()).decode()
    page.add_init_script(f"({FILM})({face!r})")


def add_presentation(work: Path, plan: Plan, files: list[Path]) -> tuple[str, str, Path]:
    """A study with a plan; returns its token, the participants' link, and its folder."""
    store = StudyStore(work / "studies")
    token = store.add("somebody", lambda folder: Study.create(folder, "Presented"))
    folder = store.find(token)
    assert folder is not None
    (folder / STIMULI).mkdir()
    for file in files:
        (folder / STIMULI / file.name).write_bytes(file.read_bytes())
    save_plan(folder, plan)
    return token, store.invitation(token, SESSION), folder
