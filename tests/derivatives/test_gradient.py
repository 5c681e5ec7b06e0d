"""The vector-Jacobian product against finite differences and its own properties."""

import numpy as np
import pytest

import sinkdiag

COST = np.random.default_rng(3).random((6, 6))


def loss(cost, eps, weight, **marginals):
    plan = sinkdiag.solve(cost, eps, **marginals).plan
    return float(np.vdot(weight, plan))


@pytest.mark.parametrize("shape", [(6, 6), (4, 7)])
@pytest.mark.parametrize("eps", [0.5, 0.08])
def test_against_central_differences(shape, eps):
    rng = np.random.default_rng(0)
    cost, weight = rng.random(shape), rng.standard_normal(shape)
    row = rng.random(shape[0]) + 0.5
    col = rng.random(shape[1]) + 0.5
    col *= row.sum() / col.sum()
    got = sinkdiag.vjp(cost, eps, weight, row=row, col=col)
    # Error of a central difference: h² times a third derivative (of order 1/eps³), and the
    # solver's tolerance over h.
    h = 1e-4 * eps
    bound = 10 * (h**2 / eps**3 + 1e-12 / h)
    for k in range(cost.size):
        step = np.zeros(shape)
        step.flat[k] = h
        up = loss(cost + step, eps, weight, row=row, col=col)
        down = loss(cost - step, eps, weight, row=row, col=col)
        assert abs((up - down) / (2 * h) - got.cost.flat[k]) < bound
    up = loss(cost, eps + h, weight, row=row, col=col)
    down = loss(cost, eps - h, weight, row=row, col=col)
    assert abs((up - down) / (2 * h) - got.eps) < bound


def test_closed_form_of_two_by_two():
    d, eps = 1.0, 0.05
    p = 1 / (1 + np.exp(-d / eps))
    q = np.exp(-d / eps) * p
    got = sinkdiag.vjp([[0, d], [d, 0]], eps, [[1.0, 0], [0, 0]])
    expected = p * q / (2 * eps) * np.array([[-1.0, 1], [1, -1]])
    np.testing.assert_allclose(got.cost, expected, rtol=1e-10)
    assert got.eps == pytest.approx(-p * q * d / eps**2, rel=1e-10)


def test_a_rank_one_cotangent_has_no_gradient():
    rng = np.random.default_rng(0)
    cotangent = rng.standard_normal((6, 1)) + rng.standard_normal(6)
    got = sinkdiag.vjp(COST, 0.1, cotangent)
    assert np.abs(got.cost).max() < 1e-13
    assert abs(got.eps) < 1e-12


def test_scaling_cost_and_temperature_together_changes_nothing():
    cotangent = np.random.default_rng(0).standard_normal((6, 6))
    one, two = (sinkdiag.vjp(s * COST, s * 0.1, cotangent) for s in (1.0, 8.0))
    np.testing.assert_allclose(8 * two.cost, one.cost, rtol=1e-9, atol=1e-14)
    # Euler: the plan depends on C/eps only, so <dℓ/dC, C> + eps dℓ/deps = 0.
    assert np.vdot(one.cost, COST) + 0.1 * one.eps == pytest.approx(0.0, abs=1e-13)


def test_forbidden_pairs_have_no_gradient():
    cost = COST.copy()
    cost[0, 1] = np.inf
    got = sinkdiag.vjp(cost, 0.1, np.random.default_rng(0).standard_normal((6, 6)))
    assert got.cost[0, 1] == 0.0
    assert np.all(np.isfinite(got.cost))
    assert np.isfinite(got.eps)


@pytest.mark.parametrize("cotangent", [np.zeros((5, 6)), np.full((6, 6), np.nan)])
def test_a_cotangent_that_does_not_fit_is_refused(cotangent):
    with pytest.raises(sinkdiag.InputError, match="cotangent"):
        sinkdiag.vjp(COST, 0.1, cotangent)
