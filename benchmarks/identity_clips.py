"""Clips in which it is known who is where: people cross, leave, return, sit down, and are cut to.

    python -m benchmarks.identity_clips FOLDER   # writes them as MP4, to look at them

The made clips show people of identity_people.py; every frame and every box is the same in every
run. The real ones are cut together from single-person clips that are not part of the repository.
"""

import argparse
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.identity_people import ADA, BEN, CHO, DAN, EVA, FAY, MOODS, TWIN, Person
from benchmarks.identity_scenes import Box, Pose, Scene, faces, render
from emotion_core import Frame
from emotion_core.media import write_frames

Keys = Sequence[tuple[float, float]]  # (second, value), rising
Staging = Callable[[float], Scene]


@dataclass(frozen=True, slots=True, eq=False)
class Clip:
    """A clip whose truth is known.

    Attributes:
        name: what happens in it.
        fps: frames a second.
        frames: yields the frames anew at each call.
        truth: one list a frame: (person, box) of every visible face.
        ignored: one list a frame: boxes of faces that are half covered, half outside or turned
            away; finding them is neither right nor wrong.
    """

    name: str
    fps: float
    frames: Callable[[], Iterator[Frame]]
    truth: list[list[tuple[str, Box]]]
    ignored: list[list[Box]] = field(default_factory=list)


def made_clip(name: str, seconds: float, fps: float, staging: Staging) -> Clip:
    """A clip of what `staging` shows at each time in seconds."""
    scenes = [staging(index / fps) for index in range(round(seconds * fps))]
    known = [faces(scene) for scene in scenes]

    def frames() -> Iterator[Frame]:
        for index, scene in enumerate(scenes):
            yield Frame(render(scene, index), index, index / fps)

    return Clip(name, fps, frames, [seen for seen, _ in known], [hidden for _, hidden in known])


def at(keys: Keys, time_s: float) -> float:
    """The value at a time, gently from one key to the next."""
    times, values = zip(*keys, strict=True)
    row = int(np.clip(np.searchsorted(times, time_s, "right") - 1, 0, len(times) - 2))
    share = float(np.clip((time_s - times[row]) / (times[row + 1] - times[row]), 0, 1))
    return float(values[row] + share * share * (3 - 2 * share) * (values[row + 1] - values[row]))


def alive(person: Person, time_s: float, x: float, y: float = 0.42, scale: float = 0.3) -> Pose:
    """Somebody who sways, nods and changes expression a little, each at a pace of their own."""
    own = sum(map(ord, person.name)) % 17
    sway = math.sin(1.3 * time_s + own)
    mood = MOODS[int(time_s / 1.7 + own) % len(MOODS)]
    return Pose(
        person,
        x + 0.006 * sway,
        y + 0.008 * math.sin(1.9 * time_s + 2 * own),
        scale * (1 + 0.02 * math.sin(0.7 * time_s + own)),
        angle=3 * math.sin(0.9 * time_s + own),
        mood=mood,
    )


def still(time_s: float) -> Scene:
    """Everybody once: three groups of people who stay, each in a room of its own."""
    groups = (ADA, BEN), (CHO, DAN), (EVA, FAY, TWIN)
    number = min(int(time_s), 2)
    people = groups[number]
    places = [(row + 0.5) / len(people) for row in range(len(people))]
    poses = [alive(who, time_s, x) for who, x in zip(people, places, strict=True)]
    return Scene(tuple(poses), number)


def crossing(behind: Person, front: Person) -> Staging:
    """Two people change sides, one passing in front of the other, and back."""

    def staging(t: float) -> Scene:
        walk: Keys = ((0, 0.2), (1, 0.2), (2.6, 0.8), (3.6, 0.8), (5.2, 0.2), (6.2, 0.2))
        x = at(walk, t)
        return Scene((alive(behind, t, x, 0.42, 0.29), alive(front, t, 1 - x, 0.48, 0.33)), 0)

    return staging


def returning(gap_s: float) -> Staging:
    """One person turns away in place for a while; another walks out and returns elsewhere."""

    def staging(t: float) -> Scene:
        sitting = alive(BEN, t, 0.72)
        if 2 <= t < 2 + gap_s:
            sitting = Pose(BEN, sitting.x, sitting.y, sitting.scale, sitting.angle, away=True)
        # Out at the left in less than a second, in from the right behind the one who sits.
        gone = 3.0 + gap_s
        leave: Keys = ((0, 0.26), (2.4, 0.26), (3.1, -0.5))
        come: Keys = ((gone, 1.4), (gone + 1.4, 0.26), (gone + 2, 0.26))
        walking = alive(DAN, t, at(leave if t < (3 + gone) / 2 else come, t), 0.4, 0.31)
        return Scene((walking, sitting), 1)

    return staging


def other_people(t: float) -> Scene:
    """Cuts every two seconds between two people in one room and a third in another."""
    if int(t / 2) % 2:
        return Scene((alive(CHO, t, 0.5, 0.42, 0.335),), 2)
    return Scene((alive(ADA, t, 0.3), alive(BEN, t, 0.7)), 0)


