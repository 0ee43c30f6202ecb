"""A crowd of clients for `benchmarks.api_load`, in a process of its own.

    python -m benchmarks.api_client PORT TOKEN AT_ONCE PICTURE

Prints a line when it is ready. For each line that it reads, it sends AT_ONCE requests at the same
time, again and again for as many seconds as the line says, and prints how they were answered.
"""

import asyncio
import json
import os
import sys
import time
from collections import Counter
from pathlib import Path

from emotion_core.api.closed import PREFIX


async def _one(port: int, request: bytes) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request)
        await writer.drain()
        status = int((await reader.readline()).split()[1])
        await reader.read()
    finally:
        writer.close()
    return status


async def _crowd(port: int, request: bytes, at_once: int, seconds: float) -> dict[str, int]:
    found: Counter[str] = Counter()
    until_s = time.monotonic() + seconds
    while time.monotonic() < until_s:
        answers = await asyncio.gather(
            *(_one(port, request) for _ in range(at_once)), return_exceptions=True
        )
        for answer in answers:
            found[str(answer) if isinstance(answer, int) else type(answer).__name__] += 1
    return dict(found)


def main() -> None:
    """Read the commands until the input ends."""
    port, token, at_once, picture = sys.argv[1:]
    data = Path(picture).read_bytes()
    head = (
        f"POST {PREFIX}/frame HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        f"Authorization: Bearer {token}\r\nContent-Length: {len(data)}\r\n\r\n"
    )
    # True clients are on other computers, and take no time from the streams.
    os.nice(19)
    print("ready", flush=True)
    for line in sys.stdin:
        found = asyncio.run(_crowd(int(port), head.encode() + data, int(at_once), float(line)))
        print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
