"""Rate and noise from records of known learners; records of other learners are refused."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sinkdiag.annealing.learning.learner import Learner
from sinkdiag.annealing.learning.record import LEAST, LIMIT, fit_record
from sinkdiag.annealing.learning.target import target_of
from sinkdiag.problem import make_problem
from sinkdiag.results import Status
from sinkdiag.solver.layer import unroll

RATE, NOISE, K = 0.05, 0.02, 20


def loss_gradient(loss, plan, target):
    """dl/dP of the three losses."""
    if loss == "mse":
        return plan - target
    if loss == "mass":
        return -target
    return -target / np.maximum(plan, 1e-300)


def simulate(
    n=12,
    m=12,
    count=100,
    *,
    rate=RATE,
    noise=NOISE,
    loss="mse",
    iters=K,
    momentum=0.0,
    seed=0,
    eps_min=0.05,
    draw=None,
    update=None,
    forbidden=False,
    known=None,
):
    """(costs, eps, learner): a record made with another adjoint than the one under test."""
    rng = np.random.default_rng(seed)
    cost = rng.random((n, m))
    truth = rng.permutation(max(n, m))[:n] % m
    if forbidden:
        cost[np.arange(n), (truth + 1) % m] = np.inf
    if known is not None:
        truth[known:] = -1
    problem = make_problem(cost)
    target = target_of(problem, truth)
    learner = Learner(problem=problem, target=target, iters=iters, learning_rate=1.0, loss=loss)
    eps, costs, velocity = np.geomspace(1.0, eps_min, count), [], 0.0
    for t in range(count):
        xi = noise * (draw or rng.standard_normal)(size=(n, m))
        costs.append(cost + xi)
        layer = unroll(make_problem(costs[-1]), float(eps[t]), iters)
        cotangent = loss_gradient(loss, layer.plan, target.plan)
        cotangent[~target.known] = 0.0
        gradient = layer.vjp(cotangent)
        velocity = momentum * velocity + gradient
        step = rate * velocity if update is None else update(gradient, t / count)
        cost = cost - step
    return np.array(costs), eps, learner


def refit(learner, **changes):
    values = {name: getattr(learner, name) for name in ("problem", "target", "iters", "loss")}
    return Learner(**{**values, "learning_rate": 1.0, **changes})


@pytest.mark.parametrize("loss", ["mse", "mass", "nll"])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_rate_and_noise_are_found(loss, seed):
    costs, eps, learner = simulate(loss=loss, seed=seed)
    found = fit_record(learner, costs, eps)
    assert found.status is Status.CONVERGED
    # By chance beyond 4 standard errors once in 16,000.
    assert abs(found.learning_rate - RATE) < 4 * found.learning_rate_error
    assert abs(found.noise - NOISE) < 4 * found.noise_error
    assert found.learning_rate_error < 0.2 * RATE
    assert found.noise_error < 0.05 * NOISE
    assert found.misfit <= LIMIT
    assert found.steps == 97


def test_standard_errors_are_the_scatter():
    """Over 30 records: estimates are unbiased and scatter as much as each says."""
    found = [fit_record(r[2], r[0], r[1]) for r in (simulate(8, 8, 60, seed=s) for s in range(30))]
    told = [fit for fit in found if fit.status is Status.CONVERGED]
    assert len(told) >= 25
    for scores in (
        [(fit.learning_rate - RATE) / fit.learning_rate_error for fit in told],
        [(fit.noise - NOISE) / fit.noise_error for fit in told],
    ):
        # A mean of 25 beyond 0.8, or a deviation outside these, comes by chance once in 10,000.
        assert abs(np.mean(scores)) < 0.8
        assert 0.45 < np.std(scores) < 1.6


def test_without_noise_the_rate_is_exact():
    costs, eps, learner = simulate(noise=0.0)
    found = fit_record(learner, costs, eps)
    # Two adjoints agree to rounding amplified by 1/eps.
    assert found.learning_rate == pytest.approx(RATE, rel=1e-9)
    assert found.noise < 1e-12
    assert found.misfit == 0.0


def test_costs_in_single_precision_are_a_learner_too():
    costs, eps, learner = simulate(noise=0.0)
    found = fit_record(learner, costs.astype(np.float32).astype(float), eps)
    assert found.learning_rate == pytest.approx(RATE, rel=1e-4)
    # Rounding of numbers around 1/2, uniform: 3e-8/sqrt(12) at least, 6e-8/sqrt(3) at most.
    assert 5e-9 < found.noise < 5e-8


def test_rectangular_forbidden_unknown_and_other_noise():
    laplace = np.random.default_rng(5).laplace
    for options in (
        {"n": 14, "m": 9},
        {"forbidden": True},
        {"known": 7},
        {"draw": lambda size: laplace(size=size) / math.sqrt(2)},
    ):
        costs, eps, learner = simulate(noise=0.005, **options)
        found = fit_record(learner, costs, eps)
        assert found.status is Status.CONVERGED, options
        assert abs(found.learning_rate - RATE) < 4 * found.learning_rate_error
        assert abs(found.noise - 0.005) < 4 * found.noise_error


def test_a_layer_that_carries_its_potentials():
    costs, eps, learner = simulate(noise=0.0, eps_min=0.2)
    # At these temperatures 20 sweeps forget where they started.
    found = fit_record(refit(learner, cold=False), costs, eps)
    assert found.learning_rate == pytest.approx(RATE, rel=1e-3)


@pytest.mark.parametrize("noise", [0.0, NOISE])
@pytest.mark.parametrize(
    ("made", "fitted"),
    [("mse", "mass"), ("mass", "mse"), ("nll", "mse"), ("mse", "nll"), ("nll", "mass")],
)
def test_another_loss_is_refused(made, fitted, noise):
    costs, eps, learner = simulate(16, 16, loss=made, noise=noise)
    found = fit_record(refit(learner, loss=fitted), costs, eps)
    assert found.status is Status.BELOW_RESOLUTION
    assert math.isnan(found.learning_rate)
    assert math.isnan(found.noise)
    assert found.finding.startswith("the learner does not fit this record")


def adam():
    """A fresh optimiser."""
    moments = {"first": 0.0, "second": 0.0, "steps": 0}

    def update(gradient, _share):
        moments["steps"] += 1
        moments["first"] = 0.9 * moments["first"] + 0.1 * gradient
        moments["second"] = 0.999 * moments["second"] + 0.001 * gradient**2
        first = moments["first"] / (1 - 0.9 ** moments["steps"])
        second = moments["second"] / (1 - 0.999 ** moments["steps"])
        return 0.005 * first / (np.sqrt(second) + 1e-8)

    return update


@pytest.mark.parametrize("noise", [0.0, 0.01])
@pytest.mark.parametrize(
    "options",
    [
        {"momentum": 0.9, "rate": 0.005},
        {"update": lambda gradient, share: RATE * (1 + math.cos(math.pi * share)) * gradient},
        {"update": adam},
        {"update": lambda gradient, _share: -RATE * gradient},
    ],
    ids=["momentum", "cosine", "adam", "ascent"],
)
def test_another_optimiser_is_refused(options, noise):
    if options.get("update") is adam:
        options = {"update": adam()}
    costs, eps, learner = simulate(16, 16, noise=noise, **options)
    found = fit_record(learner, costs, eps)
    assert found.status is Status.BELOW_RESOLUTION
    assert found.finding.startswith("the learner does not fit this record")


def test_another_number_of_sweeps_is_refused():
    costs, eps, learner = simulate(noise=0.001)
    found = fit_record(refit(learner, iters=2), costs, eps)
    assert found.finding.startswith("the learner does not fit this record")


def test_noise_that_hides_the_gradient_is_said():
    costs, eps, learner = simulate(noise=0.5, rate=0.001)
    found = fit_record(learner, costs, eps)
    assert math.isnan(found.learning_rate)
    assert found.status is Status.BELOW_RESOLUTION


def test_only_steps_that_follow_each_other_are_used():
    costs, eps, learner = simulate(noise=0.0)
    number = np.arange(100)
    kept = np.flatnonzero((number % 10 < 7) & (number != 33))
    found = fit_record(learner, costs[kept], eps[kept], number[kept])
    assert found.learning_rate == pytest.approx(RATE, rel=1e-9)
    # Seven steps in a row hold four runs of four, 30 to 32 and 34 to 36 none.
    assert found.steps == 9 * 4
    # As if they did: the same costs are no record of this learner.
    assert math.isnan(fit_record(learner, costs[kept], eps[kept]).learning_rate)


def test_too_few_or_scattered_steps_are_said():
    costs, eps, learner = simulate(count=40)
    for kept in (np.arange(0, 40, 2), np.arange(LEAST + 2)):
        found = fit_record(learner, costs[kept], eps[kept], kept)
        assert math.isnan(found.learning_rate)
        assert "runs of four consecutive steps are recorded" in found.finding
    for few in (1, 2, 3):
        assert fit_record(learner, costs[:few], eps[:few]).steps == 0


def test_costs_that_stand_still_tell_nothing():
    costs, eps, learner = simulate(count=20, rate=0.0, noise=0.0)
    assert math.isnan(fit_record(learner, costs, eps).learning_rate)


def test_lock_in_is_when_the_wrong_rows_froze():
    """Rows 0 and 1 of a 3×3 turn from their own columns to each other's, row 2 does not."""
    own = np.ones((3, 3)) - np.eye(3)
    costs = np.stack([own] * 30)
    costs[14:, 0], costs[17:, 1] = own[1], own[0]
    eps = np.geomspace(1.0, 0.1, 30)
    problem = make_problem(costs[0])
    learner = Learner(
        problem=problem, target=target_of(problem, [0, 1, 2]), iters=1, learning_rate=1.0
    )
    number = np.arange(30) * 5
    found = fit_record(learner, costs, eps, number).lock_in
    assert found is not None
    assert found.wrong_share == pytest.approx(2 / 3)
    # After one sweep a row's argmax need not turn with its cost: when it does the plans say.
    plans = [unroll(make_problem(cost), float(e), 1).plan for cost, e in zip(costs, eps)]
    last = plans[-1].argmax(axis=1)
    turned = [
        max(t + 1 for t in range(30) if plans[t].argmax(axis=1)[i] != last[i]) for i in (0, 1)
    ]
    at = min(turned)
    assert found.step == 5 * at
    assert found.eps == eps[at]
    assert found.drift_ratio == pytest.approx(
        np.linalg.norm(plans[at] - plans[at - 1]) / eps[at], rel=1e-9
    )


