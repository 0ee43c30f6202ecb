"""LSL on this machine only, and apart from every other program that uses it."""

import os
import tempfile
import uuid
from pathlib import Path

# Read by the library when it is first used, so this must be there before any test module is.
_CONFIG = Path(tempfile.mkdtemp(prefix="emotion-lab-lsl-")) / "lsl_api.cfg"
_CONFIG.write_text(
    "[multicast]\nResolveScope = machine\nAddressesOverride = {127.0.0.1}\n"
    f"[lab]\nKnownPeers = {{127.0.0.1}}\nSessionID = {uuid.uuid4().hex}\n"
    "[log]\nlevel = -3\n"
)
os.environ["LSLAPICFG"] = str(_CONFIG)
