"""One temperature of ``spectrum``: from a fixed point to its row, eigenvalues and arrays."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import get_args

import numpy as np

from sinkdiag.arrays import FloatArray
from sinkdiag.checks import MOST_ITERS, check_choice, check_count, check_share, check_size
from sinkdiag.derivatives.duality import duality_rhs, implicit_residual
from sinkdiag.jacobian.basis import HALF, EigenBasis, eigenbasis
from sinkdiag.jacobian.depth import mixing_depth
from sinkdiag.jacobian.gains import fixed_point_gain, layer_gain
from sinkdiag.jacobian.leading import DEFAULT_COUNT, leading_basis
from sinkdiag.jacobian.modes import Modes, Norm, modes_in
from sinkdiag.jacobian.support import DEFAULT_THETA, ActiveSupport, support_of
from sinkdiag.jacobian.sweeps import sweep_spectrum
from sinkdiag.problem import Problem
from sinkdiag.results import Solution, Status, worst
from sinkdiag.solver.layer import Layer, unroll
from sinkdiag.solver.precision import Precision, gradient_errors, layer_call
from sinkdiag.studies.spectrum_row import EigenvalueRow, SpectrumRow

# Columns beyond which only the leading modes are computed.
DENSE_LIMIT = 3000
# What is only rounding is shown as the power of ten above it, from here up.
LEAST_RESIDUAL = 1e-13


@dataclass(frozen=True, kw_only=True)
class SpectrumSettings:
    """What is computed beside the eigenvalues, and how the fixed point is found.

    ``modes`` None: all of them up to 3,000 columns, the leading 6 beyond. ``iters`` are the K
    sweeps of the layer; ``extended`` fills the extended columns; ``keep`` the arrays of every
    temperature, for a dump. ``additive`` is what a layer that normalises in turn adds to the sums
    it divides by, for the columns on precision.
    """

    norm: Norm = "plan"
    tol: float = 1e-12
    max_iter: int = 10_000
    iters: int = 20
    modes: int | None = None
    theta: float = DEFAULT_THETA
    extended: bool = False
    keep: bool = False
    additive: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what no study can use."""
        check_choice("norm", self.norm, get_args(Norm))
        check_share("tol", self.tol)
        check_count("max_iter", self.max_iter, 1)
        check_count("iters", self.iters, 1, MOST_ITERS)
        check_count("seed", self.seed, 0)
        check_size("additive", self.additive, zero=True)
        if self.modes is not None:
            check_count("modes", self.modes, 1)


@dataclass(frozen=True, kw_only=True, eq=False)
class SpectrumArrays:
    """The fixed point, its active support, and the modes in the chosen norm."""

    solution: Solution
    support: ActiveSupport
    modes: Modes


@dataclass(frozen=True, kw_only=True, eq=False)
class SpectrumPoint:
    """One temperature: its row, its eigenvalues and, if kept, what they were computed from."""

    row: SpectrumRow
    eigenvalues: tuple[EigenvalueRow, ...]
    arrays: SpectrumArrays | None


@dataclass(frozen=True, kw_only=True)
class _LayerColumns:
    """The extended columns that cost more than a few operations; nan where they do not apply."""

    implicit_residual: float = math.nan
    truncated_norm: float = math.nan
    truncated_radius: float = math.nan
    truncated_smallest: float = math.nan
    converged_norm: float = math.nan
    converged_radius: float = math.nan
    converged_smallest: float = math.nan
    layer_gain: float = math.nan
    converged_gain: float = math.nan
    float32_error: float = math.nan
    bfloat16_error: float = math.nan
    float16_error: float = math.nan
    effective_depth: float = math.nan


