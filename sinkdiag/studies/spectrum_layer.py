"""The extended columns of ``spectrum``: K sweeps, their gradients, stacks of layers."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from sinkdiag.derivatives.duality import implicit_residual
from sinkdiag.jacobian.basis import HALF, EigenBasis
from sinkdiag.jacobian.depth import mixing_depth
from sinkdiag.jacobian.gains import fixed_point_gain, layer_gain
from sinkdiag.jacobian.modes import Modes
from sinkdiag.jacobian.sweeps import sweep_spectrum
from sinkdiag.problem import Problem
from sinkdiag.results import Solution
from sinkdiag.solver.layer import Layer, unroll
from sinkdiag.solver.precision import Implementation, Precision, gradient_errors, layer_call
from sinkdiag.studies.spectrum_settings import DENSE_LIMIT, SpectrumSettings

# What is only rounding is shown as the power of ten above it, from here up.
LEAST_RESIDUAL = 1e-13


@dataclass(frozen=True, kw_only=True)
class LayerColumns:
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
    normalised_float32_error: float = math.nan
    effective_depth: float = math.nan


def largest_eigenvalue_of(modes: Modes, floor: float) -> float:
    """The largest eigenvalue; at or below ``floor`` it is the rounding of 0, as without modes."""
    rho = float(modes.eigenvalues[0]) if len(modes.gaps) else 0.0
    return 0.0 if rho <= floor else rho


def layer_columns(
    problem: Problem,
    solution: Solution,
    basis: EigenBasis,
    modes: Modes,
    settings: SpectrumSettings,
) -> LayerColumns:
    """The columns on K sweeps and on stacks, as far as they are asked for and apply."""
    if not settings.extended or not len(modes.gaps) or not np.all(np.isfinite(modes.gaps)):
        return LayerColumns()
    gap, rho = float(modes.gaps[0]), largest_eigenvalue_of(modes, basis.floor)
    square = solution.plan.shape[0] <= DENSE_LIMIT
    columns = LayerColumns(
        # Where every eigenvalue is 0 the Jacobian is, and its powers are rounding.
        converged_norm=0.0 if rho == 0.0 else modes.power_norm(settings.iters),
        converged_radius=rho**settings.iters
        if gap > HALF
        else math.exp(settings.iters * math.log1p(-gap)),
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
    problem: Problem, layer: Layer, columns: LayerColumns, settings: SpectrumSettings
) -> LayerColumns:
    """The columns on the K sweeps themselves, added."""
    found = sweep_spectrum(layer, problem.row, problem.col, settings.norm)
    call = layer_call(
        problem, layer.eps, layer.iters, additive=settings.additive, seed=settings.seed
    )
    exact = np.stack([layer.vjp(cotangent) for cotangent in call.cotangents])

    def errors(precision: Precision) -> dict[Implementation, float]:
        return gradient_errors(call, exact, layer.plan, precision)

    float32 = errors("float32")
    return replace(
        columns,
        truncated_norm=found.norm,
        truncated_radius=found.radius,
        truncated_smallest=found.smallest,
        layer_gain=layer_gain(layer, settings.seed),
        float32_error=float32["log_domain"],
        bfloat16_error=errors("bfloat16")["log_domain"],
        float16_error=errors("float16")["log_domain"],
        normalised_float32_error=float32["alternate_normalisation"],
    )


def _decade(residual: float) -> float:
    """The power of ten at or above a residual: rounding, and threads with it, has no digits."""
    if not math.isfinite(residual):
        return residual
    return 10.0 ** math.ceil(math.log10(max(residual, LEAST_RESIDUAL)))
