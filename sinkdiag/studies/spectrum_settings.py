"""What ``spectrum`` is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

from sinkdiag.checks import MOST_ITERS, check_choice, check_count, check_share, check_size
from sinkdiag.jacobian.modes import Norm
from sinkdiag.jacobian.support import DEFAULT_THETA

# Columns beyond which only the leading modes are computed.
DENSE_LIMIT = 3000


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
