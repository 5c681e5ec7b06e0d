"""Cooling controlled by drift (EPH-ASC, the paper's) or tracking error, for any training loop."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from sinkdiag.arrays import FloatArray

if TYPE_CHECKING:
    import pandas as pd

Signal = Literal["drift", "tracking"]

# The paper's slope, drift per eps; and the share of the mass that may be out of place.
DEFAULT_SLOPE: Mapping[Signal, float] = {"drift": 0.5, "tracking": 0.01}

# What is left above eps_min is taken along with a step when it is at most this share of a full
# step (of log eps). A factor alpha0 = (eps_min/eps_start)^(1/s) that was rounded in its 6th digit,
# with its ends rounded likewise, misses eps_min after s steps by at most about
# 5e-7·s²/log(eps_start/eps_min) of a step: for the default range of 300, by less than this up to
# s = 750, beyond the default step budget. Without it a last step of a sliver remains, before which
# the controller may hold for a long time.
SLIVER = 0.05


@dataclass(frozen=True, kw_only=True)
class CoolingRule:
    """One step of EPH-ASC with a piecewise-hybrid zone.

    x = clip((reading/k_safe - beta)/(1 - beta), 0, 1), eps <- alpha0^(1-x) eps, or eps_min where
    that is at most alpha0^(-SLIVER) eps_min. The reading is drift/eps, or the online tracking
    error, and k_safe is in its unit. beta = 1 is the paper's two-state rule: cool while drift <=
    k_safe eps, else hold. k_safe = inf is the plain exponential schedule. The paper names alpha0
    and beta in its Table 2 and defines neither: this zone is ours.

    Raises
    ------
    ValueError
        Unless k_safe > 0, 0 < alpha0 < 1, 0 <= beta <= 1.
    """

    k_safe: float
    alpha0: float
    beta: float = 1.0

    def __post_init__(self) -> None:
        if not self.k_safe > 0:
            raise ValueError(f"k_safe must be positive, not {self.k_safe}")
        if not 0 < self.alpha0 < 1:
            raise ValueError(f"alpha0 must lie between 0 and 1, not {self.alpha0}")
        if not 0 <= self.beta <= 1:
            raise ValueError(f"beta must lie in [0, 1], not {self.beta}")

    def braking(self, reading: float) -> float:
        """x: 0 cools by alpha0, 1 holds. What is unknown (nan: no drift at first) holds."""
        if math.isinf(self.k_safe):
            return 0.0
        if math.isnan(reading):
            return 1.0
        load = reading / self.k_safe
        if self.beta == 1.0:
            return 0.0 if load <= 1.0 else 1.0
        return min(max((load - self.beta) / (1.0 - self.beta), 0.0), 1.0)

    def cool(self, eps: float, reading: float, eps_min: float) -> float:
        """The next temperature, cost units."""
        following = eps * float(self.alpha0 ** (1.0 - self.braking(reading)))
        return eps_min if following <= eps_min * self.alpha0**-SLIVER else following

    def plain_steps(self, eps_start: float, eps_min: float) -> int:
        """Steps from eps_start to eps_min when none of them is braked, at least 1."""
        exact = math.log(eps_min / eps_start) / math.log(self.alpha0)
        return max(1, math.ceil(exact - SLIVER))


@dataclass(frozen=True, kw_only=True)
class CoolingStep:
    """What the controller saw and did at one step; eps is the temperature of the plan it saw.

    eps and next_eps in cost units, drift in units of mass (nan at the first step); tracking_error
    is a share of the mass (nan where rounding hides it, or the drift decides).
    """

    step: int
    eps: float
    drift: float
    drift_ratio: float
    tracking_error: float
    braking: float
    next_eps: float


class AdaptiveCooling:
    """Cool a Sinkhorn layer only as fast as its plan follows.

    At step t the layer runs at ``eps`` and returns P_t; ``step(P_t)`` takes a reading of each
    matrix and returns the temperature for the next step (`CoolingRule`).

    - signal ``drift`` (EPH-ASC): ‖P_t - P_{t-1}‖_F/eps. The first step holds.
    - signal ``tracking``: the online tracking error of P_t (`sinkdiag.online_gap_of_plan`), an
      estimate of the total variation between P_t and the fixed point at ``eps``, from two more
      sweeps. It needs no step before. Where rounding hides it, the smallest error that the
      residuals allow decides: no sweep would move a plan whose residual is at rounding level.

    Parameters
    ----------
    k_safe:
        Largest reading at which the controller cools. ``drift``: the safety slope, per cost unit
        (default 0.5, the paper's), for rows of mass 1; ``sinkdiag calibrate`` measures it.
        ``tracking``: the share of the mass, from 0 to 1, that may be out of place (default 0.01),
        whatever the marginals and the unit of the costs.
    alpha0:
        Cooling factor of one step without braking.
    beta:
        Load reading/k_safe at which braking begins; 1 is the paper's two-state rule.
    eps_start, eps_min:
        First and last temperature, cost units.
    reduce:
        How the readings of a batch (B, n, m) become one: the ``max`` (default: no matrix may
        collapse) or the ``mean``. Never one norm over the whole batch, which grows with B.
    signal:
        What is read: ``drift`` or ``tracking``.

    Raises
    ------
    ValueError
        For parameters out of range, or plans of changing shape or with entries that are not
        finite.

    Source: the paper's Algorithm 1 and Table 2; the tracking error is sinkdiag's own.
    """

    def __init__(
        self,
        k_safe: float | None = None,
        alpha0: float = 0.95,
        *,
        beta: float = 1.0,
        eps_start: float = 1.0,
        eps_min: float = 1e-3,
        reduce: Literal["max", "mean"] = "max",
        signal: Signal = "drift",
    ) -> None:
        if not 0 < eps_min <= eps_start < math.inf:
            raise ValueError(f"need 0 < eps_min <= eps_start, not {eps_min} and {eps_start}")
        if reduce not in ("max", "mean"):
            raise ValueError(f"reduce must be 'max' or 'mean', not {reduce!r}")
        if signal not in DEFAULT_SLOPE:
            raise ValueError(f"signal must be 'drift' or 'tracking', not {signal!r}")
        slope = DEFAULT_SLOPE[signal] if k_safe is None else float(k_safe)
        self.rule = CoolingRule(k_safe=slope, alpha0=float(alpha0), beta=float(beta))
        self.eps_start = float(eps_start)
        self.eps_min = float(eps_min)
        self.reduce: Literal["max", "mean"] = reduce
        self.signal: Signal = signal
        self.eps = self.eps_start
        self.matrix_drift: FloatArray | None = None
        self.matrix_tracking: FloatArray | None = None
        self._previous: FloatArray | None = None
        self._steps: list[CoolingStep] = []

    def step(
        self, plan: ArrayLike, *, row: ArrayLike | None = None, col: ArrayLike | None = None
    ) -> float:
        """Take the plan (n, m) or plans (B, n, m) made at ``eps``; return the next temperature.

        Anything NumPy can convert will do; detach tensors that carry gradients first. ``row`` (n,)
        and ``col`` (m,) are the marginals that the layer aims at, default 1 and n/m; only the
        tracking error needs them.
        """
        current = np.array(plan, dtype=np.float64)
        if current.ndim not in (2, 3) or current.size == 0:
            raise ValueError(f"a plan is (n, m) or (B, n, m), not {current.shape}")
        if not np.all(np.isfinite(current)):
            raise ValueError("the plan has entries that are not finite; the layer has diverged")
        drift = self._drift(current)
        error, reading = math.nan, drift / self.eps
        if self.signal == "tracking":
            error, reading = self._tracking(current, row, col)
        following = self.rule.cool(self.eps, reading, self.eps_min)
        self._steps.append(
            CoolingStep(
                step=len(self._steps),
                eps=self.eps,
                drift=drift,
                drift_ratio=drift / self.eps,
                tracking_error=error,
                braking=self.rule.braking(reading),
                next_eps=following,
            )
        )
        self._previous = current
        self.eps = following
        return following

    @property
    def done(self) -> bool:
        """Whether eps_min has been reached."""
        return self.eps <= self.eps_min

    @property
    def arrival(self) -> int | None:
        """The first step whose pass uses eps_min, from 0; None before that is known."""
        if self.eps_start <= self.eps_min:
            return 0
        last = (entry.step for entry in self._steps if entry.next_eps <= self.eps_min)
        first = next(last, None)
        return None if first is None else first + 1

    @property
    def history(self) -> pd.DataFrame:
        """One row a step: step, eps, drift, drift_ratio, tracking_error, braking, next_eps."""
        import pandas as pd

        names = [entry.name for entry in fields(CoolingStep)]
        records = [[getattr(entry, name) for name in names] for entry in self._steps]
        return pd.DataFrame(records, columns=names)

    def state_dict(self) -> dict[str, Any]:
        """Everything needed to go on from here, as plain values and arrays (copies)."""
        return {
            "k_safe": self.rule.k_safe,
            "alpha0": self.rule.alpha0,
            "beta": self.rule.beta,
            "eps_start": self.eps_start,
            "eps_min": self.eps_min,
            "reduce": self.reduce,
            "signal": self.signal,
            "eps": self.eps,
            "previous": None if self._previous is None else self._previous.copy(),
            "steps": [asdict(entry) for entry in self._steps],
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a `state_dict`, parameters included.

        Raises
        ------
        ValueError
            When keys are missing; nothing is changed then.
        """
        missing = self.state_dict().keys() - state.keys()
        if missing:
            raise ValueError(f"the state lacks {', '.join(sorted(missing))}")
        rule = CoolingRule(**{name: float(state[name]) for name in ("k_safe", "alpha0", "beta")})
        previous = state["previous"]
        self.rule = rule
        self.eps_start, self.eps_min = float(state["eps_start"]), float(state["eps_min"])
        self.reduce, self.signal = state["reduce"], state["signal"]
        self.eps = float(state["eps"])
        self._previous = None if previous is None else np.array(previous, dtype=np.float64)
        self._steps = [CoolingStep(**entry) for entry in state["steps"]]
        self.matrix_drift = self.matrix_tracking = None

    def __repr__(self) -> str:
        """The call that makes this controller anew, to the last digit."""
        rule = self.rule
        slope = repr(rule.k_safe) if math.isfinite(rule.k_safe) else 'float("inf")'
        reduce = "" if self.reduce == "max" else f", reduce={self.reduce!r}"
        signal = "" if self.signal == "drift" else f", signal={self.signal!r}"
        return (
            f"AdaptiveCooling(k_safe={slope}, alpha0={rule.alpha0!r}, beta={rule.beta!r}, "
            f"eps_start={self.eps_start!r}, eps_min={self.eps_min!r}{reduce}{signal})"
        )

    def _drift(self, current: FloatArray) -> float:
        """The drift of each matrix into ``matrix_drift``, reduced to one; nan at the first step."""
        if self._previous is None:
            self.matrix_drift = None
            return math.nan
        if self._previous.shape != current.shape:
            raise ValueError(
                f"the plan's shape went from {self._previous.shape} to {current.shape}"
            )
        drifts = np.atleast_1d(np.sqrt(np.sum((current - self._previous) ** 2, axis=(-2, -1))))
        self.matrix_drift = drifts
        return self._reduced(drifts)

    def _tracking(
        self, current: FloatArray, row: ArrayLike | None, col: ArrayLike | None
    ) -> tuple[float, float]:
        """Tracking errors into ``matrix_tracking``, reduced to one; and the reading to act on."""
        # Compiled sweeps are imported by those who use them.
        from sinkdiag.solver.online import online_gap_of_plan

        stack = current if current.ndim == 3 else current[None]
        found = [online_gap_of_plan(plan, row=row, col=col) for plan in stack]
        self.matrix_tracking = np.array([entry.tracking_error for entry in found])
        least = np.array([entry.least_error for entry in found])
        readings = np.where(np.isnan(self.matrix_tracking), least, self.matrix_tracking)
        return self._reduced(self.matrix_tracking), self._reduced(readings)

    def _reduced(self, values: FloatArray) -> float:
        return float(values.max() if self.reduce == "max" else values.mean())
