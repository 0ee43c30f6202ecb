"""People who look different, made from the one public-domain portrait.

The photographed face is warped (width of brow and jaw, length, eyes, nose), its skin and hair are
recoloured, and hair, beard, glasses and clothes are drawn. What comes out is no portrait of anybody
and need not look natural: it must be found as a face, and each must differ from the others where
people differ. Of every person it is known exactly where the face is.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import cv2
import numpy as np

from emotion_core.datatypes import FloatArray, ImageArray
from emotion_core.media.portrait import SHAPES, portrait_as

Colour = tuple[int, int, int]  # BGR
# The portrait lies here in a person's picture, which has room for hair and a body.
LEFT, TOP = 60, 30
WIDTH, HEIGHT = 440, 700
MOODS: Final = ("happy", "neutral", "halfway")

# Outlines in the portrait's pixels, traced by hand.
_HEAD: Final = (
    (160, 16), (186, 17), (214, 34), (232, 64), (238, 90), (230, 116), (214, 131), (206, 135),
    (202, 156), (192, 176), (190, 205), (122, 205), (121, 160), (118, 132), (104, 119), (93, 98),
    (90, 76), (98, 52), (124, 38), (136, 22),
)  # fmt: skip
_FACE: Final = (
    (120, 68), (128, 74), (150, 78), (180, 83), (200, 88), (206, 104), (207, 118), (212, 126),
    (206, 137), (202, 156), (192, 178), (190, 205), (122, 205), (121, 160), (118, 132), (108, 120),
    (112, 114), (119, 110), (120, 90),
)  # fmt: skip
# Head without the hair that stands out, as (centre), (half axes) of an ellipse.
_SKULL: Final = ((161, 96), (58, 74))
_EYES: Final = ((139.0, 101.0), (184.0, 102.5))
_EYE_Y, _MIDDLE_X, _NECK_Y = 101.0, 161.0, 183
# The face as Haar boxes it, on average over these people: left, top, right, bottom.
_BOX: Final = (107.0, 63.0, 215.0, 171.0)


@dataclass(frozen=True, slots=True)
class Person:
    """How somebody looks; the defaults are those of the photograph, in a plain grey shirt.

    Attributes:
        name: tells people apart; everything else may be equal.
        brow, jaw: width of the upper and the lower half of the face, 1 as photographed.
        length: from the eyes down to the chin, 1 as photographed.
        eyes_apart: how far each eye is moved outwards, in pixels of the portrait.
        nose: width of the nose, 1 as photographed.
        skin: brightness of the skin, and how much red it has over blue; 1 as photographed.
        hair: colour of the hair, None: as photographed.
        cut: `bob` (as photographed), `short`, `bald` or `long`.
        beard: colour of a beard, None: none.
        glasses: colour of the frame, None: none.
        mirrored: left and right are swapped.
        clothes: two colours.
        pattern: of the clothes: `plain`, `stripes`, `checks` or `dots`.
        build: width of the shoulders, 1: three widths of the face.
    """

    name: str
    brow: float = 1.0
    jaw: float = 1.0
    length: float = 1.0
    eyes_apart: float = 0.0
    nose: float = 1.0
    skin: tuple[float, float] = (1.0, 1.0)
    hair: Colour | None = None
    cut: str = "bob"
    beard: Colour | None = None
    glasses: Colour | None = None
    mirrored: bool = False
    clothes: tuple[Colour, Colour] = ((110, 110, 110), (80, 80, 80))
    pattern: str = "plain"
    build: float = 1.0


_BLACK, _NAVY, _WHITE = (28, 26, 30), (110, 52, 30), (225, 228, 230)
ADA: Final = Person("Ada", clothes=((70, 120, 60), (60, 100, 50)))
# Ada's face and hair, other clothes.
TWIN: Final = Person("Ada's twin", clothes=((50, 60, 190), _WHITE), pattern="stripes")
BEN: Final = Person(
    "Ben", brow=1.08, jaw=1.22, nose=1.25, skin=(0.55, 1.15), hair=_BLACK, cut="short",
    beard=(24, 24, 28), clothes=(_NAVY, (130, 66, 40)), build=1.12,
)  # fmt: skip
CHO: Final = Person(
    "Cho", brow=0.98, jaw=0.86, eyes_apart=2.0, nose=0.85, skin=(1.06, 0.9), hair=_BLACK,
    cut="long", glasses=(30, 30, 120), clothes=((60, 50, 170), (200, 210, 235)), pattern="dots",
    build=0.88,
)  # fmt: skip
DAN: Final = Person(
    "Dan", brow=1.0, jaw=0.98, length=1.14, nose=1.15, skin=(0.95, 1.12), hair=(150, 150, 155),
    cut="bald", beard=(150, 152, 158), mirrored=True, clothes=(_WHITE, (180, 170, 160)),
    pattern="checks", build=1.08,
)  # fmt: skip
EVA: Final = Person(
    "Eva", brow=1.08, jaw=1.1, length=0.92, eyes_apart=-2.0, nose=0.95, skin=(0.9, 1.1),
    hair=(90, 175, 225), cut="long", mirrored=True, clothes=((120, 50, 110), (170, 110, 160)),
    pattern="checks", build=0.92,
)  # fmt: skip
# Dressed like Ben.
FAY: Final = Person(
    "Fay", brow=0.96, jaw=0.9, length=1.05, eyes_apart=1.0, skin=(0.8, 1.2), hair=(30, 45, 110),
    cut="bob", glasses=(110, 130, 170), mirrored=True, clothes=(_NAVY, (130, 66, 40)),
)  # fmt: skip
PEOPLE: Final = (ADA, BEN, CHO, DAN, EVA, FAY, TWIN)


@lru_cache(maxsize=64)
def picture(person: Person, mood: str = "happy", away: bool = False) -> ImageArray:
    """(HEIGHT, WIDTH, 4) uint8 BGRA, read-only: the person from the front, cut out.

    Args:
        person: who.
        mood: one of MOODS.
        away: seen from behind: all hair, no face.
    """
    halfway = SHAPES["happy"].towards(SHAPES["neutral"], 0.5)
    shape = halfway if mood == "halfway" else SHAPES[mood]
    head, mask = _head(person, portrait_as(shape).astype(np.float32), away)
    canvas = np.zeros((HEIGHT, WIDTH, 4), np.float32)
    if person.cut == "long" and not away:
        _long_hair(canvas, person.hair or (60, 90, 120))
    _body(canvas, person)
    place = canvas[TOP : TOP + 320, LEFT : LEFT + 320]
    place[:, :, :3] += mask[:, :, None] * (head - place[:, :, :3])
    place[:, :, 3] = np.maximum(place[:, :, 3], 255 * mask)
    if person.cut == "long":
        _strands(canvas, person, away)
    sprite = np.clip(canvas, 0, 255).astype(np.uint8)
    if person.mirrored:
        sprite = np.ascontiguousarray(sprite[:, ::-1])
    sprite.setflags(write=False)
    return sprite


def face_box(person: Person) -> FloatArray:
    """(4,) float32 xyxy: where the face is in `picture`, as square as Haar boxes faces."""
    wide = (person.brow + person.jaw) / 2
    left, right = (_MIDDLE_X + (x - _MIDDLE_X) * wide for x in (_BOX[0], _BOX[2]))
    top, bottom = _BOX[1], _EYE_Y + (_BOX[3] - _EYE_Y) * person.length
    x, y, half = (left + right) / 2, (top + bottom) / 2, (right - left + bottom - top) / 4
    x = x + LEFT if not person.mirrored else WIDTH - 1 - x - LEFT
    return np.array((x - half, y + TOP - half, x + half, y + TOP + half), np.float32)


def _filled(outline: tuple[tuple[int, int], ...], soft: float) -> FloatArray:
    mask = np.zeros((320, 320), np.float32)
    cv2.fillPoly(mask, [np.array(outline, np.int32)], 1.0)
    return np.asarray(cv2.GaussianBlur(mask, (0, 0), soft), np.float32)


def _skull(grow: float) -> FloatArray:
    mask = np.zeros((320, 320), np.float32)
    (x, y), (half_x, half_y) = _SKULL
    axes = round(half_x * grow), round(half_y * grow)
    cv2.ellipse(mask, (x, y), axes, 0, 0, 360, 1.0, -1)
    return np.asarray(cv2.GaussianBlur(mask, (0, 0), 2.0), np.float32)


def _head(person: Person, image: FloatArray, away: bool) -> tuple[FloatArray, FloatArray]:
    """(320, 320, 3) the head and (320, 320) in [0, 1] where it is, warped."""
    head, face = _filled(_HEAD, 1.5), _filled(_FACE, 2.0)
    if person.cut in ("short", "bald"):
        head = np.asarray(np.minimum(head, np.maximum(_skull(1.0), face * head)), np.float32)
    image = _painted(person, image, face)
    if person.cut == "bald":
        image = _without_hair(image, face)
    if away:
        image = _behind(person, image)
    else:
        if person.beard is not None:
            image = _bearded(image, person.beard)
        if person.glasses is not None:
            image = _with_glasses(image, person.glasses)
    source = _source(person)
    warped = cv2.remap(image, *source, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    mask = cv2.remap(head, *source, cv2.INTER_LINEAR)
    return np.asarray(warped, np.float32), np.asarray(mask, np.float32)


def _source(person: Person) -> tuple[FloatArray, FloatArray]:
    """x and y of the photograph's pixel that is shown at each pixel."""
    y, x = np.mgrid[0:320, 0:320].astype(np.float32)
    lower = np.clip((y - 90) / 60, 0, 1)
    wide = person.brow + (person.jaw - person.brow) * lower * lower * (3 - 2 * lower)
    source_x = _MIDDLE_X + (x - _MIDDLE_X) / wide
    source_y = np.where(y > _EYE_Y, _EYE_Y + (y - _EYE_Y) / person.length, y)
    for (eye_x, eye_y), side in zip(_EYES, (-1, 1), strict=True):
        bump = np.exp(-(((source_x - eye_x) / 14) ** 2 + ((source_y - eye_y) / 9) ** 2) / 2)
        source_x = source_x - side * person.eyes_apart * bump
    bump = np.exp(-(((source_x - _MIDDLE_X) / 11) ** 2 + ((source_y - 120) / 10) ** 2) / 2)
    source_x = source_x + (source_x - _MIDDLE_X) * (1 / person.nose - 1) * bump
    return source_x.astype(np.float32), source_y.astype(np.float32)


