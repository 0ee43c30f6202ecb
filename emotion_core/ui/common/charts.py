"""Charts as pages show them: bars of a face, legends, and a timeline with its data to download.

Bars are plain HTML: they appear at once and can be redrawn twice a second next to a live stream.
The timeline is an Altair chart; altair and pandas are imported when it is drawn, not before.
"""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any, Final

import streamlit as st

from emotion_core.charts.legend import EXPRESSION_KEYS, Key, legend_html
from emotion_core.labels import COLOURS, EXPRESSIONS

if TYPE_CHECKING:
    import pandas as pd

    from emotion_core.datatypes import FrameResult

HINT_WORDS: Final[dict[str, str]] = {
    "small": "move closer",
    "dark": "more light",
    "blurred": "hold still",
    "cut": "move into the picture",
    "turned": "face the camera",
    "unusual": "show the whole face",
}
_BARS_STYLE: Final = """<style>
.lab-person { border: 1px solid #8884; border-radius: .6rem; padding: .7rem .9rem .8rem; }
.lab-person .who { font-size: .85rem; opacity: .75; display: flex; justify-content: space-between; }
.lab-person .now { font-size: 1.9rem; font-weight: 700; line-height: 1.25; margin-bottom: .35rem;
  display: flex; align-items: baseline; gap: .5rem; }
.lab-person .now small { font-size: 1rem; font-weight: 500; opacity: .8; }
.lab-person .dot { width: .95rem; height: .95rem; border-radius: 50%; flex: none; }
.lab-bar { display: grid; grid-template-columns: 4.9rem 1fr 2.9rem; align-items: center;
  gap: .5rem; font-size: .86rem; line-height: 1.5; }
.lab-bar .track { background: #8883; border-radius: .3rem; height: .55rem; overflow: hidden; }
.lab-bar .fill { height: 100%; border-radius: .3rem; }
.lab-bar .pct { text-align: right; font-variant-numeric: tabular-nums; }
.lab-bar.top { font-weight: 700; }
.lab-face { display: flex; gap: 1rem; align-items: center; }
.lab-face > .bars { flex: 1; min-width: 0; }
.lab-plane { position: relative; flex: none; width: 6.4rem; height: 6.4rem; border-radius: .3rem;
  border: 1px solid #8886; background:
  linear-gradient(#8886, #8886) 50% 0 / 1px 100% no-repeat,
  linear-gradient(#8886, #8886) 0 50% / 100% 1px no-repeat; }
.lab-plane i { position: absolute; width: .5rem; height: .5rem; margin: -.25rem; opacity: .3;
  border-radius: 50%; background: currentColor; }
.lab-plane i:last-of-type { width: .8rem; height: .8rem; margin: -.4rem; opacity: 1; }
.lab-plane span { position: absolute; font-size: .62rem; opacity: .7; line-height: 1; }
</style>"""


def show_legend(keys: Sequence[Key] | None = None) -> None:
    """Draw a legend, by default that of the seven expressions; nothing where it has no entry."""
    keys = EXPRESSION_KEYS if keys is None else keys
    if keys:
        st.html(legend_html(keys))


def probability_bars_html(
    probs: Sequence[float],
    *,
    who: str = "",
    unsure: bool = False,
    hints: Iterable[str] = (),
    trail: Sequence[tuple[float, float]] = (),
) -> str:
    """One person's reading as HTML: the expression large, then seven bars.

    Args:
        probs: seven probabilities in the order of `EXPRESSIONS`, summing to 1.
        who: name of the person; may hold any text, it is escaped.
        unsure: the model's own threshold says that the reading is weak.
        hints: values of `QualityHint` that explain a poor reading.
        trail: (valence, arousal) points, each -1 to 1, newest last; drawn next to the bars.
    """
    order = max(range(len(EXPRESSIONS)), key=lambda i: probs[i])
    top = EXPRESSIONS[order]
    said = ", ".join(f"{e} {p:.0%}" for e, p in zip(EXPRESSIONS, probs, strict=True))
    words = [HINT_WORDS.get(hint, hint) for hint in hints]
    notes = " · ".join((["unsure"] if unsure else []) + words)
    bars = "".join(_bar_html(e, p, e == top) for e, p in zip(EXPRESSIONS, probs, strict=True))
    return (
        f'{_BARS_STYLE}<div class="lab-person" role="img" aria-label="{escape(who)}: {said}">'
        f'<div class="who"><span>{escape(who)}</span><span>{escape(notes)}</span></div>'
        f'<div class="now"><span class="dot" style="background:{COLOURS[top]}"></span>'
        f"{top}<small>{probs[order]:.0%}</small></div>"
        f'<div class="lab-face"><div class="bars">{bars}</div>{_plane_html(trail)}</div></div>'
    )