def measure_point(
    problem: Problem,
    solution: Solution,
    before: ActiveSupport | None,
    settings: SpectrumSettings,
) -> tuple[SpectrumPoint, ActiveSupport]:
    """Linearise one sweep at a fixed point; ``before`` is the support one temperature earlier."""
    support = support_of(solution.plan, settings.theta)
    basis = _basis(solution, settings)
    modes = modes_in(basis, settings.norm)
    found = _Measurement(
        solution=solution, support=support, basis=basis, modes=modes, settings=settings
    )
    arrays = SpectrumArrays(solution=solution, support=support, modes=modes)
    point = SpectrumPoint(
        row=_row(found, _layer(problem, found), bifurcates=not support.same_as(before)),
        eigenvalues=_eigenvalue_rows(solution.eps, modes, basis.floor),
        arrays=arrays if settings.keep else None,
    )
    return point, support


@dataclass(frozen=True, kw_only=True, eq=False)
class _Measurement:
    """Everything that one row is made from."""

    solution: Solution
    support: ActiveSupport
    basis: EigenBasis
    modes: Modes
    settings: SpectrumSettings

    @property
    def gap(self) -> float:
        """The smallest gap; 1 where there is no mode."""
        return float(self.modes.gaps[0]) if len(self.modes.gaps) else 1.0

    @property
    def rho(self) -> float:
        """The largest eigenvalue; below its floor it is the rounding of 0."""
        rho = float(self.modes.eigenvalues[0]) if len(self.modes.gaps) else 0.0
        return 0.0 if rho <= self.basis.floor else rho


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


def unresolved_point(
    solution: Solution, before: ActiveSupport | None, settings: SpectrumSettings
) -> tuple[SpectrumPoint, ActiveSupport]:
    """The row of a temperature at which a decomposition does not converge: nan, and its status."""
    support = support_of(solution.plan, settings.theta)
    m = solution.plan.shape[1]
    unknown = np.full(m - 1, math.nan)
    basis = EigenBasis(
        plan=solution.plan,
        row=solution.row,
        col=solution.col,
        eigenvalues=unknown,
        gaps=unknown,
        vectors=np.full((m, m - 1), math.nan),
        floor=0.0,
        status=Status.BELOW_RESOLUTION,
    )
    modes = modes_in(basis, settings.norm)
    found = _Measurement(
        solution=solution, support=support, basis=basis, modes=modes, settings=settings
    )
    row = _row(found, _LayerColumns(), bifurcates=not support.same_as(before))
    arrays = SpectrumArrays(solution=solution, support=support, modes=modes)
    point = SpectrumPoint(
        row=row,
        eigenvalues=_eigenvalue_rows(solution.eps, modes, basis.floor),
        arrays=arrays if settings.keep else None,
    )
    return point, support


def _row(found: _Measurement, layer: _LayerColumns, *, bifurcates: bool) -> SpectrumRow:
    solution, modes, gap, rho = found.solution, found.modes, found.gap, found.rho
    conditions = modes.eigenvalue_conditions()
    return SpectrumRow(
        eps=solution.eps,
        rho=rho,
        gap=gap,
        resolvent_norm=modes.resolvent_norm(1.0),
        kappa_V=modes.condition(),
        eigenvalue_condition=float(conditions[0]) if len(conditions) else 1.0,
        departure_from_normality=modes.departure(),
        # Where every eigenvalue is 0 the Jacobian is, and its powers are rounding.
        transient_peak=0.0 if rho == 0.0 else modes.transient_peak(),
        duality_lhs=gap,
        duality_rhs=duality_rhs(found.basis, modes.norm),
        sweeps_per_digit=sweeps_for(gap, rho, 0.1),
        sigma_2=math.sqrt(rho) if rho >= 0 else math.nan,
        components=found.support.components,
        marginal_error=solution.marginal_error,
        status=worst([solution.status, modes.status]),
        norm=modes.norm,
        modes=len(modes.gaps),
        bound="exact" if found.basis.complete else "lower",
        support_size=found.support.size,
        bifurcates=bifurcates,
        predicted_sweeps=_whole(sweeps_for(gap, rho, found.settings.tol)),
        iters=found.settings.iters,
        implicit_residual=layer.implicit_residual,
        effective_depth=layer.effective_depth,
        truncated_norm=layer.truncated_norm,
        truncated_radius=layer.truncated_radius,
        truncated_smallest=layer.truncated_smallest,
        converged_norm=layer.converged_norm,
        converged_radius=layer.converged_radius,
        converged_smallest=layer.converged_smallest,
        layer_gain=layer.layer_gain,
        converged_gain=layer.converged_gain,
        float32_error=layer.float32_error,
        bfloat16_error=layer.bfloat16_error,
        float16_error=layer.float16_error,
    )


