"""The mixed models and Welch's tests next to R's (lme4, lmerTest, emmeans), on the same values.

python -m benchmarks.study_r [--write]

Needs Rscript with lmerTest and emmeans (Debian: r-cran-lmertest, r-cran-emmeans). `--write` keeps
R's figures in tests/study/lme4_figures.json, so that the tests compare without R.
"""

import argparse
import csv
import io
import json
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.common import save
from benchmarks.study_values import crossed_values
from emotion_core.study.statistics.comparisons import Analysis, analyse
from emotion_core.study.statistics.design import choose_design
from emotion_core.study.statistics.mixed_model import participant_terms, stimulus_terms

FIGURES = Path(__file__).parents[1] / "tests" / "study" / "lme4_figures.json"
_TWO, _THREE = ("A", "B"), ("calm", "funny", "sad")
# Arguments of `crossed_values`.
CASES: dict[str, dict[str, Any]] = {
    "crossed": {"groups": _TWO, "stimuli": 3, "effects": {"A": 0.8}, "seed": 1},
    "crossed, unbalanced": {
        "participants": 30,
        "groups": _TWO,
        "stimuli": 8,
        "missing": 0.2,
        "unequal": True,
        "spread": {"stimulus": 0.6, "stimulus × group": 0.5},
        "seed": 3,
    },
    "within, missing cells": {"conditions": _THREE, "missing": 0.15, "seed": 5},
    "between and within": {
        "groups": _TWO,
        "conditions": _THREE,
        "unequal": True,
        "missing": 0.1,
        "effects": {"funny": 0.7},
        "seed": 7,
    },
    "between, within and crossed": {
        "participants": 30,
        "groups": ("A", "B", "C"),
        "conditions": ("first", "second"),
        "stimuli": 6,
        "missing": 0.1,
        "spread": {"participant × condition": 0.7, "stimulus × group": 0.5, "stimulus": 0.8},
        "effects": {"B": 0.5, "second": 0.4},
        "seed": 9,
    },
    "no variance of stimuli": {"groups": _TWO, "stimuli": 4, "spread": {"stimulus": 0}, "seed": 15},
    "participants differ most": {
        "groups": _TWO,
        "stimuli": 6,
        "spread": {"participant": 10, "stimulus": 0.2, "stimulus × group": 0.2},
        "seed": 21,
    },
    "two groups": {"groups": _TWO, "unequal": True, "skewed": True, "seed": 17},
    "three groups": {"participants": 40, "groups": ("A", "B", "C"), "seed": 19},
    "skewed probabilities": {
        "participants": 40,
        "groups": _TWO,
        "conditions": _THREE,
        "missing": 0.05,
        "skewed": True,
        "seed": 13,
    },
}
_R = """
suppressMessages({library(lmerTest); library(emmeans)})
options(contrasts = c("contr.sum", "contr.poly"), warn = -1)
emm_options(lmer.df = "satterthwaite", lmerTest.limit = 1e6)
put <- function(...) cat(paste(sapply(list(...), function(x)
  if (is.numeric(x)) sprintf("%.10g", x) else as.character(x)), collapse = "\\t"), "\\n", sep = "")
args <- commandArgs(TRUE)
cases <- readLines(file.path(args[1], "cases.txt"))
for (line in cases) {
  part <- strsplit(line, "\\t")[[1]]
  d <- read.csv(file.path(args[1], part[2]), stringsAsFactors = TRUE)
  factors <- strsplit(part[4], " ")[[1]]
  if (!grepl("|", part[3], fixed = TRUE)) {
    w <- oneway.test(as.formula(part[3]), d)
    put(part[1], "F", factors, w$statistic, w$parameter[1], w$parameter[2], w$p.value)
    for (k in combn(levels(d[[factors]]), 2, simplify = FALSE)) {
      w <- t.test(d$mean[d[[factors]] == k[1]], d$mean[d[[factors]] == k[2]])
      put(part[1], "pair", paste0(factors, ": ", k[1], " − ", k[2]),
          w$estimate[1] - w$estimate[2], w$stderr, w$parameter, w$p.value)
    }
    next
  }
  m <- suppressMessages(lmer(as.formula(part[3]), d, control = lmerControl(
    optimizer = "bobyqa", optCtrl = list(rhobeg = 0.02, rhoend = 1e-9, maxfun = 1e5))))
  a <- anova(m, type = 3)
  for (i in seq_len(nrow(a)))
    put(part[1], "F", gsub(":", " × ", rownames(a)[i]), a$`F value`[i], a$NumDF[i], a$DenDF[i],
        a$`Pr(>F)`[i])
  for (f in factors) {
    e <- suppressMessages(emmeans(m, as.formula(paste("~", f))))
    s <- as.data.frame(e)
    for (i in seq_len(nrow(s)))
      put(part[1], "mean", paste0(f, ": ", s[[1]][i]), s$emmean[i], s$SE[i], s$df[i], 0)
    s <- as.data.frame(pairs(e, adjust = "none"))
    for (i in seq_len(nrow(s)))
      put(part[1], "pair", paste0(f, ": ", sub(" - ", " − ", s$contrast[i])), s$estimate[i],
          s$SE[i], s$df[i], s$p.value[i])
  }
}
put("versions", R.version.string, paste("lme4", packageVersion("lme4")),
    paste("lmerTest", packageVersion("lmerTest")), paste("emmeans", packageVersion("emmeans")))
"""


