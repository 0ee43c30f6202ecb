"""Drives the live page in a real browser, in the words of a visitor."""

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray
from playwright.sync_api import FrameLocator, Locator, Page

_GRAB = """
async () => {
  const video = document.querySelector("video");
  const canvas = document.createElement("canvas");
  canvas.width = video.videoWidth; canvas.height = video.videoHeight;
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  pen.drawImage(video, 0, 0);
  const data = pen.getImageData(0, 0, canvas.width, canvas.height).data;
  let text = "";
  for (let i = 0; i < data.length; i += 8192)
    text += String.fromCharCode(...data.subarray(i, i + 8192));
  return { width: canvas.width, height: canvas.height, data: btoa(text) };
}
"""


class LivePage:
    """The live page as a visitor sees it."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url

    def open(self) -> "LivePage":
        self.page.goto(f"{self.url}/Live")
        self.button("START").wait_for()
        return self

    @property
    def frame(self) -> FrameLocator:
        return self.page.frame_locator('iframe[title*="webrtc_streamer"]')

    def button(self, name: str) -> Locator:
        # Written in capitals by style alone.
        pattern = re.compile(f"^{name}$", re.IGNORECASE)
        return self.frame.get_by_role("button", name=pattern)

    def start(self) -> None:
        self.button("START").click()
        self.button("STOP").wait_for()

    def stop(self) -> None:
        self.button("STOP").click()
        self.button("START").wait_for()

    def wait_for_face(self) -> str:
        """Wait until somebody is read; returns the expression shown."""
        card = self.page.locator(".lab-person").first
        card.wait_for()
        return str(card.locator(".now").inner_text().split("\n")[0].split()[0])

    def rates(self) -> dict[str, str]:
        """What stands over the names of the rates now."""
        cells = self.page.locator(".lab-rates div")
        pairs = [text.split("\n") for text in cells.all_inner_texts()]
        return {pair[-1].strip(): pair[0].strip() for pair in pairs}

    def timeline_points(self) -> int:
        canvas = self.page.locator("canvas[data-points]")
        return int(canvas.get_attribute("data-points") or 0)

    def wait_for_points(self, more_than: int) -> int:
        self.page.wait_for_function(
            """(least) => {
              const find = (root) => {
                for (const e of root.querySelectorAll("*")) {
                  if (e.matches("canvas[data-points]")) return e;
                  const inner = e.shadowRoot && find(e.shadowRoot);
                  if (inner) return inner;
                }
                return null;
              };
              return Number(find(document)?.dataset.points ?? 0) > least;
            }""",
            arg=more_than,
        )
        return self.timeline_points()

    def video(self, expression: str) -> Any:
        """A JavaScript expression about the video element, named `v`."""
        return self.frame.locator("video").evaluate(f"v => {expression}")

    def picture(self) -> NDArray[np.uint8]:
        """(H, W, 3) uint8 RGB: the pixels of the returned video as the browser shows them now."""
        import base64

        grabbed = self.frame.locator("video").evaluate(_GRAB)
        data = np.frombuffer(base64.b64decode(grabbed["data"]), np.uint8)
        return data.reshape(grabbed["height"], grabbed["width"], 4)[..., :3]

    def choose(self, name: str) -> None:
        """Press one of the chips or toggles by its words."""
        self.page.get_by_text(name, exact=True).first.click()
