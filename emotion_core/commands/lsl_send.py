"""The work of `lsl`; imported when that command runs, because it needs the extra `lsl`."""

import argparse
import secrets
import time

from mne_lsl.lsl import resolve_streams

from emotion_core.commands.options import write_json_option
from emotion_core.commands.progress import printable
from emotion_core.commands.signals import stop_on_signal
from emotion_core.lsl.outlet import NAME, ReadingsOutlet
from emotion_core.media import read_frames
from emotion_core.pipeline.pipeline import Pipeline
from emotion_core.results.summary import package_versions

# LSL's advice is at least half a second; networks with many computers take longer.
SEARCH_S = 3.0


def run(options: argparse.Namespace) -> int:
    """Send a video's readings until its end, or list the streams; returns 0."""
    write_json_option(options.json, _listed() if options.list else _sent(options))
    return 0


def _listed() -> dict[str, object]:
    found = [
        {
            "name": info.name,
            "type": info.stype,
            "host": info.hostname,
            "channels": int(info.n_channels),
            "rate_hz": float(info.sfreq),
        }
        for info in resolve_streams(SEARCH_S)
    ]
    for one in found:
        rate = f"{one['rate_hz']:g} Hz" if one["rate_hz"] else "irregular"
        words = f"{one['name']} ({one['type']}) of {one['host']}: {one['channels']} channels"
        print(printable(f"{words}, {rate}"))
    print(f"{len(found)} streams")
    return {"streams": found}


def _sent(options: argparse.Namespace) -> dict[str, object]:
    pipeline = Pipeline.load(options.model, models_dir=options.models_dir)
    acquisition = {
        "manufacturer": "emotion-lab",
        "version": package_versions()["emotion-lab"],
        "network": options.model,
        "source": options.video.name,
    }
    outlet = ReadingsOutlet(f"{NAME}-{secrets.token_hex(6)}", acquisition, options.name)
    skipped = 0
    with stop_on_signal() as stopped:
        while options.wait and not outlet.has_consumers and not stopped():
            time.sleep(0.05)
        begun_s: float | None = None
        for frame in read_frames(options.video, stop=stopped):
            now_s = time.monotonic()
            begun_s = now_s - frame.time_s if begun_s is None else begun_s
            due_s = begun_s + frame.time_s
            if now_s > due_s + 0.5:
                # As a camera would: what cannot be read in time is left out.
                skipped += 1
                continue
            time.sleep(max(0.0, due_s - now_s))
            outlet.send(pipeline.process(frame), due_s)
            if stopped():
                break
    # A reader that is about to take the last sample must still find the stream.
    time.sleep(0.2)
    print(f"{outlet.sent} samples sent as “{options.name}”, {skipped} frames left out")
    outcome = {"name": options.name, "sent": outlet.sent, "skipped": skipped}
    outlet.close()
    return dict(outcome)
