"""What a calibration says: all-clears that are true, runs that it speaks of, and hostile inputs."""

import math
from types import SimpleNamespace

import numpy as np
import pytest

import sinkdiag
from sinkdiag.annealing.rule import CoolingRule
from sinkdiag.results import Status
from sinkdiag.studies.calibrate_replay_findings import _own_sweeps
from tests.helpers import planar_cost
from tests.shell import ROOT
from tests.studies.test_calibrate_replay import (
    COST,
    controller_of,
    distance,
    replay_by_hand,
    replayed,
)

FAULTS = ROOT / "tests" / "data" / "faults"


def calm_then_hard(count=40, calm=12, n=10):
    """Costs a twentieth of the later ones for ``calm`` steps, then a random problem in two more."""
    random = np.random.default_rng(0)
    early, late = 0.05 * random.random((n, n)), random.random((n, n))
    share = np.clip((np.arange(count) - calm) / 2, 0, 1)[:, None, None]
    return (1 - share) * early + share * late


@pytest.mark.parametrize("alpha0", [None, 0.5594])
def test_one_jump_on_a_trajectory_meets_the_later_costs(alpha0):
    """It arrives on calm costs, whole; they become hard while it stays at eps_min."""
    row = replayed(
        calm_then_hard(),
        [1.0, 0.01],
        layout="trajectory",
        iters=1,
        alpha0=alpha0,
        replicates=3,
    ).rows[0]
    assert not row.verdict.startswith("no collapse provoked")
    assert row.collapses == 3
    assert row.tv_plain > 0.1


def test_the_steps_of_a_trajectory_are_not_those_of_the_budget():
    """Fresh costs at every step: no usual slope arrives in 60 steps, and 500 there are not."""
    costs = np.random.default_rng(0).random((60, 8, 8))
    row = replayed(costs, [1.0, 0.3], layout="trajectory", iters=2, replicates=2).rows[0]
    assert row.max_steps == 57
    assert "500 steps" not in row.verdict


@pytest.mark.parametrize("count", [3, 4, 5, 6])
def test_the_shortest_records_settle_as_long_as_they_can(count):
    """One step before the jump, and one at eps_min before those by which the run is judged."""
    costs = np.stack([planar_cost(6, seed) for seed in range(count)])
    result = replayed(costs, layout="trajectory", iters=1, replicates=2)
    layer = result.parts[0].calibration.layer
    assert layer.settle == min(3, count - 2)
    assert layer.max_steps == max(2, count - 3)
    assert result.rows[0].status is Status.CONVERGED
    assert not result.rows[0].verdict.startswith("empty: plain cooling by 0.003 a step takes")
    assert math.isfinite(result.rows[0].tv_plain)


def test_tv_plain_is_that_of_the_run_that_the_verdict_speaks_of():
    """Gentle cooling with one sweep, by hand, and not one jump (five times as far)."""
    row = replayed(COST, [1.0, 0.3], alpha0=0.8, noise=0.0, replicates=2, iters=1).rows[0]
    assert row.verdict.startswith("no collapse provoked:")
    controller = sinkdiag.AdaptiveCooling(math.inf, 0.8, eps_start=1.0, eps_min=0.3)
    _, _, plan = replay_by_hand(COST, controller, 1)
    # The judge's fixed points are certified to 1e-9, and so are distances from them.
    assert row.tv_plain == pytest.approx(distance(COST, 0.3, plan), abs=1e-8)
    assert f"(median TV {row.tv_plain:.3g}" in row.verdict
    jump = sinkdiag.AdaptiveCooling(math.inf, 0.3, eps_start=1.0, eps_min=0.3)
    _, _, plan = replay_by_hand(COST, jump, 1)
    assert distance(COST, 0.3, plan) > 5 * row.tv_plain