def other_side(t: float) -> Scene:
    """Cuts between two cameras on the same two people: places swapped, larger, another wall."""
    if int(t / 2) % 2:
        poses = alive(EVA, t, 0.32, 0.46, 0.36), alive(DAN, t, 0.72, 0.44, 0.335)
        return Scene(poses, 1, (0.9, 1.0, 1.08))
    return Scene((alive(DAN, t, 0.3), alive(EVA, t, 0.7)), 2)


def close_ups(t: float) -> Scene:
    """A talk: one in close-up, the other in the same place, both from afar, a third."""
    shot = int(t / 1.5) % 6
    if shot in (0, 3):
        return Scene((alive(BEN, t, 0.5, 0.44, 0.4),), 0)
    if shot in (1, 4):
        return Scene((alive(EVA, t, 0.5, 0.44, 0.4),), 1)
    if shot == 2:
        return Scene((alive(BEN, t, 0.34, 0.4, 0.225), alive(EVA, t, 0.66, 0.4, 0.225)), 2)
    return Scene((alive(FAY, t, 0.5, 0.44, 0.38),), 0)


# Who sits where, from left to right, at each stage; between two stages people walk.
_SEATS: Final = ((0, 1, 2, 3, 4), (1, 0, 2, 4, 3), (1, 4, 0, 2, 3), (3, 4, 0, 1, 2))


def shuffled(t: float) -> Scene:
    """Five people who change seats three times, passing in front of each other."""
    people = ADA, BEN, CHO, DAN, EVA
    poses = []
    for row, who in enumerate(people):
        keys: list[tuple[float, float]] = []
        for stage, seats in enumerate(_SEATS):
            x = 0.1 + 0.2 * seats.index(row)
            keys += [(3.5 * stage, x), (3.5 * stage + 2, x)]
        poses.append(alive(who, t, at(keys, t), 0.34 + 0.035 * row, 0.185 + 0.009 * row))
    return Scene(tuple(poses), 0)


def relit(light: tuple[float, float, float]) -> Staging:
    """One leaves, the light changes, and the same one returns; the other stays all the time."""

    def staging(t: float) -> Scene:
        walk: Keys = ((0, 0.3), (2, 0.3), (2.8, -0.4), (5, -0.4), (5.9, 0.32), (8, 0.32))
        share = at(((0, 0), (3, 0), (4.5, 1), (9, 1)), t)
        mixed = [1 + share * (factor - 1) for factor in light]
        poses = alive(ADA, t, at(walk, t)), alive(BEN, t, 0.7)
        return Scene(poses, 1, (mixed[0], mixed[1], mixed[2]))

    return staging


def replaced(first: Person, second: Person) -> Staging:
    """One leaves, soon another sits in exactly the same place, and later the first again."""

    def staging(t: float) -> Scene:
        turn = t % 5
        who = second if 5 <= t < 10 else first
        inward = () if t < 5 else ((0, -0.4), (0.8, 0.5))
        outward = () if t >= 10 else ((3, 0.5), (3.8, -0.5))
        walk = (*inward, *(() if inward else ((0, 0.5),)), *outward, (5, 0.5 if t >= 10 else -0.5))
        return Scene((alive(who, t, at(walk, turn), 0.44, 0.335),), 2)

    return staging


def strobe(t: float) -> Scene:
    """Three people under a light that goes on and off six times a second."""
    level = 1.0 if int(12 * t) % 2 == 0 else 0.4
    x = at(((0, 0.2), (2, 0.2), (4, 0.32), (6, 0.2)), t)
    poses = alive(CHO, t, x), alive(BEN, t, 0.55), alive(EVA, t, 0.84)
    return Scene(poses, 1, (level, level, level))


MADE: Final[Mapping[str, tuple[float, float, Staging]]] = {
    "still faces": (3, 15, still),
    "crossing": (6, 20, crossing(ADA, BEN)),
    "crossing, same clothes": (6, 20, crossing(FAY, BEN)),
    "crossing, twins": (6, 20, crossing(ADA, TWIN)),
    "away for 1 s": (9, 15, returning(1)),
    "away for 5 s": (13, 15, returning(5)),
    "away for 30 s": (40, 12, returning(30)),
    "cuts to another person": (12, 15, other_people),
    "cuts to the other side": (12, 15, other_side),
    "cuts between close-ups": (18, 15, close_ups),
    "five change seats": (12.5, 15, shuffled),
    "returns in dim light": (8, 15, relit((0.5, 0.5, 0.5))),
    "returns in warm light": (8, 15, relit((0.55, 0.8, 1.0))),
    "somebody else sits down": (13, 15, replaced(ADA, CHO)),
    "somebody else, same clothes": (13, 15, replaced(BEN, FAY)),
    "a twin sits down": (13, 15, replaced(ADA, TWIN)),
    "strobe": (6, 24, strobe),
}  # fmt: skip


def made(name: str) -> Clip:
    """The made clip of that name."""
    seconds, fps, staging = MADE[name]
    return made_clip(name, seconds, fps, staging)


def main() -> None:
    """Write all made clips to a folder."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    for name in MADE:
        clip = made(name)
        write_frames(folder / f"{name}.mp4", clip.frames(), clip.fps)
        print(f"{name}: {len(clip.truth)} frames")


if __name__ == "__main__":
    main()
