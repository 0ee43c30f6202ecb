"""Clips made in code of people who speak, and of people who do not and move all the same.

The portrait's mouth opens and closes in irregular syllables, three to seven a second, with pauses
between phrases. Nobody speaks in the other clips: heads move, expressions change, light flickers.
Of each clip it is known who speaks when. A pause of up to `PAUSE_S` belongs to speech.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Final

import cv2
import numpy as np

from emotion_core import Frame
from emotion_core.datatypes import ImageArray
from emotion_core.media.portrait import SHAPES, FaceShape, portrait_as

SIZE: Final = (480, 360)
SECONDS: Final = 10.0
PAUSE_S: Final = 0.8
# The face in the portrait: its centre and side in pixels.
_CENTRE, _SIDE = (161.0, 114.0), 96.0
# A mouth is drawn in so many steps from closed to open.
_STEPS: Final = 12


@dataclass(frozen=True, slots=True)
class Look:
    """One person at one moment.

    Attributes:
        shape: the face at rest.
        opening: of the mouth, added to that, 0 to 1.
        rounding: of the lips, 0 to 1.
        x, y: centre of the face as fractions of the frame.
        scale: side of the face as a fraction of the frame's height.
        angle: degrees, counter-clockwise.
    """

    shape: FaceShape = SHAPES["neutral"]
    opening: float = 0.0
    rounding: float = 0.0
    x: float = 0.5
    y: float = 0.45
    scale: float = 0.34
    angle: float = 0.0


@dataclass(frozen=True, slots=True)
class Clip:
    """A made clip.

    Attributes:
        name: what happens.
        people: second → how somebody looks; from left to right.
        speaks: stretches (start, end) in seconds in which each of them speaks.
        light: second → factor of the light.
        noise: standard deviation of the camera's noise, grey levels.
    """

    name: str
    people: tuple[Callable[[float], Look], ...]
    speaks: tuple[tuple[tuple[float, float], ...], ...] = ((),)
    light: Callable[[float], float] = lambda _: 1.0
    noise: float = 2.0

    def frames(self, fps: float) -> Iterator[Frame]:
        """The pictures, `fps` a second, with noise that is the same in every run."""
        rng = np.random.default_rng(5)
        grain = rng.normal(0, self.noise, (8, SIZE[1], SIZE[0], 1)).astype(np.float32)
        for index in range(round(SECONDS * fps)):
            time_s = index / fps
            image = _render([look(time_s) for look in self.people]) * self.light(time_s)
            roll = np.roll(grain[index % 8], rng.integers(0, 200, 2), (0, 1))
            yield Frame(np.clip(image + roll, 0, 255).astype(np.uint8), index, time_s)


@cache
def _face(shape: FaceShape) -> ImageArray:
    return portrait_as(shape)


def _shown(look: Look) -> FaceShape:
    """The shape with the mouth as far open as said, in few steps: drawing one takes time."""
    opening = round(look.opening * _STEPS) / _STEPS
    rounding = round(look.rounding * 4) / 4
    rest = look.shape
    return replace(
        rest,
        gap=rest.gap + 8 * opening,
        jaw=rest.jaw + 4 * opening,
        width=rest.width * (1 - 0.18 * rounding),
        dark=max(rest.dark, opening),
    )


def _render(looks: list[Look]) -> np.ndarray:
    """(H, W, 3) float32: each person in a part of the frame of their own."""
    width, height = SIZE
    image = np.empty((height, width, 3), np.float32)
    for number, look in enumerate(looks):
        left, right = (round(width * i / len(looks)) for i in (number, number + 1))
        factor = look.scale * height / _SIDE
        matrix = cv2.getRotationMatrix2D(_CENTRE, look.angle, factor)
        place = (right - left) * look.x, height * look.y
        matrix[:, 2] += np.subtract(place, _CENTRE)
        image[:, left:right] = cv2.warpAffine(
            _face(_shown(look)),
            matrix,
            (right - left, height),
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
    return image


def syllables(
    seed: int, stretches: tuple[tuple[float, float], ...], loud: float = 1.0
) -> Callable[[float], tuple[float, float]]:
    """Second → (opening, rounding) of a mouth that speaks in these stretches.

    Args:
        seed: of the irregular rhythm.
        stretches: (start, end) in seconds.
        loud: the widest opening, 0 to 1.
    """
    rng = np.random.default_rng(seed)
    times, opening, rounding = [0.0], [0.0], [0.0]
    for start, end in stretches:
        now, phrase = start, start + rng.uniform(1.2, 2.5)
        times, opening, rounding = [*times, now], [*opening, 0.0], [*rounding, 0.0]
        while now < end - 0.35:
            length = rng.uniform(0.14, 0.33)
            times += [now + length / 2, now + length]
            opening += [loud * rng.uniform(0.35, 1.0), loud * rng.uniform(0.0, 0.15)]
            rounding += [rng.uniform(0, 1), rng.uniform(0, 0.5)]
            now += length
            if now > phrase:
                pause = rng.uniform(0.2, 0.5)
                times, opening, rounding = [*times, now + pause], [*opening, 0.0], [*rounding, 0.0]
                now, phrase = now + pause, now + pause + rng.uniform(1.2, 2.5)
    at, open_, round_ = np.array(times), np.array(opening), np.array(rounding)

    def mouth(time_s: float) -> tuple[float, float]:
        # Cosine between the turning points: a mouth does not stop abruptly.
        place = int(np.clip(np.searchsorted(at, time_s, "right") - 1, 0, len(at) - 1))
        after = min(place + 1, len(at) - 1)
        span = max(at[after] - at[place], 1e-6)
        share = 0.5 - 0.5 * math.cos(math.pi * min(1.0, (time_s - at[place]) / span))
        return tuple(float(v[place] + share * (v[after] - v[place])) for v in (open_, round_))  # type: ignore[return-value]

    return mouth


_WHOLE: Final = ((0.0, SECONDS),)
_PARTS: Final = ((1.5, 4.5), (7.0, 9.5))
# Somebody else's turn.
_TURNS: Final = ((0.0, 4.5), (5.0, SECONDS))


def _speaker(
    seed: int,
    stretches: tuple[tuple[float, float], ...],
    loud: float = 1.0,
    body: Callable[[float], Look] = lambda _: Look(),
) -> Callable[[float], Look]:
    mouth = syllables(seed, stretches, loud)

    def look(time_s: float) -> Look:
        opening, rounding = mouth(time_s)
        return replace(body(time_s), opening=opening, rounding=rounding)

    return look


def _sway(time_s: float) -> Look:
    """A head that is never still, as people's."""
    return Look(
        x=0.5 + 0.05 * math.sin(2.1 * time_s),
        y=0.45 + 0.025 * math.sin(3.3 * time_s + 1),
        scale=0.34 + 0.02 * math.sin(1.3 * time_s),
        angle=5 * math.sin(1.7 * time_s),
    )


