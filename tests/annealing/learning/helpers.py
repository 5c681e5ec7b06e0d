"""Small learners, and the loop written out by hand."""

import numpy as np

from sinkdiag.annealing.learning.learner import Learner
from sinkdiag.annealing.learning.target import planted_target, target_of
from sinkdiag.problem import make_problem
from sinkdiag.solver.layer import record_sweeps
from tests.helpers import uniform_cost


def small_learner(n=8, *, truth=True, **changes):
    """Uniform costs, K = 20; the truth is a shift of the columns, or the planted optimum."""
    problem = make_problem(uniform_cost(n, n))
    pairs = np.roll(np.arange(n), 1)
    target = target_of(problem, pairs) if truth else planted_target(problem)
    given = {"iters": 20, "learning_rate": 0.05, **changes}
    return Learner(problem=problem, target=target, **given)


def gradient_by_hand(learner, cost, eps, init=None):
    """(plan, dl/dC) with the unrolled layer and the loss as it is written down."""
    problem, target = learner.problem, learner.target
    layer = record_sweeps(
        make_problem(cost, row=problem.row, col=problem.col), eps, learner.iters, init=init
    )
    scale = len(problem.row) / problem.total
    p, t = scale * layer.plan, scale * target.plan
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = {"mse": p - t, "mass": -t, "nll": np.where(t > 0, -t / p, 0.0)}[learner.loss]
    slope[~target.known] = 0.0
    return layer.plan, layer.vjp(scale * slope), layer.g[-1]
