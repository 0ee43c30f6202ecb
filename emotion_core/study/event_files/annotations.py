"""Praat's TextGrid files and WebVTT subtitles as events."""

from emotion_core.errors import InputError
from emotion_core.interchange.document import Document
from emotion_core.interchange.textgrid import read_textgrid
from emotion_core.interchange.webvtt import read_webvtt
from emotion_core.study.event_files.found import Found, FoundEvent, kind_of_tier, label_from
from emotion_core.study.problems import Problem


def read_textgrid_events(name: str, text: str) -> Found:
    """Every point, and every interval with a text; the tier's name says which kind it is.

    Raises:
        InputError: the file is damaged.
    """
    try:
        document = read_textgrid(text, _stem(name))
    except InputError as error:
        raise InputError(f"{name} cannot be read. {error} Save it again with Praat.") from error
    return _found("Praat", document)


def read_webvtt_events(name: str, text: str) -> Found:
    """Every cue; a speaker (`<v Anna>`) is its subject.

    Raises:
        InputError: it is not a WebVTT file.
    """
    document, problems = read_webvtt(text, _stem(name))
    found = _found("WebVTT", document)
    found.problems += [Problem(name, problem) for problem in problems]
    return found


def _found(program: str, document: Document) -> Found:
    events = [
        FoundEvent(
            span.start_s,
            span.end_s,
            label_from(span.label),
            kind_of_tier(tier.name),
            session=document.name,
            subject=tier.person,
        )
        for tier, span in document.rows()
    ]
    return Found(program, on_video=True, events=events)


def _stem(name: str) -> str:
    return name.rpartition(".")[0] or name