def test_plain_cooling_in_as_many_steps_stands_beside_the_controller():
    """Without noise every replay is the data's, so both distances are found by hand."""
    row = replayed(COST, noise=0.0, replicates=2).rows[0]
    count, eps, plan = replay_by_hand(COST, controller_of(row, row.k_safe), row.iters)
    assert count == row.steps_safe + 3
    assert row.tv_safe == pytest.approx(distance(COST, eps, plan), abs=1e-8)
    alpha = (row.eps_min / row.eps_start) ** (1 / (row.steps_safe - 1))
    assert CoolingRule(k_safe=1.0, alpha0=alpha).plain_steps(row.eps_start, row.eps_min) == (
        row.steps_safe - 1
    )
    plain = sinkdiag.AdaptiveCooling(math.inf, alpha, eps_start=row.eps_start, eps_min=row.eps_min)
    again, eps, plan = replay_by_hand(COST, plain, row.iters)
    assert again == count
    assert row.tv_plain_equal == pytest.approx(distance(COST, eps, plan), abs=1e-8)
    better = "plain cooling" if row.tv_plain_equal < row.tv_safe else "the controller"
    assert (
        f"At k_safe it ends at TV {row.tv_safe:.3g} (median), plain cooling in as many steps at "
        f"{row.tv_plain_equal:.3g}: {better} is the better of the two."
    ) in row.verdict


def test_a_k_low_that_is_where_the_search_ends_says_at_most():
    """Two steps of cooling on a cost that settles at once: every slope arrives."""
    result = replayed(planar_cost(12), alpha0=0.05, iters=1, replicates=2)
    assert result.parts[0].window.floor == ("k_low is at most" in result.rows[0].verdict)
    slow = replayed(COST, max_steps=5000, iters=2, alpha0=0.3, replicates=2)
    assert slow.parts[0].window.floor == ("k_low is at most" in slow.rows[0].verdict)
    assert slow.parts[0].window.floor or result.parts[0].window.floor


@pytest.mark.parametrize(
    ("steps", "tried", "words"),
    [
        (3, (), "(3 steps or fewer), too few steps for a controller to act."),
        (64, (), "(64 steps or fewer), and not clearly on every pilot run."),
        (64, (20,), "(64 steps or fewer), and the window there is no better."),
    ],
)
def test_steps_that_are_said_to_be_too_few_are_few(steps, tried, words):
    provoked = [SimpleNamespace(iters=iters) for iters in tried]
    found = SimpleNamespace(
        layer=SimpleNamespace(iters=20, eps_min=0.01),
        escalation=SimpleNamespace(
            critical=SimpleNamespace(alpha=0.9, cooling_steps=steps), provoked=provoked
        ),
    )
    choice = SimpleNamespace(provoked=SimpleNamespace(iters=1))
    assert _own_sweeps(found, choice).endswith(words)


def test_cooling_that_takes_more_than_the_budget_is_refused_at_once():
    """5e16 steps are not run, whatever the budget."""
    row = replayed(COST, alpha0=math.nextafter(1.0, 0.0), replicates=2).rows[0]
    assert row.verdict.startswith("empty: plain cooling by 0.9999999999999999 a step takes ")
    assert "within the budget of 500" in row.verdict
    assert math.isnan(row.tv_plain)


def test_an_outlier_of_1e57_is_below_resolution_and_not_a_matter_of_minutes():
    with np.load(FAULTS / "calibrate_hang.npz") as file:
        row = replayed(
            file["cost"],
            0.1,
            eps_unit="median",
            row=file["row"],
            col=file["col"],
            max_steps=50,
            replicates=2,
        ).rows[0]
    assert row.status is Status.BELOW_RESOLUTION
    assert row.verdict.startswith("below resolution: 4 of 4 fixed points")


@pytest.mark.parametrize("eps", [1e-3, 3e-4])
def test_sweeps_that_leave_nothing_divide_by_no_zero(eps):
    row = replayed(np.load(FAULTS / "uv84.npy"), eps).rows[0]
    assert row.status is Status.CONVERGED
    assert not row.k_theory <= 0.0


def test_the_chosen_pace_leaves_the_controller_its_first_step():
    """Plain cooling that fills the whole budget is a pace at which no controller can arrive."""
    rng = np.random.default_rng(0)
    rng.random(1432)
    start = rng.random((12, 12))
    record = np.stack([start + 0.05 * t * rng.random((12, 12)) for t in range(15)])
    result = replayed(record, [1.0, 0.05], layout="trajectory", iters=5, extended=True)
    (row,) = result.rows
    assert "No slope reaches" not in row.verdict
    assert row.runs_late == 0
