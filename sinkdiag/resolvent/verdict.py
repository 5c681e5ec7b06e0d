"""What a pseudospectrum says, in a sentence."""

from __future__ import annotations

import math
from collections.abc import Sequence

from sinkdiag.jacobian.modes import NEARLY_NORMAL
from sinkdiag.resolvent.kreiss import Kreiss
from sinkdiag.resolvent.operator import Operator
from sinkdiag.resolvent.radius import Radius
from sinkdiag.results import Status


def verdict_of(
    operator: Operator,
    *,
    kreiss: Kreiss,
    radii: Sequence[Radius],
    unconverged: int,
    unresolved: int,
) -> str:
    """Whether pseudospectra add anything, what powers do, and what was not resolved.

    ``unconverged`` and ``unresolved`` count points of the grid.
    """
    if operator.size == 0:
        return "a single column: the Jacobian acts on nothing, every norm is 0"
    parts = [
        _normality(operator.kappa),
        _growth(kreiss),
        *_grid_faults(unconverged, unresolved),
        *_bound_faults(kreiss, radii),
    ]
    if operator.status is Status.FROZEN:
        parts.append("frozen: the gap is below 1e-14")
    elif operator.status.failed:
        parts.append(f"the fixed point is {operator.status}: {operator.status.remedy}")
    return "; ".join(parts)


def _normality(kappa: float) -> str:
    if kappa < NEARLY_NORMAL:
        return (
            f"pseudospectra add nothing to the eigenvalues: kappa(V) = {kappa:.3g} is below "
            f"{NEARLY_NORMAL:g}, and every resolvent norm is between 1 and kappa(V) times "
            "1/dist(z, spectrum)"
        )
    return f"kappa(V) = {kappa:.3g}: resolvent norms may exceed 1/dist(z, spectrum) by up to this"


def _growth(kreiss: Kreiss) -> str:
    if math.isinf(kreiss.upper) and math.isinf(kreiss.lower):
        return "an eigenvalue on or outside the unit circle: powers do not decay"
    if kreiss.upper <= 1.0:
        return "no transient growth is forced (Kreiss constant 1)"
    return (
        f"some power reaches at least {kreiss.lower:.4g} (Kreiss constant within "
        f"[{kreiss.lower:.6g}, {kreiss.upper:.6g}])"
    )


def _grid_faults(unconverged: int, unresolved: int) -> list[str]:
    parts = []
    if unconverged:
        parts.append(f"{unconverged} points did not converge: lower estimates")
    if unresolved:
        parts.append(f"{unresolved} points are below resolution: the norm there exceeds rounding")
    return parts


def _bound_faults(kreiss: Kreiss, radii: Sequence[Radius]) -> list[str]:
    parts = []
    if kreiss.status.failed:
        parts.append("the two bounds of the Kreiss constant are more than 1e-3 apart")
    hidden = [radius for radius in radii if radius.status is Status.BELOW_RESOLUTION]
    if hidden:
        levels = ", ".join(f"{radius.level:.3g}" for radius in hidden)
        parts.append(f"the level {levels} is below the rounding of the decomposition")
    loose = [radius for radius in radii if radius.status is Status.MAX_ITER]
    if loose:
        levels = ", ".join(f"{radius.level:.3g}" for radius in loose)
        parts.append(f"the pseudospectral radius at level {levels} has no certified upper bound")
    return parts
