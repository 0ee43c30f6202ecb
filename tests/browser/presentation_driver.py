"""A session as a participant has it: a study with a plan, and a camera that films the stage."""

import base64
import csv
import json
import re
from dataclasses import dataclass
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray
from playwright.sync_api import Page

from emotion_core.media.synthetic import sample_photo
from emotion_core.media.write import VideoWriter
from emotion_core.results.paths import CLIP
from emotion_core.study.folder import ANALYSED, Study
from emotion_core.study.presentation.plan import STIMULI, Plan, save_plan
from emotion_core.study.store import SESSION, StudyStore

FLASH_S = 0.2
# The camera shows a face, and in its left quarter what the stage shows, as if it filmed the screen.
_FILM = """
(face) => {
  const stage = () => {
    const host = window.top.document.querySelector('.emotion-lab-stage')
    const all = [...host?.shadowRoot.querySelectorAll('.place > video, .place > img') ?? []]
    return all.find((one) => getComputedStyle(one).visibility === 'visible')
  }
  navigator.mediaDevices.getUserMedia = async () => {
    const canvas = document.createElement('canvas')
    canvas.width = 640
    canvas.height = 480
    const pen = canvas.getContext('2d')
    const portrait = new Image()
    portrait.src = face
    await portrait.decode()
    const draw = () => {
      pen.drawImage(portrait, 0, 0, 640, 480)
      pen.fillRect(0, 0, 160, 480)
      const shown = stage()
      if (shown) pen.drawImage(shown, 0, 0, 160, 480)
      window.top.requestAnimationFrame(draw)
    }
    draw()
    return canvas.captureStream(30)
  }
}
"""


# Every encoded picture waits before it is sent, as on a slow way; its time stamp stays.
_SLOW = """
(delayMs) => {
  if (delayMs === 0) return
  const Plain = window.RTCPeerConnection
  const passOn = ({ readable, writable }, transform) =>
    readable.pipeThrough(new TransformStream(transform)).pipeTo(writable).catch(() => {})
  const wait = { transform: (frame, out) => { setTimeout(() => out.enqueue(frame), delayMs) } }
  window.RTCPeerConnection = class extends Plain {
    constructor (settings) {
      super({ ...settings, encodedInsertableStreams: true })
      this.addEventListener('track', ({ receiver }) => passOn(receiver.createEncodedStreams(), {}))
    }

    addTrack (...given) {
      const sender = super.addTrack(...given)
      passOn(sender.createEncodedStreams(), wait)
      return sender
    }
  }
}
"""


def write_flashes(path: Path, flashes_s: list[float], length_s: float, fps: int = 30) -> Path:
    """A black clip that is white for a fifth of a second at each of some times."""
    with VideoWriter(path) as writer:
        for i in range(round(length_s * fps)):
            time_s = i / fps
            white = any(flash <= time_s + 1e-6 < flash + FLASH_S for flash in flashes_s)
            writer.write(np.full((240, 320, 3), 255 if white else 0, np.uint8), time_s)
    return path


def write_white(path: Path) -> Path:
    """A white picture."""
    cv2.imwrite(str(path), np.full((240, 320, 3), 255, np.uint8))
    return path


def film_the_stage(page: Page, delay_s: float = 0.0) -> None:
    """Give the page a camera that films what it shows.

    Args:
        page: before it is opened.
        delay_s: how much longer its pictures are under way than by themselves.
    """
    page.add_init_script(f"({_SLOW})({1000 * delay_s})")
    _, data = cv2.imencode(".jpg", sample_photo())
    face = "data:image/jpeg;base64," + base64.b64encode(data.tobytes()).decode()
    page.add_init_script(f"({_FILM})({face!r})")


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


def agree_and_record(page: Page, address: str) -> None:
    """From the link, which may be open already, to the stage, which waits for the participant."""
    if page.url != address:
        page.goto(address)
    page.get_by_role("button", name="I agree", exact=True).click()
    start_camera(page)
    page.get_by_text("your face is seen").wait_for()
    page.get_by_role("button", name="Start recording").click()
    page.get_by_role("button", name="Begin").wait_for()


def start_camera(page: Page) -> None:
    """Press START of the video component."""
    frame = page.frame_locator('iframe[title*="webrtc_streamer"]')
    frame.get_by_role("button", name=re.compile("^start$", re.IGNORECASE)).click()


@dataclass(frozen=True)
class Flash:
    """What the screen showed, and the first frame of the recording that shows it.

    Attributes:
        label: of the stimulus.
        marker_s: when the markers say that it was shown, on the clock of the video.
        frame_s: time of the first frame that shows it, on the same clock.
    """

    label: str
    marker_s: float
    frame_s: float

    @property
    def error_s(self) -> float:
        """How much later the frame is than the marker."""
        return self.frame_s - self.marker_s


def flashes_of(folder: Path, name: str, flashes_s: list[float]) -> list[Flash]:
    """Compare the markers of a recording with its pictures.

    Args:
        folder: of the study.
        name: of the recording, which kept its picture.
        flashes_s: when clips are white; other stimuli are white pictures.
    """
    with (folder / "recordings.csv").open(encoding="utf-8") as file:
        row = next(r for r in csv.DictReader(file) if r["recording"] == name)
    offset_s = float(row["clock_offset_s"] or 0)
    times, bright = _brightness(folder / ANALYSED / name)
    found = []
    with (folder / "events.csv").open(encoding="utf-8") as file:
        events = [r for r in csv.DictReader(file) if r["recording"] == name]
    for event in (e for e in events if e["kind"] == "stimulus"):
        start_s = float(event["start_s"]) - offset_s
        for after_s in flashes_s if event["label"].startswith("clip") else [0.0]:
            marker_s = start_s + after_s
            # The first white frame after a black one, near the marker.
            rises = times[1:][(bright[1:] > 150) & (bright[:-1] <= 150)]
            found.append(
                Flash(event["label"], marker_s, float(rises[np.abs(rises - marker_s).argmin()]))
            )
    return found


def _brightness(folder: Path) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Time of each kept picture, and the mean grey value where the camera films the screen."""
    origin_s = json.loads((folder / "session.json").read_text("utf-8"))["clip"]["origin_s"]
    times, bright = [], []
    with av.open(str(folder / CLIP)) as container:
        for frame in container.decode(video=0):
            assert frame.pts is not None
            assert frame.time_base is not None
            times.append(float(frame.pts * frame.time_base) + origin_s)
            bright.append(frame.to_ndarray(format="gray")[120:360, 30:130].mean())
    return np.array(times), np.array(bright)
