"""K sweeps of many small matrices at once, as a layer runs them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from sinkdiag.arrays import FloatArray
from sinkdiag.checks import check_count
from sinkdiag.errors import InputError
from sinkdiag.problem import check_real, make_problem
from sinkdiag.results import Status
from sinkdiag.solver import kernels


@dataclass(frozen=True, kw_only=True, eq=False)
class BatchSolution:
    """Potentials and plans of a stack of costs after the same number of sweeps.

    Attributes
    ----------
    f, g, plan:
        Shapes (B, n), (B, m), (B, n, m); P = exp((f ⊕ g - C)/eps), rows exact.
    row, col:
        The marginals that all share, shapes (n,) and (m,).
    eps:
        Temperatures, shape (B,), cost units.
    iters:
        Sweeps that were run.
    marginal_error:
        Largest relative error over both marginals of each plan, shape (B,).
    status:
        ``truncated``: the sweeps were counted, not judged.
    """

    f: FloatArray
    g: FloatArray
    plan: FloatArray
    row: FloatArray
    col: FloatArray
    eps: FloatArray
    iters: int
    marginal_error: FloatArray
    status: Status


def solve_batch(
    costs: ArrayLike,
    eps: float | ArrayLike,
    *,
    iters: int,
    row: ArrayLike | None = None,
    col: ArrayLike | None = None,
) -> BatchSolution:
    """Run ``iters`` sweeps from g = 0 on every matrix of a stack.

    Sweeps are products with the stored plan; a matrix whose factors leave the safe range goes
    through the log domain. The matrices are shared among threads.

    Parameters
    ----------
    costs:
        Shape (B, n, m), cost units; +inf forbids a pair.
    eps:
        One temperature, or one a matrix (B,).
    iters:
        Sweeps; each updates g, then f.
    row, col:
        Marginals for all matrices; default 1 and n/m.

    Raises
    ------
    InputError
        When a cost, a temperature or the marginals cannot be used.
    """
    stack = check_real(costs, "costs")
    if stack.ndim != 3 or stack.size == 0:
        raise InputError("costs", f"the stack has shape {stack.shape}", "give B×n×m costs")
    check_count("iters", iters, 0)
    count, n, m = stack.shape
    bad = ~np.isfinite(stack).all(axis=(1, 2))
    for index in np.flatnonzero(bad):
        make_problem(stack[index], name=f"costs[{index}]")
    shared = make_problem(np.zeros((n, m)), row=row, col=col, name="costs")
    temperatures = np.array(np.broadcast_to(np.asarray(eps, dtype=np.float64), (count,)))
    if not (np.all(np.isfinite(temperatures)) and np.all(temperatures > 0)):
        raise InputError("eps", "some are not positive and finite", "give temperatures above 0")
    f, g, plan = np.zeros((count, n)), np.zeros((count, m)), np.empty((count, n, m))
    kernels.sweep_all(stack, shared.row, shared.col, temperatures, iters, f, g, plan)
    error = np.maximum(
        np.abs(plan.sum(axis=2) / shared.row - 1.0).max(axis=1),
        np.abs(plan.sum(axis=1) / shared.col - 1.0).max(axis=1),
    )
    return BatchSolution(
        f=f,
        g=g,
        plan=plan,
        row=shared.row,
        col=shared.col,
        eps=temperatures,
        iters=iters,
        marginal_error=error,
        status=Status.TRUNCATED,
    )
