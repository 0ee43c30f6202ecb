"""Events that other programs wrote: BORIS, ELAN, PsychoPy, E-Prime, and tables."""

from emotion_core.study.event_files.importing import Imported, import_events, read_event_file

__all__ = ["Imported", "import_events", "read_event_file"]
