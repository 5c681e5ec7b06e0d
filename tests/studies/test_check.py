"""A layer as it is used: every number of its row against its definition, every verdict by a case
that deserves it, and what is said."""

from __future__ import annotations

import math

import numpy as np
import pytest

import sinkdiag
from sinkdiag.errors import InputError
from sinkdiag.jacobian.gains import layer_gain
from sinkdiag.problem import make_problem
from sinkdiag.results import Status
from sinkdiag.solver.layer import sweep_plan, unroll
from sinkdiag.solver.truncation import carried, iters_needed, lowest_eps
from tests.helpers import planar_cost, uniform_cost


def only(result):
    (row,) = result.rows
    return row


@pytest.mark.parametrize("shape", [(10, 10), (6, 9)])
def test_the_row_is_about_the_sweeps_and_not_about_the_fixed_point(shape):
    cost, eps = uniform_cost(*shape, seed=4), 0.04
    problem = make_problem(cost)
    plan = sweep_plan(problem, eps, 7)
    fixed = sinkdiag.solve(cost, eps)
    row = only(sinkdiag.check(cost, eps, iters=7))
    wrong = np.abs(plan - fixed.plan).sum() / (2 * shape[0])
    assert row.tv == pytest.approx(wrong, rel=1e-6)
    error = max(abs(plan.sum(1) - 1).max(), abs(plan.sum(0) * shape[1] / shape[0] - 1).max())
    assert row.marginal_error == pytest.approx(error, rel=1e-9)
    assert row.eps_lowest == lowest_eps(problem, 7)
    assert row.iters_needed == iters_needed(problem, eps)
    # Lanczos was left at a residual of 1e-4 of the square.
    assert row.gradient_gain == pytest.approx(layer_gain(unroll(problem, eps, 7)), rel=1e-4)
    most = np.minimum(1.0, shape[0] / shape[1])
    assert row.saturation == pytest.approx(plan[plan >= 0.99 * most].sum() / shape[0], abs=1e-12)
    assert row.status is Status.CONVERGED


def test_without_eps_the_middle_of_the_automatic_grid_is_taken():
    cost = planar_cost(8)
    assert only(sinkdiag.check(cost)).eps == pytest.approx(math.sqrt(3e-3) * np.ptp(cost))
    scaled = only(sinkdiag.check(cost, 0.1, eps_unit="range"))
    assert scaled.eps == pytest.approx(0.1 * np.ptp(cost))


def test_single_precision_is_that_of_the_layer():
    cost, eps = uniform_cost(8, 8), 0.05
    problem = make_problem(cost)
    row = only(sinkdiag.check(cost, eps, extended=True))
    narrow = sweep_plan(problem, eps, 20, dtype=np.float32).astype(float)
    wrong = np.abs(narrow - sweep_plan(problem, eps, 20)).sum() / 16
    # Two orders of the same operations: rounding of the same size, 1e-7 to 1e-6.
    assert 0.1 * wrong < row.dtype_error < 10 * wrong
    assert 0 < row.dtype_gradient_error < 1e-4


VERDICTS = {
    "ok": (planar_cost(10), 0.3, {}),
    "unresolved": (planar_cost(10), 0.01, {"iters": 2}),
    "frozen": (1.0 - np.eye(6), 0.05, {}),
    "uniform": (planar_cost(10), 50.0, {}),
    "overflow": (1e5 * planar_cost(10), 1e4, {"dtype": "float16"}),
    "suspicious input": (planar_cost(10), 1e-7, {}),
}


@pytest.mark.parametrize("verdict", VERDICTS)
def test_every_verdict_has_its_case_and_is_the_first_word(verdict):
    cost, eps, options = VERDICTS[verdict]
    result = sinkdiag.check(cost, eps, **options)
    assert only(result).verdict == verdict
    assert result.findings[0].startswith(f"cost: {verdict}: at eps = ")


def test_rounding_that_moves_the_mass_is_unresolved_and_said():
    cost = 300.0 + planar_cost(10)
    result = sinkdiag.check(cost, 0.3, dtype="bfloat16")
    row = only(result)
    assert row.tv < 0.01 < row.dtype_error
    assert row.verdict == "unresolved"
    assert any("bfloat16 moves" in text and "wider dtype" in text for text in result.findings)


def test_remedies_are_true():
    cost, eps = planar_cost(12), 0.01
    problem = make_problem(cost)
    result = sinkdiag.check(cost, eps)
    row = only(result)
    (said,) = [text for text in result.findings if "run K = " in text]
    assert f"run K = {row.iters_needed:.0f}, or raise eps to {row.eps_lowest:.3g}" in said
    assert only(sinkdiag.check(cost, eps, iters=int(row.iters_needed))).tv <= 0.01
    assert only(sinkdiag.check(cost, row.eps_lowest)).tv <= 0.01
    frozen = sinkdiag.check(1.0 - np.eye(6), 0.05, extended=True)
    soft = only(frozen).eps_soft
    assert f"raise eps to {soft:.3g} or more" in " ".join(frozen.findings)
    assert only(sinkdiag.check(1.0 - np.eye(6), soft)).saturation < 0.9
    assert only(sinkdiag.check(1.0 - np.eye(6), soft / 1.3)).saturation >= 0.9
    assert problem.cost_range > 0


