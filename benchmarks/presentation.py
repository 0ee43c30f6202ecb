"""Markers of a presentation against the frames that show what they mark.

    python benchmarks/presentation.py [--clips 8] [--pictures 12] [--json FILE]

A session is shown in a real Chromium: clips that flash, and white pictures. The browser's camera is
replaced by one that films the stage: what the page shows at a moment is drawn into its picture. The
recording keeps its pictures, so that the first white frame can be compared with the marker, and
with the place of the flash in the clip. Server, browser and encoder share this computer's cores.

A second session sends the camera's pictures 150 ms later, as a slow network does: the delay is
found by the sender reports, not known beforehand.

Of the whole way from the screen to the recording, two parts are missing: the time until a real
screen lights up (about one frame), and the time a real camera needs for its picture (documented by
its maker, 20 to 100 ms for most webcams).
"""

import argparse
import json
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

FLASHES_S = [0.5, 1.2, 1.9, 2.6, 3.3]
LENGTH_S = 4.0


def plan_of(clips: int, pictures: int) -> Any:
    """Clips and pictures by turns, in a random order."""
    from emotion_core.study.presentation.plan import Item, ItemKind, Order, Plan

    items = [Item(f"clip {i}", ItemKind.CLIP, "clip.mp4") for i in range(clips)]
    for i in range(pictures):
        items.append(Item(f"picture {i}", ItemKind.PICTURE, "white.png", 0.6))
        items.append(Item(f"gap {i}", ItemKind.PAUSE, seconds=0.5))
    return Plan("Flashes", "Agreed?", order=Order.RANDOM, keep_video=True, items=tuple(items))


def run_session(folder: Path, clips: int, pictures: int, delay_s: float) -> Path:
    """One session from the link to its end; returns the study's folder."""
    from browser.app_server import FLAGS, running_server
    from browser.conftest import CHROMIUM
    from browser.presentation_driver import (
        add_presentation,
        agree_and_record,
        film_the_stage,
        write_flashes,
        write_white,
    )
    from playwright.sync_api import sync_playwright

    files = [write_flashes(folder / "clip.mp4", FLASHES_S, LENGTH_S)]
    files.append(write_white(folder / "white.png"))
    flags = [*FLAGS, "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
    with running_server(folder) as server, sync_playwright() as api:
        _, link, study = add_presentation(folder / "work", plan_of(clips, pictures), files)
        browser = api.chromium.launch(executable_path=CHROMIUM, args=flags)
        page = browser.new_context(permissions=["camera"]).new_page()
        page.set_default_timeout(60_000 + 1000 * (clips * LENGTH_S + pictures * 2) * 2)
        film_the_stage(page, delay_s)
        agree_and_record(page, f"{server.url}/Study?session={link}")
        page.get_by_role("button", name="Begin").click()
        page.get_by_text("The recording has ended").wait_for()
        browser.close()
    return study


def described(errors_s: list[float]) -> dict[str, Any]:
    """Figures of errors in milliseconds; positive: the frame is later than the marker."""
    sizes = sorted(1000 * abs(error) for error in errors_s)
    return {
        "count": len(sizes),
        "median_error_ms": round(statistics.median(sizes), 1),
        "p90_error_ms": round(sizes[int(0.9 * (len(sizes) - 1))], 1),
        "largest_error_ms": round(sizes[-1], 1),
        "median_signed_ms": round(1000 * statistics.median(errors_s), 1),
    }


def measure(clips: int, pictures: int, delay_s: float) -> dict[str, Any]:
    """Show one session, whose pictures are so much longer under way, and compare."""
    from browser.presentation_driver import flashes_of

    with tempfile.TemporaryDirectory() as temporary:
        study = run_session(Path(temporary), clips, pictures, delay_s)
        found = flashes_of(study, "P001", FLASHES_S)
        result = json.loads((study / "recordings" / "P001" / "presentation.json").read_text())
    clock = result["clock"]
    lag_s = clock["capture_lag_s"] or 0.0
    of_clips = [f.error_s for f in found if f.label.startswith("clip")]
    of_pictures = [f.error_s for f in found if f.label.startswith("picture")]
    return {
        "all": described(of_clips + of_pictures),
        "clips": described(of_clips),
        "pictures": described(of_pictures),
        "without_the_measured_delay": described([e + lag_s for e in of_clips + of_pictures]),
        "clock_uncertainty_ms": round(1000 * clock["uncertainty_s"], 2),
        "camera_delay_ms": round(1000 * lag_s, 1),
        "camera_delay_spread_ms": round(1000 * (clock["capture_lag_spread_s"] or 0.0), 1),
        "items": result["items"],
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--clips", type=int, default=8)
    parser.add_argument("--pictures", type=int, default=12)
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    options = parser.parse_args()
    from benchmarks.common import save

    results = {
        "as_it_is": measure(options.clips, options.pictures, 0.0),
        "pictures_150_ms_later": measure(options.clips, options.pictures, 0.150),
    }
    save("presentation", results)
    if options.json:
        options.json.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
