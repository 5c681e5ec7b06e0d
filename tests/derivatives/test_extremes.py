"""Every number of `sensitivity` and `constants` on cold plans, on ties and on random problems."""

import math

import mpmath
import numpy as np
import pytest

import sinkdiag
from sinkdiag.derivatives.cooling import cool
from sinkdiag.derivatives.second_order import NOTHING
from sinkdiag.jacobian.block import factor_block
from sinkdiag.jacobian.support import support_of
from tests.derivatives import exact

TOL = 1e-6


@pytest.mark.parametrize("eps", [0.02, 0.0028, 0.0025, 0.002, 0.0015])
def test_two_by_two_in_closed_form_down_to_1e_289(eps):
    d = 1.0
    p, q = 1 / (1 + math.exp(-d / eps)), 1 / (1 + math.exp(d / eps))
    cost = [[0.0, d], [d, 0.0]]
    (row,) = sinkdiag.sensitivity(cost, eps, extended=True).rows
    (more,) = sinkdiag.constants(cost, eps, extended=True).rows
    expected = {
        "gap": 4 * p * q,
        "op_norm": 2 * p * q / eps,
        "dS_de_norm": 2 * p * q * d / eps**2,
        "K2_est": 2 * p * q * (p - q),
        "K_quad": 2 * p * q * (p - q),
        "lambda_min": 2 * q,
        "C0": 2 * p * q,
        "C1": p * q,
    }
    for name, value in expected.items():
        found = [getattr(r, name) for r in (row, more) if hasattr(r, name)]
        assert found == pytest.approx([value] * len(found), rel=1e-10), name
    assert more.M_num == pytest.approx(1 / (2 * q), rel=1e-10)


TIED = (
    3.4046701330784e-11, 2.8869911687534e-3, 3.1472729317877e-11, 3.2477528625460e-38,
    3.5240946671373e-18, 1.9412838667381e-39,
)  # fmt: skip


@pytest.mark.parametrize("seed", range(6))
def test_ties_move_as_little_as_they_do(seed):
    """Newton's method on the dual and one solve, both with 500 digits."""
    cost = np.random.default_rng(seed).integers(0, 3, (9, 9)).astype(float)
    assert sinkdiag.sensitivity(cost, 0.01).rows[0].dS_de_norm == pytest.approx(
        TIED[seed], rel=1e-11
    )


def test_motion_is_that_of_extended_precision_entry_by_entry():
    cost = np.random.default_rng(3).integers(0, 3, (9, 9)).astype(float)
    plan = sinkdiag.solve(cost, 0.01).plan
    with mpmath.workdps(500):
        motion, size = exact.Exact(plan).motion(cost)
        size = float(size)
    found = cool(factor_block(plan), cost).motion / size
    np.testing.assert_allclose(found, motion, atol=1e-12)


def test_ties_that_rounding_makes_are_not_resolved_or_right():
    """In 0.1·(0, 1, 2) sums round: the floats' own cycles decide, to 1e-6, or nothing is said."""
    rng = np.random.default_rng(5)
    cost = 0.1 * rng.integers(0, 3, (7, 7)) + 1 / 3 + rng.random((7, 1)) + rng.random(7)
    (row,) = sinkdiag.sensitivity(cost, 0.004, extended=True).rows
    plan = sinkdiag.solve(cost, 0.004).plan
    with mpmath.workdps(400):
        motion, size = exact.Exact(plan).motion(cost)
        value = float(np.linalg.norm(motion) * size / mpmath.mpf(0.004) ** 2)
    assert (
        row.status.failed
        if math.isnan(row.dS_de_norm)
        else row.dS_de_norm == pytest.approx(value, rel=TOL)
    )


def test_what_moves_below_underflow_is_not_resolved():
    (row,) = sinkdiag.sensitivity([[0.0, 1.0], [1.0, 0.0]], 0.00145, extended=True).rows
    assert row.status.failed
    assert np.isnan([row.op_norm, row.dS_de_norm, row.K2_est]).all()
    (more,) = sinkdiag.constants([[0.0, 1.0], [1.0, 0.0]], 0.00145, extended=True).rows
    assert more.status.failed
    assert np.isnan([more.C0, more.C1, more.K_quad, more.lambda_min, more.dS_de_norm]).all()


def test_a_tree_does_not_move():
    cost = np.array([[0.3, 0.1, np.inf], [np.inf, 0.2, 0.7]])
    (row,) = sinkdiag.sensitivity(cost, 0.01, extended=True).rows
    assert (row.op_norm, row.dS_de_norm, row.K2_est) == (0.0, 0.0, 0.0)
    assert not row.status.failed