def _painted(person: Person, image: FloatArray, face: FloatArray) -> FloatArray:
    """The portrait with another colour of skin and hair."""
    light, red = person.skin
    image = image.copy()
    # The photographed collar is black: skin in its place.
    image[_NECK_Y:] = 0.8 * image[_NECK_Y - 6 : _NECK_Y, 140:176].mean(axis=(0, 1))
    tone = np.array((light / red, light, light * red), np.float32)
    skin = image * tone
    if person.hair is None:
        hair = image
    else:
        grey = image.mean(axis=2, keepdims=True) / 110.0
        hair = np.clip(grey, 0.35, 1.9) ** 0.8 * np.array(person.hair, np.float32)
    return np.asarray(hair + face[:, :, None] * (skin - hair), np.float32)


def _without_hair(image: FloatArray, face: FloatArray) -> FloatArray:
    """Skin where the hair was, with light from above."""
    y, x = np.mgrid[0:320, 0:320].astype(np.float32)
    forehead = image[88:94, 150:172].mean(axis=(0, 1))
    off = ((x - _SKULL[0][0]) / 58) ** 2 + ((y - 80) / 74) ** 2
    light = (1.12 - 0.35 * np.clip(off, 0, 1.2))[:, :, None]
    skin = cv2.GaussianBlur(face, (0, 0), 3.0)
    # Above the brows nothing of the fringe is left, and beside the face a rim of hair.
    bare = np.clip(1 - skin, 0, 1) * np.clip((112 - y) / 12, 0, 1)
    bare = np.maximum(bare, np.clip((88 - y) / 4, 0, 1))[:, :, None]
    return np.asarray(image + bare * (forehead * light - image), np.float32)


