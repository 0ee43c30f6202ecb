"""Which cluster a run uses."""

from dataclasses import dataclass

from emotion_core.batch.locations import Location


@dataclass(frozen=True, slots=True)
class ClusterOptions:
    """A Ray cluster and what all of its machines must reach.

    Attributes:
        address: ``HOST:PORT`` of the cluster's head; None takes the cluster that this machine
            belongs to, and where there is none the cores of this machine.
        out: the folder or URL below which all results go.
        jobs: videos at once; None takes as many as the cluster has cores.
    """

    address: str | None
    out: Location
    jobs: int | None = None
