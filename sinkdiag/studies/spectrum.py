"""`spectrum`: eigenvalues, gap, conditioning and transients of the sweep's Jacobian along eps."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from sinkdiag.arrays import FloatArray
from sinkdiag.derivatives.duality import duality_rhs, implicit_residual
from sinkdiag.jacobian.basis import EigenBasis, eigenbasis
from sinkdiag.jacobian.leading import DEFAULT_COUNT, leading_basis
from sinkdiag.jacobian.modes import Modes, Norm, modes_in
from sinkdiag.jacobian.support import DEFAULT_THETA, ActiveSupport, active_schur, support_of
from sinkdiag.jacobian.sweeps import (
    fixed_point_gain,
    layer_gain,
    layer_metric,
    precision_loss,
    sweep_spectrum,
    unroll,
)
from sinkdiag.problem import Problem
from sinkdiag.results import Solution, Status, worst
from sinkdiag.solver import solve_problem

# Temperatures of the automatic grid.
AUTO_COUNT = 12
# Columns beyond which only the leading modes are computed.
DENSE_LIMIT = 3000
# A stack of layers is called uniform once σ_2 to the power of its depth is below this.
DEPTH_CONTRAST = 1e-2
EXTENDED = {"extended": True}


@dataclass(frozen=True)
class SpectrumSettings:
    """What is computed beside the eigenvalues, and how the fixed point is found.

    ``modes`` None: all of them up to 3,000 columns, the leading 6 beyond. ``iters`` are the K
    sweeps of the layer; ``extended`` fills the extended columns.
    """

    norm: Norm = "plan"
    tol: float = 1e-12
    max_iter: int = 10_000
    iters: int = 20
    modes: int | None = None
    theta: float = DEFAULT_THETA
    extended: bool = False
    seed: int = 0


@dataclass(frozen=True)
class SpectrumRow:
    """One temperature; norms are those of ``norm``.

    From leading modes alone (``bound`` = lower) kappa_V, eigenvalue_condition, resolvent_norm,
    departure_from_normality and transient_peak are lower estimates.
    """

    eps: float
    rho: float
    gap: float
    resolvent_norm: float
    kappa_V: float  # noqa: N815 - the contract's name
    eigenvalue_condition: float
    departure_from_normality: float
    transient_peak: float
    duality_lhs: float
    duality_rhs: float
    sweeps_per_digit: float
    sigma_2: float
    components: int
    marginal_error: float
    status: Status
    norm: str = field(metadata=EXTENDED)
    modes: int = field(metadata=EXTENDED)
    bound: str = field(metadata=EXTENDED)
    support_size: int = field(metadata=EXTENDED)
    bifurcates: bool = field(metadata=EXTENDED)
    predicted_sweeps: float = field(metadata=EXTENDED)
    implicit_residual: float = field(metadata=EXTENDED)
    effective_depth: float = field(metadata=EXTENDED)
    iters: int = field(metadata=EXTENDED)
    truncated_norm: float = field(metadata=EXTENDED)
    truncated_radius: float = field(metadata=EXTENDED)
    truncated_smallest: float = field(metadata=EXTENDED)
    converged_norm: float = field(metadata=EXTENDED)
    converged_radius: float = field(metadata=EXTENDED)
    converged_smallest: float = field(metadata=EXTENDED)
    layer_gain: float = field(metadata=EXTENDED)
    converged_gain: float = field(metadata=EXTENDED)
    float32_error: float = field(metadata=EXTENDED)


@dataclass(frozen=True)
class EigenvalueRow:
    """One eigenvalue; index k >= 2 as in σ_k, the constants' λ_1 = 1 left out.

    ``gap`` is 1 - eigenvalue to its own accuracy; an eigenvalue lost in rounding is nan.
    """

    eps: float
    index: int
    eigenvalue: float
    condition: float
    gap: float


@dataclass(frozen=True, eq=False)
class SpectrumPoint:
    """One temperature: its row, its eigenvalues, and what they were computed from."""

    row: SpectrumRow
    eigenvalues: tuple[EigenvalueRow, ...]
    details: Details | None

    def light(self) -> SpectrumPoint:
        """The same without the arrays."""
        return replace(self, details=None)


@dataclass(frozen=True, eq=False)
class Details:
    """The fixed point, its active support, and the modes in the chosen norm."""

    solution: Solution
    support: ActiveSupport
    modes: Modes


def dump_arrays(points: Sequence[SpectrumPoint]) -> dict[str, Any]:
    """Everything about one matrix as arrays, the temperatures along the first axis.

    eps, plan, f, g, row, col; support (bool), components, row_labels, col_labels; schur, the
    active-support Schur complement (columns' side); norm, eigenvalues, gaps, vectors, factor.
    """
    found = [point.details for point in points if point.details is not None]
    first = found[0].solution
    stacks: dict[str, list[Any]] = {
        "eps": [each.solution.eps for each in found],
        "plan": [each.solution.plan for each in found],
        "f": [each.solution.f for each in found],
        "g": [each.solution.g for each in found],
        "support": [each.support.mask for each in found],
        "components": [each.support.components for each in found],
        "row_labels": [each.support.row_labels for each in found],
        "col_labels": [each.support.col_labels for each in found],
        "schur": [active_schur(each.solution.plan, each.support.mask) for each in found],
        "eigenvalues": [each.modes.eigenvalues for each in found],
        "gaps": [each.modes.gaps for each in found],
        "vectors": [each.modes.vectors for each in found],
        "factor": [each.modes.factor for each in found],
    }
    arrays: dict[str, Any] = {name: np.stack(values) for name, values in stacks.items()}
    return {**arrays, "row": first.row, "col": first.col, "norm": np.array(found[0].modes.norm)}


def _eigenvalue_rows(eps: float, modes: Modes, floor: float) -> tuple[EigenvalueRow, ...]:
    """All eigenvalues, descending, with their condition numbers."""
    hidden = (modes.eigenvalues < floor) & (modes.eigenvalues > 0)
    values = np.where(hidden, np.nan, modes.eigenvalues)
    columns = zip(values, modes.eigenvalue_conditions(), modes.gaps, strict=True)
    return tuple(
        EigenvalueRow(eps, k, float(value), float(condition), float(gap))
        for k, (value, condition, gap) in enumerate(columns, start=2)
    )


def spectra(
    problem: Problem, temperatures: Sequence[float], settings: SpectrumSettings
) -> Iterator[SpectrumPoint]:
    """One point for each temperature, in the order given, each solved from the one before."""
    start: FloatArray | None = None
    before: ActiveSupport | None = None
    for eps in temperatures:
        solution = _solve(problem, eps, settings, start)
        support = support_of(solution.plan, settings.theta)
        yield _point(problem, solution, support, not support.same_as(before), settings)
        start = None if solution.status.failed else solution.g
        before = support


def _solve(
    problem: Problem, eps: float, settings: SpectrumSettings, start: FloatArray | None
) -> Solution:
    tol, limit = settings.tol, settings.max_iter
    solution = solve_problem(problem, eps, tol=tol, max_iter=limit, init=start)
    if solution.status.failed and start is not None:
        cold = solve_problem(problem, eps, tol=tol, max_iter=limit)
        if cold.marginal_error < solution.marginal_error:
            return cold
    return solution


def _point(
    problem: Problem,
    solution: Solution,
    support: ActiveSupport,
    bifurcates: bool,
    settings: SpectrumSettings,
) -> SpectrumPoint:
    basis = _basis(solution, settings)
    modes = modes_in(basis, settings.norm)
    gap, rho = _first(modes.gaps, 1.0), _first(modes.eigenvalues, 0.0)
    # Below its floor an eigenvalue is the rounding of 0.
    rho = 0.0 if rho <= basis.floor else rho
    rhs = duality_rhs(basis, settings.norm)
    status = worst([solution.status, modes.status])
    row = SpectrumRow(
        eps=solution.eps,
        rho=rho,
        gap=gap,
        resolvent_norm=modes.resolvent_norm(1.0),
        kappa_V=modes.condition(),
        eigenvalue_condition=_first(modes.eigenvalue_conditions(), 1.0),
        departure_from_normality=modes.departure(),
        transient_peak=modes.transient_peak(),
        duality_lhs=gap,
        duality_rhs=rhs,
        sweeps_per_digit=_sweeps(gap, 0.1),
        sigma_2=math.sqrt(rho) if rho >= 0 else math.nan,
        components=support.components,
        marginal_error=solution.marginal_error,
        status=status,
        norm=settings.norm,
        modes=len(modes.gaps),
        bound="exact" if basis.complete else "lower",
        support_size=support.size,
        bifurcates=bifurcates,
        predicted_sweeps=_whole(_sweeps(gap, settings.tol)),
        effective_depth=2.0 * _sweeps(gap, DEPTH_CONTRAST),
        iters=settings.iters,
        **_layer(problem, solution, basis, modes, settings),
    )
    eigenvalues = _eigenvalue_rows(solution.eps, modes, basis.floor)
    return SpectrumPoint(row, eigenvalues, Details(solution, support, modes))


def _basis(solution: Solution, settings: SpectrumSettings) -> EigenBasis:
    """Linearise at the plan that was reached; one that did not converge has its own columns."""
    plan, row = solution.plan, solution.row
    col = plan.sum(axis=0) if solution.status.failed else solution.col
    count = settings.modes
    if count is None and min(plan.shape) > DENSE_LIMIT:
        count = DEFAULT_COUNT
    if count is None or count >= len(col) - 1:
        return eigenbasis(plan, row, col)
    return leading_basis(plan, row, col, count, settings.seed)


def _layer(
    problem: Problem,
    solution: Solution,
    basis: EigenBasis,
    modes: Modes,
    settings: SpectrumSettings,
) -> dict[str, float]:
    """The extended columns that cost more than a few operations; nan where they do not apply."""
    names = (
        "implicit_residual", "truncated_norm", "truncated_radius", "truncated_smallest",
        "converged_norm", "converged_radius", "converged_smallest",
        "layer_gain", "converged_gain", "float32_error",
    )  # fmt: skip
    values = dict.fromkeys(names, math.nan)
    if not settings.extended or not len(modes.gaps) or not np.all(np.isfinite(modes.gaps)):
        return values
    values["converged_norm"] = modes.power_norm(settings.iters)
    values["converged_radius"] = math.exp(settings.iters * math.log1p(-float(modes.gaps[0])))
    if not basis.complete:
        return values
    values["implicit_residual"] = implicit_residual(basis, settings.seed)
    values["converged_smallest"] = modes.smallest_power(settings.iters)
    layer = unroll(problem, solution.eps, settings.iters)
    if layer is None:
        return values
    truncated = sweep_spectrum(layer, basis, layer_metric(layer, basis, settings.norm))
    values["truncated_norm"] = truncated.norm
    values["truncated_radius"] = truncated.radius
    values["truncated_smallest"] = truncated.smallest
    values["layer_gain"] = layer_gain(layer, settings.seed)
    values["converged_gain"] = fixed_point_gain(basis, solution.eps, settings.seed)
    values["float32_error"] = precision_loss(problem, layer, settings.seed)
    return values


def _first(values: FloatArray, empty: float) -> float:
    return float(values[0]) if len(values) else empty


def _sweeps(gap: float, factor: float) -> float:
    """How many sweeps shrink an error by ``factor``: ln(factor)/ln(1 - gap)."""
    if gap >= 1.0:
        return 0.0
    return math.log(factor) / math.log1p(-gap) if gap > 0 else math.nan


def _whole(sweeps: float) -> float:
    return float(math.ceil(sweeps)) if math.isfinite(sweeps) else sweeps
