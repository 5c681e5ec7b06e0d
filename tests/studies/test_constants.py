"""The recipe of A.7 against dense algebra, closed forms and extended precision."""

import itertools

import mpmath
import numpy as np
import pytest

import sinkdiag
from sinkdiag.claims.claim import ClaimKey
from sinkdiag.jacobian.support import support_of
from sinkdiag.results import Status
from tests.helpers import uniform_cost
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
    frame = sinkdiag.constants(uniform_cost(4, 4), [0.5, 0.1]).frame()
    more = ["lambda_min_S", "bifurcates", "C1_upper", "gap", "kappa_V"]
    assert list(frame.columns) == COLUMNS + more
    extended = sinkdiag.constants(uniform_cost(4, 4), [0.5, 0.1], extended=True).frame()
    assert list(extended.columns[: len(COLUMNS) + 5]) == COLUMNS + more
    assert {"dS_de_norm", "K1", "duality_bound", "max_plan", "cycles"} <= set(extended.columns)


@pytest.mark.parametrize("eps", [1.0, 0.2, 0.05])
def test_two_by_two_closed_forms(eps):
    row = sinkdiag.constants([[0.0, 1.0], [1.0, 0.0]], eps).rows[0]
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
    row = sinkdiag.constants(cost, eps).rows[0]
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


@pytest.mark.parametrize("eps", [0.01, 0.004])
def test_near_a_permutation(eps):
    cost = uniform_cost(6, 6, 1)
    plan = sinkdiag.solve(cost, eps).plan
    row = sinkdiag.constants(cost, eps).rows[0]
    with mpmath.workdps(90):
        second = float(sorted(mpmath.eigsy(naive.exact_block(plan), eigvals_only=True))[1])
        inverse = naive.exact_inverse(plan)
        k, l = int(row.forcing_row), int(row.forcing_col)  # noqa: E741
        size = mpmath.norm([inverse[i, k] + inverse[i, 6 + l] for i in range(12)])
        forced = float(size * mpmath.mpf(float(plan[k, l])))
    assert row.lambda_min == pytest.approx(second, rel=1e-8)
    assert row.forcing_sup == pytest.approx(forced, rel=1e-8)


def test_bifurcations_are_marked_where_the_support_changes():
    cost = uniform_cost(12, 12)
    rows = sinkdiag.constants(cost, [1.0, 0.9, 0.02, 0.01]).rows
    masks = [support_of(sinkdiag.solve(cost, row.eps).plan).mask for row in rows]
    changed = [False] + [bool(np.any(a != b)) for a, b in itertools.pairwise(masks)]
    assert [row.bifurcates for row in rows] == changed
    assert any(changed)


def test_one_row_is_a_degenerate_case_without_noise():
    row = sinkdiag.constants([[1.0, 2.0, 3.0]], 0.1).rows[0]
    assert row.C0 == row.K_quad == row.C1 == 0.0
    # Of the one plan there is: its bound, √2·min(‖r‖, ‖c‖) with r = 1 and c = 1/3.
    assert pytest.approx(np.sqrt(2 / 3)) == row.R
    assert row.components == 1


def test_the_radius_and_the_step_are_at_most_the_diameter():
    rows = sinkdiag.constants([[0.0, 1e-3], [1e-3, 0.0]], [1.0, 0.1, 1e-4]).rows
    for row in rows[:2]:
        assert pytest.approx(2.0, rel=1e-15) == row.R
        assert row.tau_max == pytest.approx(row.gap * 2.0, rel=1e-9)
    assert rows[2].R < 1e-3


def test_what_both_commands_tell_is_the_same():
    cost, grid = uniform_cost(7, 6), list(np.geomspace(1, 0.02, 12))
    constants = sinkdiag.constants(cost, grid, extended=True)
    sensitivity = sinkdiag.sensitivity(cost, grid, extended=True)
    for one, other in zip(constants.rows, sensitivity.rows, strict=True):
        assert (one.C0, one.K_quad, one.K1) == (other.C0_est, other.K2_est, other.K1_est)
        assert (one.dS_de_norm, one.K_quad_spread) == (other.dS_de_norm, other.K2_spread)
        assert (one.support_size, one.cycles) == (other.support_size, other.cycles)
        assert one.gap == pytest.approx(other.gap, rel=1e-12)
        assert one.gap <= one.duality_bound * (1 + 1e-4)
        assert one.C1_upper <= one.max_plan / one.p * (1 + 1e-12)
    for key in ClaimKey:
        one, other = (result.verdicts[0].claim(key) for result in (constants, sensitivity))
        assert (one.verdict, one.sentence) == (other.verdict, other.sentence)


def test_a_batch_gives_each_matrix_its_rows():
    batch = np.stack([uniform_cost(5, 5), uniform_cost(5, 5, 1)])
    result = sinkdiag.constants(batch, [0.5, 0.1], layout="batch")
    alone = [sinkdiag.constants(cost, [0.5, 0.1]).rows for cost in batch]
    assert result.rows == (*alone[0], *alone[1])
    assert len(result.summary.freeze) == 2


def test_a_plan_that_underflows_has_its_status():
    (row,) = sinkdiag.constants(uniform_cost(6, 6), 1e-4).rows
    assert row.status is Status.BELOW_RESOLUTION
    assert np.isnan([row.lambda_min, row.C0, row.C1, row.forcing_sup]).all()
    assert (row.forcing_row, row.forcing_col) == (-1, -1)
    assert row.p == pytest.approx(1.0, rel=1e-12)
