"""The Newton system's kernels against their loop-only twins."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse

from sinkdiag.solver import system_kernels
from tests.naive import solver as naive


def test_entries_above_a_floor():
    rng = np.random.default_rng(2)
    kernel, u, v, floor = rng.random((6, 5)), rng.random(6), rng.random(5), 0.3 * rng.random(5)
    starts = np.empty(7, dtype=np.int32)
    system_kernels.count_above(kernel, u, v, floor, starts)
    assert starts.tolist() == naive.count_above(kernel, u, v, floor)
    assert 0 < starts[-1] < 30
    columns, values = np.empty(starts[-1], dtype=np.int32), np.empty(starts[-1])
    system_kernels.take_above(kernel, u, v, floor, columns, values)
    expected = naive.take_above(kernel, u, v, floor)
    assert columns.tolist() == [j for j, _ in expected]
    np.testing.assert_allclose(values, [x for _, x in expected], rtol=1e-15)


def test_product_with_a_compressed_plan():
    rng = np.random.default_rng(7)
    plan = rng.random((6, 5)) * (rng.random((6, 5)) < 0.5)
    row, x, image = rng.random(6) + 0.5, rng.standard_normal(5), rng.standard_normal(5)
    sparse = scipy.sparse.csr_array(plan)
    starts, columns = sparse.indptr.astype(np.int32), sparse.indices.astype(np.int32)
    wanted = naive.subtract_product(plan.tolist(), row, x, image)
    system_kernels.subtract_product(starts, columns, sparse.data, row, x, image)
    np.testing.assert_allclose(image, wanted, rtol=0, atol=1e-14)


@pytest.mark.parametrize("size", [1, 2, 7, 60])
def test_definite_systems(size):
    rng = np.random.default_rng(size)
    root = rng.standard_normal((size, size))
    matrix, rhs = root @ root.T + np.eye(size), rng.standard_normal(size)
    lower, exact = naive.solve_definite(matrix.tolist(), rhs.tolist())
    work, x = matrix.copy(), rhs.copy()
    assert system_kernels.solve_definite(work, x)
    np.testing.assert_allclose(np.triu(work), np.transpose(lower), rtol=0, atol=1e-13 * size)
    assert np.abs(matrix @ x - rhs).max() <= 1e-14 * size * np.abs(matrix).max() * np.abs(x).max()
    # Both are backward stable: they differ by the condition number times a few units.
    off = 1e-15 * size * np.linalg.cond(matrix) * np.abs(x).max()
    np.testing.assert_allclose(x, exact, rtol=0, atol=off)
    work[0, 0] = -1.0
    assert not system_kernels.solve_definite(work, x)
