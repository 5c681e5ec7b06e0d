"""One temperature of ``check``: K sweeps, their distance to the fixed point, their gradient."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from sinkdiag.arrays import FloatArray
from sinkdiag.jacobian.freeze import LARGEST_SIZE
from sinkdiag.jacobian.gains import layer_gain
from sinkdiag.problem import Problem
from sinkdiag.results import Solution
from sinkdiag.solver.layer import run_sweeps, unroll
from sinkdiag.solver.precision import gradient_errors, layer_call, plan_errors
from sinkdiag.solver.truncation import (
    RIGHT,
    Start,
    iters_needed,
    lowest_eps,
    truncation_error,
)
from sinkdiag.studies.check_row import GRAVITY, CheckRow, CheckSettings, Verdict

# A pair that holds this share of what it can is settled; with this share of the mass in such pairs
# the layer is frozen, and so it is with a gradient below this share of max P/eps.
SETTLED, FROZEN, DEAD = 0.99, 0.9, 1e-3
# Residual at which the gain is known to three digits and more.
_GAIN_TOL = 1e-4
# How the temperature is raised on the way out of a frozen layer, and how often at most.
_WARMER, _STEPS = 1.25, 100


@dataclass(frozen=True, kw_only=True, eq=False)
class CheckPoint:
    """A row, and the g (m,) that the layer leaves for its next call."""

    row: CheckRow
    g: FloatArray


def measure_layer(
    problem: Problem, fixed: Solution, settings: CheckSettings, *, start: Start, suspicious: bool
) -> CheckPoint:
    """Run the layer beside a fixed point and judge it; see `CheckRow` for what is measured."""
    eps, init = fixed.eps, start(fixed.eps)
    run = run_sweeps(problem, eps, settings.iters, init)
    layer = unroll(problem, eps, settings.iters, init=init)
    call = layer_call(problem, eps, settings.iters, init=init, seed=settings.seed)
    errors = plan_errors(call, run.plan, settings.dtype)
    gradient = math.nan
    if settings.extended and layer is not None:
        exact = np.stack([layer.vjp(cotangent) for cotangent in call.cotangents])
        gradient = gradient_errors(call, exact, run.plan, settings.dtype)["log_domain"]
    row = CheckRow(
        eps=eps,
        iters=settings.iters,
        start=settings.start,
        marginal_error=run.marginal_error,
        tv=truncation_error(run.plan, fixed),
        eps_lowest=math.nan
        if problem.cost.size > LARGEST_SIZE
        else lowest_eps(problem, settings.iters, start=start),
        iters_needed=iters_needed(problem, eps, init=init),
        gradient_gain=math.nan
        if layer is None
        else layer_gain(layer, settings.seed, tol=_GAIN_TOL),
        saturation=saturation_of(run),
        dtype=settings.dtype,
        dtype_error=errors["log_domain"],
        verdict="ok",
        status=fixed.status,
        uniformity=uniformity_of(run),
        normalised_dtype_error=errors["alternate_normalisation"],
        dtype_gradient_error=gradient,
        eps_soft=_soft_eps(problem, eps, settings.iters, start),
    )
    hardest = float(run.plan.max()) / eps
    dead = layer is not None and not row.gradient_gain > DEAD * hardest
    return CheckPoint(
        row=replace(row, verdict=_verdict(row, suspicious=suspicious, dead=dead)), g=run.g
    )


def saturation_of(run: Solution) -> float:
    """The share of the mass in pairs that hold at least 99 % of what they can, min(r_i, c_j)."""
    most = np.minimum(run.row[:, None], run.col)
    settled = run.plan >= SETTLED * most
    return float(run.plan[settled].sum()) / float(run.row.sum())


def uniformity_of(run: Solution) -> float:
    """‖P - rc'/N‖_1 / (2N): how far a plan is from the one that knows no costs."""
    total = float(run.row.sum())
    return float(np.abs(run.plan - np.outer(run.row, run.col) / total).sum()) / (2.0 * total)


def _soft_eps(problem: Problem, eps: float, iters: int, start: Start) -> float:
    """The first temperature on the way up at which the layer is no longer saturated."""
    for step in range(_STEPS):
        warmer = eps * _WARMER**step
        if saturation_of(run_sweeps(problem, warmer, iters, start(warmer))) < FROZEN:
            return warmer
    return math.nan


def _verdict(row: CheckRow, *, suspicious: bool, dead: bool) -> Verdict:
    """The gravest that applies."""
    applies: dict[Verdict, bool] = {
        "suspicious input": suspicious,
        "overflow": not math.isfinite(row.dtype_error),
        "frozen": row.saturation >= FROZEN or dead,
        "uniform": row.uniformity <= RIGHT,
        "unresolved": not row.tv <= RIGHT or row.dtype_error > RIGHT,
        "ok": True,
    }
    return next(verdict for verdict in GRAVITY if applies[verdict])
