"""Coefficients of agreement of other programs, on the same values: what the tests compare with.

python -m benchmarks.agreement_peers [--write]

Needs pingouin (`pip install pingouin`, which brings scikit-learn), and Rscript with psych (Debian:
r-cran-psych); R's irr is asked, too, where it is installed. `--write` keeps the figures in
tests/agreement/peer_figures.json, so that the tests compare without any of them.
"""

import argparse
import json
import subprocess
import tempfile
import warnings
from importlib.metadata import version
from pathlib import Path
from typing import Any

import krippendorff
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.metrics import cohen_kappa_score, f1_score

from benchmarks.agreement_values import (
    events_table,
    intensities,
    many_ratings,
    two_codings,
    weights_of_units,
)
from emotion_core.study.agreement.icc import Icc, icc

with warnings.catch_warnings():
    # pingouin and what it imports use names that pandas has announced to remove.
    warnings.simplefilter("ignore")
    import pingouin

FIGURES = Path(__file__).parents[1] / "tests" / "agreement" / "peer_figures.json"
_LEVELS: tuple[Any, ...] = ("nominal", "ordinal", "interval")
_R = """
options(digits = 15)
library(psych)
folder <- commandArgs(TRUE)[1]
say <- function(...) cat(..., "\\n", sep = "\\t")
for (file in list.files(folder, "^icc_.*csv$")) {
  x <- as.matrix(read.csv(file.path(folder, file), header = FALSE))
  r <- ICC(x, lmer = FALSE)$results
  for (type in c("ICC2", "ICC3")) {
    row <- r[r$type == type, ]
    say(file, type, row[["ICC"]], row[["lower bound"]], row[["upper bound"]])
  }
  if (requireNamespace("irr", quietly = TRUE)) for (type in c("agreement", "consistency")) {
    i <- irr::icc(x, "twoway", type, "single")
    say(file, paste("irr", type), i$value, i$lbound, i$ubound)
  }
}
for (file in list.files(folder, "^kappa_.*csv$")) {
  x <- as.matrix(read.csv(file.path(folder, file), header = FALSE))
  say(file, "kappa", cohen.kappa(x)$kappa, NA, NA)
  if (requireNamespace("irr", quietly = TRUE)) say(file, "irr", irr::kappa2(x)$value, NA, NA)
}
"""


def main() -> None:
    """Print the figures of all, and write them where that is wanted."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--write", action="store_true", help=f"keep them in {FIGURES.name}")
    options = parser.parse_args()
    ratings = {f"kappa_{seed}.csv": two_codings(seed) for seed in range(4)}
    tables = {f"icc_{seed}.csv": intensities(seed) for seed in range(4)}
    found: dict[str, Any] = {"versions": versions()}
    found["kappa"] = {name: _kappas(seed) for seed, name in enumerate(ratings)}
    found["icc"] = {name: _pingouin(table) for name, table in tables.items()}
    found["alpha"] = {str(seed): _alphas(many_ratings(seed)) for seed in range(3)}
    found["f1"] = _f1(events_table())
    for file, kind, value, low, high in ask_r(ratings, tables):
        part = found["kappa" if file.startswith("kappa") else "icc"][file]
        part[f"R {kind}"] = value if low is None else [value, low, high]
    text = json.dumps(found, indent=1) + "\n"
    print(text)
    for name, table in tables.items():
        print(name, _ours(icc(table)))
    if options.write:
        FIGURES.write_text(text, encoding="utf-8")


def versions() -> dict[str, str]:
    """Of the packages that are asked."""
    return {name: version(name) for name in ("scikit-learn", "krippendorff", "pingouin")}


def _kappas(seed: int) -> dict[str, float]:
    first, second = two_codings(seed)
    weighted = cohen_kappa_score(first, second, sample_weight=weights_of_units(seed))
    plain = cohen_kappa_score(first, second)
    return {"scikit-learn": float(plain), "scikit-learn, weighted": float(weighted)}


def _alphas(ratings: NDArray[np.float64]) -> dict[str, float]:
    return {
        level: float(krippendorff.alpha(ratings, level_of_measurement=level)) for level in _LEVELS
    }


def _f1(table: NDArray[np.float64]) -> dict[str, Any]:
    pairs = [(i, j) for i in range(3) for j in range(3) for _ in range(int(table[i, j]))]
    truth, said = np.array(pairs).T
    each = f1_score(truth, said, labels=[0, 1], average=None)
    return {
        "each": [float(v) for v in each],
        "micro": float(f1_score(truth, said, labels=[0, 1], average="micro")),
    }


def _pingouin(ratings: NDArray[np.float64]) -> dict[str, Any]:
    n, k = ratings.shape
    long = pd.DataFrame(
        {
            "target": np.repeat(np.arange(n), k),
            "rater": np.tile(np.arange(k), n),
            "rating": ratings.ravel(),
        }
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        table = pingouin.intraclass_corr(long, "target", "rater", "rating")
    # Called ICC2 and ICC3 in earlier versions.
    table["Type"] = table["Type"].replace({"ICC2": "ICC(A,1)", "ICC3": "ICC(C,1)"})
    values = table.set_index("Type")["ICC"]
    return {name: float(values[name]) for name in ("ICC(A,1)", "ICC(C,1)")}


def _ours(found: Icc) -> list[tuple[float, float, float]]:
    return [(e.value, e.low, e.high) for e in (found.agreement, found.consistency)]


def ask_r(
    ratings: dict[str, tuple[NDArray[np.int64], NDArray[np.int64]]],
    tables: dict[str, NDArray[np.float64]],
) -> list[tuple[str, str, float, float | None, float | None]]:
    """R's figures: file, what, value, and limits where there are any."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file, pair in ratings.items():
            np.savetxt(folder / file, np.column_stack(pair), "%d", ",")
        for file, table in tables.items():
            np.savetxt(folder / file, table, "%.17g", ",")
        (folder / "script.R").write_text(_R, encoding="utf-8")
        command = ["Rscript", str(folder / "script.R"), name]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"R failed:\n{done.stderr}")
    rows = [line.split("\t") for line in done.stdout.splitlines() if line.strip()]
    limits = [[None if v == "NA" else float(v) for v in row[3:5]] for row in rows]
    return [
        (r[0], r[1], float(r[2]), low, high) for r, (low, high) in zip(rows, limits, strict=True)
    ]


if __name__ == "__main__":
    main()
