"""The columns of the paper's appendix A.9 along a grid of temperatures."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from sinkdiag.arrays import FloatArray
from sinkdiag.derivatives.response import Response, respond
from sinkdiag.jacobian.block import factor_block
from sinkdiag.jacobian.gaps import plan_gap
from sinkdiag.problem import Problem
from sinkdiag.results import Solution, Status, worst
from sinkdiag.solver.path import solve_path
from sinkdiag.solver.solve import DEFAULT_MAX_ITER, DEFAULT_TOL

# Temperatures of the automatic grid.
AUTO_COUNT = 25
DEFAULT_REPLICATES = 5
# Standard deviation of a replicate's jitter, relative to that of the costs.
JITTER = 1e-2

Advance = Callable[[str, int, int], None]


@dataclass(frozen=True)
class SensitivityRow:
    """One temperature; the first eight columns are those of the paper's appendix A.9.

    Attributes
    ----------
    eps:
        Temperature, cost units.
    op_norm:
        ‖DS‖, DS = dP/dC, spectral norm on Frobenius matrices; mass per cost unit.
    C0_est:
        eps·‖DS‖.
    dS_de_norm:
        ‖dP/deps‖_F; mass per cost unit.
    K1_est:
        eps·‖dP/deps‖_F.
    K2_est:
        eps²·‖D²S‖, a lower estimate. The paper never defines K2; eps²·dS_de_norm is the other
        reading.
    rho_mean, rho_std:
        Mean and standard deviation (ddof 1) over the replicates of the sweep's rate
        rho = 1 - gap.
    gap:
        1 - rho of the matrix itself (a batch: the mean).
    op_norm_std, dS_de_std, K2_std:
        Standard deviations over the replicates.
    op_norm_slope, dS_de_slope, gap_slope:
        Local slopes d log(·)/d log eps.
    K2_spread:
        Relative distance between the best and the worst of the starts that were run to the end.
    bound:
        max(P)/eps >= op_norm.
    paper_M_norm:
        ‖B'A^+B‖/eps, the paper's Eq. 14, which is not the derivative.
    support_size, components, cycles:
        Of the active support, and its number of independent cycles.
    status:
        Gravest status of everything in the row.
    """

    eps: float
    op_norm: float
    C0_est: float
    dS_de_norm: float  # noqa: N815 - the paper's name
    K1_est: float
    K2_est: float
    rho_mean: float
    rho_std: float
    gap: float = field(metadata={"extended": True})
    op_norm_std: float = field(metadata={"extended": True})
    dS_de_std: float = field(metadata={"extended": True})  # noqa: N815
    K2_std: float = field(metadata={"extended": True})
    op_norm_slope: float = field(metadata={"extended": True})
    dS_de_slope: float = field(metadata={"extended": True})  # noqa: N815
    gap_slope: float = field(metadata={"extended": True})
    K2_spread: float = field(metadata={"extended": True})
    bound: float = field(metadata={"extended": True})
    paper_M_norm: float = field(metadata={"extended": True})  # noqa: N815
    support_size: int = field(metadata={"extended": True})
    components: int = field(metadata={"extended": True})
    cycles: int = field(metadata={"extended": True})
    status: Status = field(metadata={"extended": True})


@dataclass(frozen=True, eq=False)
class SensitivityResult:
    """Rows in descending eps, with the responses they come from.

    Attributes
    ----------
    rows:
        One a temperature.
    curves:
        For each matrix that columns 2 to 6 are means of (one, or the batch), its responses.
    """

    rows: tuple[SensitivityRow, ...]
    curves: tuple[tuple[Response, ...], ...]


def measure_sensitivity(
    problems: Sequence[Problem],
    grid: Sequence[float],
    *,
    replicates: int = DEFAULT_REPLICATES,
    seed: int = 0,
    tol: float = DEFAULT_TOL,
    max_iter: int = DEFAULT_MAX_ITER,
    extended: bool = False,
    advance: Advance | None = None,
) -> SensitivityResult:
    """Rows for one problem, or for a batch of them taken as replicates of each other.

    Parameters
    ----------
    problems:
        One problem, whose replicates are ``replicates`` copies with Gaussian jitter of
        1e-2·std(C); or several, which are the replicates themselves.
    grid:
        Temperatures in descending order, cost units.
    replicates, seed:
        How many jittered copies, and the seed of their jitter and of random starts.
    tol, max_iter:
        As in `sinkdiag.solve`.
    advance:
        Told of every finished temperature.
    extended:
        Also fill the extended columns; the standard deviations then cost one more measurement for
        each replicate.
    """
    runs = _Runs(grid, tol, max_iter, seed, extended, advance)
    if len(problems) > 1:
        runs.total = len(problems) * len(grid)
        curves = tuple(runs.curve(problem) for problem in problems)
        spread = curves
        rates = tuple(tuple((r.gap, r.status) for r in curve) for curve in curves)
    else:
        copies = _jittered(problems[0], replicates, seed)
        runs.total = (1 + len(copies)) * len(grid)
        curves = (runs.curve(problems[0]),)
        spread = tuple(runs.curve(copy) for copy in copies) if extended else ()
        rates = (
            tuple(tuple((r.gap, r.status) for r in curve) for curve in spread)
            if extended
            else tuple(runs.rates(copy) for copy in copies)
        )
    return SensitivityResult(_rows(grid, curves, spread, rates), curves)


Rate = tuple[float, Status]


@dataclass
class _Runs:
    """What every curve has in common, and how far the work has come."""

    grid: Sequence[float]
    tol: float
    max_iter: int
    seed: int
    extra: bool
    advance: Advance | None
    total: int = 0
    done: int = 0

    def curve(self, problem: Problem) -> tuple[Response, ...]:
        """Everything, at each temperature."""
        return tuple(
            respond(
                problem, solution, factor_block(solution.plan), seed=self.seed, extra=self.extra
            )
            for solution in self._solutions(problem)
        )

    def rates(self, problem: Problem) -> tuple[Rate, ...]:
        """The gap alone, with the gravest status, at each temperature."""
        found = []
        for solution in self._solutions(problem):
            gap, status = plan_gap(solution.plan, solution.row, solution.col)
            found.append((gap, worst([solution.status, status])))
        return tuple(found)

    def _solutions(self, problem: Problem) -> Iterator[Solution]:
        for solution in solve_path(problem, self.grid, tol=self.tol, max_iter=self.max_iter):
            yield solution
            self.done += 1
            if self.advance is not None:
                self.advance("sensitivity", self.done, self.total)


def _rows(
    grid: Sequence[float],
    curves: Sequence[Sequence[Response]],
    spread: Sequence[Sequence[Response]],
    rates: Sequence[Sequence[Rate]],
) -> tuple[SensitivityRow, ...]:
    eps = np.array(grid)

    def table(
        read: Callable[[Response], float], source: Sequence[Sequence[Response]]
    ) -> FloatArray:
        return np.array([[read(r) for r in curve] for curve in source]).reshape(-1, len(eps))

    op, rise = table(lambda r: r.op_norm, curves), table(lambda r: r.dS_de_norm, curves)
    gap = table(lambda r: r.gap, curves).mean(axis=0)
    op_mean, rise_mean = op.mean(axis=0), rise.mean(axis=0)
    second = table(lambda r: r.cubic.value, curves).mean(axis=0)
    far = table(lambda r: r.cubic.spread, curves).max(axis=0)
    direct = table(lambda r: r.M_norm, curves).mean(axis=0)
    heaviest = table(lambda r: r.max_plan, curves).max(axis=0)
    replicate_gaps = np.array([[gap for gap, _ in run] for run in rates]).reshape(-1, len(eps))
    rho_std = deviation(replicate_gaps)
    deviations = [
        deviation(table(read, spread))
        for read in (lambda r: r.op_norm, lambda r: r.dS_de_norm, lambda r: r.cubic.value)
    ]
    slopes = [local_slopes(eps, curve) for curve in (op_mean, rise_mean, gap)]
    return tuple(
        SensitivityRow(
            eps=float(eps[k]),
            op_norm=float(op_mean[k]),
            C0_est=float(eps[k] * op_mean[k]),
            dS_de_norm=float(rise_mean[k]),
            K1_est=float(eps[k] * rise_mean[k]),
            K2_est=float(second[k]),
            rho_mean=_mean_rate(replicate_gaps[:, k]),
            rho_std=float(rho_std[k]),
            gap=float(gap[k]),
            op_norm_std=float(deviations[0][k]),
            dS_de_std=float(deviations[1][k]),
            K2_std=float(deviations[2][k]),
            op_norm_slope=float(slopes[0][k]),
            dS_de_slope=float(slopes[1][k]),
            gap_slope=float(slopes[2][k]),
            K2_spread=float(far[k]),
            bound=float(heaviest[k] / eps[k]),
            paper_M_norm=float(direct[k]),
            support_size=max(curve[k].support.size for curve in curves),
            components=max(curve[k].support.components for curve in curves),
            cycles=max(curve[k].cycles for curve in curves),
            status=worst([curve[k].status for curve in curves] + [run[k][1] for run in rates]),
        )
        for k in range(len(eps))
    )


def _mean_rate(gaps: FloatArray) -> float:
    """Mean of 1 - gap without its rounding below 0; nan with no gap or an unresolved one."""
    return float(np.maximum(1.0 - gaps.mean(), 0.0)) if len(gaps) else math.nan


def deviation(values: FloatArray) -> FloatArray:
    """Standard deviation over the first axis with ddof = 1; nan for fewer than two."""
    if len(values) < 2:
        return np.full(values.shape[1], math.nan)
    return np.asarray(values.std(axis=0, ddof=1))


def local_slopes(eps: FloatArray, curve: FloatArray) -> FloatArray:
    """Slopes d log curve/d log eps: central differences, one-sided at both ends, else nan."""
    slopes = np.full(len(eps), math.nan)
    usable = np.isfinite(curve) & (curve > 0)
    for k in range(len(eps)):
        left, right = max(k - 1, 0), min(k + 1, len(eps) - 1)
        if left < right and usable[left] and usable[right]:
            slopes[k] = math.log(curve[left] / curve[right]) / math.log(eps[left] / eps[right])
    return slopes


def _jittered(problem: Problem, count: int, seed: int) -> list[Problem]:
    """Copies with Gaussian jitter of JITTER·std of the finite costs on every finite entry."""
    rng = np.random.default_rng(seed)
    finite = np.isfinite(problem.cost)
    scale = JITTER * float(problem.cost[finite].std())
    return [
        Problem(
            np.where(finite, problem.cost + scale * rng.standard_normal(finite.shape), np.inf),
            problem.row,
            problem.col,
            f"{problem.name} (replicate {k})",
        )
        for k in range(count)
    ]
