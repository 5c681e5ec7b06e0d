"""Panels, races and the choice of a slope, on outcomes that are made up."""

import math
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest

from sinkdiag.annealing.learning.fates import Course, Fate, Outcome
from sinkdiag.annealing.learning.lengths import first_run, lengths, shortest_safe
from sinkdiag.annealing.learning.meter import Meter
from sinkdiag.annealing.learning.settings import LearningSettings
from sinkdiag.annealing.learning.slopes import (
    SlopeFates,
    SlopeSearch,
    candidates_of,
    slope_grid,
    standing,
)
from sinkdiag.annealing.learning.stage import SlopeStage
from sinkdiag.annealing.learning.trials import Panel, Purpose, Trials
from sinkdiag.progress import silent

COURSE = Course(eps_start=1.0, eps_min=0.01, max_steps=500, collapse_tv=0.1)
TEN = Panel(purpose=Purpose.HELD_OUT, count=10)


def outcome(fate, steps=50.0, eps=0.01):
    return Outcome(fate=fate, steps=steps, wrong_mass=0.0, eps=eps, eps_wrong=math.nan)


class Made:
    """A runner whose fates are a function of the pace's slope (or length) and the replicate."""

    course, workers = COURSE, 1

    def __init__(self, fate):
        self.fate, self.runs = fate, []

    def make(self, paces, purpose, index, tick):
        found = []
        for pace in paces:
            number = pace.rule.k_safe if hasattr(pace, "rule") else pace.steps
            self.runs.append((number, purpose, index))
            found.append(self.fate(number, purpose, index))
        tick(1.0)
        return tuple(found)


def trials(fate):
    runner = Made(fate)
    return Trials(runner, Meter(silent, {"all": 1.0})), runner


def entry(slope, *, safe=True, held=False, steps=50.0, eps=0.01):
    fate = Fate.SAFE if safe else Fate.HELD if held else Fate.LOCKED
    outcomes = (outcome(fate, steps, eps),)
    return SlopeFates(slope=slope, outcomes=outcomes, safe=safe, held=held)


def test_nine_of_ten_are_enough_and_eight_are_not():
    for bad, safe in ((1, True), (2, False)):
        found, _ = trials(lambda _k, _p, i, bad=bad: outcome(Fate.LATE if i < bad else Fate.SAFE))
        search = SlopeSearch(found, 0.8, 1.0)
        search.run([1.0], TEN, 1.0, all_fates=True)
        assert found.is_safe(search.pace(1.0), TEN) is safe
    assert Panel(purpose=Purpose.FRESH, count=20).enough == 18
    assert Panel(purpose=Purpose.FRESH, count=1).enough == 1


def test_a_race_gives_up_what_cannot_be_safe_any_more_and_runs_nothing_twice():
    found, runner = trials(lambda k, _p, _i: outcome(Fate.SAFE if k > 1 else Fate.LOCKED))
    search = SlopeSearch(found, 0.8, 1.0)
    search.run([0.5, 2.0], TEN, 1.0, all_fates=False)
    assert sum(k == 0.5 for k, _, _ in runner.runs) == 2
    assert sum(k == 2.0 for k, _, _ in runner.runs) == 10
    search.run([0.5, 2.0], TEN, 1.0, all_fates=True)
    assert len(runner.runs) == len(set(runner.runs)) == 20


def test_the_soonest_robust_slope_is_taken():
    found = [
        entry(1.0, steps=90.0),
        entry(1.25, steps=60.0),
        entry(1.5, steps=60.0),
        entry(1.9, steps=40.0),  # its neighbour is not safe
        entry(2.4, safe=False),
        entry(math.inf, safe=False),
    ]
    assert [e.slope for e in candidates_of(found)] == [1.25, 1.5, 1.0]


def test_slopes_whose_median_does_not_arrive_are_no_candidates():
    assert candidates_of([entry(1.0, steps=math.inf)]) == []


def test_of_held_slopes_the_lowest_floor_comes_first():
    found = [
        entry(1.0, safe=False, held=True, eps=0.3),
        entry(2.0, safe=False, held=True, eps=0.1),
        entry(math.inf, safe=False, held=True, eps=0.01),
    ]
    assert [e.slope for e in standing(found)] == [2.0, 1.0]


def test_a_choice_that_fails_on_fresh_replicates_gives_way_to_the_next_smaller():
    grid = [1.0, 1.25, 1.55, 1.9, 2.4]

    def fate(k, purpose, index):
        fails = purpose == Purpose.FRESH and k > 1.9 and index < 5
        return outcome(Fate.LOCKED if fails else Fate.SAFE, steps=100.0 / k)

    found, _ = trials(fate)
    search = SlopeSearch(found, 0.8, 1.0)
    search.run(grid, TEN, 1.0, all_fates=True)
    entries = search.fates(grid, TEN)
    chosen = search.confirmed(candidates_of(entries), entries, 1.0, count=20)
    # 2.4 fails itself, 1.9 has it as a neighbour.
    assert (chosen.slope, chosen.passed, chosen.attempts) == (1.55, True, 3)
    assert (chosen.low, chosen.high, chosen.confirmed) == (1.0, 2.4, 1.0)


