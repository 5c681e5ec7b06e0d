"""Symmetric Sinkhorn, annealed: both sides move at once, each half-way; and its debiased form."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from sinkdiag.annealing.schedules.iteration import IterationSchedule, Scaled
from sinkdiag.annealing.schedules.schedule import parameter
from sinkdiag.arrays import FloatArray


def _averaged(state: Scaled, cost: FloatArray, betas: tuple[float, float], ahead: float) -> Scaled:
    """Both potentials half-way to their updates, and ``ahead`` times themselves on top."""
    u, v = state.row_update(cost, betas[0]), state.col_update(cost, betas[0])
    moved = replace(state, u=(0.5 + ahead) * state.u + 0.5 * u, v=(0.5 + ahead) * state.v + 0.5 * v)
    return moved.with_plan(cost, betas[1])


@dataclass(frozen=True, kw_only=True)
class Symmetric(IterationSchedule):
    """u <- (u + û)/2 and v <- (v + v̂)/2, û and v̂ the updates from the same (u, v) at beta_t.

    As mirror descent this is a unit step on half of KL(P1|p) + KL(P'1|q): neither marginal of a
    plan is exact, and the error is shared.
    """

    name: ClassVar[str] = "symmetric"
    source: ClassVar[str] = "arXiv 2408.11620, Symmetric Sinkhorn (averaging: Feydy et al. 2019)"
    equation: ClassVar[str] = "u ← (u + û)/2, v ← (v + v̂)/2 at β_t = beta_0·t^kappa"

    def sweep(self, state: Scaled, cost: FloatArray, t: int, betas: tuple[float, float]) -> Scaled:
        """Both sides at beta_t."""
        del t
        return _averaged(state, cost, betas, 0.0)


@dataclass(frozen=True, kw_only=True)
class SymmetricDebiased(IterationSchedule):
    """`Symmetric` with theta_t u and theta_t v on top, theta_t as in `Debiased`.

    Both potentials grow with beta, so both are anticipated: this reading of the source is ours.
    """

    name: ClassVar[str] = "symmetric-debiased"
    source: ClassVar[str] = "arXiv 2408.11620, debiasing on both sides (our reading)"
    equation: ClassVar[str] = "u ← (u + û)/2 + θ_t·u, v ← (v + v̂)/2 + θ_t·v"
    kappa: float = parameter("exponent of the inverse temperature, above 0", 2 / 3)

    def sweep(self, state: Scaled, cost: FloatArray, t: int, betas: tuple[float, float]) -> Scaled:
        """Both sides at beta_t, and what beta's growth adds."""
        return _averaged(state, cost, betas, self.relaxation(t))
