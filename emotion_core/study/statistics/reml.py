"""Restricted maximum likelihood for linear mixed models whose random factors may be crossed.

    y = X β + Σ_k Z_k b_k + ε,   b_k ~ N(0, θ_k² σ² I),   ε ~ N(0, σ² I)

Z_k has one column per level of random factor k: participants, stimuli, or combinations of them
with other factors. The criterion is that of lme4 (Bates, Mächler, Bolker & Walker 2015,
doi 10.18637/jss.v067.i01, equations 39–42): β and σ are profiled out. Degrees of freedom follow
Satterthwaite, as in lmerTest (Kuznetsova, Brockhoff & Christensen 2017,
doi 10.18637/jss.v082.i13).

statsmodels' `MixedLM` fits the same model. It is not used, because Satterthwaite's method needs
the criterion and its curvature, and because its optimiser stops early at variances of zero, which
are common with few stimuli; benchmarks/study_statistics.py compares the two.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy import linalg, optimize
from scipy.sparse.linalg import splu

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# Ratios of a variance to the residual variance: below the first it counts as zero, and at the
# second there is practically no residual, so that the fit is not to be trusted.
_ZERO_RATIO: Final = 1e-6
_MOST_RATIO: Final = 1e5
# Steps of the numerical derivatives, relative to a parameter.
_STEP: Final = 1e-3
_START: Final = 1.0
_OTHER_START: Final = 0.1
_LARGE_RATIO: Final = 100.0
# How much the deviance may still change with the logarithm of a ratio at the optimum.
_FLAT: Final = 0.01
# More levels of random factors than this are solved by sparse algebra.
_MOST_DENSE: Final = 400
# In units of the values' variance; keeps the logarithm finite where the model fits exactly.
_LEAST_RESIDUAL: Final = 1e-20


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """A fitted linear mixed model.

    Attributes:
        beta: (p,) fixed effects.
        covariance: (p, p) covariance matrix of `beta`.
        variances: (K + 1,) variances of the random factors, then of the residual.
        converged: False where the optimum was not found or leaves no residual variance.
        parameter_covariance: (m, m) of the standard deviations that are above zero, sigma last.
        gradients: (m, p, p) derivative of `covariance` by each of these.
        total_gradient: (m,) derivative of the sum of `variances` by each of these.
    """

    beta: Floats
    covariance: Floats
    variances: Floats
    converged: bool
    parameter_covariance: Floats
    gradients: Floats
    total_gradient: Floats

    @property
    def total_variance(self) -> float:
        """Sum of all variances: of one value of one participant."""
        return float(self.variances.sum())

    @property
    def total_variance_error(self) -> float:
        """Approximate standard error of `total_variance` (delta method)."""
        g = self.total_gradient
        return math.sqrt(max(float(g @ self.parameter_covariance @ g), 0.0))

    def estimate(self, row: Floats) -> tuple[float, float, float]:
        """Value, standard error and Satterthwaite's degrees of freedom of `row @ beta`."""
        variance = float(row @ self.covariance @ row)
        slope = np.einsum("i,mij,j->m", row, self.gradients, row)
        spread = float(slope @ self.parameter_covariance @ slope)
        df = 2 * variance**2 / spread if spread > 0 else np.inf
        return float(row @ self.beta), float(np.sqrt(max(variance, 0.0))), df

    def f_test(self, rows: Floats) -> tuple[float, int, float]:
        """Wald's F of `rows @ beta = 0`, and its degrees of freedom, of (r, p) `rows`.

        The denominator's are those of Fai & Cornelius (1996), as in lmerTest.
        """
        values, vectors = np.linalg.eigh(rows @ self.covariance @ rows.T)
        keep = values > values.max() * 1e-10
        rank = int(keep.sum())
        directions = vectors[:, keep].T @ rows
        f = float(np.sum((directions @ self.beta) ** 2 / values[keep]) / rank)
        dfs = np.array([self.estimate(row)[2] for row in directions])
        if rank == 1:
            return f, 1, float(dfs[0])
        if np.isinf(dfs).any():
            return f, rank, np.inf
        expected = float(np.sum(dfs[dfs > 2] / (dfs[dfs > 2] - 2)))
        return f, rank, 2 * expected / (expected - rank) if expected > rank else 2.0


