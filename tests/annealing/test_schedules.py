"""Temperatures of the rules, layers that follow them, and how schedules are named."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

import sinkdiag
from sinkdiag.annealing.schedules.registry import SCHEDULES, parse_schedule, reference
from sinkdiag.annealing.schedules.setting import Setting
from sinkdiag.errors import InputError
from sinkdiag.problem import make_problem
from tests.helpers import planar_cost, uniform_cost

COST = planar_cost(12)
SETTING = Setting(
    problems=(make_problem(COST),),
    eps_start=1.0,
    eps_min=0.01,
    max_steps=200,
    iters=5,
    cold=False,
    settle=3,
)
NAMES = {
    "exponential", "quadratic", "power", "piecewise", "eph-asc", "tracking", "gumbel", "annealed",
    "debiased", "symmetric", "symmetric-debiased",
}  # fmt: skip


def steps_of(text, setting=SETTING):
    return list(parse_schedule(text).run(setting))


def temperatures(text, setting=SETTING):
    return np.array([step.eps for step in steps_of(text, setting)])


def test_the_names_are_those_of_the_contract():
    assert set(SCHEDULES) == NAMES
    listed = reference()
    for name in NAMES:
        assert f"\n{name}\n" in f"\n{listed}"


@pytest.mark.parametrize("name", sorted(NAMES))
def test_every_schedule_yields_steps_in_order(name):
    steps = steps_of(name)
    assert [step.index for step in steps] == list(range(len(steps)))
    assert math.isnan(steps[0].drift)
    assert all(np.isfinite(step.drift) for step in steps[1:])
    assert np.all(np.diff([step.eps for step in steps]) <= 0)
    assert np.all(np.diff([step.sweeps for step in steps]) > 0)
    for sample in steps[-1].samples:
        assert sample.plan.sum() == pytest.approx(12, rel=0.2)


def test_exponential_falls_by_its_factor_and_stays_three_steps():
    eps = temperatures("exponential:alpha0=0.5")
    np.testing.assert_allclose(eps[:7], 0.5 ** np.arange(7))
    assert list(eps[7:]) == [0.01] * 4
    assert [step.arrived for step in steps_of("exponential:alpha0=0.5")] == [False] * 7 + [True] * 4


def test_quadratic_takes_steps_of_kappa_eps_squared_and_just_arrives():
    eps = temperatures("quadratic:kappa=0.5")
    np.testing.assert_allclose(eps[1:50], eps[:49] - 0.5 * eps[:49] ** 2)
    steps = steps_of("quadratic")
    assert steps[-1].arrived
    # The discrete steps gain on 1/eps = 1/eps_0 + kappa t by about kappa² eps per step.
    assert 0.9 * 200 < len(steps) <= 200
    with pytest.raises(InputError, match="smaller kappa"):
        steps_of("quadratic:kappa=1")


def test_power_and_piecewise_are_what_their_equations_say():
    t = np.arange(200)
    np.testing.assert_allclose(temperatures("power"), np.maximum((1.0 + t) ** -0.5, 0.01))
    eps = temperatures("power:kappa=2,beta_0=4")
    np.testing.assert_allclose(eps, np.maximum(0.25 / (1.0 + t[: len(eps)]) ** 2, 0.01))
    ladder = temperatures("piecewise:stages=3,hold=4")
    np.testing.assert_allclose(ladder, [1.0] * 4 + [0.1] * 4 + [0.01] * 4)


@pytest.mark.parametrize("cold", [True, False])
@pytest.mark.parametrize(
    ("text", "arguments"),
    [
        ("eph-asc:k_safe=0.8,alpha0=0.7", {"k_safe": 0.8, "alpha0": 0.7}),
        ("eph-asc:alpha0=0.7,beta=0.5", {"alpha0": 0.7, "beta": 0.5}),
        ("tracking:alpha0=0.7", {"alpha0": 0.7, "signal": "tracking"}),
    ],
)
def test_controllers_are_those_of_the_library(text, arguments, cold):
    """By hand, with the public layer and the public controller."""
    controller = sinkdiag.AdaptiveCooling(eps_start=1.0, eps_min=0.01, **arguments)
    g = None
    for step in steps_of(text, replace(SETTING, cold=cold)):
        assert step.eps == pytest.approx(controller.eps, rel=1e-12)
        layer = sinkdiag.solve(COST, controller.eps, iters=5, init=None if cold else g)
        np.testing.assert_allclose(step.samples[0].plan, layer.plan, atol=1e-13)
        g = layer.g
        controller.step(layer.plan)
        assert step.braking == pytest.approx(controller.history.braking.iloc[-1], rel=1e-12)


def test_a_trajectory_gives_each_step_its_cost():
    problems = tuple(make_problem(planar_cost(12, seed)) for seed in range(6))
    setting = replace(SETTING, problems=problems)
    for text in ("exponential", "annealed"):
        steps = steps_of(text, setting)
        assert len(steps) == 6
        for step, problem in zip(steps, problems):
            assert step.samples[0].cost is problem.cost
    plan = steps_of("exponential", setting)[0].samples[0].plan
    np.testing.assert_allclose(plan, sinkdiag.solve(problems[0].cost, 1.0, iters=5).plan)


def test_gumbel_noise_is_fixed_for_a_run_and_differs_between_samples_and_seeds():
    steps = steps_of("gumbel:samples=3,scale=0.2")
    first, last = steps[0].samples, steps[-1].samples
    for before, after in zip(first, last):
        np.testing.assert_array_equal(before.cost, after.cost)
    assert not np.allclose(first[0].cost, first[1].cost)
    noise = np.concatenate([(COST - sample.cost).ravel() for sample in first]) / 0.2
    # 432 standard Gumbel numbers: mean 0.577 with standard error 1.28/sqrt(432) = 0.06.
    assert noise.mean() == pytest.approx(0.5772, abs=0.2)
    other = steps_of("gumbel:samples=3,scale=0.2", replace(SETTING, seed=1))
    assert not np.allclose(other[0].samples[0].cost, first[0].cost)


def test_gumbel_without_noise_is_exponential():
    plain, gumbel = steps_of("exponential"), steps_of("gumbel:samples=2,scale=0")
    assert len(plain) == len(gumbel)
    for one, two in zip(plain, gumbel):
        for sample in two.samples:
            np.testing.assert_array_equal(sample.plan, one.samples[0].plan)


def test_labels_show_what_is_not_the_default():
    assert parse_schedule("exponential").label == "exponential"
    assert parse_schedule("exponential:alpha0=0.95").label == "exponential"
    assert parse_schedule(" annealed : kappa = 0.7 , steps = 20 ").label == (
        "annealed:kappa=0.7,steps=20"
    )


@pytest.mark.parametrize(
    "text",
    [
        "linear", "exponential:", "exponential:alpha0", "exponential:alpha0=x",
        "exponential:alpha0=1", "exponential:alpha0=nan", "exponential:alpha0=0.9,alpha0=0.8",
        "exponential:beta=1", "power:kappa=0", "power:kappa=inf", "piecewise:stages=0",
        "piecewise:hold=1.5", "eph-asc:beta=2", "eph-asc:k_safe=-1", "gumbel:samples=0",
        "gumbel:scale=-1", "annealed:steps=0", "annealed:beta_0=0", "tracking:alpha0=0", "",
        "gumbel:samples=1e6", "power:beta_0=1e-200", "annealed:steps=1e9",
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused_by_name(text):
    with pytest.raises(InputError) as caught:
        parse_schedule(text)
    assert "\n" not in str(caught.value)
    assert (text.partition(":")[0] or "''") in str(caught.value)


def test_rectangular_costs_and_one_stage_are_fine():
    setting = replace(SETTING, problems=(make_problem(uniform_cost(5, 8)),))
    for name in sorted(NAMES):
        plan = steps_of(name, setting)[-1].samples[0].plan
        assert plan.shape == (5, 8)
    assert list(temperatures("piecewise:stages=1,hold=2")) == [1.0, 0.01, 0.01, 0.01, 0.01]
