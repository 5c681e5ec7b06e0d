"""What a learner should learn: a true assignment, or a plan, and how far a plan is from it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from sinkdiag.arrays import FloatArray
from sinkdiag.errors import InputError
from sinkdiag.problem import Problem
from sinkdiag.solver.exact import optimal_plan

# A row's argmax is right where the target has (nearly) its largest entry of that row.
NEARLY = 1.0 - 1e-9
# A target plan has these relative marginal errors at most.
PLAN_TOL = 1e-6
UNKNOWN = -1


@dataclass(frozen=True, kw_only=True, eq=False)
class Target:
    """The plan T (n, m) that is right, in the units of mass of the problem.

    Attributes
    ----------
    plan:
        T_ij; from pairs, min(r_i, c_j) at the true pair and 0 elsewhere in that row.
    known:
        Which rows are known (n,); the others enter neither loss nor wrong mass.
    judged:
        Which rows are judged (n,): the known ones, of which the last is left out with `inner`.
    correct:
        Where a row's argmax counts as right, (n, m): the largest entries of T's row.
    paired:
        Whether T comes from pairs: then wrong mass is 1 - Σ_known min(P, T)/Σ_known T, else the
        total variation ‖P - T‖_1/(2N).
    planted:
        Whether T is the optimal plan of the cost itself.
    inner:
        Whether mass in the last row and column, the dustbins, is not judged.
    """

    plan: FloatArray
    known: np.ndarray[tuple[int], np.dtype[np.bool_]]
    correct: np.ndarray[tuple[int, int], np.dtype[np.bool_]]
    judged: np.ndarray[tuple[int], np.dtype[np.bool_]]
    paired: bool
    planted: bool = False
    inner: bool = False

    def without_dustbins(self) -> Target:
        """The same, judged on all rows and columns but the last ones.

        Rows whose true place is the last column are not judged either.

        Raises
        ------
        InputError
            When nothing is left.
        """
        real = self.plan[:, :-1].sum(axis=1) > 0.0
        judged = self.judged & real
        judged[-1] = False
        if not judged.any():
            raise InputError("truth", "no known row has its truth in a real column", "drop --inner")
        return replace(self, judged=judged, inner=True)

    def wrong_mass(self, plan: FloatArray) -> float:
        """The share of the known mass that ``plan`` (n, m) has in the wrong place, in [0, 1]."""
        columns = slice(None, -1) if self.inner else slice(None)
        found, wanted = plan[self.judged, columns], self.plan[self.judged, columns]
        total = float(wanted.sum())
        if not self.paired:
            return float(np.abs(found - wanted).sum()) / (2.0 * total)
        return 1.0 - float(np.minimum(found, wanted).sum()) / total

    def right_rows(self, plan: FloatArray) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """Of which judged rows the argmax is right."""
        best = plan.argmax(axis=1)
        return np.asarray(self.correct[np.arange(len(best)), best][self.judged])


def target_of(problem: Problem, truth: ArrayLike, name: str = "truth") -> Target:
    """The target that ``truth`` names: integers (n,), the 0-based column of each row, or a plan.

    -1 is an unknown row. A plan (n, m) must meet the problem's marginals.

    Raises
    ------
    InputError
        When it is neither.
    """
    found = np.asarray(truth)
    if found.ndim == 2:
        return _from_plan(problem, found, name)
    n, m = problem.cost.shape
    if found.shape != (n,):
        raise InputError(
            name,
            f"the truth has shape {found.shape}, the cost {n}×{m}",
            f"give {n} column indices, or a {n}×{m} plan",
        )
    if not np.issubdtype(found.dtype, np.number) or np.iscomplexobj(found):
        raise InputError(name, f"the truth holds {found.dtype} entries", "give column indices")
    if not np.all(found == np.round(found)):
        raise InputError(name, "the truth has entries that are no integers", "give column indices")
    pairs = found.astype(np.int64)
    outside = np.flatnonzero((pairs < UNKNOWN) | (pairs >= m))
    if len(outside):
        raise InputError(
            name,
            f"row {outside[0]} is said to belong to column {pairs[outside[0]]} of {m}",
            f"columns count from 0 to {m - 1}; -1 stands for unknown",
        )
    known = pairs != UNKNOWN
    if not known.any():
        raise InputError(name, "no row of the truth is known", "give at least one pair")
    rows = np.flatnonzero(known)
    if np.isposinf(problem.cost[rows, pairs[rows]]).any():
        raise InputError(name, "a true pair is forbidden (its cost is inf)", "allow that pair")
    plan = np.zeros((n, m))
    plan[rows, pairs[rows]] = np.minimum(problem.row[rows], problem.col[pairs[rows]])
    return Target(plan=plan, known=known, judged=known, correct=plan > 0.0, paired=True)


def planted_target(problem: Problem) -> Target:
    """The optimal plan of the cost itself."""
    plan = optimal_plan(problem)
    known = np.ones(len(plan), dtype=np.bool_)
    return Target(
        plan=plan, known=known, judged=known, correct=_largest(plan), paired=False, planted=True
    )


def _from_plan(problem: Problem, plan: FloatArray, name: str) -> Target:
    n, m = problem.cost.shape
    if plan.shape != (n, m):
        raise InputError(
            name,
            f"the true plan has shape {plan.shape}, the cost {n}×{m}",
            "give a plan of the cost's shape",
        )
    if np.iscomplexobj(plan) or not np.issubdtype(plan.dtype, np.number):
        raise InputError(name, f"the true plan holds {plan.dtype} entries", "give real numbers")
    values = plan.astype(np.float64)
    if not np.all(np.isfinite(values)) or np.any(values < 0.0):
        raise InputError(name, "the true plan has negative or non-finite entries", "give masses")
    row_off = np.abs(values.sum(axis=1) / problem.row - 1.0).max()
    col_off = np.abs(values.sum(axis=0) / problem.col - 1.0).max()
    if max(row_off, col_off) > PLAN_TOL:
        raise InputError(
            name,
            f"the true plan misses the marginals by {max(row_off, col_off):.2g} (relative)",
            "give a plan that meets them, or the pairs as integers",
        )
    if np.any(values[np.isposinf(problem.cost)] > 0.0):
        raise InputError(name, "the true plan uses a forbidden pair", "allow that pair")
    known = np.ones(n, dtype=np.bool_)
    return Target(plan=values, known=known, judged=known, correct=_largest(values), paired=False)


def _largest(plan: FloatArray) -> np.ndarray[tuple[int, int], np.dtype[np.bool_]]:
    return np.asarray(plan >= NEARLY * plan.max(axis=1, keepdims=True))
