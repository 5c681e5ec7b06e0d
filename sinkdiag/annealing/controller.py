"""EPH-ASC, the drift-controlled cooling of the paper, for anyone's training loop."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from sinkdiag.arrays import FloatArray

if TYPE_CHECKING:
    import pandas as pd


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

    x = clip((drift/eps/k_safe - beta)/(1 - beta), 0, 1), eps <- alpha0^(1-x) eps, or eps_min where
    that is at most alpha0^(-SLIVER) eps_min. beta = 1 is the paper's two-state rule: cool while
    drift <= k_safe eps, else hold. k_safe = inf is the plain exponential schedule. The paper names
    alpha0 and beta in its Table 2 and defines neither: this reading is ours.

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

    def braking(self, drift_ratio: float) -> float:
        """x: 0 cools by alpha0, 1 holds. An unknown drift (nan, the first step) holds."""
        if math.isinf(self.k_safe):
            return 0.0
        if math.isnan(drift_ratio):
            return 1.0
        load = drift_ratio / self.k_safe
        if self.beta == 1.0:
            return 0.0 if load <= 1.0 else 1.0
        return min(max((load - self.beta) / (1.0 - self.beta), 0.0), 1.0)

    def cool(self, eps: float, drift_ratio: float, eps_min: float) -> float:
        """The next temperature, cost units."""
        following = eps * float(self.alpha0 ** (1.0 - self.braking(drift_ratio)))
        return eps_min if following <= eps_min * self.alpha0**-SLIVER else following

    def plain_steps(self, eps_start: float, eps_min: float) -> int:
        """Steps from eps_start to eps_min when none of them is braked, at least 1."""
        exact = math.log(eps_min / eps_start) / math.log(self.alpha0)
        return max(1, math.ceil(exact - SLIVER))


@dataclass(frozen=True, kw_only=True)
class CoolingStep:
    """What the controller saw and did at one step; eps is the temperature of the plan it saw.

    eps and next_eps in cost units, drift in units of mass (nan at the first step).
    """

    step: int
    eps: float
    drift: float
    drift_ratio: float
    braking: float
    next_eps: float


class AdaptiveCooling:
    """Cool a Sinkhorn layer only as fast as its plan follows (EPH-ASC).

    At step t the layer runs at ``eps`` and returns P_t; ``step(P_t)`` measures the drift
    ‖P_t - P_{t-1}‖_F of each matrix and returns the temperature for the next step (`CoolingRule`).

    Parameters
    ----------
    k_safe:
        Safety slope: cool while drift <= k_safe eps. Unit marginals (rows of mass 1) are assumed;
        ``sinkdiag calibrate`` measures it.
    alpha0:
        Cooling factor of one step without braking.
    beta:
        Load drift/(k_safe eps) at which braking begins; 1 is the paper's two-state rule.
    eps_start, eps_min:
        First and last temperature, cost units.
    reduce:
        How the drifts of a batch (B, n, m) become one: the ``max`` (default: no matrix may
        collapse) or the ``mean``. Never one norm over the whole batch, which grows with B.

    Raises
    ------
    ValueError
        For parameters out of range, or plans of changing shape or with entries that are not
        finite.

    Source: the paper's Algorithm 1 and Table 2.
    """

    def __init__(
        self,
        k_safe: float = 0.5,
        alpha0: float = 0.95,
        *,
        beta: float = 1.0,
        eps_start: float = 1.0,
        eps_min: float = 1e-3,
        reduce: Literal["max", "mean"] = "max",
    ) -> None:
        if not 0 < eps_min <= eps_start < math.inf:
            raise ValueError(f"need 0 < eps_min <= eps_start, not {eps_min} and {eps_start}")
        if reduce not in ("max", "mean"):
            raise ValueError(f"reduce must be 'max' or 'mean', not {reduce!r}")
        self.rule = CoolingRule(k_safe=float(k_safe), alpha0=float(alpha0), beta=float(beta))
        self.eps_start = float(eps_start)
        self.eps_min = float(eps_min)
        self.reduce: Literal["max", "mean"] = reduce
        self.eps = self.eps_start
        self.matrix_drift: FloatArray | None = None
        self._previous: FloatArray | None = None
        self._steps: list[CoolingStep] = []

    def step(self, plan: ArrayLike) -> float:
        """Take the plan (n, m) or plans (B, n, m) made at ``eps``; return the next temperature.

        Anything NumPy can convert will do; detach tensors that carry gradients first.
        """
        current = np.array(plan, dtype=np.float64)
        if current.ndim not in (2, 3) or current.size == 0:
            raise ValueError(f"a plan is (n, m) or (B, n, m), not {current.shape}")
        if not np.all(np.isfinite(current)):
            raise ValueError("the plan has entries that are not finite; the layer has diverged")
        drift = self._measure(current)
        ratio = drift / self.eps
        braking = self.rule.braking(ratio)
        following = self.rule.cool(self.eps, ratio, self.eps_min)
        self._steps.append(
            CoolingStep(
                step=len(self._steps),
                eps=self.eps,
                drift=drift,
                drift_ratio=ratio,
                braking=braking,
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
    def history(self) -> pd.DataFrame:
        """One row a step: step, eps, drift, drift_ratio, braking, next_eps."""
        import pandas as pd

        names = ["step", "eps", "drift", "drift_ratio", "braking", "next_eps"]
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
        self.reduce = state["reduce"]
        self.eps = float(state["eps"])
        self._previous = None if previous is None else np.array(previous, dtype=np.float64)
        self._steps = [CoolingStep(**entry) for entry in state["steps"]]
        self.matrix_drift = None

    def __repr__(self) -> str:
        """The call that makes this controller anew, to the last digit."""
        rule = self.rule
        slope = repr(rule.k_safe) if math.isfinite(rule.k_safe) else 'float("inf")'
        reduce = "" if self.reduce == "max" else f", reduce={self.reduce!r}"
        return (
            f"AdaptiveCooling(k_safe={slope}, alpha0={rule.alpha0!r}, beta={rule.beta!r}, "
            f"eps_start={self.eps_start!r}, eps_min={self.eps_min!r}{reduce})"
        )

    def _measure(self, current: FloatArray) -> float:
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
        return float(drifts.max() if self.reduce == "max" else drifts.mean())
