"""The model page's tab about the network itself: drawn, counted, weighed and timed."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import pandas as pd
import streamlit as st

from emotion_core.errors import ModelError
from emotion_core.model.architecture import (
    Architecture,
    Stage,
    architecture_file,
    read_architecture,
)
from emotion_core.model.external import read_external
from emotion_core.ui.common.charts import download_data
from emotion_core.ui.common.text import escape
from emotion_core.ui.model_page.elements import MODEL_COLOURS, heading, model_dot, show_table
from emotion_core.ui.model_page.selection import Choice

_STYLE: Final = """<style>
.lab-net { display: grid; gap: .5rem; grid-template-columns: repeat(auto-fit, minmax(7rem, 1fr)); }
.lab-net > div { border: 1px solid #8884; border-radius: .6rem; padding: .6rem .65rem .7rem;
  min-width: 0; display: flex; flex-direction: column; line-height: 1.35; }
.lab-net b { font-size: .95rem; }
.lab-net .shape { font-variant-numeric: tabular-nums; font-size: .85rem; }
.lab-net .what { opacity: .7; font-size: .78rem; min-height: 1.3em; }
.lab-net img { width: 64px; height: 68px; margin: .5rem auto; }
.lab-net .num { font-size: .72rem; line-height: 1.45; font-variant-numeric: tabular-nums;
  margin-top: auto; white-space: nowrap; }
.lab-net .bar { background: #8883; border-radius: .2rem; height: .32rem; margin: .1rem 0 .35rem;
  overflow: hidden; }
.lab-net .bar i { display: block; height: 100%; border-radius: .2rem; }
</style>"""
_WORDS: Final[dict[str, str]] = {
    "input": "a grey face",
    "average": "over the map",
    "softmax": "probabilities",
}


@st.cache_data(show_spinner=False, max_entries=8)
def _architecture(path: Path, stamp: float) -> Architecture:  # noqa: ARG001  # renews the cache
    return read_architecture(path)


def architecture_or_none(choice: Choice) -> tuple[Architecture | None, str]:
    """The network of a model folder, or None and why not."""
    path = architecture_file(choice.folder)
    try:
        return _architecture(path, path.stat().st_mtime if path.exists() else 0.0), ""
    except ModelError as error:
        return None, str(error)


def network_tab(choices: Sequence[Choice]) -> None:
    """Each model's network as boxes, then sizes and speed of all side by side."""
    nets = {choice.name: architecture_or_none(choice) for choice in choices}
    for index, (name, (net, why)) in enumerate(nets.items()):
        if not index:
            heading("From a face to seven probabilities")
        if len(choices) > 1:
            st.html(model_dot(index, name))
        if choices[index].record.is_external:
            _show_external(choices[index])
        elif net is None:
            st.info(f"{why} So the layers of {name} cannot be drawn.", icon=":material/schema:")
        else:
            _show_network(name, net, choices[index].record.metadata, MODEL_COLOURS[index])
    heading("Size and speed" + ("" if _all_external(choices) else ", float and int8"))
    _show_sizes(choices, nets)


def _show_network(name: str, net: Architecture, metadata: dict[str, Any], colour: str) -> None:
    st.html(_STYLE + network_html(net, colour))
    st.caption(
        f"Read from left to right: {net.parameters:,} parameters and "
        f"{net.multiply_adds / 1e6:,.1f} million multiply-adds for one face in all; the bars are "
        "each part's share of them. Each block halves the picture and widens it. Counted from the "
        "layers in the model's own file."
    )
    noted = (metadata.get("network") or {}).get("parameters")
    if net.uncounted:
        st.warning(f"Not counted, because of an unknown kind: {', '.join(net.uncounted)}.")
    elif isinstance(noted, int) and noted != net.parameters:
        st.warning(
            f"model.json says {noted:,} parameters: it belongs to another network than model.keras."
        )
    with st.expander(f"All {len(net.layers)} layers"):
        table = layer_table(net)
        show_table(table, titles={"multiply_adds": "multiply-adds"}, height=360)
        download_data(table, f"{name}_layers.csv", key=f"download_layers_{name}")


