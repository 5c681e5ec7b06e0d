"""What a calibration is asked."""

from __future__ import annotations

from dataclasses import dataclass

from sinkdiag.annealing.track import JUDGE_MAX_ITER, JUDGE_TOL, TrackSettings
from sinkdiag.checks import MOST_ITERS, check_count, check_share, check_size
from sinkdiag.errors import InputError

_MOST = {"iters": MOST_ITERS}
_LEAST = {"iters": 1, "max_steps": 2, "replicates": 2, "seed": 0, "max_iter": 1}


@dataclass(frozen=True, kw_only=True)
class CalibrationSettings:
    """How a controller is calibrated, whatever the cost and its temperatures.

    Attributes
    ----------
    iters:
        Sweeps of the layer at every step (K).
    alpha0:
        Cooling factor of one step; None: the gentlest that collapses.
    beta:
        Load at which braking begins; 1: cool or hold.
    max_steps:
        Step budget: within it the lowest temperature must be reached.
    replicates:
        Held-out replicates of phase II.
    noise, noise_decay:
        Noise of a matrix's replicates, relative to the costs' standard deviation, and the factor
        on it at every step.
    collapse_tv:
        Total variation from the fixed point that counts as collapse.
    cold:
        The layer starts every step from zero potentials.
    fewer_sweeps:
        Whether K may be lowered, down to 1, where nothing collapses with the user's own.
    seed:
        Of the replicates.
    tol, max_iter:
        Of the fixed points that runs are judged by.

    Raises
    ------
    InputError
        Naming the setting that is out of range.
    """

    iters: int = 20
    alpha0: float | None = None
    beta: float = 1.0
    max_steps: int = 500
    replicates: int = 10
    noise: float = 0.01
    noise_decay: float = 0.9
    collapse_tv: float = 0.1
    cold: bool = False
    fewer_sweeps: bool = False
    seed: int = 0
    tol: float = JUDGE_TOL
    max_iter: int = JUDGE_MAX_ITER

    def __post_init__(self) -> None:
        for name, least in _LEAST.items():
            check_count(name, getattr(self, name), least, _MOST.get(name))
        if self.alpha0 is not None:
            check_share("alpha0", self.alpha0)
        if not 0.0 <= self.beta <= 1.0:  # nan is neither
            raise InputError("beta", f"{self.beta!r} is out of range", "give a number from 0 to 1")
        check_size("noise", self.noise, zero=True)
        check_share("noise_decay", self.noise_decay, zero=True)
        check_share("collapse_tv", self.collapse_tv)
        check_share("tol", self.tol)

    def layer(self, eps_start: float, eps_min: float) -> TrackSettings:
        """The user's own layer, annealed from eps_start to eps_min (cost units)."""
        return TrackSettings(
            eps_start=eps_start,
            eps_min=eps_min,
            iters=self.iters,
            max_steps=self.max_steps,
            cold=self.cold,
            tol=self.tol,
            max_iter=self.max_iter,
        )
