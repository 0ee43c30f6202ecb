"""The charts of the model page: each takes a table of `evaluation.chart_tables`, returns a chart.

Tables that may hold two models have a column `model`; `models` lists their names in order. One
model is drawn in the colours of what is shown, two in a colour each.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import altair as alt
import pandas as pd

from emotion_core.charts.encoding import expression_colour
from emotion_core.charts.legend import EXPRESSION_KEYS, Key
from emotion_core.evaluation.chart_tables import MEASURED_HERE, PEOPLE_AND_CHANCE, PUBLISHED
from emotion_core.labels import EXPRESSIONS
from emotion_core.ui.model_page.elements import MODEL_COLOURS, model_keys

OURS: Final[str] = MODEL_COLOURS[0]
OTHERS: Final[str] = "#8C8C8C"
PEOPLE: Final[str] = "#D55E00"
_WHISKER: Final[str] = "#7A828C"
_PERCENT = alt.Axis(format="%", tickCount=6)
_DASHES: Final = ([1, 0], [5, 4], [2, 3])


def curve_keys(models: Sequence[str]) -> list[Key]:
    """The legend of curves that are drawn for each expression of one model, or for two models."""
    return model_keys(models) or list(EXPRESSION_KEYS)


def model_colour(models: Sequence[str]) -> alt.Color:
    """A colour for each model; their names are above the chart."""
    scale = alt.Scale(domain=list(models), range=list(MODEL_COLOURS[: len(models)]))
    return alt.Color("model:N", scale=scale, legend=None)


def _share(name: str, title: str, low: float = 0.0, high: float = 1.0, **axis: Any) -> Any:
    scale = alt.Scale(domain=[low, high], clamp=True)
    return {"shorthand": f"{name}:Q", "title": title, "scale": scale, "axis": _PERCENT, **axis}


def _tips(*shares: str, words: Sequence[str] = ()) -> list[Any]:
    return [*words, *(alt.Tooltip(f"{name}:Q", format=".1%") for name in shares)]


def comparison_keys(table: pd.DataFrame, models: Sequence[str]) -> list[Key]:
    """The legend of `comparison_chart`: those groups that the table holds."""
    groups = {**dict(zip(models, MODEL_COLOURS, strict=False)), PEOPLE_AND_CHANCE: PEOPLE}
    groups |= {MEASURED_HERE: "#4A5568", PUBLISHED: "#7A8490"}
    present = set(table["group"])
    return [Key(name, colour) for name, colour in groups.items() if name in present]


def comparison_chart(table: pd.DataFrame, models: Sequence[str]) -> alt.LayerChart:
    """Accuracy of the models among others, best on top, with 95% intervals where known."""
    keys = comparison_keys(table, models)
    scale = alt.Scale(domain=[k.name for k in keys], range=[k.colour for k in keys])
    order = table.sort_values("accuracy", ascending=False)["who"].tolist()
    who = alt.Y("who:N", title=None, sort=order, axis=alt.Axis(labelLimit=180))
    base = alt.Chart(table)
    bars = base.mark_bar(height={"band": 0.62}, cornerRadiusEnd=3).encode(
        x=alt.X(**_share("accuracy", "accuracy")),
        y=who,
        color=alt.Color("group:N", scale=scale, legend=None),
        tooltip=[*_tips("accuracy", words=["who:N"]), "source:N"],
    )
    whiskers = base.mark_rule(strokeWidth=2, color=_WHISKER).encode(x="low:Q", x2="high:Q", y=who)
    # Inside the bar: a figure behind the end of a long one would be cut off on a phone.
    figures = base.mark_text(align="left", x=6, color="white", fontWeight="bold").encode(
        y=who, text=alt.Text("accuracy:Q", format=".1%")
    )
    return alt.layer(bars, whiskers, figures).properties(
        height=30 * len(table) + 70,
        description="Bars: accuracy of "
        + ", ".join(f"{w} {a:.0%}" for w, a in zip(table["who"], table["accuracy"], strict=True)),
    )


def other_faces_keys(table: pd.DataFrame, models: Sequence[str]) -> list[Key]:
    """The legend of `other_faces_chart`: the models, then the other rows of the table."""
    others = [who for who in table["who"].unique() if who not in models]
    pairs = zip(models, MODEL_COLOURS, strict=False)
    return [Key(n, c) for n, c in pairs] + [Key(who, OTHERS) for who in others]


def other_faces_chart(table: pd.DataFrame, keys: Sequence[Key]) -> alt.LayerChart:
    """Recall of each expression of each set, a bar for each network, with 95% intervals."""
    names = [key.name for key in keys]
    scale = alt.Scale(domain=names, range=[key.colour for key in keys])
    base = alt.Chart(table).encode(
        y=alt.Y("where:N", sort=table["where"].unique().tolist(), title=None),
        yOffset=alt.YOffset("who:N", sort=names),
    )
    bars = base.mark_bar(height={"band": 0.9}, cornerRadiusEnd=3).encode(
        x=alt.X(**_share("recall", "recall")),
        color=alt.Color("who:N", scale=scale, legend=None),
        tooltip=_tips("recall", "low", "high", words=["who:N", "where:N", "images:Q"]),
    )
    whiskers = base.mark_rule(strokeWidth=2, color=_WHISKER).encode(x="low:Q", x2="high:Q")
    return alt.layer(bars, whiskers).properties(
        height=(16 * len(keys) + 14) * table["where"].nunique(),
        description="Bars: recall of each expression on faces of other origin, "
        + " beside ".join(names),
    )


def class_bars(table: pd.DataFrame, score: str, models: Sequence[str]) -> alt.LayerChart:
    """Precision, recall or f1 of each expression with its 95% interval."""
    name = {"f1": "F1"}.get(score, score)
    one = len(models) == 1
    offset = {} if one else {"yOffset": alt.YOffset("model:N", sort=list(models))}
    y = alt.Y("expression:N", sort=list(EXPRESSIONS), title=None)
    base = alt.Chart(table).encode(y=y, **offset)
    bars = base.mark_bar(height={"band": 0.62 if one else 0.9}, cornerRadiusEnd=3).encode(
        x=alt.X(**_share(score, name)),
        color=expression_colour() if one else model_colour(models),
        tooltip=_tips(score, words=["model:N", "expression:N", "images:Q"]),
    )
    whiskers = base.mark_rule(strokeWidth=2, color=_WHISKER).encode(
        x=f"{score}_low:Q", x2=f"{score}_high:Q"
    )
    return alt.layer(bars, whiskers).properties(
        height=270 if one else 360,
        description=f"Bars: {name} of each expression with its 95% interval, {_names(models)}.",
    )


def _names(models: Sequence[str]) -> str:
    return " beside ".join(models)


_STATES: Final = ("after calibration", "before calibration")


def reliability_keys(models: Sequence[str]) -> list[Key]:
    """The legend of `reliability_chart`."""
    if len(models) == 1:
        return [Key(_STATES[0], OURS), Key(_STATES[1], OTHERS)]
    lines = [Key(_STATES[0], OTHERS, "solid"), Key(_STATES[1], OTHERS, "dashed")]
    return [*model_keys(models), *lines]


def reliability_chart(table: pd.DataFrame, models: Sequence[str]) -> alt.LayerChart:
    """How often answers of a given confidence are right, before and after calibration."""
    if len(models) == 1:
        scale = alt.Scale(domain=list(_STATES), range=[OURS, OTHERS])
        look: dict[str, Any] = {"color": alt.Color("state:N", scale=scale, legend=None)}
    else:
        scale = alt.Scale(domain=list(_STATES), range=list(_DASHES[:2]))
        dash = alt.StrokeDash("state:N", scale=scale, legend=None)
        look = {"color": model_colour(models), "strokeDash": dash}
    x = alt.X(**_share("confidence", "how sure the network was"))
    y = alt.Y(**_share("accuracy", "how often it was right"))
    base = alt.Chart(table).encode(x=x, y=y, detail=["model:N", "state:N"])
    lines = base.mark_line(strokeWidth=2).encode(**look)
    points = base.mark_circle(opacity=0.9).encode(
        color=look["color"],
        size=alt.Size("images:Q", scale=alt.Scale(range=[20, 320]), legend=None),
        tooltip=_tips("confidence", "accuracy", words=["model:N", "state:N", "images:Q"]),
    )
    corners = alt.Data(values=[{"x": 0, "y": 0}, {"x": 1, "y": 1}])
    perfect = alt.Chart(corners).mark_line(strokeDash=[5, 4], color=OTHERS).encode(x="x:Q", y="y:Q")
    return alt.layer(perfect, lines, points).properties(
        height=400,
        description=f"Reliability diagram: confidence against accuracy, {_names(models)}.",
    )


def coverage_chart(table: pd.DataFrame, models: Sequence[str]) -> alt.Chart:
    """Accuracy when only the surest answers are taken."""
    low = max(0.0, float(table["accuracy"].min()) - 0.03) if len(table) else 0.0
    return (
        alt.Chart(table)
        .mark_line(strokeWidth=2.5)
        .encode(
            x=alt.X(**_share("coverage", "share of the answers taken, the surest first")),
            y=alt.Y(**_share("accuracy", "accuracy of what is taken", low=low)),
            color=model_colour(models),
            tooltip=_tips("coverage", "accuracy", "confidence", words=["model:N"]),
        )
        .properties(height=400, description=f"Accuracy against coverage, {_names(models)}.")
    )


def _curves(
    table: pd.DataFrame, x: tuple[str, str], y: tuple[str, str], area: str, models: Sequence[str]
) -> alt.Chart:
    """One curve an expression for one model, one a model for two."""
    one = len(models) == 1
    return (
        alt.Chart(table)
        .mark_line(strokeWidth=2, interpolate="step-after")
        .encode(
            x=alt.X(**_share(*x)),
            y=alt.Y(**_share(*y)),
            color=expression_colour() if one else model_colour(models),
            order=alt.Order("point:Q"),
            tooltip=_tips(x[0], y[0], "threshold", area, words=["model:N", "expression:N"]),
        )
        .transform_window(point="row_number()")
        .properties(height=400)
    )


def precision_recall_chart(table: pd.DataFrame, models: Sequence[str]) -> alt.Chart:
    """Precision against recall of one expression against the rest."""
    x = ("recall", "recall: how many of its faces are found")
    y = ("precision", "precision: how many finds are right")
    return _curves(table, x, y, "average_precision", models).properties(
        description=f"Precision against recall of each expression, {_names(models)}."
    )


def roc_chart(table: pd.DataFrame, models: Sequence[str]) -> alt.LayerChart:
    """True against false positives of one expression against the rest."""
    x = ("false_positive_rate", "other faces that are called so")
    y = ("true_positive_rate", "its own faces that are found")
    corners = alt.Data(values=[{"x": 0, "y": 0}, {"x": 1, "y": 1}])
    chance = alt.Chart(corners).mark_line(strokeDash=[5, 4], color=OTHERS).encode(x="x:Q", y="y:Q")
    return alt.layer(chance, _curves(table, x, y, "auc", models)).properties(
        height=400,
        description=f"ROC curves, each expression against the rest, {_names(models)}.",
    )


def robustness_chart(
    table: pd.DataFrame, damage: str, title: str, models: Sequence[str], relative: bool
) -> alt.LayerChart:
    """Accuracy at the levels of one kind of damage; undamaged faces are the dashed line.

    Args:
        table: rows of robustness.csv with a column `model`, and `left`, the share of the undamaged
            accuracy that is left.
        damage: the kind.
        title: in words, with its unit.
        models: in order.
        relative: draw `left`, not the accuracy itself.
    """
    part, whole = table[table["damage"] == damage], table[table["damage"] == "none"]
    # "size" counts pixels that are left: there less is worse, and the worst is on the right.
    order = "descending" if damage == "size" else "ascending"
    y = _share("left", "accuracy left") if relative else _share("accuracy", "accuracy")
    y["scale"] = alt.Scale(domain=[0, 1])
    # Six of these are shown together; the names appear once, above all of them.
    colour = model_colour(models).copy()
    colour.legend = None
    lines = (
        alt.Chart(part)
        .mark_line(point=alt.OverlayMarkDef(size=60), strokeWidth=2.5)
        .encode(
            x=alt.X("level:O", sort=order, title=None, axis=alt.Axis(labelAngle=0)),
            y=alt.Y(**y),
            color=colour,
            tooltip=_tips("accuracy", "left", words=["model:N", "level:O", "images:Q"]),
        )
    )
    undamaged = alt.Chart(whole).mark_rule(strokeDash=[5, 4])
    rule = undamaged.encode(y=y["shorthand"], color=colour)
    return alt.layer(rule, lines).properties(
        height=230, title=title, description=f"Accuracy under {title}, {_names(models)}."
    )


def history_keys(curves: Sequence[str], models: Sequence[str]) -> list[Key]:
    """The legend of `history_chart`."""
    colour = OURS if len(models) == 1 else OTHERS
    lines = zip(curves, ("solid", "dashed", "dotted"), strict=False)
    several = len(curves) > 1
    return model_keys(models) + [Key(name, colour, line) for name, line in lines if several]


def history_chart(
    table: pd.DataFrame,
    best: dict[str, int],
    title: str,
    models: Sequence[str],
    percent: bool = False,
) -> alt.LayerChart:
    """Curves over the epochs; the epoch whose weights are kept is marked.

    Args:
        table: columns model, epoch, curve, value.
        best: model → the epoch that is kept.
        title: of the y axis.
        models: in order.
        percent: the values are shares.
    """
    names = list(dict.fromkeys(table["curve"]))
    shown = alt.Axis(format="%", tickCount=6) if percent else alt.Axis(tickCount=6)
    styles = alt.Scale(domain=names, range=list(_DASHES[: len(names)]))
    colour, dash = model_colour(models), alt.StrokeDash("curve:N", scale=styles, legend=None)
    lines = (
        alt.Chart(table)
        .mark_line(strokeWidth=2.2)
        .encode(
            x=alt.X("epoch:Q", axis=alt.Axis(tickMinStep=1, format="d"), title="epoch"),
            y=alt.Y("value:Q", title=title, axis=shown, scale=alt.Scale(zero=False)),
            color=colour,
            strokeDash=dash,
            tooltip=[
                *("model:N", "curve:N", "epoch:Q"),
                alt.Tooltip("value:Q", format=".1%" if percent else ".4g", title=title),
            ],
        )
    )
    marks = [{"model": name, "epoch": epoch} for name, epoch in best.items()]
    kept = table.merge(_frame(marks), on=["model", "epoch"])
    points = alt.Chart(kept).mark_point(filled=True, size=90, shape="diamond", opacity=1)
    rule = alt.Chart(alt.Data(values=marks)).mark_rule(strokeDash=[2, 3], strokeWidth=1.5)
    return alt.layer(
        rule.encode(x="epoch:Q", color=colour),
        lines,
        points.encode(x="epoch:Q", y="value:Q", color=colour),
    ).properties(
        height=260,
        description=f"{title} over the epochs; kept: "
        + ", ".join(f"epoch {epoch} of {name}" for name, epoch in best.items()),
    )


def _frame(rows: list[dict[str, Any]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["model", "epoch"])
