"""One function a command, for Python: the same rows as a frame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import ArrayLike

from sinkdiag.errors import InputError
from sinkdiag.problem import check_real, make_problem
from sinkdiag.report.table import Table
from sinkdiag.temperature import annealing_range, automatic_grid, descending

if TYPE_CHECKING:
    import pandas as pd

    from sinkdiag.jacobian.modes import Norm


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
    tol: float = 1e-9,
    max_iter: int = 10_000,
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
    tol, max_iter:
        Of the fixed points that runs are judged by.

    Returns
    -------
    One row: k_safe, k_low, k_high, … as in the command's output.

    Raises
    ------
    InputError
        When the cost, the marginals or the temperatures cannot be used.
    """
    from sinkdiag.annealing.calibration import CalibrationRow, CalibrationSettings
    from sinkdiag.studies.calibrate import calibrate_problem

    stack = check_real(cost, "cost")
    trajectory = stack if layout == "trajectory" else None
    if trajectory is not None and (stack.ndim != 3 or len(stack) == 0):
        raise InputError("cost", f"a trajectory has shape {stack.shape}", "give (T, n, m)")
    matrices = [stack] if trajectory is None else list(trajectory)
    problems = [make_problem(matrix, row=row, col=col) for matrix in matrices]
    eps_start, eps_min = annealing_range(_temperatures(eps), problems)
    settings = CalibrationSettings(
        eps_start, eps_min, iters, beta, alpha0, replicates, noise, noise_decay, max_steps,
        collapse_tv, cold, seed, tol, max_iter,
    )  # fmt: skip
    result = calibrate_problem(problems[0], settings, trajectory)
    return Table.of("calibrate", CalibrationRow, [result.row]).frame()


def pseudospectrum(
    cost: ArrayLike | None = None,
    eps: float | Sequence[float] | None = None,
    *,
    matrix: ArrayLike | None = None,
    row: ArrayLike | None = None,
    col: ArrayLike | None = None,
    norm: Norm | Sequence[Norm] = "plan",
    iters: int | None = None,
    grid: tuple[int, int] | None = None,
    axes: tuple[float, float, float, float] | None = None,
    levels: Sequence[float] | None = None,
    structured: float | None = None,
    tol: float = 1e-12,
    max_iter: int = 10_000,
    seed: int = 0,
) -> pd.DataFrame:
    """Resolvent norms on a grid of the plane; ``sinkdiag pseudospectrum``.

    Parameters
    ----------
    cost:
        Shape (n, m), cost units. Or none of it, and a ``matrix``.
    eps:
        Temperatures, cost units; None: four, from the cost's range down to 3e-3 of it.
    matrix:
        Any square matrix, real or complex, in the Euclidean norm.
    row, col:
        Marginals; default 1 and n/m.
    norm:
        plan, potential or natural, or several of them.
    iters:
        K: the Jacobian of K sweeps; None: that of the fixed point.
    grid, axes, levels:
        Points along re and im; (re_min, re_max, im_min, im_max); levels of the curves. None:
        automatic.
    structured:
        Also the reach of the eigenvalues under cost changes of this Frobenius norm.
    tol, max_iter:
        Of the fixed point.
    seed:
        Of the first vectors of the iterations on the grid.

    Returns
    -------
    One row a point: eps, re, im, resolvent_norm, norm. ``attrs["summary"]`` holds a `Facts` for
    each temperature and norm: radii, Kreiss constant, numerical radius, kappa(V), powers.

    Raises
    ------
    InputError
        When the cost, the matrix, the marginals or the temperatures cannot be used.
    """
    from sinkdiag.resolvent.operator import of_matrix
    from sinkdiag.studies.portrait import PseudospectrumRow, Settings, compute
    from sinkdiag.studies.pseudospectrum import Question, portraits_of

    if (cost is None) == (matrix is None):
        raise InputError("pseudospectrum", "needs a cost or a matrix", "give exactly one of them")
    settings = Settings(axes, grid, None if levels is None else tuple(levels), seed=seed)
    if cost is None:
        portraits = [compute(of_matrix(np.asarray(matrix)), settings)]
    else:
        problem = make_problem(cost, row=row, col=col)
        norms = (norm,) if isinstance(norm, str) else tuple(norm)
        question = Question(norms, iters or 0, structured, (), tol, max_iter)
        values = descending(_temperatures(eps)) or automatic_grid(problem, 4)
        portraits = [item for item, _ in portraits_of(problem, values, question, settings)]
    rows = [line for item in portraits for line in item.rows()]
    frame = Table.of("pseudospectrum", PseudospectrumRow, rows).frame()
    frame.attrs["summary"] = tuple(item.facts for item in portraits)
    return frame


