"""One pseudospectrum, complete: the grid, the numbers that go with it, and what they mean."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sinkdiag.arrays import ComplexArray, FloatArray
from sinkdiag.resolvent.grid import NEARLY_NORMAL, Grid, automatic_levels, make_grid
from sinkdiag.resolvent.kreiss import Kreiss, kreiss_constant
from sinkdiag.resolvent.numerical_range import numerical_range
from sinkdiag.resolvent.operator import Operator
from sinkdiag.resolvent.powers import Power, automatic_powers, power_norms
from sinkdiag.resolvent.radius import Radius, pseudospectral_radius
from sinkdiag.resolvent.resolvent import Resolvent
from sinkdiag.resolvent.structured import Shift
from sinkdiag.results import Status, worst

Tell = Callable[[str, int, int], None]


@dataclass(frozen=True)
class PseudospectrumRow:
    """One point of the grid: ‖(z-J)^{-1}‖ at z = re + i im.

    ``resolvent_norm`` is inf on an eigenvalue, nan below resolution; a lower estimate where
    ``converged`` is false. ``norm`` names the norm, ``iters`` is K for K sweeps, 0 at the fixed
    point.
    """

    eps: float
    re: float
    im: float
    resolvent_norm: float
    norm: str
    converged: bool = field(metadata={"extended": True})
    iters: int = field(metadata={"extended": True})


@dataclass(frozen=True)
class Facts:
    """The summary of one pseudospectrum.

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
    transient_peak:
        Largest ‖J^k‖, k >= 1, among them.
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
    norm: str
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
    structured_size: float
    structured: tuple[Shift, ...]
    points: int
    unconverged: int
    unresolved: int
    status: Status
    verdict: str


@dataclass(frozen=True)
class Summary:
    """The facts of every pseudospectrum of a run."""

    pseudospectra: tuple[Facts, ...]


@dataclass(frozen=True, eq=False)
class Portrait:
    """Facts, and the arrays a picture needs.

    ``norms`` and ``converged`` have shape (len(grid.im), len(grid.re)); ``eigenvalues`` (k,);
    ``numerical_range`` are corners of a polygon around W, shape (c,).
    """

    facts: Facts
    grid: Grid
    norms: FloatArray
    converged: NDArray[np.bool_]
    eigenvalues: ComplexArray
    numerical_range: ComplexArray

    def rows(self) -> list[PseudospectrumRow]:
        """One row a point, imaginary parts slowest."""
        eps, norm, iters = self.facts.eps, self.facts.norm, self.facts.iters
        return [
            PseudospectrumRow(eps, re, im, value, norm, met, iters)
            for im, values, flags in zip(
                self.grid.im.tolist(), self.norms.tolist(), self.converged.tolist(), strict=True
            )
            for re, value, met in zip(self.grid.re.tolist(), values, flags, strict=True)
        ]


@dataclass(frozen=True)
class Settings:
    """What to compute; None is automatic.

    ``axes`` is (re_min, re_max, im_min, im_max), ``shape`` (points along re, along im), ``levels``
    the eps of the curves, ``powers`` the k of ‖J^k‖, ``seed`` that of the iterations' starts.
    """

    axes: tuple[float, float, float, float] | None = None
    shape: tuple[int, int] | None = None
    levels: tuple[float, ...] | None = None
    powers: tuple[int, ...] | None = None
    seed: int = 0