def _nod(time_s: float) -> Look:
    """Up and down at the rhythm of speech."""
    wave = math.sin(2 * math.pi * 2.5 * time_s)
    return Look(y=0.45 + 0.03 * wave, scale=0.34 + 0.006 * wave)


def _shake(time_s: float) -> Look:
    return Look(x=0.5 + 0.04 * math.sin(2 * math.pi * 2 * time_s), angle=4 * math.sin(12 * time_s))


def _moods(time_s: float) -> Look:
    """Another expression every second and a half."""
    names = ("neutral", "happy", "surprise", "neutral", "sad", "angry", "happy")
    place, share = divmod(time_s / 1.5, 1.0)
    before, after = names[int(place) % 7], names[(int(place) + 1) % 7]
    ease = round(min(1.0, max(0.0, (share - 0.8) / 0.2)) * 6) / 6
    return Look(shape=SHAPES[before].towards(SHAPES[after], ease))


def _smile(time_s: float) -> Look:
    """A smile that comes once, and a quick one that goes again."""
    share = float(
        np.interp(time_s, (2, 2.4, 5, 5.4, 7.0, 7.25, 7.6, 7.9), (0, 1, 1, 0, 0, 1, 1, 0))
    )
    return Look(shape=SHAPES["neutral"].towards(SHAPES["happy"], round(share * 8) / 8))