def _behind(person: Person, image: FloatArray) -> FloatArray:
    """Hair (or bare skin) in place of the face."""
    colour = np.array(person.hair or (60, 90, 120), np.float32)
    if person.cut == "bald":
        colour = image[60:66, 150:172].mean(axis=(0, 1))
    rng = np.random.default_rng(len(person.name))
    strands = cv2.GaussianBlur(rng.normal(1, 0.5, (320, 320)).astype(np.float32), (0, 0), 1.2)
    strands = cv2.blur(strands, (1, 9))
    y = np.mgrid[0:320, 0:320][0].astype(np.float32)
    back = colour * (strands * np.clip(1.2 - y / 400, 0.4, 1.2))[:, :, None]
    neck = (y > 165)[:, :, None]
    return np.asarray(np.where(neck, 0.85 * image, back), np.float32)


def _bearded(image: FloatArray, colour: Colour) -> FloatArray:
    mask = np.zeros((320, 320), np.float32)
    outline = (
        (120, 124), (128, 138), (140, 140), (150, 131), (162, 129), (174, 131), (184, 140),
        (197, 138), (204, 124), (202, 160), (190, 182), (162, 192), (134, 182), (121, 160),
    )  # fmt: skip
    cv2.fillPoly(mask, [np.array(outline, np.int32)], 1.0)
    cv2.ellipse(mask, (161, 146), (19, 9), 0, 0, 360, 0.0, -1)
    mask = 0.88 * cv2.GaussianBlur(mask, (0, 0), 2.2)
    grain = np.random.default_rng(3).normal(1, 0.25, (320, 320, 1)).astype(np.float32)
    bearded = image + mask[:, :, None] * (np.array(colour, np.float32) * grain - image)
    return np.asarray(bearded, np.float32)


