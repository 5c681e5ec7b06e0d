"""Compiled kernels of the ground floor against their loop-only twins."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sinkdiag.numerics import kernels
from tests.helpers import kernel_names
from tests.naive import numerics as naive


def split(columns):
    return np.ascontiguousarray(np.concatenate([columns.real, columns.imag], axis=1))


def joined(batch):
    p = batch.shape[1] // 2
    return batch[:, :p] + 1j * batch[:, p:]


def test_every_kernel_has_a_twin():
    assert kernel_names(kernels) <= set(vars(naive))


def test_lanczos_step_matches_the_loops():
    rng = np.random.default_rng(1)
    n, p = 7, 3
    image, current, previous = (
        rng.standard_normal((n, p)) + 1j * rng.standard_normal((n, p)) for _ in range(3)
    )
    beta = rng.random(p)
    batch, alpha, new = split(image), np.zeros(p), beta.copy()
    kernels.lanczos_step(batch, split(current), split(previous), alpha, new)
    for j in range(p):
        expected = naive.lanczos_step(
            image[:, j].tolist(), current[:, j].tolist(), previous[:, j].tolist(), beta[j]
        )
        assert alpha[j] == pytest.approx(expected[0], rel=1e-13, abs=1e-13)
        assert new[j] == pytest.approx(expected[1], rel=1e-13)
        np.testing.assert_allclose(joined(batch)[:, j], expected[2], atol=1e-13)


@given(st.integers(2, 25), st.integers(0, 10_000))
@example(9, 2772)  # the two largest values all but meet
@settings(max_examples=60, deadline=None)
def test_top_ritz_value_and_count_match_a_dense_eigensolver(k, seed):
    rng = np.random.default_rng(seed)
    alpha, beta = rng.random(k), rng.random(k) * 10.0 ** -rng.integers(0, 4)
    theta, weight = alpha[0], 1.0
    for step in range(1, k + 1):
        theta, weight = kernels.top_ritz(alpha, beta, step, theta, weight)
        value, last = naive.top_ritz(alpha[:step], beta[: step - 1])
        assert theta == pytest.approx(value, rel=1e-13)
        # Columns end long before the coupling reaches rounding, where the weight has no digits.
        if last < 1e-9:
            return
    # The entry only sizes a residual that is compared with 1e-4: a tenth is enough. (The recursion
    # divides by couplings; 1.2e-6 was seen where the largest values all but meet.)
    assert weight == pytest.approx(last, rel=1e-4, abs=1e-5)
    values = np.linalg.eigvalsh(naive.tridiagonal(alpha, beta[:-1]))
    middle = 0.5 * (values[0] + values[-1])
    assert kernels.pivot(alpha, beta, k, middle)[2] == np.count_nonzero(values >= middle)


@given(st.integers(1, 8), st.floats(-0.5, 1.5), st.integers(0, 999))
@settings(max_examples=30, deadline=None)
def test_pivot(k, theta, seed):
    rng = np.random.default_rng(seed)
    alpha, beta = rng.random(k), rng.random(k)
    value, slope, above = kernels.pivot(alpha, beta, k, theta)
    exact, exact_slope, exact_above = naive.pivot(alpha, beta[:-1], theta)
    # A pivot near 0 leaves the next one ill-conditioned: backward errors of k rounding units.
    condition = 1e-14 * k * max(1.0, abs(exact_slope))
    assert value == pytest.approx(exact, rel=1e-12, abs=condition)
    assert slope == pytest.approx(exact_slope, rel=1e-6)
    assert above == exact_above


def test_judge_asks_for_the_residual_and_the_gap():
    """Rows: exact; residual large; small residual but two values on top of each other."""
    alpha = np.array([[1.0, 0.5], [1.0, 0.5], [1.0, 1.0]])
    beta = np.array([[0.1, 0.0], [0.1, 0.9], [1e-12, 1e-4]])
    steps, theta, weight = np.full(3, 2), alpha[:, 0].copy(), np.ones(3)
    done = np.zeros(3, dtype=bool)
    kernels.judge(alpha, beta, steps, theta, weight, 1e-9, 1e-4, done)
    assert done.tolist() == [True, False, False]


@given(st.integers(2, 9), st.sampled_from([0.0, 1e-12, 1e-6, 1e-3, 0.3]), st.integers(0, 999))
@settings(max_examples=60, deadline=None)
def test_judge_matches_its_definition(k, last, seed):
    rng = np.random.default_rng(seed)
    alpha, beta = rng.random((1, k)), rng.random((1, k))
    beta[0, -1] = last
    theta, weight = alpha[0, :1].copy(), np.ones(1)
    done, steps = np.zeros(1, dtype=bool), np.zeros(1, dtype=np.int64)
    for step in range(1, k + 1):
        steps[0] = step
        kernels.judge(alpha, beta, steps, theta, weight, 1e-8, 1e-4, done)
    top, entry, wanted = naive.judge(alpha[0], beta[0], 1e-8, 1e-4)
    assert theta[0] == pytest.approx(top, rel=1e-13)
    assert weight[0] == pytest.approx(entry, rel=1e-4, abs=1e-6)
    assert done[0] == wanted


@given(st.integers(1, 12), st.integers(0, 30), st.integers(0, 999))
@settings(max_examples=60, deadline=None)
def test_joined_sets_and_their_numbers(size, count, seed):
    rng = np.random.default_rng(seed)
    label, sets = np.arange(size, dtype=np.int32), [frozenset({k}) for k in range(size)]
    for a, b in rng.integers(0, size, (count, 2)).tolist():
        sets, fresh = naive.join(sets, a, b)
        assert kernels.join(label, a, b) == fresh
    expected = naive.number_sets(label.tolist())
    assert kernels.number_sets(label) == len(sets)
    assert label.tolist() == expected
    assert {frozenset(np.flatnonzero(label == k).tolist()) for k in set(expected)} == set(sets)


@given(st.integers(1, 9), st.integers(1, 9), st.floats(0, 1), st.integers(0, 999))
@settings(max_examples=60, deadline=None)
def test_labels_of_components(n, m, density, seed):
    mask = np.random.default_rng(seed).random((n, m)) < density
    label = np.empty(n + m, dtype=np.int32)
    count = kernels.label_components(mask, label)
    assert label.tolist() == naive.label_components(mask.tolist())
    assert count == label.max() + 1
