"""The study's rows against what its plans are, and its verdicts where they are known."""

from __future__ import annotations

import io
import math
import time

import numpy as np
import pytest

import sinkdiag
from sinkdiag.annealing.schedules.rounding import round_plan
from sinkdiag.claims.claim import AnnealingKey
from sinkdiag.errors import InputError, NothingToDrawError
from sinkdiag.problem import make_problem
from sinkdiag.studies.anneal_row import AnnealRow, Comparison
from tests.annealing.chizat import geometric
from tests.helpers import planar_cost, uniform_cost

COST = planar_cost(12, seed=3)
SCHEDULES = ("exponential:alpha0=0.7", "eph-asc:alpha0=0.7", "debiased")
CONTRACT = (
    "schedule,step,eps,drift,drift_ratio,braking,entropy,row_error,tv,suboptimality,"
    "assignment_gap,collapsed"
)


def rows_of(result, name):
    return [row for row in result.rows if row.schedule == name]


@pytest.fixture(scope="module")
def result():
    return sinkdiag.anneal(COST, [1.0, 0.01], schedules=SCHEDULES, max_steps=60, extended=True)


def test_rows_begin_with_the_contract_s_columns_in_step_order(result):
    assert ",".join(result.table.columns).startswith(CONTRACT)
    assert list(dict.fromkeys(row.schedule for row in result.rows)) == list(SCHEDULES)
    for name in SCHEDULES:
        steps = [row.step for row in rows_of(result, name)]
        assert steps == list(range(len(steps)))


def test_rows_are_what_the_public_layer_gives(result):
    best = sinkdiag.solve(COST, 1e-4).plan.round()
    optimum = float((COST * best).sum())
    previous = None
    for row in rows_of(result, "exponential:alpha0=0.7"):
        plan = sinkdiag.solve(COST, row.eps, iters=20).plan
        fixed = sinkdiag.solve(COST, row.eps).plan
        # Fixed points are good to 1e-9; the coldest gaps here are above 1e-3.
        assert row.tv == pytest.approx(np.abs(plan - fixed).sum() / 24, abs=1e-6)
        rounded = round_plan(plan, make_problem(COST))
        assert row.suboptimality == pytest.approx((COST * rounded).sum() - optimum, abs=1e-12)
        entropy = -(plan[plan > 0] * np.log(plan[plan > 0])).sum() / (12 * math.log(12))
        assert row.entropy == pytest.approx(entropy, abs=1e-12)
        assert row.row_error < 1e-13
        assert row.col_error == pytest.approx(np.abs(plan.sum(axis=0) - 1).sum() / 12, abs=1e-13)
        if previous is not None:
            assert row.drift == pytest.approx(np.linalg.norm(plan - previous), rel=1e-9, abs=1e-12)
            assert row.drift_ratio == row.drift / row.eps
        previous = plan


def test_annealed_rows_have_exact_columns_and_run_through_their_budget(result):
    rows = rows_of(result, "debiased")
    assert len(rows) == 60
    assert max(row.col_error for row in rows) < 1e-13
    assert rows[-1].row_error > 0
    assert rows[-1].suboptimality < rows[0].suboptimality
    assert all(0 <= row.entropy <= 1 for row in rows)


def test_the_comparison_is_the_end_of_every_run(result):
    assert [row.schedule for row in result.comparison] == list(SCHEDULES)
    for row in result.comparison:
        last = rows_of(result, row.schedule)[-1]
        assert (row.eps, row.sweeps, row.steps) == (last.eps, last.sweeps, last.step + 1)
        assert row.suboptimality == last.suboptimality
        assert row.seconds >= 0
    stream = io.BytesIO()
    result.write_comparison(stream)
    assert stream.getvalue().decode().startswith("schedule,steps,sweeps,eps,fate,suboptimality,")
    assert all(type(row) is Comparison for row in result.summary.comparison)
    assert not hasattr(result.summary.comparison[0], "seconds")


def test_cold_layers_are_unresolved_and_carried_ones_are_not():
    cost = planar_cost(30, seed=1)
    fates = {}
    for start in ("cold", "warm"):
        found = sinkdiag.anneal(cost, [1.0, 0.003], schedules=["exponential"], iters=2, start=start)
        fates[start] = found.comparison[0].fate
        rows = found.rows
        lost = [row.tv > 0.1 for row in rows]
        first = next((row.step for row in rows if row.collapsed), len(rows))
        assert all(lost[first:])
        assert not lost[first - 1]
        assert all(row.collapsed for row in rows[first:])
    assert fates == {"cold": "unresolved", "warm": "tracked"}


def test_a_jump_is_lost_and_a_short_budget_is_late():
    cost = planar_cost(30, seed=1)
    found = sinkdiag.anneal(
        cost,
        [1.0, 0.003],
        schedules=["exponential:alpha0=0.003", "exponential:alpha0=0.99"],
        iters=1,
        start="warm",
        max_steps=50,
    )
    assert [row.fate for row in found.comparison] == ["lost", "late"]
    assert found.comparison[1].eps > 0.003


