"""Drawing a result onto a frame; computes nothing, so every number shown is part of the result."""

import contextlib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from emotion_core.config import OverlaySettings
from emotion_core.datatypes import FrameResult, ImageArray
from emotion_core.labels import EXPRESSIONS, colour_bgr

PANEL_BGR: Final = (32, 32, 32)
WHITE_BGR: Final = (255, 255, 255)
DASH_PX: Final = 8


# Looked for where Pillow's own font lacks a letter; it has hardly any beyond ASCII.
_SYSTEM_FONTS: Final = (
    "DejaVuSans.ttf",
    "NotoSans-Regular.ttf",
    "LiberationSans-Regular.ttf",
    "Arial Unicode.ttf",
    "arial.ttf",
    "Arial.ttf",
    "NotoSansCJK-Regular.ttc",
    "PingFang.ttc",
    "msyh.ttc",
)
# Never a character, so every font draws its sign for a missing one.
_NO_LETTER: Final = "\uffff"
_TRIAL_PX: Final = 16
_Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


def draw_overlay(
    image_bgr: ImageArray,
    result: FrameResult,
    settings: OverlaySettings | None = None,
    names: Mapping[int, str] | None = None,
) -> ImageArray:
    """A picture of its own with boxes, labels and bars; the frame given is not written to.

    A box has the colour of its most probable expression; it is dashed where the face is held over
    a gap. A label says "unsure" where the confidence is below the model's threshold, and why a
    reading may be poor.

    Args:
        image_bgr: (H, W, 3) uint8.
        result: what was read from this frame.
        settings: what to draw; None draws boxes and labels.
        names: identity → name, shown instead of "#1" where there is a font with its letters.

    Returns:
        (H, W, 3) uint8.

    Examples:
        >>> from emotion_core import Frame, Pipeline, PipelineSettings, draw_overlay, sample_photo
        >>> image = sample_photo()
        >>> result = Pipeline.load(settings=PipelineSettings.for_photo()).process(Frame(image))
        >>> drawn = draw_overlay(image, result)
        >>> drawn.shape == image.shape, bool((drawn != image).any())
        (True, True)
    """
    settings = settings or OverlaySettings()
    canvas = np.array(image_bgr, order="C")
    if not settings.show:
        return canvas
    thickness = max(2, round(min(canvas.shape[:2]) / 240))
    font_px = max(12, round(min(canvas.shape[:2]) / 30))
    boxes = [tuple(round(float(v)) for v in box) for box in result.boxes]
    if settings.boxes:
        for box, label, held in zip(boxes, result.labels, result.predicted, strict=True):
            _draw_box(canvas, box, colour_bgr(label), thickness, dashed=bool(held))
    taken: list[tuple[int, int, int, int]] = []
    for row, box in enumerate(boxes):
        if settings.labels:
            colour = colour_bgr(result.labels[row])
            text = _label(result, row, names or {})
            others = [*boxes[:row], *boxes[row + 1 :]]
            taken.append(_draw_label(canvas, box, text, colour, font_px, taken, others))
        if settings.bars:
            _draw_bars(canvas, box, result.probs[row], font_px)
    return canvas


def _label(result: FrameResult, row: int, names: Mapping[int, str]) -> str:
    track_id = int(result.track_ids[row])
    reading = f"{result.labels[row]} {100 * float(result.probs[row].max()):.0f}%"
    if result.unsure[row]:
        reading = f"unsure ({reading})"
    hints = ", ".join(hint.value for hint in result.quality[row])
    name = names.get(track_id, "")
    who = name if name and can_write(name) else f"#{track_id}"
    return f"{who}  {reading}" + (f"  · {hints}" if hints else "")


def _draw_box(
    canvas: ImageArray,
    box: tuple[int, ...],
    colour: tuple[int, int, int],
    thickness: int,
    *,
    dashed: bool,
) -> None:
    left, top, right, bottom = box
    if not dashed:
        cv2.rectangle(canvas, (left, top), (right, bottom), colour, thickness)
        return
    step = 2 * DASH_PX
    for x in range(left, right, step):
        for y in (top, bottom):
            cv2.line(canvas, (x, y), (min(x + DASH_PX, right), y), colour, thickness)
    for y in range(top, bottom, step):
        for x in (left, right):
            cv2.line(canvas, (x, y), (x, min(y + DASH_PX, bottom)), colour, thickness)


