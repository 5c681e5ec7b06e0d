"""The recipe of A.7 against dense algebra, closed forms and extended precision."""

import csv
import io
import itertools

import mpmath
import numpy as np
import pytest

import sinkdiag
from sinkdiag.derivatives.rank_one import rank_one_norm
from sinkdiag.jacobian.block import factor_block
from sinkdiag.jacobian.modes import modes
from sinkdiag.jacobian.support import support_of
from sinkdiag.problem import make_problem
from sinkdiag.studies.constants import accumulated, thresholds
from tests.helpers import invoke, uniform_cost
from tests.naive import derivatives as naive

COLUMNS = [
    "eps",
    "p",
    "lambda_min",
    "M_num",
    "forcing_sup",
    "forcing_row",
    "forcing_col",
    "C1",
    "separation",
    "separation_holds",
    "eta",
    "tau",
    "support_size",
    "components",
    "C0",
    "K_quad",
    "R",
    "tau_max",
    "status",
]


def test_columns_begin_as_the_contract_says():
    frame = sinkdiag.constants(uniform_cost(4, 4), [0.5, 0.1])
    assert list(frame.columns[: len(COLUMNS)]) == COLUMNS
    assert {"lambda_min_S", "bifurcates", "C1_upper"} <= set(frame.columns)


@pytest.mark.parametrize("eps", [1.0, 0.2, 0.05])
def test_two_by_two_closed_forms(eps):
    row = sinkdiag.constants([[0.0, 1.0], [1.0, 0.0]], eps).iloc[0]
    p, q = 1 / (1 + np.exp(-1 / eps)), 1 / (1 + np.exp(1 / eps))
    assert row.p == pytest.approx(1.0, rel=1e-12)
    assert row.lambda_min == pytest.approx(2 * q, rel=1e-10)
    assert pytest.approx(2 * p * q, rel=1e-10) == row.C0
    assert row.K_quad == pytest.approx(2 * p * q * (p - q), rel=1e-10)
    assert pytest.approx(4 * p * q / (p - q), rel=1e-9) == row.R
    # DS has one direction, ±1/2 everywhere: its image of 2-norm 1 for Frobenius norm 1.
    assert pytest.approx(2 * p * q, rel=1e-8) == row.C1
    assert row.tau_max == pytest.approx(4 * p * q * row.R, rel=1e-9)


@pytest.mark.parametrize(("n", "m", "eps"), [(6, 6, 0.1), (7, 5, 0.05), (4, 6, 0.3)])
def test_against_dense_algebra(n, m, eps):
    cost = uniform_cost(n, m)
    plan = sinkdiag.solve(cost, eps).plan
    row = sinkdiag.constants(cost, eps).iloc[0]
    support = support_of(plan)
    whole, masked = naive.block(plan), naive.block(np.where(support.mask, plan, 0.0))
    floor = np.linalg.eigvalsh(masked)[support.components]
    assert row.p == pytest.approx(np.linalg.norm(plan, 2), rel=1e-12)
    assert row.lambda_min == pytest.approx(np.linalg.eigvalsh(whole)[1], rel=1e-9)
    assert row.lambda_min_S == pytest.approx(floor, rel=1e-9)
    assert row.separation == pytest.approx(
        np.linalg.norm(whole - masked, 2) / floor, rel=1e-9, abs=1e-14
    )
    value, k, l = naive.forcing(plan, support.mask)  # noqa: E741
    assert (row.forcing_row, row.forcing_col) == (k, l)
    assert row.forcing_sup == pytest.approx(value, rel=1e-9)
    dense = naive.derivative_matrix(plan)
    assert pytest.approx(np.linalg.norm(dense, 2), rel=1e-9) == row.C0
    assert row.C1_upper * (1 + 1e-12) >= row.C1
    assert row.eta == plan[support.mask].min()
    assert row.tau == (plan[~support.mask].max() if not support.mask.all() else 0.0)