def layer_table(net: Architecture) -> pd.DataFrame:
    """One row a layer: part, layer, kind, input, output, parameters, multiply_adds."""
    rows = [
        (
            stage.title,
            layer.name,
            layer.kind,
            _times(layer.input_shape),
            _times(layer.output_shape),
            layer.parameters,
            layer.multiply_adds,
        )
        for stage in net.stages
        for layer in stage.layers
    ]
    names = ["part", "layer", "kind", "input", "output", "parameters", "multiply_adds"]
    return pd.DataFrame(rows, columns=names)


def _times(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape))


def network_html(net: Architecture, colour: str) -> str:
    """The network as a row of boxes that breaks on a narrow screen, with a text alternative."""
    said = "; ".join(
        f"{s.title}: {_times(s.output_shape)}, {s.parameters:,} parameters" for s in net.stages
    )
    boxes = "".join(_box(stage, net, colour) for stage in net.stages)
    return f'<div class="lab-net" role="img" aria-label="The network: {said}">{boxes}</div>'


def _box(stage: Stage, net: Architecture, colour: str) -> str:
    kinds = [layer.kind for layer in stage.layers]
    convolutions = sum(kind.endswith("Conv2D") for kind in kinds)
    words = _WORDS.get(stage.title, f"{convolutions} convolutions" if convolutions > 1 else "")
    words = words or ("1 convolution" if convolutions else "")
    return (
        f'<div><b>{stage.title}</b><span class="shape">{_times(stage.output_shape)}</span>'
        f'<span class="what">{words}</span>{_volume(stage.output_shape, colour)}'
        f'<div class="num">{_count(stage.parameters)} parameters'
        f"{_bar(stage.parameters, net.parameters, colour)}"
        f"{_count(stage.multiply_adds)} mult-adds"
        f"{_bar(stage.multiply_adds, net.multiply_adds, colour)}</div></div>"
    )


def _count(value: int) -> str:
    for size, unit in ((1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:.1f} {unit}"
    return str(value)


def _bar(part: int, whole: int, colour: str) -> str:
    share = 100 * part / max(whole, 1)
    return f'<div class="bar"><i style="width:{share:.1f}%;background:{colour}"></i></div>'


def _volume(shape: tuple[int, ...], colour: str) -> str:
    """A stack of maps, larger where the maps are, or a column of units."""
    if len(shape) < 3:
        tall = min(60.0, 8 + 52 * (shape[0] / 512) ** 0.5) if shape else 8.0
        body = f'<rect x="26" y="{34 - tall / 2:.1f}" width="12" height="{tall:.1f}" rx="3"/>'
    else:
        side = max(6.0, 44 * (shape[0] / 48) ** 0.5)
        sheets = max(1, min(7, round(shape[2] ** 0.5 / 2)))
        body = "".join(
            f'<rect x="{32 - side / 2 + 3 * i - 1.5 * sheets:.1f}" '
            f'y="{34 - side / 2 - 3 * i + 1.5 * sheets:.1f}" '
            f'width="{side:.1f}" height="{side:.1f}" rx="2"/>'
            for i in reversed(range(sheets))
        )
    drawing = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 68" fill="{colour}" '
        f'fill-opacity=".35" stroke="{colour}" stroke-width="1.2">{body}</svg>'
    )
    # As an image: an inline drawing would be taken out as unsafe before it reaches the page.
    data = base64.b64encode(drawing.encode()).decode()
    return f'<img alt="" src="data:image/svg+xml;base64,{data}">'