@dataclass(frozen=True, slots=True, eq=False)
class _Pieces:
    """What the criterion consists of at one set of ratios; V is in units of σ².

    `log_dets` is log|L|² + log|R|², `root` R (p, p) with R'R = X'V⁻¹X, `solved` R β (p,), and
    `residual` the weighted residual sum of squares.
    """

    log_dets: float
    root: Floats
    solved: Floats
    residual: float


class _Criterion:
    """The profiled criterion of one data set; all that depends on the data is summed once."""

    def __init__(self, y: Floats, x: Floats, factors: Sequence[Ints]) -> None:
        self.rows, self.columns = x.shape
        sizes = [int(f.max()) + 1 for f in factors]
        self.owner = np.repeat(np.arange(len(factors)), sizes)
        ones, rows = np.ones(self.rows), np.arange(self.rows)
        blocks = [
            sp.csc_array((ones, (rows, f)), shape=(self.rows, size))
            for f, size in zip(factors, sizes, strict=True)
        ]
        both = np.column_stack([x, y])
        self.both_both: Floats = both.T @ both
        if blocks:
            z = sp.hstack(blocks, format="csc")
            self.z_both: Floats = np.asarray(z.T @ both)
            # Sparse algebra is worth its overhead only for many levels.
            products = (z.T @ z).tocsc()
            self.z_z = products if len(self.owner) > _MOST_DENSE else products.toarray()

    def pieces(self, ratios: Floats) -> _Pieces:
        """The pieces at `ratios` (K,), which are θ²."""
        inner, log_dets, p = self.both_both, 0.0, self.columns
        if len(self.owner):
            scale = np.sqrt(ratios)[self.owner]
            scaled = scale[:, None] * self.z_both
            solution, log_dets = _solve(self.z_z, scale, scaled)
            inner = inner - scaled.T @ solution
        root = linalg.cholesky(inner[:p, :p])
        solved = linalg.solve_triangular(root, inner[:p, p], trans="T")
        residual = max(float(inner[p, p] - solved @ solved), _LEAST_RESIDUAL)
        log_dets += 2 * float(np.log(np.diag(root)).sum())
        return _Pieces(log_dets, root, solved, residual)

    def profiled(self, ratios: Floats) -> float:
        """Deviance at the best σ for these ratios."""
        free, at = self.rows - self.columns, self.pieces(np.maximum(ratios, 0.0))
        return at.log_dets + free * float(1 + np.log(2 * np.pi * at.residual / free))

    def full(self, parameters: Floats) -> tuple[float, Floats]:
        """Deviance, and covariance of β, at (θ_1, …, θ_K, σ)."""
        sigma2 = parameters[-1] ** 2
        free, at = self.rows - self.columns, self.pieces(parameters[:-1] ** 2)
        deviance = at.log_dets + free * np.log(2 * np.pi * sigma2) + at.residual / sigma2
        inverse = linalg.solve_triangular(at.root, np.eye(self.columns))
        return float(deviance), sigma2 * inverse @ inverse.T


def _solve(products: Any, scale: Floats, right: Floats) -> tuple[Floats, float]:
    """(I + S Z'Z S)⁻¹ right, with S = diag(scale), and the logarithm of the determinant."""
    if isinstance(products, np.ndarray):
        a = scale[:, None] * products * scale
        a[np.diag_indices_from(a)] += 1.0
        factor = linalg.cho_factor(a, lower=True, check_finite=False)
        log_det = 2 * float(np.log(np.diag(factor[0])).sum())
        return linalg.cho_solve(factor, right, check_finite=False), log_det
    diagonal = sp.diags_array(scale)
    a = (diagonal @ products @ diagonal + sp.eye_array(len(scale))).tocsc()
    # Without pivoting: the matrix is symmetric and positive definite.
    lu = splu(a, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True})
    return lu.solve(right), float(np.log(lu.U.diagonal()).sum())


