"""Gradients of layers as they are written, in low precision."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest

from sinkdiag.problem import make_problem
from sinkdiag.solver.layer import unroll
from sinkdiag.solver.precision import (
    IMPLEMENTATIONS,
    PLANS,
    ROUNDINGS,
    LayerCall,
    gradient_errors,
    layer_call,
    plan_errors,
)

EXACT = ROUNDINGS["float64"]


def errors_of(cost, eps, precision, iters=20, **options):
    problem = make_problem(cost)
    layer, call = unroll(problem, eps, iters), layer_call(problem, eps, iters, **options)
    exact = np.stack([layer.vjp(cotangent) for cotangent in call.cotangents])
    return gradient_errors(call, exact, layer.plan, precision)


@pytest.fixture(name="skew")
def _skew():
    rng = np.random.default_rng(0)
    row, col = rng.random(5) + 0.5, rng.random(4) + 0.5
    return make_problem(rng.random((5, 4)), row=row, col=col * row.sum() / col.sum())


@pytest.mark.parametrize("iters", [1, 7])
@pytest.mark.parametrize("name", IMPLEMENTATIONS)
def test_both_are_the_layers_own_gradient_in_double_precision(skew, name, iters):
    call, layer = layer_call(skew, 0.1, iters), unroll(skew, 0.1, iters)
    exact = np.stack([layer.vjp(cotangent) for cotangent in call.cotangents])
    np.testing.assert_allclose(IMPLEMENTATIONS[name](call, EXACT), exact, atol=1e-11)


def normalised(problem, eps, iters, additive):
    """P_K by dividing by sums, in plain loops of whole arrays."""
    plan = np.exp(-(problem.cost - problem.cost.min()) / eps)
    for step in range(2 * iters + 1):
        if step % 2 == 0:
            plan = plan / (plan.sum(axis=1, keepdims=True) + additive) * problem.row[:, None]
        else:
            plan = plan / (plan.sum(axis=0) + additive) * problem.col
    return plan


@pytest.mark.parametrize("additive", [0.0, 1e-2])
def test_normalisation_matches_finite_differences(skew, additive):
    """Central differences of step 1e-6; the smallest cost is held, as the layer's constant."""
    call = layer_call(skew, 0.1, 3, additive=additive)
    found = IMPLEMENTATIONS["alternate_normalisation"](call, EXACT)[0]
    low = np.unravel_index(skew.cost.argmin(), skew.cost.shape)
    h = 1e-6
    for at in np.ndindex(*skew.cost.shape):
        if at == low:
            continue
        values = []
        for sign in (1, -1):
            cost = skew.cost.copy()
            cost[at] += sign * h
            moved = make_problem(cost, row=skew.row, col=skew.col)
            values.append(np.vdot(call.cotangents[0], normalised(moved, 0.1, 3, additive)))
        assert found[at] == pytest.approx((values[0] - values[1]) / (2 * h), abs=1e-7)


@pytest.mark.parametrize(("precision", "bits"), [("bfloat16", 8), ("float16", 11)])
def test_rounding_is_to_nearest_even(precision, bits):
    """Against exact fractions, between powers of two where neither format is subnormal."""
    values = np.random.default_rng(0).uniform(1, 2, 200).astype(np.float32)
    step = Fraction(1, 2 ** (bits - 1))
    ties = np.array([1 + float(step * k + step / 2) for k in range(6)], dtype=np.float32)
    for given in np.concatenate([values, ties]):
        wanted = round(Fraction(float(given)) / step) * step
        assert float(ROUNDINGS[precision](np.array([given]))[0]) == float(wanted)


def test_rounding_keeps_what_is_no_number():
    odd = np.array([np.inf, -np.inf, np.nan, 0.0, -0.0], dtype=np.float32)
    for precision in ("bfloat16", "float16"):
        np.testing.assert_array_equal(ROUNDINGS[precision](odd), odd)
    assert np.isinf(ROUNDINGS["float16"](np.array([1e5], dtype=np.float32)))[0]


