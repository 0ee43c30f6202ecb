"""Documents for tests of the formats, and what is the same in two of them."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path

from hypothesis import strategies as st

from emotion_core.interchange.document import Document, Span, Tier, Written, unique_tiers
from emotion_core.interchange.formats import write
from emotion_core.study.event_files import Imported, import_events

Row = tuple[str, int, int]
ZONE = timezone(timedelta(hours=2))
STARTED = datetime(2026, 5, 1, 9, 30, 0, 250_000, ZONE)
ODD = (
    'say "hi"',
    "tab\there",
    "two\nlines",
    "Über-Größe ñ",
    "smile 😀 👩‍👩‍👧",
    "<b>&amp; --> ",
    "a | b, c; d",
    "'",
    '"',
)


def spans(*rows: tuple[str, float, float]) -> tuple[Span, ...]:
    return tuple(Span(start_s, end_s, label) for label, start_s, end_s in rows)


def document(*tiers: Tier, name: str = "talk", duration_s: float | None = 60.0) -> Document:
    return Document(name, unique_tiers(tiers), ("talk.mp4",), duration_s, 25.0, STARTED)


# A tier with what is difficult: touching, overlapping, equal and empty stretches, and points.
HARD = Tier(
    "Anna: expression",
    "expression",
    spans(
        ("happy", 0.0, 1.5),
        ("happy", 1.5, 2.0),
        ("sad", 1.0, 3.0),
        ("happy", 2.25, 4.0),
        ("happy", 2.5, 3.0),
        ("happy", 2.5, 3.0),
        ("happy", 5.0, 5.0),
        ("blink", 0.0, 0.0),
        ("blink", 59.999, 59.999),
        *((label, 10.0 + i, 10.4 + i) for i, label in enumerate(ODD)),
    ),
    "Anna",
)
MARKS = Tier("Markers", "marker", spans(("start", 0.04, 0.04), ("film", 4.0, 30.001)))


def rows_of(made: Document) -> list[Row]:
    """Label, start and end in milliseconds of every span, sorted."""
    return sorted((span.label, *span.ms) for _, span in made.rows())


def events_of(found: Imported) -> list[Row]:
    return sorted((e.label, round(e.start_s * 1000), round(e.end_s * 1000)) for e in found.events)


def saved(written: Written, folder: Path) -> list[Path]:
    for name, data in written.files.items():
        (folder / name).write_bytes(data)
    return [folder / name for name in written.files]


def read_again(made: Document | Sequence[Document], to: str, folder: Path) -> Imported:
    """What a study reads from the first file that a format makes of documents."""
    documents = [made] if isinstance(made, Document) else made
    return import_events(saved(write(documents, to, "all"), folder)[0])


def _distinct(rows: Iterable[tuple[str, int, int]]) -> tuple[Span, ...]:
    return tuple(Span(a / 1000, (a + b) / 1000, label) for label, a, b in rows)


LABELS = st.one_of(
    st.sampled_from(("happy", "film", *ODD)), st.text(min_size=1, max_size=30).filter(str.strip)
).filter(lambda text: text.strip() != "n/a")
TIMES = st.integers(0, 20_000)
LENGTHS = st.one_of(st.just(0), st.integers(2, 5000))
SPANS = st.lists(st.tuples(LABELS, TIMES, LENGTHS), max_size=8).map(_distinct)
TIERS = st.builds(
    lambda kind, person, found: Tier(f"{person}: {kind}" if person else kind, kind, found, person),
    st.sampled_from(("expression", "speaking", "marker")),
    st.sampled_from(("", "Anna", "Özil <1>", "a: b")),
    SPANS,
)
DOCUMENTS = st.lists(TIERS, max_size=3).map(lambda tiers: document(*tiers))
