"""The clip drawn again with what a person decided about it: names, merges, exclusions, hiding.

Nothing is analysed again: the faces come from the table, so the boxes are those of the first clip.
The new clip is saved in the same folder, under a name derived from the edits: where they are
changed or taken back, it is not theirs any more, and the first one is shown again.
"""

import contextlib
from pathlib import Path

from emotion_core.results.annotations import Edits, edited_clip
from emotion_core.results.paths import EDITED_CLIPS, read_summary, remove_leftovers, sole_writer
from emotion_core.video.drawing import Drawing
from emotion_core.video.options import VideoOptions
from emotion_core.video.progress import Hooks


def redraw_clip(source: Path, folder: Path, edits: Edits, hooks: Hooks | None = None) -> bool:
    """Draw the clip of finished results again; an older one drawn with other edits goes.

    Args:
        source: the video that the results are of.
        folder: the results.
        edits: what is drawn: a given name instead of "#1", no excluded people, and mosaics instead
            of the faces that are hidden.
        hooks: progress and cancel.

    Returns:
        False where `hooks.stop` ended it; nothing is changed then.

    Raises:
        InputError: there is no table of faces.
        VideoError: the video cannot be read any more.
        OutputError: the clip cannot be written.
    """
    summary = read_summary(folder)
    settings, clip_facts = summary.get("settings") or {}, summary.get("clip") or {}
    options = VideoOptions(start_s=settings.get("start_s", 0.0), end_s=settings.get("end_s"))
    target = edited_clip(folder, edits)
    origin_s = clip_facts.get("origin_s", options.start_s)
    drawing = Drawing(source, folder, options.start_s, options.end_s, origin_s)
    with contextlib.ExitStack() as stack:
        stack.enter_context(sole_writer(folder))
        stack.callback(remove_leftovers, folder)
        if not drawing.draw(target, edits, hooks or Hooks()):
            return False
    for older in folder.glob(EDITED_CLIPS):
        if older != target:
            with contextlib.suppress(OSError):
                older.unlink()
    return True