def test_what_no_slope_passes_is_said():
    found, _ = trials(
        lambda _k, p, i: outcome(Fate.LOCKED if p == Purpose.FRESH and i > 9 else Fate.SAFE)
    )
    search = SlopeSearch(found, 0.8, 1.0)
    search.run([1.0, 1.2], TEN, 1.0, all_fates=True)
    entries = search.fates([1.0, 1.2], TEN)
    chosen = search.confirmed(candidates_of(entries), entries, 1.0, count=20)
    assert (chosen.passed, chosen.confirmed, chosen.attempts) == (False, 0.5, 1)
    assert search.confirmed([], entries, 1.0, count=20) is None


def test_the_grid_scales_with_costs_and_masses_and_leaves_no_slope_alone():
    unit = 1.0 / 0.3
    grid = [k for k in slope_grid(unit) if k != 0.5]
    np.testing.assert_allclose([k for k in slope_grid(2 * unit) if k != 0.5], np.array(grid) * 2)
    assert max(b / a for a, b in pairwise(grid)) < 1.26
    assert grid[-1] / grid[0] == pytest.approx(4e4)
    quick = [k for k in slope_grid(unit, count=30) if k != 0.5]
    assert max(b / a for a, b in pairwise(quick)) < 1.5
    assert 0.5 in slope_grid(unit)


def test_lengths_are_a_grid_of_whole_steps_within_the_budget():
    grid = lengths(500)
    assert grid[0] == 1
    assert grid[-1] < 500
    assert list(grid) == sorted(set(grid))
    assert max(b / a for a, b in pairwise(grid[30:])) < 1.07


@pytest.mark.parametrize("pattern", ["SSS", "LSSS", "LSLSSSL", "SSLSS", "LLLL", "SLSSLSSS", "SS"])
def test_the_first_run_of_three_is_found(pattern):
    wanted = pattern.find("SSS")
    search = first_run(len(pattern))
    found = None
    try:
        index = next(search)
        while True:
            index = search.send(pattern[index] == "S")
    except StopIteration as end:
        found = end.value
    assert (-1 if found is None else found) == wanted


def test_the_shortest_schedule_is_the_first_of_three_safe_ones():
    grid = lengths(500)
    hole = 16

    def fate(steps, *_):
        return outcome(Fate.SAFE if steps >= 15 and steps != hole else Fate.LOCKED)

    found, _ = trials(fate)
    (shortest,) = shortest_safe(found, TEN, ["exponential"], 1.0)
    assert shortest.steps == 17 == grid[grid.index(hole) + 1]
    assert shortest.longest_unsafe == hole
    (none,) = shortest_safe(trials(lambda *_: outcome(Fate.LATE))[0], TEN, ["linear"], 1.0)
    assert (none.steps, none.longest_unsafe) == (math.inf, grid[-1])
    (at_once,) = shortest_safe(trials(lambda *_: outcome(Fate.SAFE))[0], TEN, ["linear"], 1.0)
    assert (at_once.steps, at_once.longest_unsafe) == (1, 0)


def test_forms_that_are_searched_side_by_side_find_what_each_finds_alone():
    def fate(steps, *_):
        return outcome(Fate.SAFE if steps >= 15 and steps != 16 else Fate.LOCKED)

    together = shortest_safe(trials(fate)[0], TEN, ["exponential", "linear"], 1.0)
    alone = [shortest_safe(trials(fate)[0], TEN, [form], 1.0)[0] for form in ("linear",)]
    assert together == (alone[0], alone[0])


@pytest.mark.parametrize(("whole_map", "followed"), [(False, 3), (True, 5)])
def test_of_slopes_that_stand_the_three_lowest_are_followed_up(whole_map, followed):
    slopes = [0.1, 0.2, 0.3, 0.4, 0.5]
    found, runner = trials(lambda k, _p, _i: outcome(Fate.HELD, math.inf, eps=k))
    runner.learner = SimpleNamespace(problem=SimpleNamespace(cost=np.empty((60, 60))))
    search = SlopeSearch(found, 0.8, 1.0)
    stage = SlopeStage(runner, search, TEN, LearningSettings(), whole_map=whole_map)
    search.run(slopes, TEN, 0.0, all_fates=False)
    stands = stage._held(search.fates(slopes, TEN))
    assert [one.slope for one in stands] == slopes[:followed]
    assert [sum(k == slope for k, *_ in runner.runs) for slope in slopes] == [
        10 if slope in slopes[:followed] else 2 for slope in slopes
    ]
