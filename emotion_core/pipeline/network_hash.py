"""What tells one network's answers from another's; apart from heavy modules, for the commands."""

import hashlib

from emotion_core.model.bundle import ModelBundle
from emotion_core.results.paths import file_hash


def network_hash(bundle: ModelBundle) -> str:
    """SHA-256, hexadecimal, of what decides a network's answers: its file, and of a network made
    elsewhere what model.json says of it.

    Raises:
        OSError: the file cannot be read.
    """
    served = file_hash(bundle.served_file)
    if bundle.external is None:
        return served
    decisive = [bundle.external, bundle.temperature, bundle.unsure_threshold]
    return hashlib.sha256(f"{served} {decisive}".encode()).hexdigest()
