"""The whole calibration on small learners: what is chosen holds up in runs made here."""

import math
from dataclasses import replace

import numpy as np
import pytest

from sinkdiag.annealing.learning.calibration import make_learner, measure_learning
from sinkdiag.annealing.learning.fates import Course, Fate, run_together
from sinkdiag.annealing.learning.learner import LearningRun
from sinkdiag.annealing.learning.paces import LengthPace
from sinkdiag.annealing.learning.settings import LearningSettings, cost_std
from sinkdiag.annealing.learning.target import planted_target, target_of
from sinkdiag.annealing.learning.trace import pace_of, trace_all, trace_learning
from sinkdiag.errors import InputError
from sinkdiag.problem import make_problem
from tests.helpers import uniform_cost

COST = uniform_cost(16, 16)
COURSE = Course(eps_start=1.0, eps_min=0.01, max_steps=300, collapse_tv=0.1)
SETTINGS = LearningSettings(noise=0.07, replicates=6, max_steps=300, alpha0=0.8)


def calibrated(cost=COST, course=COURSE, settings=SETTINGS, **options):
    problem = make_problem(cost)
    target = target_of(problem, np.roll(np.arange(len(cost)), 3))
    return measure_learning(make_learner(problem, target, settings), course, settings, **options)


@pytest.fixture(scope="module")
def found():
    return calibrated(extended=True)


def test_the_slope_is_safe_on_replicates_that_it_never_met(found):
    assert found.chosen.passed
    assert found.chosen.low <= found.chosen.slope <= found.chosen.high
    pace = pace_of(found, found.chosen.slope)
    runs = [
        run_together(found.learner, [pace], COURSE, np.random.default_rng([99, seed]))[0]
        for seed in range(20)
    ]
    assert sum(run.fate is Fate.SAFE for run in runs) >= 18
    assert np.median([run.steps for run in runs]) == pytest.approx(found.steps_safe, rel=0.1)


def test_the_slopes_above_the_window_are_not(found):
    above = next(entry for entry in found.fates if entry.slope > found.chosen.high)
    assert not above.safe
    assert found.collapses == len(found.plain_runs) == 6
    assert COURSE.eps_min <= found.eps_collapse < COURSE.eps_start
    assert found.theory is not None


def test_the_shortest_schedules_are_safe_and_shorter_ones_are_not(found):
    for form, shortest in (("exponential", found.plain), ("linear", found.linear)):
        paces = [
            LengthPace(eps_start=1.0, eps_min=0.01, steps=int(steps), form=form)
            for steps in (shortest.steps, shortest.longest_unsafe)
        ]
        runs = [
            run_together(found.learner, paces, COURSE, np.random.default_rng([0, 0, index]))
            for index in range(6)
        ]
        safe = np.array([[run.fate is Fate.SAFE for run in both] for both in runs])
        assert safe[:, 0].all()
        assert not safe[:, 1].all()
    wanted = 0.01 ** (1.0 / found.plain.longest_unsafe)
    assert found.alpha_critical == pytest.approx(wanted, rel=1e-12)


def test_a_faster_learner_bears_larger_slopes(found):
    slow, fast = (slope for _, slope in found.rates)
    assert math.isnan(slow) or slow < found.chosen.slope
    assert fast > found.chosen.slope


def test_the_same_again_and_another_seed_is_another(found):
    again = calibrated()
    assert repr(again.fates) == repr(found.fates)
    assert repr(again.chosen) == repr(found.chosen)
    quick = LearningSettings(noise=0.07, replicates=3, alpha0=0.8, quick=True)
    one, other = (calibrated(settings=replace(quick, seed=seed)).fates for seed in (0, 1))
    assert repr(one) != repr(other)


def test_large_matrices_are_run_in_single_precision():
    problem = make_problem(uniform_cost(101, 100))
    settings = LearningSettings()
    target = target_of(problem, np.arange(101) % 100)
    assert make_learner(problem, target, settings).dtype is np.float32
    assert make_learner(make_problem(COST), target, settings).dtype is np.float64


def test_without_noise_on_a_given_truth_there_is_one_run():
    problem = make_problem(COST)
    settings = LearningSettings(noise=0.0, alpha0=0.8)
    learner = make_learner(problem, target_of(problem, np.roll(np.arange(16), 3)), settings)
    found = measure_learning(learner, COURSE, settings)
    assert found.panel.count == 1
    assert all(len(entry.outcomes) == 1 for entry in found.fates)
    assert found.chosen.confirmed == 1.0


def test_progress_only_rises_and_ends_whole():
    told = []
    calibrated(
        settings=LearningSettings(replicates=3, quick=True, alpha0=0.8, max_steps=60),
        progress=lambda *report: told.append(report),
    )
    shares = [done for _, done, _ in told]
    assert shares == sorted(shares)
    assert told[-1] == ("done", 1000, 1000)
    assert len({stage for stage, _, _ in told}) >= 4


def test_the_factor_is_chosen_among_a_few():
    settings = LearningSettings(replicates=3, quick=True, max_steps=200)
    assert calibrated(settings=settings).alpha0 in (0.6, 0.8, 0.9)


def test_constant_costs_teach_nothing():
    with pytest.raises(InputError, match="all costs are equal"):
        cost_std(make_problem(np.full((3, 3), 0.1)))


def test_a_trace_is_the_run_that_was_judged(found):
    traced = trace_learning(found, pace_of(found, found.chosen.slope), 2)
    wanted = found.at_safe.outcomes[2]
    assert repr(traced.outcome) == repr(wanted)
    rows = traced.rows
    assert [row.step for row in rows] == list(range(int(wanted.steps) + 50))
    assert next(row.step for row in rows if row.eps <= COURSE.eps_min) == wanted.steps
    assert rows[-1].right_rows == 1.0
    assert not any(row.collapsed for row in rows)
    assert math.isnan(rows[0].drift)
    assert rows[0].braking == 1.0
    slope = found.chosen.slope
    assert all((row.braking == 1.0) == (row.drift_ratio > slope) for row in rows[1:])
    assert max(row.row_error for row in rows) < 1e-12
    assert rows[0].entropy > 0.9 > rows[-1].entropy
    # Cold sweeps at a temperature that they resolve are at the fixed point.
    assert rows[0].tv < 1e-6


def test_a_collapse_is_marked_where_the_wrong_rows_froze(found):
    traced = trace_learning(found, pace_of(found, math.inf), 0, distances=False)
    assert traced.outcome.fate in (Fate.LOCKED, Fate.THROWN)
    marks = [row.collapsed for row in traced.rows]
    assert marks == sorted(marks)
    assert any(marks)
    first = marks.index(True)
    assert traced.rows[first].eps <= traced.outcome.eps_wrong
    assert math.isnan(traced.rows[0].tv)


def test_all_replicates_are_traced_in_order(found, monkeypatch):
    calls = []
    monkeypatch.setattr(
        "sinkdiag.annealing.learning.trace.trace_learning",
        lambda _f, pace, replicate: calls.append((pace.rule.k_safe, replicate)) or _Empty(),
    )
    assert trace_all(found) == ()
    assert calls == [(found.chosen.slope, index) for index in range(6)]


class _Empty:
    rows = ()


def test_a_warm_learner_carries_its_potentials():
    problem = make_problem(COST)
    settings = LearningSettings(start="warm", alpha0=0.8)
    learner = make_learner(problem, planted_target(problem), settings)
    assert not learner.cold
    run = LearningRun(learner)
    from sinkdiag.annealing.learning.learner import LearningState

    state = LearningState(problem.cost.copy())
    run.step(state, 0.5)
    assert np.abs(state.g).max() > 0.01
