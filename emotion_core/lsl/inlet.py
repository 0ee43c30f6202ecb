"""An LSL inlet of one event stream: its markers with times on this computer's steady clock."""

import time
from collections.abc import Callable, Iterator
from ctypes import byref, c_double, c_int
from dataclasses import dataclass
from typing import Any, Final

from mne_lsl.lsl import StreamInlet, local_clock
from mne_lsl.lsl import load_liblsl as _liblsl

from emotion_core.errors import InputError

CONNECT_S: Final = 3.0


@dataclass(frozen=True, slots=True)
class StreamKind:
    """What a stream is called, who sends it and what its samples look like.

    Attributes:
        name, type, host, source_id: as the sender gives them.
        channels: values in each sample.
        text: the values are words, not numbers.
    """

    name: str
    type: str
    host: str
    source_id: str
    channels: int
    text: bool

    @classmethod
    def of(cls, info: Any) -> "StreamKind":
        """That of a stream found on the network (mne_lsl's StreamInfo)."""
        return cls(
            info.name,
            info.stype,
            info.hostname,
            info.source_id,
            int(info.n_channels),
            info.dtype == "string",
        )

    @property
    def sender(self) -> tuple[str, str, str, str]:
        """What stays when a program ends and begins its stream again."""
        return (self.name, self.type, self.host, self.source_id)


@dataclass(frozen=True, slots=True)
class ClockOffset:
    """Seconds to add to a sender's time stamp to get this computer's LSL time.

    Attributes:
        offset_s: as LSL measures it over the network.
        uncertainty_s: the round-trip time of the exchange it was measured with, the largest
            possible error; None where this version of mne-lsl does not tell.
    """

    offset_s: float
    uncertainty_s: float | None


@dataclass(frozen=True, slots=True)
class ReceivedMarker:
    """A marker of another program.

    Attributes:
        label: its text; several channels are joined by "; ".
        stream: who sent it.
        lsl_time_s: its time stamp on the sender's clock.
        clock: how the sender's clock is mapped on this computer's.
        moment_s: the same moment on this computer's steady clock.
    """

    label: str
    stream: StreamKind
    lsl_time_s: float
    clock: ClockOffset
    moment_s: float


class MarkerInlet:
    """Receives one stream; `open` and `pull` may be called from different threads.

    Args:
        info: the stream, as found on the network.
        clock: this computer's steady seconds.
    """

    def __init__(self, info: Any, clock: Callable[[], float] = time.monotonic) -> None:
        self.kind = StreamKind.of(info)
        self.uid: str = info.uid
        self._clock = clock
        # What came before a sender broke off can be pulled only while LSL tries to recover it.
        self._inlet = StreamInlet(info, recover=bool(info.source_id))
        self.offset = ClockOffset(0.0, None)

    def open(self) -> None:
        """Connect, and measure the offset between the clocks; takes about a second.

        Raises:
            InputError: the sender does not answer.
        """
        try:
            self._inlet.open_stream(timeout=CONNECT_S)
            self.measure()
        except (TimeoutError, RuntimeError) as error:
            raise InputError(f"The stream “{self.kind.name}” does not answer.") from error

    def measure(self) -> None:
        """Take the newest estimate of the offset between the clocks; LSL renews it by itself.

        Raises:
            TimeoutError, RuntimeError: the sender does not answer.
        """
        self.offset = _exact_offset(self._inlet) or ClockOffset(
            float(self._inlet.time_correction(timeout=CONNECT_S)), None
        )

    def pull(self, most: int = 256) -> Iterator[ReceivedMarker]:
        """What has come since the last call, at most so many; never waits.

        Raises:
            RuntimeError: the connection is lost and will not be recovered.
            UnicodeDecodeError: a marker is not UTF-8; the next call goes on with the one after it.
        """
        # LSL's clock and the steady clock tick alike; their zero may differ.
        zero_s = self._clock() - local_clock()
        for _ in range(most):
            # One by one: of several, a text that cannot be decoded would take the others with it.
            values, stamp = self._inlet.pull_sample(timeout=0.0)
            if stamp is None:
                return
            yield ReceivedMarker(
                "; ".join(str(value) for value in values),
                self.kind,
                float(stamp),
                self.offset,
                float(stamp) + self.offset.offset_s + zero_s,
            )

    def close(self) -> None:
        """End the connection."""
        self._inlet.close_stream()


def _exact_offset(inlet: StreamInlet) -> ClockOffset | None:
    """The offset with its uncertainty, which mne-lsl leaves out; None where it cannot be had."""
    handle, library = getattr(inlet, "_obj", None), getattr(_liblsl, "lib", None)
    ask = getattr(library, "lsl_time_correction_ex", None)
    if handle is None or ask is None:
        return None
    ask.restype = c_double
    remote_s, uncertainty_s, failed = c_double(), c_double(), c_int()
    offset_s = ask(
        handle, byref(remote_s), byref(uncertainty_s), c_double(CONNECT_S), byref(failed)
    )
    return None if failed.value else ClockOffset(float(offset_s), float(uncertainty_s.value))
