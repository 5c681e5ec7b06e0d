"""One function a command, for Python: the same rows as a frame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import ArrayLike

from sinkdiag.errors import InputError
from sinkdiag.problem import check_real, make_problem
from sinkdiag.report.table import Table
from sinkdiag.temperature import annealing_range

if TYPE_CHECKING:
    import pandas as pd


def calibrate(
    cost: ArrayLike,
    eps: float | Sequence[float] | None = None,
    *,
    row: ArrayLike | None = None,
    col: ArrayLike | None = None,
    layout: Literal["trajectory"] | None = None,
    iters: int = 20,
    alpha0: float | None = None,
    beta: float = 1.0,
    max_steps: int = 500,
    replicates: int = 10,
    noise: float = 0.01,
    noise_decay: float = 0.9,
    collapse_tv: float = 0.1,
    cold: bool = False,
    seed: int = 0,
) -> pd.DataFrame:
    """Measure the safety slope of an EPH-ASC controller on a cost; ``sinkdiag calibrate``.

    Parameters
    ----------
    cost:
        Shape (n, m), cost units; or (T, n, m) with ``layout="trajectory"``.
    eps:
        Annealing goes from the highest of these temperatures to the lowest (one value: the
        lowest; None: from the cost's range down to 3e-3 of it), cost units.
    row, col:
        Marginals; default 1 and n/m.
    layout:
        ``trajectory`` when the first axis is time.
    iters, alpha0, beta, max_steps, replicates, noise, noise_decay, collapse_tv, cold, seed:
        As the options of the command.

    Returns
    -------
    One row: k_safe, k_low, k_high, … as in the command's output.

    Raises
    ------
    InputError
        When the cost, the marginals or the temperatures cannot be used.
    """
    from sinkdiag.anneal.calibrate import (
        CalibrationRow,
        CalibrationSettings,
        calibrate_problem,
    )

    stack = check_real(cost, "cost")
    trajectory = stack if layout == "trajectory" else None
    if trajectory is not None and (stack.ndim != 3 or len(stack) == 0):
        raise InputError("cost", f"a trajectory has shape {stack.shape}", "give (T, n, m)")
    matrices = [stack] if trajectory is None else list(trajectory)
    problems = [make_problem(matrix, row=row, col=col) for matrix in matrices]
    eps_start, eps_min = annealing_range(_temperatures(eps), problems)
    settings = CalibrationSettings(
        eps_start, eps_min, iters, beta, alpha0, replicates, noise, noise_decay, max_steps,
        collapse_tv, cold, seed,
    )  # fmt: skip
    result = calibrate_problem(problems[0], settings, trajectory)
    return Table.of("calibrate", CalibrationRow, [result.row]).frame()


def _temperatures(eps: float | Sequence[float] | None) -> list[float]:
    """The temperatures as a list, checked."""
    if eps is None:
        return []
    values = [float(value) for value in np.atleast_1d(np.asarray(eps, dtype=np.float64))]
    if any(not 0.0 < value < np.inf for value in values):
        raise InputError("eps", f"{eps} is not positive and finite", "give temperatures above 0")
    return values
