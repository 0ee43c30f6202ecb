"""ICE servers: how a browser and this server find a way to each other.

None is needed on one machine or inside one network; across networks a STUN server tells each side
its public address, and a TURN server relays where firewalls allow nothing else (RFC 8489, 8656).
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from emotion_core.errors import SettingsError

_SCHEMES: Final = ("stun:", "stuns:", "turn:", "turns:")


def rtc_configuration(
    servers: Iterable[Mapping[str, Any]], relay_only: bool = False
) -> dict[str, Any]:
    """The W3C `RTCConfiguration` for both ends of the stream.

    Args:
        servers: RTCIceServer dicts with `urls` (a text or a list of texts) and, for TURN,
            `username` and `credential`. Empty: direct connections only.
        relay_only: let media take no other way than through a TURN server.

    Raises:
        SettingsError: a server has no usable address or lacks its credentials, or there is no TURN
            server to relay through.
    """
    checked = [_checked(dict(server)) for server in servers]
    if not relay_only:
        return {"iceServers": checked}
    if not any(_relays(server) for server in checked):
        raise SettingsError("EMOTION_LAB_ICE_RELAY_ONLY needs a turn: server to relay through.")
    return {"iceServers": checked, "iceTransportPolicy": "relay"}


def _relays(server: Mapping[str, Any]) -> bool:
    urls = server["urls"]
    listed = [urls] if isinstance(urls, str) else urls
    return any(url.startswith(("turn:", "turns:")) for url in listed)


def _checked(server: dict[str, Any]) -> dict[str, Any]:
    urls = server.get("urls")
    listed = [urls] if isinstance(urls, str) else urls
    if (
        not isinstance(listed, list)
        or not listed
        or not all(isinstance(url, str) and url.startswith(_SCHEMES) for url in listed)
    ):
        raise SettingsError(
            f"An ICE server's urls must start with one of {', '.join(_SCHEMES)} got {urls!r}."
        )
    if _relays(server) and not (server.get("username") and server.get("credential")):
        raise SettingsError(f"The TURN server {listed[0]} needs a username and a credential.")
    return server