def _draw_label(
    canvas: ImageArray,
    box: tuple[int, ...],
    text: str,
    colour: tuple[int, int, int],
    font_px: int,
    taken: Sequence[tuple[int, ...]],
    others: Sequence[tuple[int, ...]],
) -> tuple[int, int, int, int]:
    """Above the box, or inside at its top where there is no room; below it or a line higher where
    a label in `taken` or a face in `others` would be covered (xyxy px). Returns its position."""
    mask = _text_mask(text, font_px)
    pad = max(3, font_px // 4)
    height, width = mask.shape[0] + 2 * pad, mask.shape[1] + 3 * pad
    x = max(0, min(box[0], canvas.shape[1] - width))
    above, inside, below = box[1] - height, box[1] + pad, box[3] + pad
    places = [above, below, above - height - 1, inside] if above >= 0 else [inside, below]
    fitting = [y for y in places if 0 <= y <= canvas.shape[0] - height] or places[:1]

    def cost(y: int) -> int:
        place = (x, y, x + width, y + height)
        # A number that cannot be read is worse than a covered forehead.
        return 8 * _covered(place, taken) + _covered(place, others)

    y = min(fitting, key=cost)
    cv2.rectangle(canvas, (x, y), (x + width, y + height - 1), PANEL_BGR, cv2.FILLED)
    cv2.rectangle(canvas, (x, y), (x + pad - 1, y + height - 1), colour, cv2.FILLED)
    _paste(canvas, mask, x + 2 * pad, y + pad)
    return x, y, x + width, y + height


def _covered(place: tuple[int, ...], taken: Sequence[tuple[int, ...]]) -> int:
    """Pixels of the areas `taken` that a label at a place (both xyxy px) would cover."""
    left, top, right, bottom = place
    return sum(
        max(0, min(right, other[2]) - max(left, other[0]))
        * max(0, min(bottom, other[3]) - max(top, other[1]))
        for other in taken
    )


def _draw_bars(canvas: ImageArray, box: tuple[int, ...], probs: np.ndarray, font_px: int) -> None:
    """Seven bars next to the box, on the side with room for them."""
    small = max(10, round(0.8 * font_px))
    names = [_text_mask(name, small) for name in EXPRESSIONS]
    line = small + max(2, small // 3)
    text_width = max(mask.shape[1] for mask in names)
    width, height = text_width + 4 * small + 12, line * len(EXPRESSIONS) + 6
    x = box[2] + 6 if box[2] + 6 + width <= canvas.shape[1] else box[0] - 6 - width
    x = max(0, min(x, canvas.shape[1] - width))
    y = max(0, min(box[1], canvas.shape[0] - height))
    panel = canvas[y : y + height, x : x + width]
    # Darkened, not covered: the background stays visible through the bars.
    panel[:] = panel // 4
    for i, (name, mask) in enumerate(zip(EXPRESSIONS, names, strict=True)):
        top = y + 4 + i * line
        _paste(canvas, mask, x + 4, top)
        start = (x + text_width + 8, top)
        end = (start[0] + max(1, round(4 * small * float(probs[i]))), top + small - 2)
        cv2.rectangle(canvas, start, end, colour_bgr(name), cv2.FILLED)


def _paste(canvas: ImageArray, mask: ImageArray, x: int, y: int) -> None:
    """White text through a mask of coverage; parts outside the picture are left out."""
    x0, y0 = max(x, 0), max(y, 0)
    x1 = min(x + mask.shape[1], canvas.shape[1])
    y1 = min(y + mask.shape[0], canvas.shape[0])
    if x1 <= x0 or y1 <= y0:
        return
    cover = mask[y0 - y : y1 - y, x0 - x : x1 - x, None].astype(np.uint16)
    part = canvas[y0:y1, x0:x1]
    part[:] = (part * (255 - cover) + 255 * cover) // 255


@lru_cache(maxsize=512)
def _text_mask(text: str, font_px: int) -> ImageArray:
    """(h, w) uint8 coverage of a text; OpenCV's own font has too few letters and looks worse."""
    font = next((f for f in _fonts(font_px) if _knows(f, text)), _fonts(font_px)[0])
    left, _, right, _ = font.getbbox(text)
    picture = Image.new("L", (max(1, int(right - left) + 1), font_px + font_px // 3))
    ImageDraw.Draw(picture).text((-left, 0), text, fill=255, font=font)
    mask = np.array(picture)
    mask.setflags(write=False)
    return mask


def can_write(text: str) -> bool:
    """Whether some font has all letters of a text: people whose names are boxes look alike."""
    return any(_knows(font, text) for font in _fonts(_TRIAL_PX))


@lru_cache(maxsize=16)
def _fonts(font_px: int) -> tuple[_Font, ...]:
    """Pillow's own font, which every computer has, and those of the system with more letters."""
    fonts: list[_Font] = [ImageFont.load_default(font_px)]
    for name in _SYSTEM_FONTS:
        with contextlib.suppress(OSError):
            fonts.append(ImageFont.truetype(name, font_px))
    return tuple(fonts)


def _knows(font: _Font, text: str) -> bool:
    return all(_has_letter(font, letter) for letter in text)


@lru_cache(maxsize=4096)
def _has_letter(font: _Font, letter: str) -> bool:
    return letter.isspace() or bytes(font.getmask(letter)) != bytes(font.getmask(_NO_LETTER))
