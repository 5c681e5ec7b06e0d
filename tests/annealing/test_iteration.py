"""The annealed iterations against their definitions, and against their source's figures."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from sinkdiag.annealing.schedules.annealed import Annealed, Debiased
from sinkdiag.annealing.schedules.optimum import optimum_of
from sinkdiag.annealing.schedules.registry import parse_schedule
from sinkdiag.annealing.schedules.setting import Setting
from sinkdiag.errors import InputError
from sinkdiag.problem import make_problem
from tests.annealing.chizat import geometric, random_setting


def setting(problem, steps):
    return Setting(
        problems=(problem,), eps_start=1.0, eps_min=0.1, max_steps=steps, iters=1, cold=True,
        settle=0,
    )  # fmt: skip


def last_plan(schedule, problem, steps):
    *_, last = schedule.run(setting(problem, steps))
    return last.samples[0].plan


def by_definition(problem, kappa, steps, *, debias, symmetric):
    """Loops over the equations; p and q have total 1."""
    cost, total = problem.cost - problem.cost.min(), problem.row.sum()
    p, q = problem.row / total, problem.col / total
    n, m = cost.shape
    beta_0 = 10 / (cost.max() - cost.min())
    u, v, beta = [0.0] * n, [0.0] * m, beta_0

    def row_update(i):
        return -math.log(math.fsum(q[j] * math.exp(v[j] - beta * cost[i, j]) for j in range(m)))

    def col_update(j):
        return -math.log(math.fsum(p[i] * math.exp(u[i] - beta * cost[i, j]) for i in range(n)))

    for t in range(1, steps + 1):
        theta = (t**kappa - (t - 1) ** kappa) / t**kappa if debias else 0.0
        if symmetric:
            new_u = [u[i] / 2 + row_update(i) / 2 + theta * u[i] for i in range(n)]
            new_v = [v[j] / 2 + col_update(j) / 2 + theta * v[j] for j in range(m)]
            u, v = new_u, new_v
            beta = beta_0 * (t + 1) ** kappa
            continue
        u = [theta * u[i] + row_update(i) for i in range(n)]
        beta = beta_0 * (t + 1) ** kappa
        v = [col_update(j) for j in range(m)]
    return [
        [total * p[i] * q[j] * math.exp(u[i] + v[j] - beta * cost[i, j]) for j in range(m)]
        for i in range(n)
    ], 1 / beta


@pytest.mark.parametrize("kappa", [0.5, 0.8])
@pytest.mark.parametrize("debias", [True, False])
@pytest.mark.parametrize("symmetric", [True, False])
def test_sweeps_are_those_of_the_equations(kappa, debias, symmetric):
    problem = make_problem(random_setting(n=5).cost[:4], row=[2, 1, 3, 1.5])
    name = {(0, 0): "annealed", (1, 0): "debiased", (0, 1): "symmetric"}.get(
        (debias, symmetric), "symmetric-debiased"
    )
    *_, last = parse_schedule(f"{name}:kappa={kappa}").run(setting(problem, 12))
    wanted, eps = by_definition(problem, kappa, 12, debias=debias, symmetric=symmetric)
    # Exponents stay below 10·13^0.8 = 80: their rounding is about 80·1e-16 an update.
    np.testing.assert_allclose(last.samples[0].plan, wanted, rtol=1e-11)
    assert last.eps == pytest.approx(eps, rel=1e-14)
    assert last.sweeps == 12


@pytest.mark.parametrize(
    "text", ["annealed:kappa=60", "debiased:beta_0=1e12", "symmetric:kappa=900"]
)
def test_exponents_that_are_rounding_are_refused(text):
    with pytest.raises(InputError, match="rounding"):
        list(parse_schedule(text).run(setting(random_setting(n=5), 100)))


def test_a_constant_on_top_of_the_costs_changes_no_plan():
    problem = random_setting(n=8)
    raised = replace(problem, cost=problem.cost + 1000.0)
    for name in ("annealed", "symmetric", "symmetric-debiased"):
        # Costs of 1000 are rounded to 1e-13, and beta is 10·21^(2/3) = 76 at the end.
        np.testing.assert_allclose(
            last_plan(parse_schedule(name), raised, 20),
            last_plan(parse_schedule(name), problem, 20),
            rtol=1e-9,
        )


def test_columns_are_exact_and_steps_are_counted():
    problem = random_setting(n=8)
    for name in ("annealed", "debiased"):
        steps = list(parse_schedule(f"{name}:steps=7").run(setting(problem, 30)))
        assert len(steps) == 7
        assert steps[-1].arrived
        for step in steps:
            np.testing.assert_allclose(step.samples[0].plan.sum(axis=0), problem.col, rtol=1e-13)


def test_the_unit_of_costs_and_of_masses_changes_nothing():
    problem = random_setting(n=8)
    scaled = replace(problem, cost=1e3 * problem.cost, row=5 * problem.row, col=5 * problem.col)
    np.testing.assert_allclose(
        last_plan(Debiased(), scaled, 20), 5 * last_plan(Debiased(), problem, 20), rtol=1e-10
    )


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_errors_after_a_thousand_sweeps_are_the_source_s(seed):
    problem = geometric(seed)
    optimum = optimum_of(problem)
    for schedule, wanted in ((Annealed(), 3.6e-3), (Debiased(), 7.5e-4)):
        plan = last_plan(schedule, problem, 1000)
        # 40 %: the points of another seed.
        assert optimum.suboptimality(plan, problem) == pytest.approx(wanted, rel=0.4)


def test_row_errors_fall_with_the_power_that_the_source_gives():
    problem = geometric()
    for kappa, slope in ((0.33, -0.66), (0.5, -0.50), (0.67, -0.32)):
        steps = Annealed(kappa=kappa).run(setting(problem, 1000))
        errors = [np.abs(step.samples[0].plan.sum(axis=1) - problem.row).sum() for step in steps]
        t = np.log(np.arange(1, 1001))[99:]
        assert np.polyfit(t, np.log(errors)[99:], 1)[0] == pytest.approx(slope, abs=0.05)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
def test_best_exponents_are_the_source_s(seed):
    problem = geometric(seed)
    optimum = optimum_of(problem)
    grid = np.arange(0.2, 1.21, 0.05)
    for kind, low, high in ((Annealed, 0.45, 0.6), (Debiased, 0.7, 0.9)):
        errors = [
            optimum.suboptimality(last_plan(kind(kappa=float(k)), problem, 200), problem)
            for k in grid
        ]
        assert low <= grid[np.argmin(errors)] <= high
