"""The regularisation path that annealed Sinkhorn follows: relaxed entropic problems."""

from __future__ import annotations

import numpy as np

from sinkdiag.annealing.schedules.iteration import Scaled
from sinkdiag.arrays import FloatArray
from sinkdiag.problem import Problem

# Change of all potentials in one sweep at which the point has been found, and the most sweeps.
_STILL, _MOST_SWEEPS = 1e-10, 20_000


def path_plan(problem: Problem, beta: float, increment: float, start: Scaled) -> FloatArray | None:
    """The plan (n, m) that minimises <C, P> + KL(P|rc'/N)/beta + KL(P1|r)/increment, P'1 = c.

    ``beta`` and ``increment`` are per cost unit; ``increment`` = beta_{t+1} - beta_t is what a step
    of annealing leaves to the rows. ``start`` are potentials near the answer. With P at ``start``
    as kernel the sweeps are v <- c/(P'u), log u <- (w - 1) u_0 + w log(r/(Pv)), w = beta/(beta +
    increment). None where they do not settle.

    Source: arXiv 2408.11620, section on the regularisation path.
    """
    kernel = start.with_plan(problem.cost, beta).made_plan
    share = beta / (beta + increment)
    kept = (share - 1.0) * start.u
    log_u = np.zeros(len(problem.row))
    with np.errstate(all="ignore"):
        for _ in range(_MOST_SWEEPS):
            u = np.exp(log_u)
            v = problem.col / (kernel.T @ u)
            following = kept + share * np.log(problem.row / (kernel @ v))
            change = float(np.abs(following - log_u).max())
            log_u = following
            if not np.isfinite(change):
                return None
            if change <= _STILL:
                u = np.exp(log_u)
                return np.asarray(u[:, None] * kernel * (problem.col / (kernel.T @ u)))
    return None
