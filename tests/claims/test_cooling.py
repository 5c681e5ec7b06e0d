"""Collapse under exponential cooling: a run is made, and judged by its distance to fixed points."""

import numpy as np
import pytest

import sinkdiag
from sinkdiag.claims import cooling
from sinkdiag.claims.claim import ClaimKey
from sinkdiag.claims.cooling import ALPHA, EVERY, LOST_TV, cool, judge_collapse
from sinkdiag.claims.judge import judge
from sinkdiag.problem import make_problem
from sinkdiag.solver.layer import sweep_plan
from tests.claims.test_claims import curve
from tests.helpers import uniform_cost


def simulated(cost, warm, cold):
    """The same run in the log domain, judged at every step: (peak, end)."""
    problem = make_problem(cost)
    g = sinkdiag.solve(cost, warm).g
    eps, found = warm, [0.0]
    while eps > cold * (1 + 1e-12):
        eps = max(eps * ALPHA, cold)
        plan = sweep_plan(problem, eps, 1, init=g)
        f = eps * (np.log(problem.row) - logsumexp((g - cost) / eps, 1))
        g = eps * (np.log(problem.col) - logsumexp((f[:, None] - cost) / eps, 0))
        fixed = sinkdiag.solve(cost, eps).plan
        found.append(np.abs(plan - fixed).sum() / (2 * problem.total))
    return max(found), found[-1]


def logsumexp(exponent, axis):
    top = exponent.max(axis=axis, keepdims=True)
    return np.log(np.exp(exponent - top).sum(axis=axis)) + top.squeeze(axis)


def test_the_run_is_that_of_the_layer():
    cost = uniform_cost(12, 12)
    run = cool(make_problem(cost), 1.0, 0.003)
    peak, end = simulated(cost, 1.0, 0.003)
    assert peak == pytest.approx(0.014, abs=5e-4)
    assert run.peak == pytest.approx(peak, rel=0.02)
    assert run.peak <= peak * (1 + 1e-6)
    assert run.end == pytest.approx(end, rel=1e-3)
    assert EVERY == 4


def test_a_run_that_is_tracked_to_its_end_refutes_the_collapse():
    (found,) = sinkdiag.sensitivity(uniform_cost(12, 12), replicates=2).verdicts
    claim = found.claim(ClaimKey.COLLAPSE)
    assert claim.verdict == "fails"
    assert "1 sweep a step" in claim.sentence
    assert "cooling by 0.95 a step from eps = 0.994 to 0.00298" in claim.sentence
    assert "peaks at 0.014" in claim.sentence
    assert "sufficient condition" in claim.sentence


def judged(run, *, gap, components, drift=1e-3):
    made = curve(gap=np.full(31, 0.3) * np.r_[np.ones(30), gap / 0.3], components=components)
    made.dS_de[-1] = drift / made.eps[-1]
    before, cooling.cool = cooling.cool, lambda *_: run
    try:
        return judge_collapse(made, [make_problem(uniform_cost(4, 4))]).verdict
    finally:
        cooling.cool = before


def test_the_verdict_needs_a_lost_plan_and_frozen_sweeps_or_a_kept_one_at_rest():
    lost = cooling.CoolingRun(peak=0.4, peak_eps=0.01, end=0.3)
    kept = cooling.CoolingRun(peak=0.4, peak_eps=0.01, end=0.01)
    assert judged(lost, gap=1e-5, components=2) == "holds"
    assert judged(lost, gap=0.1, components=2) == "cannot tell"
    assert judged(lost, gap=1e-5, components=1) == "cannot tell"
    assert judged(kept, gap=1e-5, components=2) == "fails"
    assert judged(kept, gap=1e-5, components=2, drift=1.0) == "cannot tell"
    assert judged(None, gap=1e-5, components=2) == "cannot tell"
    assert kept.end < LOST_TV < lost.end


def test_the_run_is_that_of_the_layer_where_pairs_of_matchings_cost_nearly_the_same():
    rng = np.random.default_rng(1)
    n = 16
    cost = np.full((n, n), 2.0)
    for k in range(0, n, 2):
        cost[k : k + 2, k : k + 2] = [[0.0, 0.01], [0.01, 0.0]]
    cost += 1e-3 * rng.random((n, n))
    run = cool(make_problem(cost), 1.0, 0.003)
    peak, end = simulated(cost, 1.0, 0.003)
    assert run.end == pytest.approx(end, rel=1e-2, abs=1e-6)
    assert run.peak <= peak * (1 + 1e-6)


def test_what_is_too_large_or_too_narrow_is_not_run(monkeypatch):
    problem = make_problem(uniform_cost(4, 4))
    monkeypatch.setattr(cooling, "LARGEST_SIZE", 10)
    assert "too long" in judge_collapse(curve(), [problem]).sentence
    monkeypatch.undo()
    monkeypatch.setattr(cooling, "MOST_STEPS", 10)
    claim = next(c for c in judge(curve(), [problem]) if c.key is ClaimKey.COLLAPSE)
    assert claim.verdict == "cannot tell"
    assert "10 steps" in claim.sentence
