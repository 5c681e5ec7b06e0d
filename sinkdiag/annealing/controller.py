"""Cooling controlled by drift (EPH-ASC, the paper's) or tracking error, for any training loop."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from sinkdiag.annealing.calibrated import read_document, read_row
from sinkdiag.annealing.readings import check_same_shape, drifts_of, plain_plans, tracking_of
from sinkdiag.annealing.rule import CoolingRule
from sinkdiag.arrays import FloatArray
from sinkdiag.checks import check_choice
from sinkdiag.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

Signal = Literal["drift", "tracking"]

# The paper's slope, drift per eps; and the share of the mass that may be out of place.
DEFAULT_SLOPE: Mapping[Signal, float] = {"drift": 0.5, "tracking": 0.01}


@dataclass(frozen=True, kw_only=True)
class CoolingStep:
    """What the controller saw and did at one step; eps is the temperature of the plan it saw.

    eps and next_eps in cost units, drift in units of mass (nan at the first step); tracking_error
    is a share of the mass (nan where rounding hides it, or the drift decides). Decided ``late``,
    next_eps serves the pass after the next.
    """

    step: int
    eps: float
    drift: float
    drift_ratio: float
    tracking_error: float
    braking: float
    next_eps: float
    late: bool = False


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
    InputError
        For parameters out of range, or plans of changing shape or with entries that are not
        finite.

    Source: the paper's Algorithm 1. Its Table 2 names alpha0, beta and R and defines none: the zone
    x = clip((reading/k_safe - beta)/(1 - beta), 0, 1), alpha = alpha0^(1-x) is our reading of it,
    and the tracking error sinkdiag's own.
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
            fault = f"{eps_min} is out of range"
            raise InputError("eps_min", fault, f"give one above 0, up to eps_start ({eps_start})")
        check_choice("reduce", reduce, ("max", "mean"))
        check_choice("signal", signal, tuple(DEFAULT_SLOPE))
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

    @classmethod
    def from_row(cls, row: object) -> AdaptiveCooling:
        """The controller of a calibration's row: the record, or a mapping such as a CSV's line.

        Raises
        ------
        InputError
            When columns are missing, or the calibration found no slope.
        """
        return cls(**asdict(read_row(row)))

    @classmethod
    def from_json(cls, document: str | Path, *, index: int | None = None) -> AdaptiveCooling:
        """The same from the JSON that ``calibrate`` writes: its text, or the path of the file.

        ``index`` says which row, from 0, where there are several.
        """
        return cls(**asdict(read_document(document, index)))

    def step(
        self, plan: ArrayLike, *, row: ArrayLike | None = None, col: ArrayLike | None = None
    ) -> float:
        """Take the plan (n, m) or plans (B, n, m) made at ``eps``; return the next temperature.

        Anything NumPy can convert will do, and tensors as they come: with gradients, bfloat16, on a
        GPU (which is waited for; `sinkdiag.torch.TensorCooling` does not). ``row`` (n,) and ``col``
        (m,) are the marginals that the layer aims at, default 1 and n/m; only the tracking error
        needs them.
        """
        current = plain_plans(plan)
        drift = self._drift(current)
        error, reading = math.nan, None
        if self.signal == "tracking":
            self.matrix_tracking, readings = tracking_of(current, row, col)
            error, reading = self._reduced(self.matrix_tracking), self._reduced(readings)
        self._previous = current
        return self.take(drift, tracking_error=error, reading=reading)

    def take(
        self,
        drift: float,
        *,
        tracking_error: float = math.nan,
        reading: float | None = None,
        eps: float | None = None,
    ) -> float:
        """Act on what was measured elsewhere; return the next temperature.

        Parameters
        ----------
        drift:
            ‖P_t - P_{t-1}‖_F, already reduced; nan at the first step.
        tracking_error, reading:
            With signal ``tracking``: what is recorded, and what is acted on (default the same).
        eps:
            The temperature of P_t if the reading comes late, after the next plan was begun.

        Raises
        ------
        InputError
            For a drift that is not finite after the first step.
        """
        if not math.isfinite(drift) and (self._steps or not math.isnan(drift)):
            raise InputError("plan", "some entries are not finite", "the layer has diverged: stop")
        seen = self.eps if eps is None else float(eps)
        if self.signal == "drift":
            acted_on = drift / seen
        else:
            acted_on = tracking_error if reading is None else reading
        following = self.rule.cool(self.eps, acted_on, self.eps_min)
        self._steps.append(
            CoolingStep(
                step=len(self._steps),
                eps=seen,
                drift=drift,
                drift_ratio=drift / seen,
                tracking_error=tracking_error,
                braking=self.rule.braking(acted_on),
                next_eps=following,
                late=eps is not None,
            )
        )
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
        decided = (entry for entry in self._steps if entry.next_eps <= self.eps_min)
        first = next(decided, None)
        return None if first is None else first.step + 1 + first.late

    @property
    def history(self) -> pd.DataFrame:
        """One row a step, its columns the fields of `CoolingStep`."""
        import pandas as pd

        names = [entry.name for entry in fields(CoolingStep)]
        records = [[getattr(entry, name) for name in names] for entry in self._steps]
        return pd.DataFrame(records, columns=names)

    def state_dict(self) -> dict[str, Any]:
        """Everything needed to go on from here: numbers, strings, lists and dictionaries of them.

        ``json`` and ``torch.load(weights_only=True)`` take it.
        """
        return {
            "k_safe": self.rule.k_safe,
            "alpha0": self.rule.alpha0,
            "beta": self.rule.beta,
            "eps_start": self.eps_start,
            "eps_min": self.eps_min,
            "reduce": self.reduce,
            "signal": self.signal,
            "eps": self.eps,
            "previous": None if self._previous is None else self._previous.tolist(),
            "steps": [asdict(entry) for entry in self._steps],
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a `state_dict`, parameters included.

        Raises
        ------
        InputError
            When keys are missing; nothing is changed then.
        """
        missing = self.state_dict().keys() - state.keys()
        if missing:
            fault = f"it lacks {', '.join(sorted(missing))}"
            raise InputError("state", fault, "give what state_dict returned")
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
        check_same_shape(self._previous.shape, current.shape)
        self.matrix_drift = drifts_of(current, self._previous)
        return self._reduced(self.matrix_drift)

    def _reduced(self, values: FloatArray) -> float:
        return float(values.max() if self.reduce == "max" else values.mean())
