"""The rows of A.9 against closed forms, dense algebra and properties; the result around them."""

import numpy as np
import pytest

import sinkdiag
from sinkdiag.claims.claim import ClaimKey
from sinkdiag.errors import NothingToDrawError
from sinkdiag.jacobian.freeze import freeze_temperature
from sinkdiag.problem import make_problem
from sinkdiag.results import Status
from tests.helpers import uniform_cost
from tests.naive import derivatives as naive

COLUMNS = ["eps", "op_norm", "C0_est", "dS_de_norm", "K1_est", "K2_est", "rho_mean", "rho_std"]


@pytest.mark.parametrize("eps", [2.0, 0.3, 0.1, 0.02, 0.005])
def test_two_by_two_closed_forms(eps):
    d = 1.0
    row = sinkdiag.sensitivity([[0, d], [d, 0]], eps, extended=True).rows[0]
    p, q = 1 / (1 + np.exp(-d / eps)), 1 / (1 + np.exp(d / eps))
    assert row.op_norm == pytest.approx(2 * p * q / eps, rel=1e-10)
    assert row.C0_est == pytest.approx(2 * p * q, rel=1e-10)
    assert row.dS_de_norm == pytest.approx(2 * p * q * d / eps**2, rel=1e-10)
    assert row.K1_est == pytest.approx(2 * p * q * d / eps, rel=1e-10)
    assert row.K2_est == pytest.approx(2 * p * q * (p - q), rel=1e-10)
    assert row.gap == pytest.approx(4 * p * q, rel=1e-10)


def test_columns_and_order():
    frame = sinkdiag.sensitivity(uniform_cost(4, 5), [0.1, 0.5, 0.2]).frame()
    assert list(frame.columns) == COLUMNS
    assert list(frame.eps) == [0.5, 0.2, 0.1]
    np.testing.assert_array_equal(frame.C0_est, frame.eps * frame.op_norm)
    np.testing.assert_array_equal(frame.K1_est, frame.eps * frame.dS_de_norm)


@pytest.mark.parametrize(("n", "m", "eps"), [(6, 6, 0.1), (4, 7, 0.05), (5, 3, 0.5)])
def test_norms_are_those_of_the_dense_derivatives(n, m, eps):
    cost = uniform_cost(n, m)
    plan = sinkdiag.solve(cost, eps).plan
    row = sinkdiag.sensitivity(cost, eps, extended=True).rows[0]
    dense = naive.derivative_matrix(plan)
    assert row.C0_est == pytest.approx(np.linalg.norm(dense, 2), rel=1e-10)
    moved = np.linalg.norm(dense @ cost.ravel()) / eps**2
    assert row.dS_de_norm == pytest.approx(moved, rel=1e-10)
    direct = np.linalg.norm(np.diag(plan.ravel()) - dense, 2) / eps
    assert row.paper_M_norm == pytest.approx(direct, rel=1e-9)
    assert row.op_norm <= row.bound
    assert row.K2_est == pytest.approx(naive.largest_cubic(plan, n * m + 8), rel=1e-6)


def test_joint_scaling_permutation_and_transposition():
    cost, eps = uniform_cost(5, 5, 2), 0.07
    base = sinkdiag.sensitivity(cost, eps).rows[0]
    scaled = sinkdiag.sensitivity(4 * cost + 100, 4 * eps).rows[0]
    rng = np.random.default_rng(0)
    moved = sinkdiag.sensitivity(cost[rng.permutation(5)][:, rng.permutation(5)].T, eps).rows[0]
    for name in ("C0_est", "K1_est", "K2_est"):
        assert getattr(scaled, name) == pytest.approx(getattr(base, name), rel=1e-8)
        assert getattr(moved, name) == pytest.approx(getattr(base, name), rel=1e-8)


def test_a_matrix_with_one_row_cannot_move():
    row = sinkdiag.sensitivity([[1.0, 2.0, 3.0]], 0.1).rows[0]
    assert row.op_norm == row.K2_est == row.dS_de_norm == 0.0
    assert row.rho_mean == 0.0


def test_rho_comes_from_jittered_copies_without_the_original():
    cost = uniform_cost(6, 6)
    row = sinkdiag.sensitivity(cost, 0.1, replicates=4, seed=3).rows[0]
    rng = np.random.default_rng(3)
    noise = 1e-2 * cost.std()
    rates = []
    for _ in range(4):
        copy = cost + noise * rng.standard_normal(cost.shape)
        solution = sinkdiag.solve(copy, 0.1)
        rates.append(np.linalg.svd(solution.plan)[1][1] ** 2)
    assert row.rho_mean == pytest.approx(np.mean(rates), rel=1e-10)
    assert row.rho_std == pytest.approx(np.std(rates, ddof=1), rel=1e-7)