def _laugh(time_s: float) -> Look:
    """The mouth opens, stays so while the head shakes a little, and closes."""
    share = float(np.interp(time_s, (3.0, 3.3, 5.0, 5.5), (0, 1, 1, 0)))
    shape = SHAPES["neutral"].towards(SHAPES["happy"], round(share * 8) / 8)
    shake = 0.012 * share * math.sin(2 * math.pi * 4.5 * time_s)
    return Look(shape=shape, opening=0.6 * share, y=0.45 + shake)


def _blink(time_s: float) -> Look:
    """Eyes that close for a moment, now and then."""
    closed = any(abs(time_s - at) < 0.1 for at in (1.0, 2.2, 2.6, 4.4, 6.0, 6.4, 6.8, 8.5))
    return Look(shape=replace(SHAPES["neutral"], eyes=0.3 if closed else 0.95))


def _flicker(time_s: float) -> float:
    return 0.8 + 0.2 * math.copysign(1.0, math.sin(2 * math.pi * 3 * time_s))


def _still(_: float) -> Look:
    return Look()


_SMILING: Final = SHAPES["neutral"].towards(SHAPES["happy"], 0.5)
# Faces at rest that an open mouth makes look surprised or happy.
_ASTONISHED: Final = SHAPES["neutral"].towards(SHAPES["surprise"], 0.3)
_LIVELY: Final = SHAPES["neutral"].towards(SHAPES["happy"], 0.2).towards(SHAPES["surprise"], 0.25)


def _small(time_s: float) -> Look:
    return replace(_sway(time_s), scale=0.3)


def speaking_clips(seed: int = 0) -> list[Clip]:
    """Clips in which somebody speaks; the rhythm follows the seed."""
    one, first, second = (_WHOLE,), _TURNS[:1], _TURNS[1:]
    smiling = _speaker(seed + 4, _WHOLE, 0.7, lambda _: Look(shape=_SMILING))
    astonished = _speaker(seed + 10, _WHOLE, body=lambda _: Look(shape=_ASTONISHED))
    lively = _speaker(seed + 11, _WHOLE, body=lambda t: replace(_sway(t), shape=_LIVELY))
    turns = (
        _speaker(seed + 8, first, body=_small),
        _speaker(seed + 9, second, body=lambda t: _small(t + 3)),
    )
    return [
        Clip("speech", (_speaker(seed + 1, _WHOLE),), one),
        Clip("speech, moving head", (_speaker(seed + 2, _WHOLE, body=_sway),), one),
        Clip("speech, low and moving", (_speaker(seed + 3, _WHOLE, 0.5, _sway),), one),
        Clip("speech, smiling", (smiling,), one),
        Clip("speech, astonished", (astonished,), one),
        Clip("speech, lively", (lively,), one),
        Clip("speech, noise", (_speaker(seed + 5, _WHOLE),), one, noise=9.0),
        Clip("speech now and then", (_speaker(seed + 6, _PARTS, body=_sway),), (_PARTS,)),
        Clip(
            "two people, one speaks",
            (_speaker(seed + 7, _WHOLE, body=_small), _sway),
            (_WHOLE, ()),
        ),
        Clip("two people, in turns", turns, (first, second)),
    ]


def silent_clips() -> list[Clip]:
    """Clips in which nobody speaks."""
    return [
        Clip("still", (_still,)),
        Clip("moving head", (_sway,)),
        Clip("nodding", (_nod,)),
        Clip("shaking the head", (_shake,)),
        Clip("changing expressions", (_moods,)),
        Clip("smiles", (_smile,)),
        Clip("one laugh", (_laugh,)),
        Clip("blinking eyes", (_blink,)),
        Clip("blinking light", (_sway,), light=_flicker),
        Clip("noise", (_still,), noise=12.0),
        Clip("noise, moving head", (_sway,), noise=12.0),
    ]