def compute(
    operator: Operator,
    settings: Settings,
    *,
    structured: tuple[float, Sequence[Shift]] = (math.nan, ()),
    index: int = 0,
    tell: Tell | None = None,
) -> Portrait:
    """The pseudospectrum of one operator.

    ``structured`` is a size s and the shifts of the eigenvalues, ``index`` the matrix's place in
    its stack, both to be kept with the rest; ``tell`` hears of the progress.
    """
    if operator.matrix is None:
        return _unresolved(operator, settings, index)
    matrix = operator.matrix
    resolvent = Resolvent.of(matrix, seed=settings.seed)
    grid = make_grid(matrix, settings.axes, settings.shape)
    stage = "resolvent norms" if tell else ""
    norms = resolvent.norms(
        grid.offsets, tell=None if tell is None else lambda done, all_: tell(stage, done, all_)
    )
    levels = settings.levels or automatic_levels(norms.values, operator.kappa, matrix.floor)
    radii = []
    for index, level in enumerate(levels if matrix.size else ()):
        if tell is not None:
            tell("pseudospectral radii", index, len(levels))
        radii.append(pseudospectral_radius(resolvent, level))
    reach = numerical_range(matrix)
    if tell is not None:
        tell("Kreiss constant", 0, 1)
    kreiss = kreiss_constant(resolvent, reach.upper)
    powers = power_norms(
        matrix, settings.powers or automatic_powers(matrix), radii, kreiss, operator.kappa
    )
    status = worst([operator.status, kreiss.status, reach.status, *(r.status for r in radii)])
    unresolved = int(np.count_nonzero(np.isnan(norms.values)))
    unconverged = norms.unconverged - unresolved
    if unconverged:
        status = worst([status, Status.MAX_ITER])
    if unresolved:
        status = worst([status, Status.BELOW_RESOLUTION])
    facts = Facts(
        operator.name,
        index,
        operator.eps,
        operator.norm,
        operator.iters,
        operator.size,
        float(np.abs(matrix.eigenvalues).max()) if matrix.size else 0.0,
        operator.kappa,
        tuple(radii),
        kreiss,
        reach.lower,
        reach.upper,
        powers,
        max((power.norm for power in powers if power.k >= 1), default=0.0),
        structured[0],
        tuple(structured[1]),
        norms.values.size,
        unconverged,
        unresolved,
        status,
        _verdict(operator, unconverged, unresolved, kreiss),
    )
    return Portrait(facts, grid, norms.values, norms.converged, matrix.eigenvalues, reach.corners)


def _verdict(operator: Operator, unconverged: int, unresolved: int, kreiss: Kreiss) -> str:
    kappa = operator.kappa
    if operator.size == 0:
        return "a single column: the Jacobian acts on nothing, every norm is 0"
    parts = []
    if kappa <= NEARLY_NORMAL:
        parts.append(
            f"pseudospectra add nothing to the eigenvalues: kappa(V) = {kappa:.3g} is below "
            f"{NEARLY_NORMAL:g}, and every resolvent norm is between 1 and kappa(V) times "
            "1/dist(z, spectrum)"
        )
    else:
        parts.append(
            f"kappa(V) = {kappa:.3g}: resolvent norms may exceed 1/dist(z, spectrum) by up to this"
        )
    if math.isinf(kreiss.upper) and math.isinf(kreiss.lower):
        parts.append("an eigenvalue on or outside the unit circle: powers do not decay")
    elif kreiss.upper <= 1.0:
        parts.append("no transient growth is forced (Kreiss constant 1)")
    else:
        parts.append(
            f"some power reaches at least {kreiss.lower:.4g} (Kreiss constant within "
            f"[{kreiss.lower:.6g}, {kreiss.upper:.6g}])"
        )
    if unconverged:
        parts.append(f"{unconverged} points did not converge: lower estimates")
    if unresolved:
        parts.append(f"{unresolved} points are below resolution: the norm there exceeds rounding")
    if operator.status is Status.FROZEN:
        parts.append("frozen: the gap is below 1e-14")
    return "; ".join(parts)


def _unresolved(operator: Operator, settings: Settings, index: int) -> Portrait:
    """A portrait of nan: the norm of this Jacobian is below resolution."""
    axes = settings.axes or (-0.5, 1.5, -1.0, 1.0)
    columns, rows = settings.shape or (52, 52)
    grid = Grid(np.linspace(*axes[:2], columns), np.linspace(*axes[2:], rows), 1.0)
    nan = math.nan
    bad = Status.BELOW_RESOLUTION
    facts = Facts(
        operator.name, index, operator.eps, operator.norm, operator.iters, operator.size,
        nan, nan, (), Kreiss(nan, nan, (nan, nan), bad), nan, nan, (), nan, nan, (),
        rows * columns, 0, 0, bad,
        f"the {operator.norm} norm is below resolution at this temperature: {bad.remedy}",
    )  # fmt: skip
    values = np.full((rows, columns), nan)
    none = np.empty(0, dtype=np.complex128)
    return Portrait(facts, grid, values, np.zeros(values.shape, dtype=bool), none, none)