def test_a_batch_is_its_own_replicates():
    batch = np.random.default_rng(0).random((3, 5, 5))
    (row,) = sinkdiag.sensitivity(batch, 0.1, layout="batch", extended=True).rows
    single = [sinkdiag.sensitivity(cost, 0.1, extended=True).rows[0] for cost in batch]
    assert row.op_norm == pytest.approx(np.mean([one.op_norm for one in single]), rel=1e-9)
    assert row.op_norm_std == pytest.approx(
        np.std([one.op_norm for one in single], ddof=1), rel=1e-7
    )
    assert row.rho_std == pytest.approx(np.std([one.gap for one in single], ddof=1), rel=1e-9)


def test_a_trajectory_stands_matrix_by_matrix():
    stack = np.random.default_rng(0).random((2, 5, 5))
    result = sinkdiag.sensitivity(stack, 0.1, layout="trajectory")
    alone = [sinkdiag.sensitivity(cost, 0.1).frame() for cost in stack]
    for k, frame in enumerate(alone):
        expected = result.frame().drop(columns=["source", "index"]).iloc[[k]]
        np.testing.assert_array_equal(expected, frame)
    assert [part.name for part in result.parts] == ["cost[0]", "cost[1]"]


def test_the_result_carries_claims_freeze_and_curves():
    cost = uniform_cost(8, 8)
    result = sinkdiag.sensitivity(cost, np.geomspace(1, 0.01, 25), claims=True)
    (verdicts,) = result.verdicts
    assert result.summary.claims == verdicts.claims
    assert {claim.key for claim in verdicts.claims} == set(ClaimKey)
    assert verdicts.claim(ClaimKey.GAP).claim == "gap = Θ(eps)"
    (curve,) = result.parts[0].curves
    np.testing.assert_array_equal([r.op_norm for r in curve], [r.op_norm for r in result.rows])
    freeze = result.summary.freeze[0]
    assert freeze.eps_freeze == freeze_temperature(make_problem(cost), 20)
    assert any("gap = Θ(eps) (Props. 2.1, 3.1)" in text for text in result.findings)
    assert any(f"from eps = {freeze.eps_freeze:.4g} down 20 sweeps" in t for t in result.findings)


def test_without_claims_one_sentence_says_how_many_hold():
    cost, grid = uniform_cost(8, 8), np.geomspace(1, 0.01, 25)
    brief, full = sinkdiag.sensitivity(cost, grid), sinkdiag.sensitivity(cost, grid, claims=True)
    assert brief.summary == full.summary
    (line,) = [text for text in brief.findings if "of the paper's claims" in text]
    counts = [int(word) for word in line.split() if word.isdigit()]
    assert sum(counts) == len(brief.summary.claims)
    holding = sum(claim.verdict == "holds" for claim in brief.summary.claims)
    assert (f" {holding} hold," in line) == (holding > 0)
    assert not any("(Props." in text for text in brief.findings)
    assert all(f"cost: {text}" in full.findings for text in brief.details)


def test_several_matrices_get_one_summary():
    stack = np.stack([uniform_cost(6, 6), 3 * uniform_cost(6, 6, 1)])
    result = sinkdiag.sensitivity(stack, [0.5, 0.1], layout="trajectory")
    assert result.findings[0].startswith("2 matrices: of the paper's claims ")
    assert "(cost[1])" in result.findings[1]
    assert any(text.startswith("cost[0]: ") for text in result.details)


def test_a_batch_freezes_with_its_warmest_member():
    batch = np.stack([uniform_cost(6, 6), 3 * uniform_cost(6, 6, 1)])
    result = sinkdiag.sensitivity(batch, [0.5, 0.1], layout="batch")
    expected = max(freeze_temperature(make_problem(cost), 20) for cost in batch)
    assert result.summary.freeze[0].eps_freeze == expected


def test_what_is_not_resolved_has_a_status_and_no_figure():
    result = sinkdiag.sensitivity(uniform_cost(6, 6), 1e-4)
    assert result.status is Status.BELOW_RESOLUTION
    assert any("below_resolution" in text for text in result.findings)
    with pytest.raises(NothingToDrawError):
        result.figure()


@pytest.mark.parametrize(
    ("name", "value"), [("replicates", 1), ("tol", 0.0), ("max_iter", 0), ("seed", -1)]
)
def test_arguments_that_cannot_be_used_are_named(name, value):
    with pytest.raises(sinkdiag.InputError, match=name):
        sinkdiag.sensitivity(uniform_cost(3, 3), 0.1, **{name: value})
