"""One temperature of ``spectrum``: from a fixed point to its row, eigenvalues and arrays."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sinkdiag.arrays import FloatArray
from sinkdiag.derivatives.duality import duality_rhs
from sinkdiag.jacobian.basis import HALF, EigenBasis, eigenbasis
from sinkdiag.jacobian.leading import DEFAULT_COUNT, leading_basis
from sinkdiag.jacobian.modes import Modes, modes_in
from sinkdiag.jacobian.support import ActiveSupport, active_schur, support_of
from sinkdiag.problem import Problem
from sinkdiag.results import Solution, Status, worst
from sinkdiag.studies.spectrum_layer import LayerColumns, largest_eigenvalue_of, layer_columns
from sinkdiag.studies.spectrum_row import EigenvalueRow, SpectrumRow
from sinkdiag.studies.spectrum_settings import DENSE_LIMIT, SpectrumSettings


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


def measure_point(
    problem: Problem,
    solution: Solution,
    before: ActiveSupport | None,
    settings: SpectrumSettings,
) -> tuple[SpectrumPoint, ActiveSupport]:
    """Linearise one sweep at a fixed point; ``before`` is the support one temperature earlier."""
    return _point(problem, solution, _basis(solution, settings), before, settings)


def unresolved_point(
    problem: Problem,
    solution: Solution,
    before: ActiveSupport | None,
    settings: SpectrumSettings,
) -> tuple[SpectrumPoint, ActiveSupport]:
    """`measure_point` where a decomposition does not converge: nan, and its status."""
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
    return _point(problem, solution, basis, before, settings)


def _point(
    problem: Problem,
    solution: Solution,
    basis: EigenBasis,
    before: ActiveSupport | None,
    settings: SpectrumSettings,
) -> tuple[SpectrumPoint, ActiveSupport]:
    support, modes = support_of(solution.plan, settings.theta), modes_in(basis, settings.norm)
    found = _Measurement(
        solution=solution, support=support, basis=basis, modes=modes, settings=settings
    )
    layer = layer_columns(problem, solution, basis, modes, settings)
    arrays = SpectrumArrays(solution=solution, support=support, modes=modes)
    point = SpectrumPoint(
        row=_row(found, layer, bifurcates=not support.same_as(before)),
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
        """The largest eigenvalue."""
        return largest_eigenvalue_of(self.modes, self.basis.floor)

    @property
    def condition(self) -> float:
        """The condition of the largest eigenvalue; 1 where there is no mode."""
        conditions = self.modes.eigenvalue_conditions()
        return float(conditions[0]) if len(conditions) else 1.0


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


def _row(found: _Measurement, layer: LayerColumns, *, bifurcates: bool) -> SpectrumRow:
    solution, modes, gap, rho = found.solution, found.modes, found.gap, found.rho
    return SpectrumRow(
        eps=solution.eps,
        rho=rho,
        gap=gap,
        resolvent_norm=modes.resolvent_norm(1.0),
        kappa_V=modes.condition(),
        eigenvalue_condition=found.condition,
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
        normalised_float32_error=layer.normalised_float32_error,
    )


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


def arrays_of(points: Sequence[SpectrumPoint]) -> dict[str, Any]:
    """What was kept of the points, temperatures along the first axis."""
    found = [point.arrays for point in points if point.arrays is not None]
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
