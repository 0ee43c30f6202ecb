"""What people keep on a server, in numbers and bytes: no readings, no pictures, no file names."""

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from emotion_core.access.people import KnownPerson
from emotion_core.access.person import Person
from emotion_core.jobs.log import digest_of, read_json
from emotion_core.monitoring.job_folders import KINDS, SHARED_KINDS, folder_bytes, jobs_in

if TYPE_CHECKING:
    from emotion_core.sharing.overview import SharedOverview

RECORDING: Final = "recording"
# Folder of the recordings, and their kind in the database.
_LIVE: Final = "live"
STUDY: Final = "study"
# Of whom no one knows: from before sign-on, or of programs.
NO_ONE: Final = "no one who signs in"


@dataclass(frozen=True, slots=True)
class Kept:
    """One thing that is kept.

    Attributes:
        kind: "analysis", "evaluation", "explanation", "recording" or "study".
        token: by which its store finds it.
        owner: digest of its owner, as its store writes it.
        made_s: seconds since 1970.
        size: bytes, its uploads included; one that serves several analyses counts for each.
        results: videos with results.
    """

    kind: str
    token: str
    owner: str
    made_s: float
    size: int
    results: int = 0


def kept_things(work_dir: Path, shared: "SharedOverview | None" = None) -> list[Kept]:
    """Everything that people keep in a work folder, newest first.

    Args:
        work_dir: of this server.
        shared: of all replicas: their jobs and finished recordings, in place of this folder's.

    Raises:
        StoreError: the database of all replicas does not answer.
    """
    recordings = _recordings(work_dir / _LIVE)
    if shared is None:
        found = [*_jobs(work_dir), *recordings]
    else:
        found = _shared(shared)
        known = {kept.token for kept in found}
        # Those that still run, or could not be shared yet.
        found += [kept for kept in recordings if kept.token not in known]
    found += _studies(work_dir / "studies")
    return sorted(found, key=lambda kept: -kept.made_s)


def _shared(overview: "SharedOverview") -> list[Kept]:
    kinds = {**SHARED_KINDS, _LIVE: RECORDING}
    return [
        Kept(kinds[thing.kind], thing.token, thing.owner, thing.made_s, thing.size, thing.results)
        for thing in overview.things(kinds)
    ]


def _jobs(work_dir: Path) -> Iterator[Kept]:
    for name, kind in KINDS.items():
        incoming = work_dir / name / "incoming"
        for folder, job in jobs_in(work_dir / name):
            # Work on a study is part of the study; work on results, of their analysis.
            if kind == "study work" or not job.get("owner"):
                continue
            owner = str(job["owner"])
            size = folder_bytes(folder) + sum(_upload_bytes(i, incoming) for i in job["inputs"])
            results = sum(1 for _ in folder.glob("results/*/summary.json"))
            yield Kept(kind, folder.name, owner, _number(job.get("created_s")), size, results)


def _upload_bytes(given: Mapping[str, Any], incoming: Path) -> int:
    path = Path(str(given.get("path", "")))
    try:
        return path.stat().st_size if path.is_relative_to(incoming) else 0
    except OSError:
        return 0


def _recordings(root: Path) -> Iterator[Kept]:
    for head in root.glob("*/session.json"):
        owner = str(read_json(head).get("owner", ""))
        done = int((head.parent / "summary.json").is_file())
        size = folder_bytes(head.parent)
        yield Kept(RECORDING, head.parent.name, owner, _changed_s(head), size, done)


def _studies(root: Path) -> Iterator[Kept]:
    for head in root.glob("*/study.json"):
        known = read_json(head)
        owner, made_s = str(known.get("owner", "")), _number(known.get("created_s"))
        results = sum(1 for _ in head.parent.glob("study/**/summary.json"))
        size = folder_bytes(head.parent)
        yield Kept(STUDY, head.parent.name, owner, made_s, size, results)


def _changed_s(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return time.time()


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


def digests_of(person: Person) -> frozenset[str]:
    """The names under which the stores know a person."""
    return frozenset({digest_of([person.owner]), sha256(person.owner.encode()).hexdigest()})


def by_person(
    kept: Iterable[Kept], people: Iterable[KnownPerson]
) -> list[tuple[KnownPerson | None, list[Kept]]]:
    """What each person keeps; last, under None, what belongs to no one who has signed in."""
    everybody = list(people)
    whose = {name: i for i, known in enumerate(everybody) for name in digests_of(known.person)}
    rows: list[list[Kept]] = [[] for _ in everybody]
    rest: list[Kept] = []
    for thing in kept:
        place = whose.get(thing.owner)
        (rest if place is None else rows[place]).append(thing)
    known_rows: list[tuple[KnownPerson | None, list[Kept]]] = [*zip(everybody, rows, strict=True)]
    return [*known_rows, (None, rest)] if rest else known_rows
