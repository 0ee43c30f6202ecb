"""Which cluster a run uses."""

from dataclasses import dataclass

from emotion_core.batch.locations import Location
from emotion_core.errors import SettingsError


@dataclass(frozen=True, slots=True)
class ClusterOptions:
    """A Ray cluster and what all of its machines must reach.

    Attributes:
        address: ``HOST:PORT`` of the cluster's head; None takes the cluster that this machine
            belongs to, and where there is none the cores of this machine.
        out: the folder or URL below which all results go.
        jobs: videos at once; None takes as many as the cluster has cores.

    Raises:
        SettingsError: that is no address.
    """

    address: str | None
    out: Location
    jobs: int | None = None

    def __post_init__(self) -> None:
        if self.address is None:
            return
        host, _, port = self.address.rpartition(":")
        if not host or not port.isdigit() or "/" in host:
            raise SettingsError(
                f"The address of a cluster is HOST:PORT, as `ray start --head` prints it, not "
                f"{self.address}. Start the command on a machine of the cluster."
            )
