"""The charts of the model page: each takes a table of `training.tables` and returns a chart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import altair as alt

from emotion_core.labels import COLOURS, EXPRESSIONS

if TYPE_CHECKING:
    import pandas as pd

OURS: Final[str] = "#0F9488"
OTHERS: Final[str] = "#8C8C8C"
PEOPLE: Final[str] = "#D55E00"
LEARNING: Final[str] = "#0072B2"
_PERCENT = alt.Axis(format="%", tickCount=6)


def _expression_colour(legend: alt.Legend | None = None) -> alt.Color:
    scale = alt.Scale(domain=list(EXPRESSIONS), range=[COLOURS[e] for e in EXPRESSIONS])
    return alt.Color("expression:N", scale=scale, legend=legend)


def _share(name: str, title: str, low: float = 0.0, high: float = 1.0, **axis: Any) -> Any:
    scale = alt.Scale(domain=[low, high], clamp=True)
    return {"shorthand": f"{name}:Q", "title": title, "scale": scale, "axis": _PERCENT, **axis}


def comparison_chart(table: pd.DataFrame) -> alt.LayerChart:
    """Accuracy of this model among others, best on top, with 95 % intervals where known."""
    groups = ["this model", "people and chance", "others"]
    colour = alt.Color(
        "group:N",
        scale=alt.Scale(domain=groups, range=[OURS, PEOPLE, OTHERS]),
        legend=alt.Legend(title=None, orient="top"),
    )
    order = table.sort_values("accuracy", ascending=False)["who"].tolist()
    who = alt.Y("who:N", title=None, sort=order, axis=alt.Axis(labelLimit=230))
    tips = ["who:N", alt.Tooltip("accuracy:Q", format=".1%"), "source:N"]
    base = alt.Chart(table)
    bars = base.mark_bar(height={"band": 0.62}, cornerRadiusEnd=3).encode(
        x=alt.X(**_share("accuracy", "accuracy")), y=who, color=colour, tooltip=tips
    )
    whiskers = base.mark_rule(strokeWidth=2, color="#555").encode(x="low:Q", x2="high:Q", y=who)
    figures = base.mark_text(align="left", dx=4, color="#888", fontWeight="bold").encode(
        x=alt.X("end:Q"), y=who, text=alt.Text("accuracy:Q", format=".1%")
    )
    end = "isValid(datum.high) ? datum.high : datum.accuracy"
    return alt.layer(bars, whiskers, figures.transform_calculate(end=end)).properties(
        height=alt.Step(30), description="Accuracy of this model beside people, chance and others."
    )


def class_bars(table: pd.DataFrame, score: str) -> alt.LayerChart:
    """Precision, recall or f1 of each expression with its 95 % interval."""
    order = list(EXPRESSIONS)
    name = {"f1": "F1"}.get(score, score)
    base = alt.Chart(table).encode(y=alt.Y("expression:N", sort=order, title=None))
    bars = base.mark_bar(height={"band": 0.62}, cornerRadiusEnd=3).encode(
        x=alt.X(**_share(score, name)),
        color=_expression_colour(),
        tooltip=["expression:N", "images:Q", alt.Tooltip(f"{score}:Q", format=".1%", title=name)],
    )
    whiskers = base.mark_rule(strokeWidth=2, color="#555").encode(
        x=f"{score}_low:Q", x2=f"{score}_high:Q"
    )
    return alt.layer(bars, whiskers).properties(
        height=alt.Step(30), description=f"{name} of each expression with its 95 % interval."
    )


def matrix_chart(
    table: pd.DataFrame,
    *,
    row: tuple[str, str],
    column: tuple[str, str],
    shade: str,
    text: str,
    dark: bool,
) -> alt.LayerChart:
    """A 7×7 table as shaded squares.

    Args:
        table: one row a square.
        row, column: (column of the table, title of the axis).
        shade: column of shares 0-1: the fuller the colour, the larger.
        text: column that is written into the squares; a share is written in percent.
        dark: the page has a dark ground.
    """
    order, ink = list(EXPRESSIONS), "#F4F6F8" if dark else "#17202A"
    base = alt.Chart(table).encode(
        x=alt.X(
            f"{column[0]}:N",
            sort=order,
            title=column[1],
            axis=alt.Axis(labelAngle=-35, domain=False, ticks=False),
        ),
        y=alt.Y(f"{row[0]}:N", sort=order, title=row[1], axis=alt.Axis(domain=False, ticks=False)),
        tooltip=[
            f"{row[0]}:N",
            f"{column[0]}:N",
            "count:Q",
            alt.Tooltip(f"{shade}:Q", format=".1%"),
        ],
    )
    squares = base.mark_rect(color=OURS, cornerRadius=4, stroke="#8884", strokeWidth=1).encode(
        opacity=alt.Opacity(
            f"{shade}:Q", scale=alt.Scale(domain=[0, 1], range=[0.05, 0.95]), legend=None
        )
    )
    written = alt.Text(f"{text}:Q", format="," if text == "count" else ".0%")
    words = base.mark_text(fontSize=13, color=ink).encode(text=written)
    return alt.layer(squares, words).properties(
        height=400, description=f"Shaded table: {row[1]} in the rows, {column[1]} in the columns."
    )


def reliability_chart(table: pd.DataFrame) -> alt.LayerChart:
    """How often answers of a given confidence are right, before and after calibration."""
    states = ["before calibration", "after calibration"]
    colour = alt.Color(
        "state:N",
        scale=alt.Scale(domain=states, range=[OTHERS, OURS]),
        legend=alt.Legend(title=None, orient="top"),
    )
    tips = ["state:N", "images:Q"] + [
        alt.Tooltip(f"{name}:Q", format=".1%") for name in ("confidence", "accuracy")
    ]
    x = alt.X(**_share("confidence", "how sure the network was"))
    y = alt.Y(**_share("accuracy", "how often it was right"))
    base = alt.Chart(table).encode(x=x, y=y, color=colour)
    lines = base.mark_line(strokeWidth=2)
    points = base.mark_circle(opacity=0.9).encode(
        size=alt.Size("images:Q", scale=alt.Scale(range=[30, 420]), legend=None), tooltip=tips
    )
    corners = alt.Data(values=[{"x": 0, "y": 0}, {"x": 1, "y": 1}])
    perfect = alt.Chart(corners).mark_line(strokeDash=[5, 4], color=OTHERS).encode(x="x:Q", y="y:Q")
    return alt.layer(perfect, lines, points).properties(
        height=430, description="Reliability diagram: confidence against accuracy."
    )


def coverage_chart(table: pd.DataFrame) -> alt.Chart:
    """Accuracy when only the surest answers are taken."""
    low = max(0.0, float(table["accuracy"].min()) - 0.03) if len(table) else 0.0
    return (
        alt.Chart(table)
        .mark_line(strokeWidth=2.5, color=OURS)
        .encode(
            x=alt.X(**_share("coverage", "share of the answers that is taken, the surest first")),
            y=alt.Y(**_share("accuracy", "accuracy of what is taken", low=low)),
            tooltip=[
                alt.Tooltip(f"{c}:Q", format=".1%") for c in ("coverage", "accuracy", "confidence")
            ],
        )
        .properties(height=430, description="Accuracy against coverage.")
    )


def precision_recall_chart(table: pd.DataFrame) -> alt.Chart:
    """One curve an expression."""
    return (
        alt.Chart(table)
        .mark_line(strokeWidth=2, interpolate="step-after")
        .encode(
            x=alt.X(**_share("recall", "recall: how many of its faces are found")),
            y=alt.Y(**_share("precision", "precision: how many finds are right")),
            color=_expression_colour(alt.Legend(title=None, orient="top")),
            order=alt.Order("recall:Q"),
            tooltip=[
                "expression:N",
                *(
                    alt.Tooltip(f"{c}:Q", format=".1%")
                    for c in ("recall", "precision", "threshold", "average_precision")
                ),
            ],
        )
        .properties(height=460, description="Precision against recall for each expression.")
    )


def robustness_chart(table: pd.DataFrame, damage: str, whole: float) -> alt.LayerChart:
    """Accuracy at the levels of one kind of damage, beside that on undamaged faces (0-1)."""
    part = table[table["damage"] == damage]
    # "size" counts pixels that are left: there less is worse, and the worst stands on the right.
    order = "descending" if damage == "size" else "ascending"
    lines = (
        alt.Chart(part)
        .mark_line(point=alt.OverlayMarkDef(size=60, color=OURS), strokeWidth=2.5, color=OURS)
        .encode(
            x=alt.X("level:O", sort=order, title=None, axis=alt.Axis(labelAngle=0)),
            y=alt.Y(**_share("accuracy", "accuracy")),
            tooltip=["level:O", alt.Tooltip("accuracy:Q", format=".1%"), "images:Q"],
        )
    )
    undamaged = alt.Chart(alt.Data(values=[{"whole": whole}])).mark_rule(
        strokeDash=[5, 4], color=OTHERS
    )
    return alt.layer(undamaged.encode(y="whole:Q"), lines).properties(
        height=230, title=damage, description=f"Accuracy under {damage}."
    )


def history_chart(
    table: pd.DataFrame, best: int, title: str, *, percent: bool = False
) -> alt.LayerChart:
    """Curves over the epochs; the epoch whose weights are kept is marked."""
    names = list(dict.fromkeys(table["curve"]))
    axis = _PERCENT if percent else alt.Axis(tickCount=6)
    lines = (
        alt.Chart(table)
        .mark_line(strokeWidth=2.5, point=len(table) < 20)
        .encode(
            x=alt.X("epoch:Q", axis=alt.Axis(tickMinStep=1, format="d"), title="epoch"),
            y=alt.Y("value:Q", title=title, axis=axis, scale=alt.Scale(zero=False)),
            color=alt.Color(
                "curve:N",
                scale=alt.Scale(domain=names, range=[LEARNING, PEOPLE, OURS][: len(names)]),
                legend=alt.Legend(title=None, orient="top", columns=2),
            ),
            tooltip=[
                "curve:N",
                "epoch:Q",
                alt.Tooltip("value:Q", format=".1%" if percent else ".4g", title=title),
            ],
        )
    )
    kept = alt.Chart(alt.Data(values=[{"epoch": best, "label": "kept"}])).encode(x="epoch:Q")
    rule = kept.mark_rule(strokeDash=[5, 4], color=OTHERS)
    # The word stands on the side of the line that has room for it.
    left = best > float(table["epoch"].max()) / 2
    word = {"align": "right", "dx": -4} if left else {"align": "left", "dx": 4}
    label = kept.mark_text(dy=8, color=OTHERS, **word).encode(y=alt.value(0), text="label:N")
    return alt.layer(rule, label, lines).properties(
        height=280, description=f"{title} over the epochs; epoch {best} is kept."
    )