def _show_sizes(
    choices: Sequence[Choice], nets: dict[str, tuple[Architecture | None, str]]
) -> None:
    columns = {c.name: sizes_of(c, nets[c.name][0]) for c in choices}
    names = list(dict.fromkeys(name for column in columns.values() for name in column))
    table = pd.DataFrame(
        {"": names} | {name: [c.get(n, "–") for n in names] for name, c in columns.items()}
    )
    st.table(table.set_index(""), border="horizontal")
    st.caption(
        ("" if _all_external(choices) else "The pages answer with the int8 network. ")
        + "Times are means on the machine that ran "
        "`evaluate`, one face at a time on one thread; a dash was not measured."
    )
    download_data(table, "sizes.csv", key="download_sizes")


def sizes_of(choice: Choice, net: Architecture | None) -> dict[str, str]:
    """What the folder says about the network's weight and speed, as words."""
    report = choice.report or next(iter(choice.record.evaluations.values()), {})
    if choice.record.is_external:
        return _external_sizes(choice, report.get("speed") or {})
    speed, near = report.get("speed") or {}, report.get("served_against_float") or {}
    points = (near.get("served_minus_float_points") or {}).get(choice.label_set, {})
    noted = (choice.record.metadata.get("network") or {}).get("parameters")
    parameters = net.parameters if net else noted
    sizes = {name: _bytes(choice.folder / f"model.{end}") for name, end in _FILES}
    values: dict[str, tuple[Any, str]] = {
        "parameters": (parameters, "{:,}"),
        "multiply-adds for one face": (net.multiply_adds if net else None, "{:,}"),
        "size, float": (sizes["float"] or speed.get("float_bytes"), "MB"),
        "size, int8": (sizes["int8"] or speed.get("served_bytes"), "MB"),
        "one face, float": (speed.get("float_ms_per_face_one_thread"), "{:.2f} ms"),
        "one face, int8": (speed.get("served_ms_per_face_one_thread"), "{:.2f} ms"),
        "same answer, int8 and float": (near.get("same_answer"), "{:.1%} of the images"),
        "accuracy, int8 minus float": (points.get("accuracy"), "{:+.2f} points"),
        "macro-F1, int8 minus float": (points.get("macro_f1"), "{:+.2f} points"),
        "mean difference of a probability": (near.get("mean_difference"), "{:.4f}"),
    }
    return {
        name: f"{value / 1e6:.2f} MB" if show == "MB" else show.format(value)
        for name, (value, show) in values.items()
        if isinstance(value, int | float)
    }


def _all_external(choices: Sequence[Choice]) -> bool:
    return all(choice.record.is_external for choice in choices)


def _show_external(choice: Choice) -> None:
    """What goes into a network made elsewhere, and what comes out."""
    try:
        network = read_external(choice.record.metadata)
    except (KeyError, ValueError) as error:
        st.info(f"model.json of {choice.name} cannot be used: {error}.", icon=":material/schema:")
        return
    form = network.input
    st.markdown(
        f"Made elsewhere: **{escape(network.file)}** takes {form.height}×{form.width} pixels, "
        f"{form.channels}, and gives {len(network.labels)} {network.output}. It is given this "
        "program's crops, 48×48 grey pixels, scaled to that size."
    )
    pairs = zip(network.labels, network.targets, strict=True)
    rows = [(label, target or "left out") for label, target in pairs]
    rows += [("–", f"{expression}: never answered") for expression in network.never_answered]
    show_table(pd.DataFrame(rows, columns=["its own label", "read as"]))


def _external_sizes(choice: Choice, speed: dict[str, Any]) -> dict[str, str]:
    size = _bytes(choice.folder / str(choice.record.metadata.get("file")))
    ms = speed.get("served_ms_per_face_one_thread")
    values = {"size": size and f"{size / 1e6:.2f} MB", "one face": ms and f"{ms:.2f} ms"}
    return {name: value for name, value in values.items() if value}


_FILES: Final = (("float", "keras"), ("int8", "tflite"))


def _bytes(path: Path) -> int | None:
    return path.stat().st_size if path.is_file() else None