def test_without_fixed_points_nothing_is_judged():
    found = sinkdiag.anneal(COST, 0.01, schedules=["exponential", "annealed"], tv=False)
    assert all(math.isnan(row.tv) and math.isnan(row.assignment_gap) for row in found.rows)
    assert not any(row.collapsed for row in found.rows)
    assert {row.status for row in found.rows} == {sinkdiag.Status.TRUNCATED}
    assert {row.fate for row in found.comparison} == {"arrived"}
    assert found.rows[-1].suboptimality > 0


def test_fixed_points_that_are_not_found_are_nan_with_a_status():
    found = sinkdiag.anneal(COST, 0.01, schedules=["exponential"], max_iter=1, max_steps=10)
    assert found.status.failed
    assert all(math.isnan(row.tv) == row.status.failed for row in found.rows)


def test_gumbel_rows_are_means_over_samples_judged_without_the_noise():
    found = sinkdiag.anneal(
        COST, 0.01, schedules=["gumbel:samples=3,scale=0.05", "exponential"], iters=400
    )
    noisy, plain = (row.suboptimality for row in found.comparison)
    assert noisy > plain >= 0
    assert found.comparison[0].tv < 0.1


def test_a_trajectory_is_one_case_and_each_step_has_its_own_optimum():
    costs = np.stack([planar_cost(8, seed) for seed in range(5)])
    found = sinkdiag.anneal(
        costs, [1.0, 0.01], layout="trajectory", schedules=["exponential:alpha0=0.3", "annealed"]
    )
    assert len(found.parts) == 1
    for name in ("exponential:alpha0=0.3", "annealed"):
        rows = rows_of(found, name)
        assert len(rows) == 5
        assert all(row.suboptimality >= 0 for row in rows)
    last = found.rows[4]
    plan = sinkdiag.solve(costs[4], last.eps, iters=20).plan
    best = sinkdiag.solve(costs[4], 1e-5).plan.round()
    excess = (costs[4] * (round_plan(plan, make_problem(costs[4])) - best)).sum()
    assert last.suboptimality == pytest.approx(excess, abs=1e-12)


def test_forbidden_pairs_leave_no_suboptimality_and_say_so(tmp_path):
    cost = uniform_cost(6, 6)
    cost[0, 1] = np.inf
    found = sinkdiag.anneal(cost, 0.05, schedules=["exponential", "debiased:steps=20"])
    assert all(math.isnan(row.suboptimality) for row in found.rows)
    assert all(np.isfinite(row.tv) for row in found.rows)
    assert any("forbidden" in finding for finding in found.findings)
    found.plot(str(tmp_path / "tv.png"))
    blind = sinkdiag.anneal(cost, 0.05, schedules=["exponential"], tv=False)
    with pytest.raises(NothingToDrawError):
        blind.plot(str(tmp_path / "none.png"))
    assert not (tmp_path / "none.png").exists()


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({"schedules": []}, "schedules"),
        ({"schedules": ["nothing"]}, "nothing"),
        ({"schedules": ["power", "power:kappa=0.5"]}, "twice"),
        ({"iters": 0}, "iters"),
        ({"start": "lukewarm"}, "start"),
        ({"max_steps": 1}, "max_steps"),
        ({"collapse_tv": 1.0}, "collapse_tv"),
        ({"seed": -1}, "seed"),
        ({"eps": [0.0]}, "eps"),
        ({"schedules": ["quadratic:kappa=1e9"]}, "kappa"),
    ],
)
def test_what_cannot_be_used_is_refused(arguments, word):
    with pytest.raises(InputError, match=word):
        sinkdiag.anneal(COST, **arguments)


def test_every_column_of_the_row_is_documented_with_its_unit():
    assert AnnealRow.__dataclass_fields__["suboptimality"].metadata["unit"] == "cost·mass"


def test_claims_are_always_listed_and_judged_on_request():
    quiet = sinkdiag.anneal(COST, 0.05, schedules=["exponential"])
    claims = quiet.summary.claims
    assert {claim.key for claim in claims} == set(AnnealingKey)
    assert {claim.verdict for claim in claims} == {"cannot tell"}
    assert not any("Thm. 3.2" in finding for finding in quiet.findings)
    judged = sinkdiag.anneal(COST, 0.05, schedules=["exponential"], claims=True)
    verdicts = {claim.key: claim.verdict for claim in judged.summary.claims}
    assert set(verdicts) == set(AnnealingKey)
    assert verdicts[AnnealingKey.SOLVES_TRANSPORT] == "holds"
    assert verdicts[AnnealingKey.COLLAPSE_AT_FREEZE] == "fails"
    for claim in judged.summary.claims:
        assert any(claim.sentence in finding for finding in judged.findings)
    costs = np.stack([COST, COST])
    record = sinkdiag.anneal(
        costs, 0.05, layout="trajectory", schedules=["exponential"], claims=True
    )
    assert {claim.verdict for claim in record.summary.claims} == {"cannot tell"}


@pytest.mark.slow
def test_a_thousand_steps_of_five_schedules_take_less_than_a_minute():
    schedules = (
        "exponential:alpha0=0.9942", "quadratic", "eph-asc:alpha0=0.9942", "annealed", "debiased",
    )  # fmt: skip
    began = time.process_time()
    found = sinkdiag.anneal(geometric().cost, schedules=schedules, tv=False)
    assert time.process_time() - began < 60.0
    assert len(found.rows) > 4900