def main() -> None:
    """Compare all cases, print the largest differences, write results/study_r.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="keep R's figures for the tests")
    arguments = parser.parse_args()
    figures, versions = ask_r()
    if arguments.write:
        text = json.dumps({"versions": versions, "cases": figures}, indent=1, ensure_ascii=False)
        FIGURES.write_text(text + "\n", encoding="utf-8")
    worst = {name: differences(case(name), rows) for name, rows in figures.items()}
    save("study_r", {"versions": versions, "largest_relative_difference": worst})


def case(name: str) -> Analysis:
    """Our analysis of one case."""
    table = crossed_values(**CASES[name])
    return analyse(table, choose_design(table), signals=["happy"])


def differences(analysis: Analysis, figures: list[list[Any]]) -> dict[str, float]:
    """Largest relative difference of estimates, standard errors, degrees of freedom, F and p.

    Estimates are compared in units of the larger of themselves and their standard error.
    """
    worst: dict[str, float] = {}

    def see(what: str, ours: float, theirs: float, unit: float | None = None) -> None:
        gap = abs(ours - theirs) / abs(unit or theirs)
        worst[what] = max(worst.get(what, 0.0), gap)

    effects = {e.contrast: e for e in analysis.effects}
    means = {f"{m.factor}: {m.level}": m.mean for e in analysis.effects for m in e.levels}
    for kind, name, value, second, df, p in figures:
        if kind == "mean":
            see("estimate", means[name].value, value, max(abs(value), second))
        elif kind == "pair":
            effect = effects[name]
            see("estimate", effect.estimate, value, max(abs(value), second))
            see("standard error", effect.estimate / effect.statistic, second)
            see("df", effect.df, df)
            see("p", effect.p, p)
        else:
            effect = next(e for key, e in effects.items() if key.partition(":")[0] == name)
            f = effect.statistic if effect.df_numerator else effect.statistic**2
            see("F", f, value)
            see("df", effect.df, df)
            see("p", effect.p, p)
    return {what: float(f"{gap:.2g}") for what, gap in worst.items()}


def ask_r() -> tuple[dict[str, list[list[Any]]], list[str]]:
    """R's figures for every case: rows of kind, name, value, SE or numerator df, df, p."""
    with tempfile.TemporaryDirectory() as folder:
        lines = [_prepare(Path(folder), i, name) for i, name in enumerate(CASES)]
        (Path(folder) / "cases.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
        script = Path(folder) / "script.R"
        script.write_text(_R, encoding="utf-8")
        done = subprocess.run(
            ["Rscript", "--encoding=UTF-8", str(script), folder],
            capture_output=True,
            text=True,
            check=False,
            env={"LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin"},
        )
    if done.returncode:
        raise SystemExit(f"R failed:\n{done.stderr}")
    figures: dict[str, list[list[Any]]] = {name: [] for name in CASES}
    versions: list[str] = []
    for row in csv.reader(io.StringIO(done.stdout), delimiter="\t"):
        if row[0] == "versions":
            versions = row[1:]
        else:
            figures[row[0]].append([row[1], row[2], *map(float, row[3:])])
    return figures, versions


def _prepare(folder: Path, number: int, name: str) -> str:
    """Write a case's values, and give its line: name, file, formula, factors."""
    table = crossed_values(**CASES[name])
    design = choose_design(table)
    table.to_csv(folder / f"{number}.csv", index=False)
    values = table.assign(value=table["mean"])
    terms = list(participant_terms(values, design.within))
    if design.stimulus:
        terms += list(stimulus_terms(values, design.factors, design.stimulus))
    random = [f"(1 | {term.replace(' × ', ':')})" for term in terms]
    fixed = " * ".join(design.factors)
    mixed = design.kind == "mixed_model"
    formula = " + ".join((f"mean ~ {fixed}", *(random if mixed else ())))
    return "\t".join((name, f"{number}.csv", formula, " ".join(design.factors)))


if __name__ == "__main__":
    main()
