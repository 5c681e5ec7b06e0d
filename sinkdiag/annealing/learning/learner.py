"""The learner: the simplest network, in which every cost is a parameter, behind a Sinkhorn layer.

    P_t = layer_K(C_t + xi_t, eps_t)       C_{t+1} = C_t - eta dl/dC       dl/dC exact

With learning in the loop a plan that hardens on wrong pairs before the costs are mature passes no
gradient, and the wrong mode stays: the paper's premature mode collapse.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from sinkdiag.annealing.learning.kernels import (
    MASS,
    MSE,
    NLL,
    Aim,
    Found,
    Moment,
    descend,
    learn,
    look_at,
)
from sinkdiag.annealing.learning.target import Target
from sinkdiag.arrays import AnyArray
from sinkdiag.problem import Problem
from sinkdiag.solver.adjoint import LayerRun
from sinkdiag.solver.layer import Precision

Loss = Literal["mse", "mass", "nll"]
LOSSES = get_args(Loss)
# Matrices with more entries are run in float32, as layers are.
LARGE = 10_000
_CODES = {"mse": MSE, "mass": MASS, "nll": NLL}


@dataclass(frozen=True, kw_only=True, eq=False)
class Learner:
    """Costs that are learned through K sweeps.

    Attributes
    ----------
    problem:
        The costs that are learned from (forbidden pairs stay so), and the marginals.
    target:
        T.
    iters, cold:
        K; whether every call starts from zero potentials, else g is carried in cost units.
    loss:
        On P and T rescaled to N = n, known rows only: ``mse`` ‖P - T‖²/2, ``mass`` n - <T, P>,
        ``nll`` -<T, log P>.
    learning_rate:
        eta, cost units squared.
    noise:
        Standard deviation of xi, cost units: Gaussian, anew at every step.
    immaturity:
        Standard deviation of C_0 - C, cost units; used with a planted target only.
    dtype:
        The arithmetic of the runs: float64, or float32 as layers on an accelerator run.
    """

    problem: Problem
    target: Target
    iters: int
    learning_rate: float
    noise: float = 0.0
    immaturity: float = 0.0
    loss: Loss = "mse"
    cold: bool = True
    dtype: Precision = np.float64

    @property
    def is_random(self) -> bool:
        """Whether two replicates differ."""
        return self.noise > 0.0 or (self.target.planted and self.immaturity > 0.0)

    def start(self, random: np.random.Generator) -> AnyArray:
        """C_0 of one replicate, (n, m)."""
        cost = self.problem.cost.astype(self.dtype)
        if self.target.planted and self.immaturity > 0.0:
            cost += self.immaturity * random.standard_normal(cost.shape, dtype=self.dtype)
        return cost

    def draw_noise(self, random: np.random.Generator) -> AnyArray | None:
        """Xi of one step, (n, m), cost units; None where there is none."""
        if self.noise == 0.0:
            return None
        xi = random.standard_normal(self.problem.cost.shape, dtype=self.dtype)
        xi *= self.dtype(self.noise)
        return xi


@dataclass(frozen=True, kw_only=True)
class LearningStep:
    """What one step measured: the drift (mass; nan at the first step) and drift/eps."""

    drift: float
    drift_ratio: float


class LearningState:
    """The costs of one run at one moment, and what the run so far has shown.

    Attributes
    ----------
    cost, plan:
        C_t, and the plan of the last step; both (n, m).
    g:
        Potentials that a warm layer carries, (m,).
    best:
        The argmax of every row of the last plan.
    changed_at:
        The temperature at which it last changed, per row, cost units.
    right_share:
        The share of judged rows whose argmax is right; ``best_share`` its maximum so far.
    """

    def __init__(self, cost: AnyArray) -> None:
        n, m = cost.shape
        self.cost = cost
        self.plan = np.zeros_like(cost)
        self.g = np.zeros(m, cost.dtype)
        self.best = np.full(n, -1, dtype=np.int64)
        self.changed_at = np.full(n, math.nan)
        self.right_share = 0.0
        self.best_share = 0.0
        self.steps = 0
        self.moment = Moment(
            cost=self.cost, plan=self.plan, best=self.best, changed_at=self.changed_at
        )

    def copy(self) -> LearningState:
        """The same moment, to go on from in another way."""
        other = LearningState(self.cost.copy())
        other.plan[:], other.g[:] = self.plan, self.g
        other.best[:], other.changed_at[:] = self.best, self.changed_at
        other.right_share, other.best_share = self.right_share, self.best_share
        other.steps = self.steps
        return other


class LearningRun:
    """The compiled step of a learner; it holds room that is overwritten, so it has one thread.

    Attributes
    ----------
    weighted, gradient:
        Of the last step, (n, m): W = P∘(dl/dP)/eps, and dl/dC.
    """

    def __init__(self, learner: Learner) -> None:
        self.learner = learner
        problem, target = learner.problem, learner.target
        self.layer = LayerRun(problem, learner.iters, learner.dtype)
        self.weighted: AnyArray = np.empty(problem.cost.shape, learner.dtype)
        self.gradient: AnyArray = np.zeros_like(self.weighted)
        self._aim = Aim(
            plan=target.plan.astype(learner.dtype),
            known=target.known,
            judged=target.judged,
            correct=target.correct,
            loss=_CODES[learner.loss],
        )
        self._found = Found(
            plan=self.layer.plan,
            weighted=self.weighted,
            gradient=self.gradient,
            measured=np.empty(2),
        )
        limits, scale = self.layer.limits, problem.cost.shape[0] / problem.total
        self._bounds = (limits.safe, limits.still, limits.spent)
        self._factor = scale if learner.loss == "nll" else scale**2

    def step(self, state: LearningState, eps: float, noise: AnyArray | None = None) -> LearningStep:
        """One forward pass at ``eps`` and one gradient step, of ``state`` in place.

        ``noise`` is xi_t in cost units, (n, m).
        """
        learner, layer, found = self.learner, self.layer, self._found
        init = None if learner.cold else state.g
        numbers = np.array([self._factor / eps, learner.learning_rate], learner.dtype)
        layer.prepare(state.cost, eps, init, noise)
        done = learn(
            layer.factors,
            learner.iters,
            self._bounds,
            state.moment,
            self._aim,
            numbers,
            eps,
            found,
        )
        layer.keep(done)
        if done < 0:
            layer.run_wider(state.cost, eps, init, noise)
            look_at(state.moment, self._aim, numbers, eps, found)
            self.gradient[:] = layer.pull_back(self.weighted)
            descend(state.cost, self.gradient, numbers)
        if not learner.cold:
            state.g[:] = layer.potential()
        drift, state.right_share = found.measured.tolist()
        state.best_share = max(state.best_share, state.right_share)
        state.steps += 1
        drift = math.nan if state.steps == 1 else drift
        return LearningStep(drift=drift, drift_ratio=drift / eps)

    def quiet_plan(self, state: LearningState, eps: float) -> AnyArray:
        """The plan of the present costs without noise; overwritten by the next call."""
        return self.layer.run(state.cost, eps, None if self.learner.cold else state.g)