def test_ties_among_light_masses_lose_no_row():
    """Integer costs under masses of half a million: what the support leaves out is 1e-211."""
    cost = [
        [0, 2, 1, 0, 2, 2], [0, 0, 0, 2, 1, 0], [1, 1, 0, 2, 0, 0],
        [2, 2, 0, 2, 0, 0], [1, 0, 0, 2, 0, 2], [1, 0, 2, 1, 2, 1],
    ]  # fmt: skip
    row = [
        7319.208027470934, 844159.1921662416, 9051.654298983582, 13744.265515608598,
        6.655904741426099, 108620.50359834525,
    ]  # fmt: skip
    col = [
        129.71790575137334, 153658.58300659037, 23614.36210035309, 43321.43284619679,
        20078.46334272072, 742098.920309779,
    ]  # fmt: skip
    rows = sinkdiag.constants(cost, [2.0, 0.2, 0.02, 0.002], row=row, col=col, extended=True).rows
    assert len(rows) == 4
    assert rows[3].separation == pytest.approx(1.10748217430e-211, rel=1e-9)


def problem(seed: int, most: int):
    """Uniform, tied, skewed, or with forbidden pairs; gaps from 1 to where they underflow."""
    rng = np.random.default_rng(seed)
    n, m = rng.integers(2, most + 1, 2)
    cost, row, col = rng.random((n, m)), None, None
    if seed % 4 == 1:
        cost = rng.integers(0, 3, (n, m)).astype(float)
    if seed % 4 == 2:
        row, col = 10.0 ** rng.uniform(-4, 0, n), 10.0 ** rng.uniform(-4, 0, m)
        col *= row.sum() / col.sum()
    if seed % 4 == 3:
        cost[rng.random((n, m)) < 0.25] = np.inf
    return cost, row, col, float(10 ** rng.uniform(-3, -0.3))


def check(found, expected, tol, noise=0.0):
    """Right to ``tol``, or nan in a row whose status says so; below ``noise`` all is 0."""
    for value, failed in found:
        if math.isnan(value):
            assert failed
        else:
            error = abs(mpmath.mpf(value) - expected)
            assert error <= tol * abs(expected) + noise


def check_problem(seed: int, most: int) -> None:
    cost, row, col, eps = problem(seed, most)
    try:
        plan = sinkdiag.solve(cost, eps, row=row, col=col).plan
    except sinkdiag.InputError:
        return
    given = {"row": row, "col": col, "extended": True}
    (one,) = sinkdiag.sensitivity(cost, eps, replicates=2, **given).rows
    (two,) = sinkdiag.constants(cost, eps, **given).rows
    answer, bound = two.C1, two.C1_upper
    assert math.isnan(answer) or answer <= bound * (1 + 1e-9)
    assert math.isnan(one.op_norm) or one.op_norm <= one.bound * (1 + 1e-9)
    if factor_block(plan) is None:
        assert one.status.failed
        assert two.status.failed
        return

    def both(*names):
        rows = [(r, name) for r in (one, two) for name in names if hasattr(r, name)]
        return [(getattr(r, name), r.status.failed) for r, name in rows]

    with mpmath.workdps(exact.digits(plan)):
        of = exact.Exact(plan)
        derivative, size = of.derivative()
        motion, motion_size = of.motion(cost)
        # What the digits leave: a form or a motion that is 0 comes out as that.
        noise = 1e-40 * float(plan[plan > 0].min())
        rise = np.linalg.norm(motion) * motion_size / mpmath.mpf(eps) ** 2
        check(both("op_norm"), np.linalg.norm(derivative, 2) * size / eps, TOL, noise)
        check(both("dS_de_norm"), rise, TOL, noise)
        check(both("gap"), of.gap(), TOL)
        check(both("lambda_min"), of.lowest(), TOL)
        check(both("forcing_sup"), of.forcing(support_of(plan).mask), TOL)
        if plan.size <= 40 and size > noise:
            unit = float(size)
            cubic = exact.largest_cubic(plan, derivative, unit) * size
            check(both("K2_est", "K_quad"), cubic, 1e-3, NOTHING * unit)
            answer = exact.largest_rank_one(derivative, plan.shape) * size
            check(both("C1"), answer / np.linalg.norm(plan, 2), 1e-3)


@pytest.mark.parametrize("seed", range(24))
def test_small_random_problems(seed):
    check_problem(seed, 6)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 300))
def test_random_problems(seed):
    check_problem(seed, 12)
