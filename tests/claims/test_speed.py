"""The speed limit and Corollary 3.3, simulated: against runs with the public layer."""

from __future__ import annotations

import math

import numpy as np
import pytest

import sinkdiag
from sinkdiag.claims import freeze_cooling, speed
from sinkdiag.claims.freeze_cooling import (
    FACTORS,
    FrozenRun,
    cool_to_freeze,
    freeze_of,
    judge_collapse_at_freeze,
)
from sinkdiag.claims.speed import fastest_steps, judge_speed_limit
from sinkdiag.jacobian.freeze import freeze_temperature
from sinkdiag.problem import make_problem
from tests.claims.test_claims import EPS, curve
from tests.helpers import planar_cost, uniform_cost

COST = planar_cost(16, seed=2)
PROBLEM = make_problem(COST)


def error_by_hand(start, end, steps):
    """‖P - P*‖_F after equal steps between fixed points, one sweep each, g carried."""
    g = sinkdiag.solve(COST, start).g
    for eps in np.linspace(start, end, steps + 1)[1:]:
        layer = sinkdiag.solve(COST, float(eps), iters=1, init=g)
        g = layer.g
    return np.linalg.norm(layer.plan - sinkdiag.solve(COST, end).plan)


def test_one_jump_is_measured_where_a_jump_from_twice_eps_is_followed():
    eps, within = 0.02, 1.2 * error_by_hand(0.04, 0.02, 1)
    (step,) = fastest_steps(PROBLEM, np.array([eps]), np.array([within]))
    assert step > eps
    # Between doublings the error is interpolated: a fifth either way brackets it.
    assert (
        error_by_hand(eps + 0.8 * step, eps, 1) < within < error_by_hand(eps + 1.25 * step, eps, 1)
    )


def test_equal_steps_are_measured_where_one_jump_is_not_followed():
    eps, within = 0.02, 0.3 * error_by_hand(0.04, 0.02, 1)
    (step,) = fastest_steps(PROBLEM, np.array([eps]), np.array([within]))
    steps = eps / step
    assert 1 < steps < 64
    more, fewer = math.ceil(1.3 * steps), math.floor(steps / 1.3)
    assert error_by_hand(2 * eps, eps, more) < within < error_by_hand(2 * eps, eps, max(fewer, 1))


def test_no_limit_is_inf_and_no_run_is_nan(monkeypatch):
    eps = np.array([0.1, 0.05])
    assert list(fastest_steps(PROBLEM, eps, np.array([100.0, 100.0]))) == [math.inf] * 2
    assert np.isnan(fastest_steps(PROBLEM, eps, np.array([np.nan, 0.0]))).all()
    monkeypatch.setattr(speed, "MOST_STEPS", 4)
    assert np.isnan(fastest_steps(PROBLEM, eps, np.array([1e-9, 1e-9]))).all()


@pytest.mark.parametrize(
    ("steps", "verdict"),
    [
        (0.3 * EPS**2, "holds in [0.001, 1]"),
        (0.3 * EPS, "fails"),
        (np.full(31, np.inf), "fails"),
        (np.where(EPS > 0.02, np.inf, EPS**2), "holds in"),
        (np.full(31, np.nan), "cannot tell"),
        (np.where(EPS > 0.5, EPS, np.nan), "cannot tell"),
    ],
)
def test_the_law_is_judged_where_the_step_is_limited(monkeypatch, steps, verdict):
    monkeypatch.setattr(speed, "fastest_steps", lambda *_: steps)
    claim = judge_speed_limit(curve(), [PROBLEM])
    assert claim.verdict.startswith(verdict)
    free = int(np.isinf(steps).sum())
    assert (f"at {free} of 31" in claim.sentence) == (free > 0)
    if verdict.startswith("holds"):
        assert claim.slope == pytest.approx(2.0)
        assert "exponent there is 2.00" in claim.sentence


def test_of_a_batch_the_least_step_counts(monkeypatch):
    found = iter([EPS**2, 2 * EPS**2])
    monkeypatch.setattr(speed, "fastest_steps", lambda *_: next(found))
    claim = judge_speed_limit(curve(), [PROBLEM, PROBLEM])
    assert "0.001 to 1 times eps" in claim.sentence


def frozen_curve():
    """A curve whose gaps are those of the cost."""
    gaps = [sinkdiag.spectral_gap(sinkdiag.solve(COST, float(eps)))[0] for eps in EPS]
    return curve(gap=np.array(gaps))


def test_freezes_are_those_of_the_matrix_and_runs_those_of_the_layer():
    line = frozen_curve()
    runs = cool_to_freeze(PROBLEM, line)
    assert len(runs) == 3 * len(FACTORS)
    for iters in (1, 5, 20):
        exact = freeze_temperature(PROBLEM, iters)
        # The grid has ten temperatures a decade.
        assert exact * 10**-0.1 <= freeze_of(line, iters) <= exact * 1.0001
    run = next(run for run in runs if run.iters == 5 and run.factor == 0.5)
    g, eps = sinkdiag.solve(COST, 1.0).g, 1.0
    while eps > run.eps:
        eps = max(0.5 * eps, run.eps)
        layer = sinkdiag.solve(COST, eps, iters=5, init=g)
        g = layer.g
    tv = np.abs(layer.plan - sinkdiag.solve(COST, run.eps).plan).sum() / 32
    assert run.tv == pytest.approx(tv, abs=1e-6)


def test_one_kept_run_refutes_the_corollary(monkeypatch):
    def runs(*tvs):
        return tuple(FrozenRun(iters=1, factor=0.5, eps=0.1, tv=tv) for tv in tvs)

    for tvs, verdict in (
        ((0.2, 0.3), "holds"),
        ((0.2, 0.05), "fails"),
        ((), "cannot tell"),
        ((math.nan,), "cannot tell"),
    ):
        monkeypatch.setattr(freeze_cooling, "cool_to_freeze", lambda *_, tvs=tvs: runs(*tvs))
        assert judge_collapse_at_freeze(curve(), [PROBLEM]).verdict == verdict


def test_where_nothing_freezes_nothing_is_judged():
    claim = judge_collapse_at_freeze(
        curve(gap=np.full(31, 0.95)), [make_problem(uniform_cost(4, 4))]
    )
    assert claim.verdict == "cannot tell"
    assert "freeze" in claim.sentence
