"""One pseudospectrum, complete: resolvent norms on a grid, and the numbers that go with them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from sinkdiag.arrays import BoolArray, ComplexArray, FloatArray
from sinkdiag.progress import Progress, silent
from sinkdiag.resolvent.grid import Grid, automatic_levels, make_grid
from sinkdiag.resolvent.kreiss import Kreiss, kreiss_constant
from sinkdiag.resolvent.numerical_range import NumericalRange, numerical_range
from sinkdiag.resolvent.operator import Operator, OperatorNorm
from sinkdiag.resolvent.powers import (
    Power,
    automatic_powers,
    power_norms,
    transient_peak,
)
from sinkdiag.resolvent.radius import Radius, pseudospectral_radius
from sinkdiag.resolvent.resolvent import Norms, Resolvent
from sinkdiag.resolvent.structured import Shift
from sinkdiag.resolvent.triangular import Triangular
from sinkdiag.resolvent.verdict import verdict_of
from sinkdiag.results import Status, worst

# Where nothing is known of the spectrum but that a Jacobian's is in [0, 1].
_UNKNOWN_AXES, _UNKNOWN_SHAPE = (-0.5, 1.5, -1.0, 1.0), (52, 52)


@dataclass(frozen=True, kw_only=True)
class PseudospectrumSummary:
    """What one pseudospectrum says beside its grid.

    Attributes
    ----------
    source, index, eps, norm, iters, order:
        Whose: index is the place in a stack; eps is nan for a user's matrix, iters 0 at the fixed
        point, order the matrix's.
    spectral_radius, kappa_V:
        max |λ|; condition number of the eigenvectors.
    radii:
        Pseudospectral radius at each level, with bounds and the point that attains it.
    kreiss:
        Kreiss constant between two bounds.
    numerical_radius, numerical_radius_upper:
        Bounds of max |W|.
    powers:
        ‖J^k‖ with bounds.
    transient_peak, transient_peak_at, transient_peak_bound:
        Largest ‖J^k‖, k >= 1, and its k; ``exact`` when no other k can be larger, else ``lower``.
    structured:
        Reach of the leading eigenvalues under cost perturbations of norm ``structured_size``.
    points, unconverged, unresolved:
        Points of the grid; those whose norm did not meet its tolerance (lower estimates); and those
        where sigma_min is below the rounding of the decomposition (nan).
    status, verdict:
        The gravest status, and the reading in words.
    """

    source: str
    index: int
    eps: float
    norm: OperatorNorm
    iters: int
    order: int
    spectral_radius: float
    kappa_V: float  # noqa: N815 - the contract's name
    radii: tuple[Radius, ...]
    kreiss: Kreiss
    numerical_radius: float
    numerical_radius_upper: float
    powers: tuple[Power, ...]
    transient_peak: float
    transient_peak_at: int
    transient_peak_bound: Literal["exact", "lower"]
    structured_size: float
    structured: tuple[Shift, ...]
    points: int
    unconverged: int
    unresolved: int
    status: Status
    verdict: str


@dataclass(frozen=True, kw_only=True, eq=False)
class Pseudospectrum:
    """The summary, and the arrays that a picture needs.

    ``norms`` (resolvent norms: inf on an eigenvalue, nan below resolution) and ``converged`` have
    shape (len(grid.im), len(grid.re)); ``eigenvalues`` (k,); ``numerical_range`` are corners of a
    polygon around W, shape (c,).
    """

    summary: PseudospectrumSummary
    grid: Grid
    norms: FloatArray
    converged: BoolArray
    eigenvalues: ComplexArray
    numerical_range: ComplexArray


def pseudospectrum_of(
    operator: Operator,
    *,
    axes: tuple[float, float, float, float] | None = None,
    shape: tuple[int, int] | None = None,
    levels: Sequence[float] = (),
    structured_size: float = math.nan,
    structured: Sequence[Shift] = (),
    seed: int = 0,
    progress: Progress = silent,
) -> Pseudospectrum:
    """The pseudospectrum of one operator.

    Parameters
    ----------
    operator:
        Whose; one whose norm is below resolution gets a grid of nan.
    axes, shape, levels:
        (re_min, re_max, im_min, im_max); points along re and along im; the eps of the curves
        ‖(z-J)^{-1}‖ = 1/eps. What is left out is chosen automatically.
    structured_size, structured:
        A size of cost perturbations and the shifts that they cause, kept with the rest.
    seed:
        That of the iterations' first vectors.
    progress:
        Told of grid points, levels and the Kreiss constant.

    Raises
    ------
    InputError
        When the axes are too narrow for the grid.
    """
    matrix = operator.matrix
    if matrix is None:
        return _below_resolution(operator, axes or _UNKNOWN_AXES, shape or _UNKNOWN_SHAPE)
    resolvent = Resolvent.of(matrix, seed=seed)
    grid = make_grid(matrix, axes, shape)
    norms = resolvent.norms(grid.offsets, progress=progress)
    levels = levels or automatic_levels(norms.values, operator.kappa, matrix.floor)
    radii = _radii(resolvent, levels if matrix.size else (), progress)
    bounds = numerical_range(matrix)
    progress("Kreiss constant", 0, 1)
    kreiss = kreiss_constant(resolvent, bounds.upper)
    summary = _summary(
        operator,
        matrix,
        norms=norms,
        radii=radii,
        bounds=bounds,
        kreiss=kreiss,
        structured_size=structured_size,
        structured=tuple(structured),
    )
    return Pseudospectrum(
        summary=summary,
        grid=grid,
        norms=norms.values,
        converged=norms.converged,
        eigenvalues=matrix.eigenvalues,
        numerical_range=bounds.corners,
    )


def _radii(resolvent: Resolvent, levels: Sequence[float], progress: Progress) -> tuple[Radius, ...]:
    radii = []
    for place, level in enumerate(levels):
        progress("pseudospectral radii", place, len(levels))
        radii.append(pseudospectral_radius(resolvent, level))
    return tuple(radii)


def _summary(
    operator: Operator,
    matrix: Triangular,
    *,
    norms: Norms,
    radii: tuple[Radius, ...],
    bounds: NumericalRange,
    kreiss: Kreiss,
    structured_size: float,
    structured: tuple[Shift, ...],
) -> PseudospectrumSummary:
    unresolved = int(np.count_nonzero(np.isnan(norms.values)))
    unconverged = int(np.count_nonzero(~norms.converged & ~np.isnan(norms.values)))
    powers = power_norms(matrix, automatic_powers(matrix), radii, kreiss, operator.kappa)
    peak = transient_peak(matrix, powers, radii, operator.kappa)
    statuses = [operator.status, kreiss.status, bounds.status, *(r.status for r in radii)]
    statuses += [Status.MAX_ITER] * bool(unconverged)
    statuses += [Status.BELOW_RESOLUTION] * bool(unresolved)
    eigenvalues = matrix.eigenvalues
    return PseudospectrumSummary(
        source=operator.name,
        index=operator.index,
        eps=operator.eps,
        norm=operator.norm,
        iters=operator.iters,
        order=operator.size,
        spectral_radius=float(np.abs(eigenvalues).max()) if len(eigenvalues) else 0.0,
        kappa_V=operator.kappa,
        radii=radii,
        kreiss=kreiss,
        numerical_radius=bounds.lower,
        numerical_radius_upper=bounds.upper,
        powers=powers,
        transient_peak=peak.norm,
        transient_peak_at=peak.k,
        transient_peak_bound=peak.bound,
        structured_size=structured_size,
        structured=structured,
        points=norms.values.size,
        unconverged=unconverged,
        unresolved=unresolved,
        status=worst(statuses),
        verdict=verdict_of(
            operator, kreiss=kreiss, radii=radii, unconverged=unconverged, unresolved=unresolved
        ),
    )


def _below_resolution(
    operator: Operator, axes: tuple[float, float, float, float], shape: tuple[int, int]
) -> Pseudospectrum:
    """A grid of nan: the norm of this Jacobian is below resolution."""
    columns, rows = shape
    nan, bad = math.nan, Status.BELOW_RESOLUTION
    summary = PseudospectrumSummary(
        source=operator.name,
        index=operator.index,
        eps=operator.eps,
        norm=operator.norm,
        iters=operator.iters,
        order=operator.size,
        spectral_radius=nan,
        kappa_V=nan,
        radii=(),
        kreiss=Kreiss(lower=nan, upper=nan, point=(nan, nan), status=bad),
        numerical_radius=nan,
        numerical_radius_upper=nan,
        powers=(),
        transient_peak=nan,
        transient_peak_at=0,
        transient_peak_bound="lower",
        structured_size=nan,
        structured=(),
        points=rows * columns,
        unconverged=0,
        unresolved=0,
        status=bad,
        verdict=f"the {operator.norm} norm is below resolution at this temperature: {bad.remedy}",
    )
    return Pseudospectrum(
        summary=summary,
        grid=Grid(re=np.linspace(*axes[:2], columns), im=np.linspace(*axes[2:], rows), origin=1.0),
        norms=np.full((rows, columns), nan),
        converged=np.zeros((rows, columns), dtype=bool),
        eigenvalues=np.empty(0, dtype=np.complex128),
        numerical_range=np.empty(0, dtype=np.complex128),
    )
