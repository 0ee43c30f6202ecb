"""Text for the pages: Markdown escaping and durations."""


def escape(text: str) -> str:
    """Text that means nothing to Markdown; control characters become spaces."""
    clean = "".join(c if c.isprintable() else " " for c in text)
    return "".join(f"\\{c}" if c in r"\`*_{}[]()#+!|<>~$:" else c for c in clean)


def counted(number: int, noun: str) -> str:
    """A number and a noun that takes an s in the plural: "1 clip", "2,000 clips"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def duration_words(seconds: float | None) -> str:
    """A length of time as people say it; "" for an unknown one."""
    if seconds is None:
        return ""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    if seconds < 5400:
        return f"{round(seconds / 60)} min"
    return f"{seconds / 3600:.1f} h"
