"""Buttons and players for files of any size.

A file goes from the disk to the browser in pieces where the server answers links to files. A page
that runs without them (`streamlit run pages/2_Video.py`, a page under test) uses Streamlit's own
buttons and players, which hold the file in memory.
"""

from typing import Final, Literal
from urllib.parse import urlsplit

import streamlit as st

from emotion_core.ui.common.audit_trail import reader_here
from emotion_core.ui.common.file_links import LINKS, ROUTE, OfferedFile
from emotion_core.ui.common.page_list import ALL_PAGES

# Of what is played without links, as a whole in the server's memory.
_LARGEST_IN_MEMORY: Final = 400 * 10**6

# What browsers play: a file's suffix → its media type, and the codecs as FFmpeg names them.
PLAYED_TYPES: Final = {
    ".mp4": "video/mp4",
    ".m4v": "video/mp4",
    ".mov": "video/mp4",
    ".webm": "video/webm",
}
PLAYED_CODECS: Final = frozenset({"h264", "vp8", "vp9", "av1"})


def show_download(
    label: str,
    file: OfferedFile,
    *,
    key: str,
    kind: Literal["primary", "secondary", "tertiary"] = "secondary",
    help: str | None = None,  # noqa: A002
) -> None:
    """A button that saves a file on the visitor's computer.

    Args:
        label: on the button.
        file: made when the button is pressed.
        key: unique on the page.
        kind: how prominent the button is.
        help: shown when the pointer rests on the button.
    """
    icon = ":material/download:"
    if address := file_address(file, key):
        st.link_button(label, address, type=kind, icon=icon, help=help, key=key)
        return
    st.download_button(
        label,
        lambda: b"".join(file.pieces()),
        file_name=file.name,
        mime=file.media_type,
        key=key,
        icon=icon,
        type=kind,
        help=help,
        on_click="ignore",
    )


def can_play(size: int) -> bool:
    """Whether `play_video` accepts a file of this many bytes."""
    return served_base() is not None or size <= _LARGEST_IN_MEMORY


def play_video(file: OfferedFile, *, key: str) -> None:
    """A player as wide as its place, which seeks without loading the whole file.

    Args:
        file: a file on disk.
        key: unique on the page.
    """
    source = file_address(file, key) or str(file.content)
    st.video(source, format=file.media_type, width="stretch")


def file_address(file: OfferedFile, key: str) -> str | None:
    """The link to a file, the same in every run of the page while the file stays as it is."""
    base = served_base()
    if base is None:
        return None
    ids: dict[object, str] = st.session_state.setdefault("file_links", {})
    known = (key, _version(file))
    ids[known] = LINKS.offer(file, ids.get(known), reader_here())
    return f"{base}/{ROUTE}?id={ids[known]}"


def _version(file: OfferedFile) -> tuple[str, int, int] | None:
    """Differs where a player must load a file again; None for what is made on demand."""
    if callable(file.content):
        return None
    try:
        stat = file.content.stat()
    except OSError:
        return str(file.content), 0, 0
    return str(file.content), stat.st_mtime_ns, stat.st_size


def served_base() -> str | None:
    """The address below which this visitor's browser reaches the server, proxies included.

    None where links are not served, or where the browser's address is not known.
    """
    # A page under test has no browser, and something else than a string here.
    url = st.context.url if LINKS.served else None
    if not isinstance(url, str) or urlsplit(url).scheme not in {"http", "https"}:
        return None
    above, _, page = url.rstrip("/").rpartition("/")
    return above if page in _PAGE_NAMES else url.rstrip("/")


# As Streamlit derives the last part of a page's address from the name of its file.
_PAGE_NAMES: Final = frozenset(
    path.removeprefix("pages/").removesuffix(".py").partition("_")[2]
    for path in ALL_PAGES
    if path.startswith("pages/")
)
