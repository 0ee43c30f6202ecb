"""What every page begins and ends with: set-up, the row of links, title, purpose and privacy."""

import base64
import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

import streamlit as st
from streamlit.errors import StreamlitAPIException

from emotion_core.errors import EmotionCoreError, MissingDependencyError, SettingsError
from emotion_core.ui.common.audit_trail import forget_open
from emotion_core.ui.common.duties import begin_duties
from emotion_core.ui.common.page_list import ADMINISTRATION, ALL_PAGES, PAGES
from emotion_core.ui.common.resources import app_settings
from emotion_core.ui.common.sign_in_page import admit, show_account, show_sign_in
from emotion_core.ui.common.sign_on import admin_here, signs_on
from emotion_core.ui.common.text import escape

_SEVERAL: Final = (
    "Several computers serve these pages together; they share uploads, results and finished "
    "recordings until these are deleted."
)
PROGRAM: Final = "Facial-expression lab"
# Served by this program: Streamlit fetches icons given by name from an outside host.
_ICON: Final = Path(__file__).parents[1] / "assets" / "icon.svg"
# A row of links in place of the sidebar, and a head that leaves the height to the picture.
_STYLE: Final = """<style>
[data-testid="stMainBlockContainer"] { padding-top: 2.4rem; padding-bottom: 2rem; }
.st-key-visit { display: none; }
.st-key-page_links { border-bottom: 1px solid #8884; padding-bottom: .3rem; }
.st-key-page_links [data-testid="stPageLink"] p { font-size: .95rem; }
/* Five in a row: their names would be cut off. */
.st-key-starts [data-testid="stPageLink"] a { padding-left: 0; padding-right: 0; height: auto; }
.st-key-starts [data-testid="stPageLink"] :is(a, span, p) { white-space: normal;
  line-height: 1.35; }
.st-key-page_links > :has(> .st-key-account), .st-key-page_links > .st-key-account {
  margin-left: auto; }
.st-key-account button p { max-width: 15rem; overflow: hidden; text-overflow: ellipsis;
  white-space: nowrap; }
/* Small grey words and chosen controls with the contrast that WCAG 2.1 asks for (level AA). */
[data-testid="stCaptionContainer"] { color: inherit; opacity: .8; }
[data-testid="stCaptionContainer"] code { color: inherit; }
[data-testid="stMultiSelect"] [data-tag],
[data-testid="stBaseButton-primary"], [data-testid="stBaseLinkButton-primary"] {
  background-color: #0F766E; }
button[data-variant="segmented_control"][data-selected="true"] p {
  color: light-dark(#0B5F58, #2DD4BF); }
.lab-brand { display: flex; align-items: center; gap: .55rem; font-weight: 700; font-size: 1.05rem;
  white-space: nowrap; padding-right: 1.4rem; }
.lab-brand img { width: 1.55rem; height: 1.55rem; }
@media (max-width: 640px) {
  [data-testid="stMainBlockContainer"] { padding-left: 1rem; padding-right: 1rem; }
  .st-key-page_links > :has(.lab-brand) { flex: 1 0 100% !important; width: 100% !important; }
  .st-key-page_links { gap: .2rem !important; }
  .st-key-page_links [data-testid="stPageLink"] a { padding: 0 .45rem; }
  .st-key-page_links [data-testid="stPageLink"] a > span:first-child { display: none; }
}
[data-testid="stMainBlockContainer"] h1 { font-size: 1.75rem; padding: .2rem 0 0; }
[data-testid="stMainBlockContainer"] h2 { font-size: 1.4rem; }
[data-testid="stMainBlockContainer"] h3 { font-size: 1.25rem; padding: .3rem 0 .1rem; }
</style>"""


def start_page(title: str, purpose: str, *, links: bool = True, invited: bool = False) -> None:
    """Set the page up and draw its head. Call it first, once, before anything else is drawn.

    Where people sign in, the page's run ends here for those who have not.

    Args:
        title: shown large and in the browser's tab.
        purpose: one sentence that says what the visitor can do here.
        links: to the other pages; False for those who were invited to this one.
        invited: the address holds a secret of its own, and opens nothing but what it is for:
            no one has to sign in.
    """
    tab = PROGRAM if title == PROGRAM else f"{title} · {PROGRAM}"
    st.set_page_config(page_title=tab, page_icon=str(_ICON), layout="wide")
    st.html(_STYLE)
    person, problem = admit()
    closed = bool(problem) or (person is None and not invited and signs_on())
    forget_open()
    with st.container(key="page_links", horizontal=True, vertical_alignment="center"):
        icon = base64.b64encode(_ICON.read_bytes()).decode()
        image = f'<img alt="" src="data:image/svg+xml;base64,{icon}">'
        st.html(f'<div class="lab-brand">{image}{PROGRAM}</div>', width="content")
        for path in PAGES if links and not closed and (person or not signs_on()) else ():
            link_to(path)
        if person is not None and links:
            if admin_here():
                link_to(ADMINISTRATION)
            show_account(person, start=title == PROGRAM)
    if closed:
        show_sign_in(problem)
        st.stop()
    st.title(title, anchor=False)
    st.markdown(purpose)
    # The page itself tells of bad settings, where it needs them.
    with contextlib.suppress(SettingsError, MissingDependencyError):
        begin_duties()


def link_to(path: str, label: str | None = None) -> None:
    """A link to a page of `ALL_PAGES`; plain text where the page runs on its own.

    Raises:
        KeyError: `path` is not a page of this program.
    """
    name, icon = ALL_PAGES[path]
    try:
        st.page_link(path, label=label or name, icon=icon)
    except (StreamlitAPIException, KeyError):
        # `streamlit run pages/1_Live.py` (and a page under test) has no neighbours to link to.
        st.markdown(label or name, width="content")


def page_address(**query: str) -> str:
    """The address of this page with other parameters; only its end where this is not known."""
    page = st.context.url
    # A page under test has something else than a string here.
    above = page.partition("?")[0] if isinstance(page, str) else ""
    return f"{above}?{urlencode(query)}"


def redraw_after(change: Callable[[], object]) -> None:
    """Make a change and draw the page again, or tell what is wrong."""
    try:
        change()
    except EmotionCoreError as error:
        st.error(escape(str(error)), icon=":material/error:")
        return
    st.rerun()


def end_page(privacy: str) -> None:
    """Draw the foot of the page: what happens to the visitor's pictures on this page."""
    st.divider()
    with contextlib.suppress(SettingsError):
        if app_settings().database:
            privacy += f" {_SEVERAL}"
    st.caption(f":material/lock: {privacy}")