def test_a_record_that_ends_right_has_no_lock_in():
    costs, eps, learner = simulate(8, 8, count=80, loss="nll", noise=0.0)
    assert fit_record(learner, costs, eps).lock_in is None


def test_rows_that_were_wrong_throughout_locked_in_at_the_start():
    costs = np.stack([1.0 - np.eye(3)] * 12)
    problem = make_problem(costs[0])
    target = target_of(problem, [1, 0, -1])
    learner = Learner(problem=problem, target=target, iters=K, learning_rate=1.0)
    found = fit_record(learner, costs, np.full(12, 0.1)).lock_in
    assert found is not None
    assert found.step == 0
    assert found.wrong_share == 1.0
    assert math.isnan(found.drift_ratio)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_costs_that_are_distances_of_learned_points_are_refused(seed):
    """A network moves all costs of a point together: no learner of free costs."""
    rng = np.random.default_rng(seed)
    x, y = 0.4 * rng.standard_normal((2, 12, 8))
    eps, costs = np.geomspace(1.0, 0.05, 100), []
    problem = make_problem(np.sum((x[:, None] - y) ** 2, axis=2))
    target = target_of(problem, rng.permutation(12))
    for temperature in eps:
        clean = np.sum((x[:, None] - y) ** 2, axis=2)
        costs.append(clean + 0.01 * rng.standard_normal(clean.shape))
        layer = unroll(make_problem(costs[-1]), float(temperature), K)
        gradient = layer.vjp(layer.plan - target.plan)
        moved_x = gradient.sum(axis=1)[:, None] * x - gradient @ y
        moved_y = gradient.sum(axis=0)[:, None] * y - gradient.T @ x
        x, y = x - 0.04 * moved_x, y - 0.04 * moved_y
    learner = Learner(problem=problem, target=target, iters=K, learning_rate=1.0)
    found = fit_record(learner, np.array(costs), eps)
    assert found.finding.startswith("the learner does not fit this record")