def test_logsumexp_with_an_offset_is_as_bad_as_automatic_differentiation_makes_it():
    """Costs in [50, 51], eps 0.001: 0.23 % was printed where autograd is off by 2.9 %."""
    cost = np.random.default_rng(0).random((12, 12)) + 50
    assert 0.02 < errors_of(cost, 0.001, "float32")["log_domain"] < 0.06
    assert errors_of(cost - 50, 0.001, "float32")["log_domain"] < 1e-3


def test_precisions_are_ordered():
    cost = np.random.default_rng(0).random((6, 6))
    for name in IMPLEMENTATIONS:
        errors = [errors_of(cost, 0.1, p)[name] for p in ("float32", "float16", "bfloat16")]
        assert 1e-8 < errors[0] < 1e-5 < errors[1] < errors[2] < 0.1


def test_what_leaves_the_range_is_inf():
    """exp(-100) of whole rows is 0 in float32: alternate normalisation divides 0 by 0."""
    cost = np.array([[0.0, 0.5, 0.1], [100.0, 101.0, 100.5], [0.2, 0.1, 0.0]])
    found = errors_of(cost, 0.5, "float32")
    assert found["alternate_normalisation"] == math.inf
    assert found["log_domain"] < 1e-3


def test_no_gradient_no_error():
    """A permutation: the gradient is 1e-43 of the cotangent's size."""
    cost = 100.0 * (1.0 - np.eye(3))
    assert all(math.isnan(v) for v in errors_of(cost, 1.0, "float32").values())


def test_an_additive_number_is_compared_with_itself():
    """It changes the gradient by far more than float32 does, and that is no error of float32."""
    cost = np.random.default_rng(0).random((5, 5))
    found = errors_of(cost, 0.1, "float32", additive=1e-2)
    assert found["alternate_normalisation"] < 1e-5


def test_large_layers_have_one_cotangent():
    assert len(layer_call(make_problem(np.zeros((600, 600))), 1.0, 20).cotangents) == 1
    assert isinstance(layer_call(make_problem(np.zeros((2, 2))), 1.0, 20), LayerCall)


@pytest.mark.parametrize("init", [None, np.array([0.3, -0.1, 0.0, 0.2])])
def test_plans_in_double_precision_are_the_layer_s(skew, init):
    call = layer_call(skew, 0.1, 5, init=init)
    wanted = unroll(skew, 0.1, 5, init=init).plan
    np.testing.assert_allclose(PLANS["log_domain"](call, EXACT), wanted, rtol=1e-12)
    if init is None:
        found = PLANS["alternate_normalisation"](call, EXACT)
        np.testing.assert_allclose(found, wanted, rtol=1e-12)


def test_errors_of_plans_are_of_the_size_of_the_rounding():
    """The exponent, of size max C/eps = 20, is off by about 20 u: the plan by some times that."""
    problem = make_problem(np.random.default_rng(0).random((8, 8)))
    plan, call = unroll(problem, 0.05, 20).plan, layer_call(problem, 0.05, 20)
    for precision, unit in (("float32", 2.0**-24), ("float16", 2.0**-11), ("bfloat16", 2.0**-8)):
        for error in plan_errors(call, plan, precision).values():
            assert 0.1 * unit < error < 100 * unit


def test_costs_beyond_the_range_are_no_plan():
    problem = make_problem([[0.0, 1e5], [1e5, 0.0]])
    call, plan = layer_call(problem, 1e4, 3), unroll(problem, 1e4, 3).plan
    assert set(plan_errors(call, plan, "float16").values()) == {math.inf}
    assert max(plan_errors(call, plan, "float32").values()) < 1e-5
    forbidden = make_problem([[0.0, np.inf], [1.0, 0.0]], row=[0.5, 1.5])
    plan = unroll(forbidden, 1.0, 30).plan
    assert plan_errors(layer_call(forbidden, 1.0, 30), plan, "float16")["log_domain"] < 1e-2
