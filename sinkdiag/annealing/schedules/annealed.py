"""Annealed Sinkhorn and its debiased form, as their source runs them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from sinkdiag.annealing.schedules.iteration import IterationSchedule, Scaled
from sinkdiag.annealing.schedules.schedule import parameter
from sinkdiag.arrays import FloatArray


@dataclass(frozen=True, kw_only=True)
class Annealed(IterationSchedule):
    """u_i <- -LSE_j(log q_j + v_j - beta_t C_ij), v_j <- -LSE_i(log p_i + u_i - beta_{t+1} C_ij).

    The columns of its plans are exact; the rows miss theirs by about beta_{t+1} - beta_t.
    """

    name: ClassVar[str] = "annealed"
    source: ClassVar[str] = "arXiv 2408.11620, Annealed Sinkhorn"
    equation: ClassVar[str] = (
        "u ← −LSE_j(log q + v − β_t·C), v ← −LSE_i(log p + u − β_{t+1}·C), β_t = beta_0·t^kappa"
    )

    def sweep(self, state: Scaled, cost: FloatArray, t: int, betas: tuple[float, float]) -> Scaled:
        """Rows at beta_t, columns at beta_{t+1}."""
        del t
        state = replace(state, u=state.row_update(cost, betas[0]))
        return state.with_columns(cost, betas[1])


@dataclass(frozen=True, kw_only=True)
class Debiased(IterationSchedule):
    """u_i <- theta_t u_i - LSE_j(log q_j + v_j - beta_t C_ij), v as in `Annealed`.

    theta_t u anticipates by how much the potential grows with beta, so that what is left to the
    error of the rows is of second order.
    """

    name: ClassVar[str] = "debiased"
    source: ClassVar[str] = "arXiv 2408.11620, Debiased Annealed Sinkhorn"
    equation: ClassVar[str] = (
        "u ← θ_t·u − LSE_j(log q + v − β_t·C), θ_t = (t^kappa − (t−1)^kappa)/t^kappa, v as annealed"
    )
    kappa: float = parameter("exponent of the inverse temperature, above 0", 2 / 3)

    def sweep(self, state: Scaled, cost: FloatArray, t: int, betas: tuple[float, float]) -> Scaled:
        """Rows at beta_t with theta_t u beside them, columns at beta_{t+1}."""
        ahead = self.relaxation(t) * state.u
        state = replace(state, u=ahead + state.row_update(cost, betas[0]))
        return state.with_columns(cost, betas[1])
