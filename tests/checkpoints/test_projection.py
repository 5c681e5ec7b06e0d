"""Loops in closed form, their fixed points, and their Jacobians at any size."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from sinkdiag.checkpoints import projection
from sinkdiag.checkpoints.loops import LOOPS, Loop
from sinkdiag.checkpoints.projection import (
    fixed_point,
    jacobian,
    jacobian_norms,
    norm_of,
    project,
    pull,
    push,
    shifted_fixed_point,
)

LOGITS = np.random.default_rng(0).normal(size=(4, 4)) * 2
EVERY = pytest.mark.parametrize("name", LOOPS)


def by_definition(logits, loop):
    """The loop in NumPy, as the table describes it, axis by axis."""
    x, axis = logits / loop.temperature, 1 if loop.first == "row" else 0
    matrix = np.exp(x - x.max(axis=axis, keepdims=True))
    if loop.start == "softmax":
        matrix = matrix / matrix.sum(axis=axis, keepdims=True) + loop.denominator
        axis = 1 - axis
    for _ in range(loop.divisions):
        sums = np.maximum(matrix.sum(axis=axis, keepdims=True), loop.floor)
        matrix = matrix / (sums + loop.denominator)
        axis = 1 - axis
    return matrix


@EVERY
def test_matrices_are_those_of_the_definition(name):
    logits = LOGITS / 20 if name == "tokenbender" else LOGITS
    wanted = by_definition(logits, LOOPS[name])
    np.testing.assert_allclose(project(logits, LOOPS[name], "float64"), wanted, atol=1e-14)
    # 40 divisions of entries below 1, half a unit each, and errors of the exponent of 8.
    np.testing.assert_allclose(project(logits, LOOPS[name]), wanted, atol=50 * 2.0**-24)
    assert loop_sums_to_one_on(LOOPS[name].last, project(logits, LOOPS[name], "float64"), name)


def loop_sums_to_one_on(side, matrix, name):
    sums = matrix.sum(axis=1 if side == "row" else 0)
    return np.allclose(sums, 1.0 - LOOPS[name].denominator, atol=1e-9)


def test_deepseek_ends_on_columns_and_lucidrains_on_rows():
    assert LOOPS["deepseek-v4"].last == LOOPS["tokenbender"].last == "column"
    assert LOOPS["maxtext"].last == LOOPS["plain"].last == "column"
    assert LOOPS["hyper-connections"].last == LOOPS["mhc-lite"].last == "row"


@EVERY
@pytest.mark.parametrize("n", [1, 2, 7])
def test_jacobians_against_differences(name, n):
    loop = replace(LOOPS[name], temperature=1.0, iters=3)
    logits = np.random.default_rng(n).normal(size=(n, n))
    found = jacobian(logits, loop, "float64")
    step, wanted = 1e-5, np.empty((n * n, n * n))
    for k in range(n * n):
        change = np.zeros(n * n)
        change[k] = step
        above = by_definition(logits + change.reshape(n, n), loop)
        below = by_definition(logits - change.reshape(n, n), loop)
        wanted[:, k] = ((above - below) / (2 * step)).ravel()
    np.testing.assert_allclose(found, wanted, atol=1e-9)  # step² and 1e-16 / step
    pulled = pull(logits, loop, "float64", np.eye(n * n).reshape(-1, n, n)).reshape(n * n, -1)
    np.testing.assert_allclose(pulled, found, atol=1e-13)


def test_one_exchange_in_closed_form():
    """2×2, logits d on the diagonal: p = 1/(1 + exp(-d)), ‖dP/dlogits‖ = 2p(1-p) as eps = 1."""
    for name in ("hyper-connections", "tokenbender", "plain"):
        loop = replace(LOOPS[name], temperature=1.0)
        for d in (0.5, 3.0, 40.0, 200.0):
            p, q = 1 / (1 + math.exp(-d)), math.exp(-d) / (1 + math.exp(-d))
            found = project(d * np.eye(2), loop, "float64")
            np.testing.assert_allclose(found, [[p, q], [q, p]], rtol=1e-13)
            assert jacobian_norms(d * np.eye(2), loop).float64 == pytest.approx(
                2 * p * q, rel=1e-12
            )


def test_norms_beyond_the_dense_limit(monkeypatch):
    logits = np.random.default_rng(0).normal(size=(12, 12))
    for name in ("deepseek-v4", "hyper-connections-log"):
        dense = jacobian_norms(logits, LOOPS[name])
        monkeypatch.setattr(projection, "DENSE_STREAMS", 4)
        large = jacobian_norms(logits, LOOPS[name])
        monkeypatch.undo()
        assert large.float64 == pytest.approx(dense.float64, rel=1e-8)
        assert large.float32 == pytest.approx(dense.float32, rel=1e-5)
        assert large.bfloat16 == pytest.approx(dense.bfloat16, rel=0.05)


def test_float32_loses_a_gradient_that_float64_has():
    """Off-diagonals of exp(-160): a gradient of 1e-68 in float64, 0 in float32."""
    start = 8 * np.eye(4) - 8
    norms = jacobian_norms(start, LOOPS["tokenbender"])
    assert 1e-69 < norms.float64 < 1e-67
    assert norms.float32 == norms.bfloat16 == 0.0
    off = project(start, LOOPS["tokenbender"])[~np.eye(4, dtype=bool)]
    assert np.all(off == 0.0)


def test_fixed_points():
    plain = fixed_point(LOGITS, LOOPS["deepseek-v4"])
    assert plain.marginal_error < 1e-12
    many = by_definition(LOGITS, Loop(start="exp", first="row", iters=3000))
    np.testing.assert_allclose(plain.plan, many, atol=1e-11)
    shifted = shifted_fixed_point(LOGITS, LOOPS["deepseek-v4"])
    start = np.exp(LOGITS) / np.exp(LOGITS).sum(axis=1, keepdims=True) + 1e-6
    many = by_definition(np.log(start), Loop(start="exp", first="row", iters=3000))
    np.testing.assert_allclose(shifted.plan, many, atol=1e-11)
    assert 1e-8 < np.abs(shifted.plan - plain.plan).max() < 1e-4
    same = shifted_fixed_point(LOGITS, LOOPS["hyper-connections"])
    np.testing.assert_array_equal(same.plan, plain.plan)


def test_norm_of_extremes():
    assert norm_of(np.zeros((3, 3))) == 0.0
    assert norm_of(np.full((2, 2), 1e-200)) == pytest.approx(2e-200)
    assert np.isnan(norm_of(np.array([[np.nan, 1.0]])))


def test_push_leaves_its_arguments_alone():
    changes = np.ones((1, 4, 4))
    push(LOGITS, LOOPS["deepseek-v4"], changes)
    pull(LOGITS, LOOPS["deepseek-v4"], "float32", changes)
    assert np.all(changes == 1.0)