def _plane_html(trail: Sequence[tuple[float, float]]) -> str:
    """The plane of valence and arousal with a dot and where it came from; "" without a point."""
    if not trail:
        return ""
    dots = "".join(
        f'<i style="left:{50 + 50 * valence:.1f}%;top:{50 - 50 * arousal:.1f}%"></i>'
        for valence, arousal in trail
    )
    return (
        '<div class="lab-plane" title="Valence and arousal, derived from the probabilities">'
        f'{dots}<span style="right:3px;top:calc(50% + 3px)">pleasant</span>'
        '<span style="left:calc(50% + 4px);top:3px">excited</span></div>'
    )


def _bar_html(expression: str, probability: float, top: bool) -> str:
    return (
        f'<div class="lab-bar{" top" if top else ""}"><span>{expression}</span>'
        f'<div class="track"><div class="fill" style="width:{100 * probability:.1f}%;'
        f'background:{COLOURS[expression]}"></div></div>'
        f'<span class="pct">{probability:.0%}</span></div>'
    )


def people_html(
    result: "FrameResult",
    names: Mapping[int, str] | None = None,
    trails: Mapping[int, Sequence[tuple[float, float]]] | None = None,
    hint_words: Mapping[str, str] = HINT_WORDS,
) -> str:
    """Every face of a result as bars, side by side where there is room; "" without a face.

    Args:
        result: N faces.
        names: identity → name, shown instead of "Person #1".
        trails: identity → (valence, arousal) points, newest last.
        hint_words: what each `QualityHint` is called; by default what to do before a webcam.
    """
    if not len(result):
        return ""
    people = "".join(
        probability_bars_html(
            [float(p) for p in result.probs[i]],
            who=(names or {}).get(int(track), f"Person #{int(track)}"),
            unsure=bool(result.unsure[i]),
            hints=[hint_words.get(hint.value, hint.value) for hint in result.quality[i]],
            trail=(trails or {}).get(int(track), ()),
        )
        for i, track in enumerate(result.track_ids)
    )
    grid = "display:grid;gap:.7rem;grid-template-columns:repeat(auto-fill,minmax(17rem,1fr))"
    return f'<div style="{grid}">{people}</div>'


def show_people(result: "FrameResult", names: Mapping[int, str] | None = None) -> None:
    """Draw every face of a result as bars; a sentence where there is none."""
    if len(result):
        st.html(people_html(result, names))
    else:
        st.info("No face found in this picture.", icon=":material/face_retouching_off:")


def show_timeline(table: "pd.DataFrame", *, title: str, key: str, height: int = 300) -> None:
    """Draw `timeline_chart` with its data to download; a sentence where there is no row."""
    if table.empty:
        st.info("No reading to draw yet.", icon=":material/timeline:")
        return
    from emotion_core.charts.timeline import timeline_chart

    st.markdown(f"**{title}**")
    show_legend()
    st.altair_chart(timeline_chart(table, title=title, height=height), width="stretch")
    download_data(table, f"{key}.csv", key=f"{key}_download")


def download_data(table: Any, file_name: str, *, key: str, label: str = "Download as CSV") -> None:
    """A small button that hands out a chart's table; the CSV is written when it is pressed.

    Args:
        table: a pandas DataFrame (`to_csv` is called), or a function that gives the CSV's text, so
            that it holds what is known when the button is pressed.
        file_name: what the browser calls the file.
        key: unique on the page.
        label: words on the button.
    """

    def text() -> str:
        return str(table() if callable(table) else table.to_csv(index=False))

    st.download_button(
        label,
        data=text,
        file_name=file_name,
        mime="text/csv",
        key=key,
        type="tertiary",
        icon=":material/download:",
        on_click="ignore",
    )
