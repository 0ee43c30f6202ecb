"""Agreement in a real Chromium: a click on a disagreement plays that moment."""

import shutil
from pathlib import Path

from browser.app_server import OpenBrowser, Server
from browser.pictures import barriers, keep_whole, settle, sticking_out
from coded_studies import Codes, add_codes
from playwright.sync_api import Page

from emotion_core.media.write import sample_video
from emotion_core.study.definitions import Recording
from emotion_core.study.folder import Study
from emotion_core.study.store import StudyStore

VIDEO = ".st-key-player video"
# For three seconds after it is first looked for, the page has no player, as on a busy computer; and
# as soon as it has moved, another one is in its place, as where a rerun draws it twice.
LATE_AND_TWICE = f"""(() => {{
  const find = Document.prototype.querySelector
  let first = 0
  Document.prototype.querySelector = function (selector) {{
    if (selector === '{VIDEO}') {{
      first ||= performance.now()
      if (performance.now() - first < 3000) return null
    }}
    return find.call(this, selector)
  }}
  const replace = () => {{
    const video = find.call(document, '{VIDEO}')
    if (!(video?.currentTime > 0)) return requestAnimationFrame(replace)
    video.replaceWith(video.cloneNode(true))
    window.drawnTwice = true
  }}
  replace()
}})()"""


def coded_study(server: Server, video: Path) -> str:
    """A study of one video; two coders disagree for 1.5 s from 3 s on and for 1 s from 1 s on."""

    def fill(folder: Path) -> None:
        study = Study.create(folder, "Coded")
        shutil.copy(video, folder / "film.mp4")
        study = study.with_recordings([Recording("film", "film.mp4", "P01")])
        codes: dict[str, dict[str, Codes]] = {
            "Anna": {"film": [(0, "happy"), (1, "sad"), (3, "fear")]},
            "Ben": {"film": [(0, "happy"), (2, "sad"), (4.5, "fear")]},
        }
        add_codes(study, 6.0, codes)

    return StudyStore(server.log.parent / "work" / "studies").add("somebody", fill)


def place_in(page: Page) -> float:
    return float(page.eval_on_selector(VIDEO, "video => video.currentTime"))


def wait_for_place(page: Page, time_s: float) -> None:
    page.wait_for_function(
        f"t => Math.abs((document.querySelector('{VIDEO}')?.currentTime ?? -1) - t) < 0.2",
        arg=time_s,
    )


def test_a_click_on_a_disagreement_plays_that_moment(
    server: Server, open_browser: OpenBrowser, tmp_path: Path
) -> None:
    video = sample_video(tmp_path / "film.mp4", 6.0, 10.0)
    token = coded_study(server, video)
    page = open_browser(None, viewport={"width": 1440, "height": 1000}).new_page()
    page.add_init_script(LATE_AND_TWICE)
    page.goto(f"{server.url}/Study?study={token}")
    page.get_by_role("tab", name="Agreement").click()
    page.get_by_text("Disagreements: 2").wait_for()
    page.wait_for_function("window.drawnTwice")
    # The longest comes first, and the player half a second before it.
    wait_for_place(page, 2.5)
    table = page.get_by_test_id("stDataFrame").last
    table.scroll_into_view_if_needed()
    # The rows are painted: the box of the second one is below the head and the first row.
    table.click(position={"x": 20, "y": 35 * 2 + 17})
    wait_for_place(page, 0.5)
    page.get_by_text("1.0 to 2.0 s: Anna says sad, Ben says happy").wait_for()
    settle(page)
    assert barriers(page) == []
    keep_whole(page, "study_agreement")
    page.set_viewport_size({"width": 390, "height": 844})
    settle(page)
    assert sticking_out(page) == []
    keep_whole(page, "study_agreement_phone")
    assert server.errors() == []