def test_rank_one_norm_is_not_beaten_by_random_directions():
    operator = factor_block(sinkdiag.solve(uniform_cost(5, 5), 0.1).plan)
    found = rank_one_norm(operator).value
    rng = np.random.default_rng(0)
    x = rng.standard_normal((4000, 5, 5))
    x /= np.linalg.norm(x, axis=(1, 2), keepdims=True)
    sizes = np.linalg.norm(operator.move(x), ord=2, axis=(1, 2))
    assert sizes.max() <= found * (1 + 1e-9)
    # The value is attained by a rank-one direction's image, so the best random one comes close.
    assert sizes.max() > 0.6 * found


@pytest.mark.parametrize("eps", [0.01, 0.004])
def test_near_a_permutation(eps):
    cost = uniform_cost(6, 6, 1)
    plan = sinkdiag.solve(cost, eps).plan
    row = sinkdiag.constants(cost, eps).iloc[0]
    with mpmath.workdps(90):
        second = float(sorted(mpmath.eigsy(naive.exact_block(plan), eigvals_only=True))[1])
        inverse = naive.exact_inverse(plan)
        k, l = int(row.forcing_row), int(row.forcing_col)  # noqa: E741
        size = mpmath.norm([inverse[i, k] + inverse[i, 6 + l] for i in range(12)])
        forced = float(size * mpmath.mpf(float(plan[k, l])))
    assert row.lambda_min == pytest.approx(second, rel=1e-8)
    assert row.forcing_sup == pytest.approx(forced, rel=1e-8)


@pytest.mark.parametrize("iters", [1, 5, 20])
def test_accumulated_drift_is_the_norm_of_the_geometric_sum(iters):
    solution = sinkdiag.solve(uniform_cost(6, 5), 0.05)
    plan, row, col = solution.plan, solution.row, solution.col
    jacobian = plan.T @ (plan / row[:, None]) / col[:, None]
    gauge = np.outer(np.ones(5), col) / col.sum()
    power = np.linalg.matrix_power(jacobian - gauge, iters)
    left = power @ np.linalg.inv(np.eye(5) - power)
    lifted = np.zeros((30, 5))
    for j in range(5):
        b = np.eye(5)[j]
        lifted[:, j] = (plan * (b - (plan @ b / row)[:, None])).ravel()
    basis = np.linalg.svd(lifted)[2][:4].T
    metric = lifted @ basis
    expected = np.linalg.norm(lifted @ left @ basis @ np.linalg.pinv(metric), 2)
    assert accumulated(modes(plan, row, col, "plan"), iters) == pytest.approx(expected, rel=1e-8)


def test_thresholds_follow_from_the_constants():
    cost, eps = uniform_cost(6, 6), 0.05
    row = sinkdiag.constants(cost, eps).iloc[0]
    found = thresholds(make_problem(cost), eps, 20)
    assert pytest.approx(row.R, rel=1e-9) == found.R
    assert found.tau_max == pytest.approx(row.tau_max, rel=1e-9)
    more = thresholds(make_problem(cost), eps, 40)
    assert more.k_theory > found.k_theory > 0


def test_bifurcations_are_marked_where_the_support_changes():
    cost = uniform_cost(12, 12)
    frame = sinkdiag.constants(cost, [1.0, 0.9, 0.02, 0.01])
    masks = [support_of(sinkdiag.solve(cost, eps).plan).mask for eps in frame.eps]
    changed = [False] + [bool(np.any(a != b)) for a, b in itertools.pairwise(masks)]
    assert list(frame.bifurcates) == changed
    assert any(changed)


def test_one_row_is_a_degenerate_case_without_noise():
    row = sinkdiag.constants([[1.0, 2.0, 3.0]], 0.1).iloc[0]
    assert row.C0 == row.K_quad == row.C1 == 0.0
    assert np.inf == row.R
    assert row.components == 1


def test_command(tmp_path):
    path = tmp_path / "cost.npy"
    np.save(path, uniform_cost(5, 5))
    done = invoke("constants", path, "--eps", "1:0.1:3")
    assert done.status == 0
    rows = list(csv.DictReader(io.StringIO(done.out)))
    assert list(rows[0])[: len(COLUMNS)] == COLUMNS
    assert "Lemma A.5" in done.err