def _layer(problem: Problem, found: _Measurement) -> _LayerColumns:
    modes, basis, settings, solution = found.modes, found.basis, found.settings, found.solution
    if not settings.extended or not len(modes.gaps) or not np.all(np.isfinite(modes.gaps)):
        return _LayerColumns()
    square = solution.plan.shape[0] <= DENSE_LIMIT
    columns = _LayerColumns(
        # Where every eigenvalue is 0 the Jacobian is, and its powers are rounding.
        converged_norm=0.0 if found.rho == 0.0 else modes.power_norm(settings.iters),
        converged_radius=found.rho**settings.iters
        if found.gap > HALF
        else math.exp(settings.iters * math.log1p(-found.gap)),
        effective_depth=mixing_depth(solution.plan, solution.row) if square else math.nan,
    )
    if not basis.complete:
        return columns
    columns = replace(
        columns,
        implicit_residual=_decade(implicit_residual(basis, settings.seed)),
        converged_smallest=modes.smallest_power(settings.iters),
        converged_gain=fixed_point_gain(basis, solution.eps, settings.seed),
    )
    layer = unroll(problem, solution.eps, settings.iters)
    return columns if layer is None else _truncated(problem, layer, columns, settings)


def _truncated(
    problem: Problem, layer: Layer, columns: _LayerColumns, settings: SpectrumSettings
) -> _LayerColumns:
    """The columns on the K sweeps themselves, added."""
    found = sweep_spectrum(layer, problem.row, problem.col, settings.norm)
    call = layer_call(
        problem, layer.eps, layer.iters, additive=settings.additive, seed=settings.seed
    )
    exact = np.stack([layer.vjp(cotangent) for cotangent in call.cotangents])

    def error(precision: Precision) -> float:
        return max(gradient_errors(call, exact, layer.plan, precision).values())

    return replace(
        columns,
        truncated_norm=found.norm,
        truncated_radius=found.radius,
        truncated_smallest=found.smallest,
        layer_gain=layer_gain(layer, settings.seed),
        float32_error=error("float32"),
        bfloat16_error=error("bfloat16"),
        float16_error=error("float16"),
    )


def _decade(residual: float) -> float:
    """The power of ten at or above a residual: rounding, and threads with it, has no digits."""
    if not math.isfinite(residual):
        return residual
    return 10.0 ** math.ceil(math.log10(max(residual, LEAST_RESIDUAL)))


def _eigenvalue_rows(eps: float, modes: Modes, floor: float) -> tuple[EigenvalueRow, ...]:
    """All eigenvalues, descending, with their condition numbers."""
    hidden = (modes.eigenvalues < floor) & (modes.eigenvalues > 0)
    values: FloatArray = np.where(hidden, np.nan, modes.eigenvalues)
    columns = zip(values, modes.eigenvalue_conditions(), modes.gaps, strict=True)
    return tuple(
        EigenvalueRow(
            eps=eps, index=k, eigenvalue=float(value), condition=float(condition), gap=float(gap)
        )
        for k, (value, condition, gap) in enumerate(columns, start=2)
    )


def sweeps_for(gap: float, rho: float, factor: float) -> float:
    """How many sweeps shrink an error by ``factor``: ln(factor)/ln(rho), by whichever is exact."""
    if rho == 0.0:
        return 0.0
    if gap > HALF:
        return math.log(factor) / math.log(rho)
    return math.log(factor) / math.log1p(-gap) if gap > 0 else math.nan


def _whole(sweeps: float) -> float:
    return float(math.ceil(sweeps)) if math.isfinite(sweeps) else sweeps