def test_a_search_that_ends_without_an_answer_says_so():
    """Two blocks, 0.1 of the mass between them: a sweep shifts it by eps log(3.1/3), 1 is to go."""
    cost = np.kron(1.0 - np.eye(2), np.ones((3, 3)))
    result = sinkdiag.check(cost, 1e-4, col=[3.1 / 3] * 3 + [2.9 / 3] * 3)
    row = only(result)
    assert row.tv == pytest.approx(0.1 / 6, rel=1e-3)
    assert math.isnan(row.iters_needed)
    assert any("takes more than 100,000 sweeps" in text for text in result.findings)


def test_a_layer_that_divides_is_told_where_it_underflows():
    cost = planar_cost(10)
    cost[3] += 2.0
    result = sinkdiag.check(cost, 0.01, extended=True)
    assert only(result).normalised_dtype_error == math.inf
    assert any("no numbers in float32: write it with logsumexp" in t for t in result.findings)


def test_a_carried_start():
    cost = planar_cost(10)
    problem = make_problem(cost)
    row = only(sinkdiag.check(cost, 0.02, iters=3, start="warm"))
    init = carried(problem, 3)(0.02)
    plan = sweep_plan(problem, 0.02, 3, init=init)
    wrong = np.abs(plan - sinkdiag.solve(cost, 0.02).plan).sum() / 20
    assert row.tv == pytest.approx(wrong, rel=1e-6)
    assert row.tv < only(sinkdiag.check(cost, 0.02, iters=3)).tv


def test_a_trajectory_is_carried_along():
    stack = np.stack([planar_cost(8), planar_cost(8) + 0.01 * uniform_cost(8, 8)])
    eps = 0.03
    first, second = sinkdiag.check(stack, eps, layout="trajectory", start="warm", iters=2).rows
    start = carried(make_problem(stack[0]), 2)(eps)
    left = sinkdiag.solve(stack[0], eps, iters=2, init=start).g
    plan = sinkdiag.solve(stack[1], eps, iters=2, init=left).plan
    wrong = np.abs(plan - sinkdiag.solve(stack[1], eps).plan).sum() / 16
    assert second.tv == pytest.approx(wrong, rel=1e-6)
    alone = sinkdiag.check(stack, eps, layout="batch", start="warm", iters=2).rows
    assert first == alone[0]
    assert second != alone[1]


def test_several_matrices_get_one_summary_and_their_own_sentences_on_request():
    stack = np.stack([1.0 - np.eye(6), planar_cost(6), 2.0 * (1.0 - np.eye(6))])
    result = sinkdiag.check(stack, 0.1, layout="batch")
    assert [row.verdict for row in result.rows] == ["frozen", "ok", "frozen"]
    assert result.findings[0] == "cost: 2 of 3 frozen, 1 of 3 ok at K = 20"
    assert result.findings[1].startswith("worst: index 2 of cost at eps = 0.1: frozen")
    assert len(result.findings) == 2
    assert result.brief
    summary = result.summary
    assert [(entry.verdict, entry.count) for entry in summary.verdicts] == [
        ("frozen", 2),
        ("ok", 1),
    ]
    assert (summary.source, summary.index) == ("cost", 2)
    each = sinkdiag.check(stack, 0.1, layout="batch", each=True)
    assert not each.brief
    assert sum(": frozen: at eps" in text for text in each.findings) == 2


def test_several_temperatures_are_rows_with_a_sentence_each():
    result = sinkdiag.check(planar_cost(10), [0.3, 0.01])
    assert [row.eps for row in result.rows] == [0.3, 0.01]
    assert ": ok: at eps = 0.3" in result.findings[0]
    assert ": unresolved: at eps = 0.01" in result.findings[1]


@pytest.mark.parametrize("cost", [[[2.0]], [[1.0, 1.0], [1.0, 1.0]], [[0.0, 3.0, 1.0]]])
def test_degenerate_costs_have_verdicts(cost):
    row = only(sinkdiag.check(cost, 0.1))
    assert row.verdict in ("frozen", "uniform", "suspicious input")
    assert row.tv == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize(
    "options", [{"iters": 0}, {"start": "hot"}, {"dtype": "int8"}, {"seed": -1}]
)
def test_arguments_are_checked(options):
    with pytest.raises(InputError, match=next(iter(options))):
        sinkdiag.check(planar_cost(4), 0.1, **options)
