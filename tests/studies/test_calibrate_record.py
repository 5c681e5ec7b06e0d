"""`calibrate` on recorded runs: what they tell, and what they leave open."""

import dataclasses
import math

import numpy as np
import pytest

import sinkdiag
from sinkdiag.annealing.learning.learner import LearningRun, LearningState
from sinkdiag.annealing.learning.target import target_of
from sinkdiag.errors import NothingToDrawError
from sinkdiag.results import Status
from tests.annealing.learning.helpers import small_learner
from tests.helpers import frame_of, invoke
from tests.studies.test_calibrate import TRUTH


def record(steps=150, rate=0.05, noise=0.02, seed=0):
    """A recorded run of a learner whose rate and noise are known."""
    learner = small_learner(12, learning_rate=rate, noise=noise)
    learner = dataclasses.replace(learner, target=target_of(learner.problem, TRUTH))
    random = np.random.default_rng(seed)
    run, state = LearningRun(learner), LearningState(learner.problem.cost.copy())
    eps, costs, seen = 1.0, [], []
    for _ in range(steps):
        noise = learner.draw_noise(random)
        costs.append(state.cost + noise)
        run.step(state, eps, noise)
        seen.append(eps)
        eps = max(0.05, 0.97 * eps)
    return np.array(costs), np.array(seen)


def test_a_record_tells_its_learner(tmp_path):
    costs, eps = record()
    np.savez(tmp_path / "run.npz", cost=costs, eps=eps, truth=TRUTH)
    outcome = invoke(
        "calibrate", tmp_path / "run.npz", "--layout", "trajectory", "--quick", "--alpha0", "0.8"
    )
    frame = frame_of(outcome.out)
    assert outcome.status == 0
    assert frame["mode"][0] == "record"
    # Its standard error is a few percent on 150 steps.
    assert frame["learning_rate"][0] == pytest.approx(0.05, rel=0.15)
    assert frame["noise"][0] == pytest.approx(0.02, rel=0.15)
    assert (frame["eps_start"][0], frame["eps_min"][0]) == (1.0, eps.min())
    result = sinkdiag.calibrate(
        costs,
        layout="trajectory",
        truth=TRUTH,
        record_eps=eps,
        quick=True,
        alpha0=0.8,
    )
    assert result.rows[0].k_safe == frame["k_safe"][0]


def test_a_record_without_eps_or_truth_asks_for_rate_and_noise():
    costs, eps = record(steps=30)
    result = sinkdiag.calibrate(costs, layout="trajectory", record_eps=eps)
    (row,) = result.rows
    assert row.verdict.startswith("below resolution: the record carries no eps or no truth")
    assert "--learning-rate and --noise" in row.verdict
    assert row.status is Status.BELOW_RESOLUTION
    assert math.isnan(row.learning_rate)
    assert math.isnan(row.k_safe)
    assert result.parts[0].trace == result.parts[0].fates == ()
    with pytest.raises(NothingToDrawError):
        result.figure()
    given = sinkdiag.calibrate(
        costs,
        layout="trajectory",
        learning_rate=0.6,
        noise=0.05,
        quick=True,
        max_steps=60,
        alpha0=0.8,
    ).rows[0]
    assert given.mode == "record"
    assert given.learning_rate == pytest.approx(0.6 * costs[0].std() ** 2)


def test_a_record_that_locked_in_says_when():
    fast = 0.6 ** np.arange(150)
    learner = small_learner(12, learning_rate=0.05, noise=0.01)
    learner = dataclasses.replace(learner, target=target_of(learner.problem, TRUTH))
    random = np.random.default_rng(0)
    run, state = LearningRun(learner), LearningState(learner.problem.cost.copy())
    costs, seen = [], np.maximum(fast, 0.01)
    for value in seen:
        noise = learner.draw_noise(random)
        costs.append(state.cost + noise)
        run.step(state, float(value), noise)
    row = sinkdiag.calibrate(
        np.array(costs),
        layout="trajectory",
        truth=TRUTH,
        record_eps=seen,
        learning_rate=0.6,
        noise=0.05,
        quick=True,
        max_steps=60,
        alpha0=0.8,
    ).rows[0]
    assert "The record itself ends with" in row.verdict
    assert row.lock_in_eps == seen[int(row.lock_in_step)]
    assert 0.01 <= row.lock_in_eps < 1.0