def fit_reml(y: Floats, x: Floats, factors: Sequence[Ints]) -> Fit:
    """Fit a linear mixed model by REML.

    Args:
        y: (n,) values.
        x: (n, p) fixed effects, of full rank, p < n.
        factors: K arrays (n,) of level numbers from 0 on, each level occurring.
    """
    # In units of the values' own spread, so that tolerances mean the same for every measure.
    unit = float(np.std(y)) or 1.0
    criterion = _Criterion(y / unit, x, factors)
    ratios, converged = _best_ratios(criterion, len(factors))
    best = criterion.pieces(ratios)
    sigma2 = best.residual / (criterion.rows - criterion.columns)
    parameters = np.append(np.sqrt(ratios), np.sqrt(sigma2))
    free = np.append(ratios > 0, True)
    spread, gradients = _curvature(criterion, parameters, free)
    _, covariance = criterion.full(parameters)
    theta, sigma = parameters[:-1], parameters[-1]
    total = np.append(2 * theta * sigma2, 2 * sigma * (1 + ratios.sum()))[free]
    return Fit(
        beta=linalg.solve_triangular(best.root, best.solved) * unit,
        covariance=covariance * unit**2,
        variances=np.append(ratios, 1.0) * sigma2 * unit**2,
        converged=converged and bool(np.isfinite(spread).all()),
        parameter_covariance=spread,
        gradients=gradients * unit**2,
        total_gradient=total * unit**2,
    )


def _best_ratios(criterion: _Criterion, count: int) -> tuple[Floats, bool]:
    if not count:
        return np.zeros(0), True
    best = _search(criterion, np.full(count, _START))
    if best.x.min() < _ZERO_RATIO or best.x.max() > _LARGE_RATIO:
        # At an edge: look from elsewhere, too.
        other = _search(criterion, np.full(count, _OTHER_START))
        best = min(best, other, key=lambda result: float(result.fun))
    ratios = np.where(best.x < _ZERO_RATIO, 0.0, best.x)
    slope = np.abs(best.jac * ratios).max()
    if slope >= _FLAT:
        ratios, slope = _polished(criterion, ratios)
    return ratios, bool(np.isfinite(slope) and slope < _FLAT and ratios.max() < _MOST_RATIO)


def _polished(criterion: _Criterion, ratios: Floats) -> tuple[Floats, float]:
    """Go on over the logarithms of the ratios above zero: large ones are far apart otherwise."""
    free = ratios > 0

    def deviance(logs: Floats) -> float:
        moved = ratios.copy()
        moved[free] = np.exp(logs)
        return criterion.profiled(moved)

    limits = (np.log(_ZERO_RATIO), np.log(10 * _MOST_RATIO))
    found = optimize.minimize(
        deviance,
        np.log(ratios[free]),
        jac="3-point",
        method="L-BFGS-B",
        bounds=[limits] * int(free.sum()),
        options={"ftol": 1e-13, "gtol": 1e-7, "maxiter": 500},
    )
    ratios = ratios.copy()
    ratios[free] = np.exp(found.x)
    return ratios, float(np.abs(found.jac).max())


def _search(criterion: _Criterion, start: Floats) -> Any:
    return optimize.minimize(
        criterion.profiled,
        start,
        method="L-BFGS-B",
        bounds=[(0.0, 10 * _MOST_RATIO)] * len(start),
        options={"ftol": 1e-13, "gtol": 1e-7, "maxiter": 500},
    )


def _curvature(criterion: _Criterion, at: Floats, free: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Covariance (m, m) of the free parameters, and the slopes (m, p, p) of β's covariance.

    A standard deviation estimated as zero is at the edge of what is possible and is taken as known:
    both depend on its square only, so that its own slope is zero.
    """
    places = np.flatnonzero(free)
    steps = np.eye(len(at))[places] * (_STEP * np.maximum(at, 0.01))[:, None][places]
    m, middle = len(places), criterion.full(at)[0]
    hessian = np.empty((m, m))
    gradients = np.empty((m, criterion.columns, criterion.columns))
    for i in range(m):
        (up, cov_up), (down, cov_down) = (criterion.full(at + s * steps[i]) for s in (1, -1))
        size = steps[i].sum()
        hessian[i, i] = (up - 2 * middle + down) / size**2
        gradients[i] = (cov_up - cov_down) / (2 * size)
        for j in range(i):
            corners = [
                s * t * criterion.full(at + s * steps[i] + t * steps[j])[0]
                for s in (1, -1)
                for t in (1, -1)
            ]
            hessian[i, j] = hessian[j, i] = sum(corners) / (4 * size * steps[j].sum())
    values, vectors = np.linalg.eigh(hessian)
    if values.min() <= 0:
        return np.full((m, m), np.nan), gradients
    # The deviance is twice the negative log likelihood.
    return 2 * (vectors / values) @ vectors.T, gradients
