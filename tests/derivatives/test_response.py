"""Norms of the first derivatives against finite differences and extended precision."""

import mpmath
import numpy as np
import pytest

import sinkdiag
from sinkdiag.derivatives.response import plan_sensitivity, respond
from sinkdiag.jacobian.basis import eigenbasis
from sinkdiag.jacobian.block import factor_block
from sinkdiag.problem import make_problem
from sinkdiag.results import Status
from tests.helpers import uniform_cost
from tests.naive import derivatives as naive


def test_finite_differences_on_six_by_six():
    cost, eps = uniform_cost(6, 6, 5), 0.2
    rng = np.random.default_rng(0)
    operator = factor_block(sinkdiag.solve(cost, eps).plan)
    x = rng.standard_normal((6, 6))
    h = 1e-3 * eps

    def plan(step):
        return sinkdiag.solve(cost + step * x, eps).plan

    # Errors: h² times the next derivative, of order eps^-3 and eps^-4; the solver's 1e-12 over h^k.
    first = (plan(h) - plan(-h)) / (2 * h)
    np.testing.assert_allclose(-operator.move(x) / eps, first, atol=100 * h**2 / eps**3)
    second = (plan(h) - 2 * plan(0) + plan(-h)) / h**2
    curved = operator.move(operator.residual(x) ** 2) / eps**2
    bound = 100 * (h**2 / eps**4 + 1e-12 / h**2)
    np.testing.assert_allclose(curved, second, atol=bound)
    rise = (sinkdiag.solve(cost, eps + h).plan - sinkdiag.solve(cost, eps - h).plan) / (2 * h)
    np.testing.assert_allclose(operator.move(cost) / eps**2, rise, atol=100 * h**2 / eps**3)


@pytest.mark.parametrize("eps", [0.01, 0.004, 0.0025])
def test_near_a_permutation_the_norms_are_those_of_extended_precision(eps):
    plan = sinkdiag.solve(uniform_cost(5, 5, 7), eps).plan
    operator = factor_block(plan)
    with mpmath.workdps(80):
        inverse = naive.exact_inverse(plan)
        n = 5
        matrix = mpmath.zeros(n * n)
        for k in range(n * n):
            unit = np.zeros((n, n))
            unit.flat[k] = 1.0
            column = [mpmath.mpf(float(plan.flat[k]))] * 2
            i, j = divmod(k, n)
            z = inverse[:, i] * column[0] + inverse[:, n + j] * column[1]
            for a in range(n):
                for b in range(n):
                    left = (1 if (a, b) == (i, j) else 0) - z[a] - z[n + b]
                    matrix[a * n + b, k] = mpmath.mpf(float(plan[a, b])) * left
        scale = max(abs(matrix[k, k]) for k in range(n * n))
        exact = np.array((matrix / scale).tolist(), dtype=float)
        expected = float(np.linalg.norm(exact, 2)) * float(scale)
    assert plan_sensitivity(operator).value == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(("n", "m", "eps"), [(6, 6, 0.1), (5, 8, 0.03), (8, 5, 0.3), (3, 1, 0.2)])
def test_modes_that_are_at_hand_give_the_same_response(n, m, eps):
    cost = uniform_cost(n, m)
    solution = sinkdiag.solve(cost, eps)
    operator = factor_block(solution.plan)
    basis = eigenbasis(solution.plan, solution.row, solution.col)
    alone = respond(make_problem(cost), solution, operator)
    given = respond(make_problem(cost), solution, operator, basis=basis)
    assert given.gap == pytest.approx(alone.gap, rel=1e-12)
    assert (given.op_norm, given.cubic, given.status) == (alone.op_norm, alone.cubic, alone.status)


def test_a_plan_that_falls_apart_is_not_resolved():
    solution = sinkdiag.solve(uniform_cost(6, 6), 1e-4)
    assert factor_block(solution.plan) is None
    found = respond(make_problem(uniform_cost(6, 6)), solution, None)
    assert found.status is Status.BELOW_RESOLUTION
    assert np.isnan([found.op_norm, found.dS_de_norm, found.cubic.value, found.duality]).all()
    assert found.max_plan == solution.plan.max()
    assert found.lasting.components == found.support.components == 6