def _with_glasses(image: FloatArray, colour: Colour) -> FloatArray:
    drawn = image.copy()
    for x, y in _EYES:
        cv2.ellipse(drawn, (round(x), round(y) + 2), (17, 13), 0, 0, 360, colour, 3, cv2.LINE_AA)
    (left, y_left), (right, y_right) = _EYES
    bridge = (round(left) + 17, round(y_left)), (round(right) - 17, round(y_right))
    cv2.line(drawn, *bridge, colour, 3, cv2.LINE_AA)
    cv2.line(drawn, (round(left) - 17, 102), (118, 99), colour, 3, cv2.LINE_AA)
    cv2.line(drawn, (round(right) + 17, 103), (206, 101), colour, 3, cv2.LINE_AA)
    return drawn


def _draw(canvas: FloatArray, mask: FloatArray, colours: FloatArray) -> None:
    soft = cv2.GaussianBlur(mask, (0, 0), 1.3)[:, :, None]
    canvas[:, :, :3] += soft * (colours - canvas[:, :, :3])
    canvas[:, :, 3:] = np.maximum(canvas[:, :, 3:], 255 * soft)


def _long_hair(canvas: FloatArray, colour: Colour) -> None:
    """Behind head and shoulders."""
    mask = np.zeros((HEIGHT, WIDTH), np.float32)
    x, y = LEFT + 161, TOP + 150
    cv2.ellipse(mask, (x, y), (78, 120), 0, 0, 360, 1.0, -1)
    mask[: TOP + 60] = 0
    _draw(canvas, mask, 0.7 * np.full((HEIGHT, WIDTH, 3), colour, np.float32))


def _strands(canvas: FloatArray, person: Person, away: bool) -> None:
    """In front of the shoulders, on either side of the neck (or all over the back)."""
    mask = np.zeros((HEIGHT, WIDTH), np.float32)
    x, y = LEFT + 161, TOP + 110
    for side in (-1, 1):
        outline = [(52, 0), (76, -10), (84, 60), (78, 150), (50, 165), (46, 80)]
        points = np.array([(x + side * dx, y + dy) for dx, dy in outline], np.int32)
        cv2.fillPoly(mask, [points], 1.0)
    if away:
        cv2.rectangle(mask, (x - 76, y), (x + 76, y + 160), 1.0, -1)
    rng = np.random.default_rng(5)
    strands = cv2.blur(rng.normal(1, 0.35, (HEIGHT, WIDTH)).astype(np.float32), (2, 15))
    colour = np.array(person.hair or (60, 90, 120), np.float32)
    _draw(canvas, mask, colour * strands[:, :, None])


def _body(canvas: FloatArray, person: Person) -> None:
    half = 0.5 * 300 * person.build
    x, y = LEFT + 161, TOP + 180
    mask = np.zeros((HEIGHT, WIDTH), np.float32)
    right = [(24, 10), (40, -6), (48, 8), (0.72 * half, 34), (0.93 * half, 62), (half, 130)]
    right += [(half, HEIGHT - y)]
    outline = [(-dx, dy) for dx, dy in reversed(right)] + [(0, 22)] + right
    points = np.array([(x + dx, y + dy) for dx, dy in outline]).round().astype(np.int32)
    cv2.fillPoly(mask, [points], 1.0)
    # The neck ends in the shirt's neckline.
    cv2.ellipse(mask, (x - 4, y + 6), (34, 24), 0, 0, 180, 1.0, -1)
    grid_y, grid_x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    fold = 1 + 0.06 * np.sin(grid_x / 23 + np.sin(grid_y / 31) * 2)
    light = fold * (1.05 - 0.3 * np.abs(grid_x - x) / max(half, 1.0))
    _draw(canvas, mask, _cloth(person, grid_x, grid_y) * light[:, :, None])


def _cloth(person: Person, x: FloatArray, y: FloatArray) -> FloatArray:
    """(HEIGHT, WIDTH, 3): the pattern of the clothes all over."""
    if person.pattern == "stripes":
        second = (y // 14) % 2 == 1
    elif person.pattern == "checks":
        second = (x // 20 + y // 20) % 2 == 1
    elif person.pattern == "dots":
        second = (x % 26 - 13) ** 2 + (y % 26 - 13) ** 2 < 36
    else:
        second = np.zeros_like(x, np.bool_)
    first, other = (np.array(colour, np.float32) for colour in person.clothes)
    return np.where(second[:, :, None], other, first).astype(np.float32)
