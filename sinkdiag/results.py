"""What a computation says of itself: ``Status``, and the ``Solution`` of a transport problem."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Status(Enum):
    """How a computation ended; every diagnostic carries one."""

    CONVERGED = "converged"
    STALLED = "stalled"
    MAX_ITER = "max_iter"
    TRUNCATED = "truncated"
    FROZEN = "frozen"
    BELOW_RESOLUTION = "below_resolution"

    def __str__(self) -> str:
        return self.value

    @property
    def failed(self) -> bool:
        """Whether the value is not what was asked for (exit status 4)."""
        return self in _FAILED

    @property
    def cause(self) -> str:
        """Why the computation ended this way, in words."""
        return _WORDS[self][0]

    @property
    def remedy(self) -> str:
        """What the user can do about it, in words; empty when there is nothing to do."""
        return _WORDS[self][1]


_FAILED = frozenset({Status.STALLED, Status.MAX_ITER, Status.BELOW_RESOLUTION})

_WORDS = {
    Status.CONVERGED: ("the tolerance was met", ""),
    Status.STALLED: (
        "the residual stopped falling above the tolerance",
        "raise eps, or give a looser --tol",
    ),
    Status.MAX_ITER: (
        "the iteration limit was reached above the tolerance",
        "raise --max-iter, raise eps, or give a looser --tol",
    ),
    Status.TRUNCATED: (
        "the requested number of sweeps was run, on purpose",
        "drop --iters for the fixed point",
    ),
    Status.FROZEN: (
        "the spectral gap is resolved and below 1e-14: sweeps no longer move the potentials",
        "raise eps if the layer has to move",
    ),
    Status.BELOW_RESOLUTION: (
        "the value is smaller than double precision can resolve on this matrix",
        "raise eps, unless forbidden pairs cut the matrix apart",
    ),
}

_GRAVITY = (
    Status.BELOW_RESOLUTION,
    Status.STALLED,
    Status.MAX_ITER,
    Status.TRUNCATED,
    Status.FROZEN,
    Status.CONVERGED,
)


def worst(statuses: Iterable[Status]) -> Status:
    """The gravest of several statuses (``converged`` when there are none)."""
    return min(statuses, key=_GRAVITY.index, default=Status.CONVERGED)


@dataclass(frozen=True, kw_only=True, eq=False)
class Solution:
    """Potentials and plan of an entropic transport problem.

    P_ij = exp((f_i + g_j - C_ij)/eps), P1 = row, P'1 = col; f is updated last, so the rows of the
    plan are exact to rounding.

    Attributes
    ----------
    f, g:
        Potentials in cost units, shapes (n,) and (m,).
    plan:
        The plan P, shape (n, m), in units of the marginals.
    row, col:
        The marginals, shapes (n,) and (m,).
    eps:
        Temperature, in cost units.
    iters:
        Sweeps, or Newton steps and sweeps together, that were run.
    marginal_error:
        Largest relative error over both marginals of the returned plan.
    status:
        ``converged``, ``stalled``, ``max_iter``, or ``truncated`` for a set number of sweeps.
    """

    f: NDArray[np.float64]
    g: NDArray[np.float64]
    plan: NDArray[np.float64]
    row: NDArray[np.float64]
    col: NDArray[np.float64]
    eps: float
    iters: int
    marginal_error: float
    status: Status
