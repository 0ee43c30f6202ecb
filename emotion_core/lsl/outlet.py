"""An LSL outlet of live readings: one sample for each analysed frame."""

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from mne_lsl.lsl import StreamInfo, StreamOutlet, local_clock

from emotion_core.datatypes import FrameResult, ImageArray
from emotion_core.lsl.channels import CHANNELS, MainPerson, sample

NAME: Final = "emotion-lab"
TYPE: Final = "Expression"


class ReadingsOutlet:
    """Sends the main person's readings, at an irregular rate.

    A sample's time stamp is the moment at which its frame arrived here, on LSL's clock: the clock's
    reading less the measured age of the frame. What passed between the exposure in the camera and
    the arrival is not known here and not subtracted.

    Args:
        source_id: tells this source from others; programs that lost it find it again by this.
        acquisition: how the readings are made, for the meta-data of the stream.
        name: of the stream.
        clock: the steady seconds on which frames arrive.
    """

    def __init__(
        self,
        source_id: str,
        acquisition: Mapping[str, str],
        name: str = NAME,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._main = MainPerson()
        self._lock = threading.Lock()
        # Sampling rate 0 means irregular.
        info = StreamInfo(name, TYPE, len(CHANNELS), 0, "float32", source_id)
        info.set_channel_names([channel.label for channel in CHANNELS])
        info.set_channel_types([channel.type for channel in CHANNELS])
        info.set_channel_units([channel.unit for channel in CHANNELS])
        described = info.desc.append_child("acquisition")
        for key, value in acquisition.items():
            described.append_child_value(key, value)
        self._outlet: Any = StreamOutlet(info)
        self._sent = 0

    @property
    def sent(self) -> int:
        """Samples sent so far."""
        return self._sent

    @property
    def has_consumers(self) -> bool:
        """Whether another program receives the samples now."""
        with self._lock:
            return self._outlet is not None and bool(self._outlet.has_consumers)

    def send(
        self,
        result: FrameResult,
        arrived_s: float,
        picture: Callable[[], ImageArray] | None = None,
        size: tuple[int, int] | None = None,
    ) -> None:
        """Send a result; a `Listener` of a live stream. Nothing is sent after `close`."""
        del picture, size
        values = sample(result, self._main.row(result))
        with self._lock:
            if self._outlet is not None:
                age_s = self._clock() - arrived_s
                self._outlet.push_sample(values, local_clock() - age_s)
                self._sent += 1

    def close(self) -> None:
        """End the stream; harmless when called again. Any thread."""
        with self._lock:
            self._outlet = None
