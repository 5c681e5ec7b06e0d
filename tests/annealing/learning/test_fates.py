import math
from dataclasses import replace

import numpy as np
import pytest

from sinkdiag.annealing.learning.fates import Course, Fate, run_together
from sinkdiag.annealing.learning.learner import LearningRun, LearningState
from sinkdiag.annealing.learning.paces import ControllerPace, LengthPace
from sinkdiag.annealing.rule import CoolingRule
from tests.annealing.learning.helpers import small_learner

COURSE = Course(eps_start=1.0, eps_min=0.02, max_steps=120, collapse_tv=0.1)


def paces(*slopes, alpha0=0.8, beta=1.0):
    return [
        ControllerPace(rule=CoolingRule(k_safe=k, alpha0=alpha0, beta=beta), eps_min=0.02)
        for k in slopes
    ]


def by_hand(learner, pace, seed):
    """(step of arrival, wrong mass after fifty steps at eps_min, all temperatures)."""
    random = np.random.default_rng(seed)
    run, state = LearningRun(learner), LearningState(learner.start(random))
    eps, arrival, seen = COURSE.eps_start, None, []
    for step in range(COURSE.max_steps + 50):
        if arrival is None and eps <= COURSE.eps_min:
            arrival = step
        measured = run.step(state, eps, learner.draw_noise(random))
        seen.append(eps)
        if arrival is not None and step + 1 == arrival + 50:
            break
        if arrival is None:
            if step + 1 == COURSE.max_steps:
                break
            eps = pace.next_eps(step, eps, measured)
    wrong = learner.target.wrong_mass(run.quiet_plan(state, eps))
    return (math.inf if arrival is None else arrival), wrong, seen


@pytest.mark.parametrize("beta", [1.0, 0.5])
def test_runs_that_share_their_steps_end_as_they_do_alone(beta):
    learner = small_learner(10, noise=0.02)
    some = [
        *paces(0.001, 0.03, 0.1, 0.3, 1.0, 30.0, math.inf, beta=beta),
        LengthPace(eps_start=1.0, eps_min=0.02, steps=30),
        LengthPace(eps_start=1.0, eps_min=0.02, steps=30, form="linear"),
    ]
    together = run_together(learner, some, COURSE, np.random.default_rng(7))
    for pace, outcome in zip(some, together, strict=True):
        (alone,) = run_together(learner, [pace], COURSE, np.random.default_rng(7))
        assert repr(alone) == repr(outcome)
        arrival, wrong, _ = by_hand(learner, pace, 7)
        assert (outcome.steps, outcome.wrong_mass) == (arrival, wrong)


def test_runs_that_agree_are_made_once(monkeypatch):
    made = []
    step = LearningRun.step
    monkeypatch.setattr(
        LearningRun, "step", lambda self, *rest: made.append(1) or step(self, *rest)
    )
    learner = small_learner(6, noise=0.01)
    # Slopes that never brake all cool alike after their first step, at which they hold.
    run_together(learner, paces(1e6, 1e7, 1e8), COURSE, np.random.default_rng(0))
    assert len(made) == 19 + 50  # 0.8^18 < 0.02, one step held, fifty to settle


def test_the_five_fates():
    learner = small_learner(10)
    safe, locked = run_together(learner, paces(0.1, math.inf), COURSE, np.random.default_rng(0))
    slow = replace(learner, learning_rate=1e-6)
    (late,) = run_together(slow, paces(1e-6), COURSE, np.random.default_rng(0))
    assert safe.fate is Fate.SAFE
    assert safe.wrong_mass <= 0.1
    assert safe.eps == COURSE.eps_min
    assert locked.fate is Fate.LOCKED
    assert locked.wrong_mass > 0.1
    assert COURSE.eps_min <= locked.eps_wrong <= COURSE.eps_start
    assert (late.fate, late.steps) == (Fate.LATE, math.inf)
    assert late.eps > COURSE.eps_min
    # Right at first, until noise and a large rate throw it out at a low temperature; held where
    # the controller stands, the same learner bears them.
    start = learner.problem.cost - 0.3 * learner.target.plan
    problem = replace(learner.problem, cost=start)
    shaken = replace(learner, problem=problem, learning_rate=0.5, noise=0.8)
    thrown, held = run_together(shaken, paces(math.inf, 1e-9), COURSE, np.random.default_rng(0))
    assert thrown.fate is Fate.THROWN
    assert thrown.wrong_mass > 0.1
    assert (held.fate, held.steps, held.eps) == (Fate.HELD, math.inf, COURSE.eps_start)


def test_arrival_counts_the_passes_from_zero():
    learner = small_learner(5)
    pace = LengthPace(eps_start=1.0, eps_min=0.02, steps=1)
    (outcome,) = run_together(learner, [pace], COURSE, np.random.default_rng(0))
    assert outcome.steps == 1
    # The budget is the number of passes: arrival at step 119 is the last that counts.
    for steps, arrives in ((119, True), (120, False)):
        pace = LengthPace(eps_start=1.0, eps_min=0.02, steps=steps)
        (outcome,) = run_together(learner, [pace], COURSE, np.random.default_rng(0))
        assert math.isfinite(outcome.steps) is arrives


def test_schedules_go_where_they_say():
    seen = by_hand(
        small_learner(4), LengthPace(eps_start=1.0, eps_min=0.02, steps=20, form="linear"), 0
    )[2]
    np.testing.assert_allclose(seen[:21], np.linspace(1.0, 0.02, 21), rtol=1e-12)
    seen = by_hand(small_learner(4), LengthPace(eps_start=1.0, eps_min=0.02, steps=20), 0)[2]
    np.testing.assert_allclose(seen[:21], np.geomspace(1.0, 0.02, 21), rtol=1e-12)
    pace = LengthPace(eps_start=1.0, eps_min=0.02, steps=20, form="quadratic")
    seen = by_hand(small_learner(4), pace, 0)[2]
    np.testing.assert_allclose(1 / np.array(seen[:21]), np.linspace(1.0, 50.0, 21), rtol=1e-12)


def test_the_ticks_of_a_run_add_up_to_one():
    heard = []
    run_together(small_learner(4), paces(0.1, 1e-6), COURSE, np.random.default_rng(0), heard.append)
    assert sum(heard) == pytest.approx(1.0, abs=1e-9)