def spectrum(
    cost: ArrayLike,
    eps: float | Sequence[float] | None = None,
    *,
    row: ArrayLike | None = None,
    col: ArrayLike | None = None,
    norm: Norm = "plan",
    tol: float = 1e-12,
    max_iter: int = 10_000,
    iters: int = 20,
    modes: int | None = None,
    extended: bool = False,
    seed: int = 0,
) -> pd.DataFrame:
    """Eigenvalues, gap and conditioning of the sweep's Jacobian along eps; ``sinkdiag spectrum``.

    J = diag(1/c) P' diag(1/r) P on g modulo constants, at the fixed point of each temperature.

    Parameters
    ----------
    cost:
        Shape (n, m), cost units.
    eps:
        Temperatures, cost units; None: 12 from the cost's range down to 3e-3 of it. Rows come
        warmest first.
    row, col:
        Marginals; default 1 and n/m.
    norm, tol, max_iter, iters, modes, extended, seed:
        As the options of the command.

    Returns
    -------
    One row a temperature, the columns of the command's output.

    Raises
    ------
    InputError
        When the cost, the marginals or the temperatures cannot be used.
    """
    from sinkdiag.studies.spectrum import AUTO_COUNT, SpectrumRow, SpectrumSettings, spectra

    problem = make_problem(cost, row=row, col=col)
    temperatures = descending(_temperatures(eps)) or automatic_grid(problem, AUTO_COUNT)
    settings = SpectrumSettings(norm, tol, max_iter, iters, modes, extended=extended, seed=seed)
    rows = [point.row for point in spectra(problem, temperatures, settings)]
    return Table.of("spectrum", SpectrumRow, rows, extended=extended).frame()


def sensitivity(
    cost: ArrayLike,
    eps: float | Sequence[float] | None = None,
    *,
    row: ArrayLike | None = None,
    col: ArrayLike | None = None,
    replicates: int = 5,
    tol: float = 1e-12,
    max_iter: int = 10_000,
    extended: bool = False,
    seed: int = 0,
) -> pd.DataFrame:
    """Derivatives of the plan in cost and temperature along eps; ``sinkdiag sensitivity``.

    Parameters
    ----------
    cost:
        Shape (n, m), cost units; or a batch (T, n, m), whose members are the replicates.
    eps:
        Temperatures, cost units; None: 25 from the cost's range down to 3e-3 of it. Rows come
        warmest first.
    row, col:
        Marginals; default 1 and n/m.
    replicates, tol, max_iter, extended, seed:
        As the options of the command.

    Returns
    -------
    One row a temperature, the columns of the command's output. The judged claims are in
    ``frame.attrs["claims"]``.

    Raises
    ------
    InputError
        When the cost, the marginals or the temperatures cannot be used.
    """
    from sinkdiag.claims.laws import verdicts_of
    from sinkdiag.studies.sensitivity import AUTO_COUNT, SensitivityRow, measure_sensitivity
    from sinkdiag.temperature import automatic_grid, descending

    stack = check_real(cost, "cost")
    matrices = list(stack) if stack.ndim == 3 and len(stack) else [stack]
    if replicates < 2:
        raise InputError("replicates", f"{replicates} have no deviation", "give at least 2")
    problems = [make_problem(matrix, row=row, col=col) for matrix in matrices]
    widest = max(problems, key=lambda problem: problem.cost_range)
    grid = descending(_temperatures(eps)) or automatic_grid(widest, AUTO_COUNT)
    result = measure_sensitivity(
        problems,
        grid,
        replicates=replicates,
        seed=seed,
        tol=tol,
        max_iter=max_iter,
        extended=extended,
    )
    frame = Table.of("sensitivity", SensitivityRow, result.rows, extended=extended).frame()
    frame.attrs["claims"] = verdicts_of("cost", result.curves).claims
    return frame


def constants(
    cost: ArrayLike,
    eps: float | Sequence[float] | None = None,
    *,
    row: ArrayLike | None = None,
    col: ArrayLike | None = None,
    tol: float = 1e-12,
    max_iter: int = 10_000,
    seed: int = 0,
) -> pd.DataFrame:
    """Follow the recipe of the paper's appendix A.7 along eps; ``sinkdiag constants``.

    Parameters
    ----------
    cost:
        Shape (n, m), cost units.
    eps:
        Temperatures, cost units; None: 12 from the cost's range down to 3e-3 of it. Rows come
        warmest first.
    row, col:
        Marginals; default 1 and n/m.
    tol, max_iter, seed:
        As the options of the command.

    Returns
    -------
    One row a temperature, the columns of the command's output. The judged claims are in
    ``frame.attrs["claims"]``.

    Raises
    ------
    InputError
        When the cost, the marginals or the temperatures cannot be used.
    """
    from sinkdiag.claims.laws import verdicts_of
    from sinkdiag.studies.constants import AUTO_COUNT, ConstantsRow, measure_constants
    from sinkdiag.temperature import automatic_grid, descending

    problem = make_problem(cost, row=row, col=col)
    grid = descending(_temperatures(eps)) or automatic_grid(problem, AUTO_COUNT)
    result = measure_constants(problem, grid, seed=seed, tol=tol, max_iter=max_iter)
    frame = Table.of("constants", ConstantsRow, result.rows).frame()
    frame.attrs["claims"] = verdicts_of("cost", [result.curve]).claims
    return frame


def _temperatures(eps: float | Sequence[float] | None) -> list[float]:
    """The temperatures as a list, checked."""
    if eps is None:
        return []
    values = [float(value) for value in np.atleast_1d(np.asarray(eps, dtype=np.float64))]
    if any(not 0.0 < value < np.inf for value in values):
        raise InputError("eps", f"{eps} is not positive and finite", "give temperatures above 0")
    return values
