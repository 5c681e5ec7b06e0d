"""Products of a matrix with a vector: twins, and the order of summation."""

import numba
import numpy as np
import pytest

from sinkdiag.numerics import products
from tests.naive import numerics as naive


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("n", [1, 3, 4, 9])
@pytest.mark.parametrize("m", [1, 7, 8, 16, 17, 37])
def test_products_are_those_of_the_twins(n, m, dtype):
    random = np.random.default_rng(n + 100 * m)
    matrix = random.standard_normal((n, m)).astype(dtype)
    across, along = random.random(m).astype(dtype), random.random(n).astype(dtype)
    # m or n terms below 4 in size.
    error = 4 * max(n, m) ** 2 * np.finfo(dtype).eps
    out = np.empty(n, dtype)
    products.row_products(matrix, across, out)
    np.testing.assert_allclose(out, naive.row_products(matrix, across), atol=error)
    out = np.empty(m, dtype)
    products.column_products(matrix, along, out)
    np.testing.assert_allclose(out, naive.column_products(matrix, along), atol=error)
    before = out.tolist()
    products.add_row(matrix, n - 1, along[0], out)
    np.testing.assert_allclose(out, naive.add_row(matrix, n - 1, along[0], before), atol=error)
    if n > 4:
        before = out.tolist()
        products.add_four_rows(matrix, 1, *along[:4], out)
        wanted = naive.add_four_rows(matrix, 1, along[:4], before)
        np.testing.assert_allclose(out, wanted, atol=error)


@pytest.mark.parametrize(("n", "m"), [(1, 1), (3, 40), (16, 5), (37, 29), (70, 8)])
def test_products_that_threads_share(n, m):
    random = np.random.default_rng(n)
    matrix, across, along = random.random((n, m)), random.random(m), random.random(n)
    out, serial = np.empty(n), np.empty(n)
    products.row_products_parallel(matrix, across, out)
    products.row_products(matrix, across, serial)
    np.testing.assert_array_equal(out, serial)
    # Sums of at most 70 positive terms.
    np.testing.assert_allclose(out, naive.row_products_parallel(matrix, across), rtol=1e-14)
    out = np.empty(m)
    products.column_products_parallel(matrix, along, out)
    wanted = naive.column_products_parallel(matrix, along)
    np.testing.assert_allclose(out, wanted, rtol=1e-14)
    np.testing.assert_allclose(out, naive.column_products(matrix, along), rtol=1e-14)
    some = np.ones(m)
    products.add_rows(matrix, along, n // 3, n, some)
    wanted = naive.add_rows(matrix, along, n // 3, n, [1.0] * m)
    np.testing.assert_allclose(some, wanted, rtol=1e-14)


@pytest.mark.parametrize("size", [100, 1001])
def test_a_product_has_the_same_bits_on_one_thread_and_on_all(size):
    random = np.random.default_rng(size)
    matrix, x = random.random((size, size)), random.random(size)
    all_threads = products.product(matrix, x), products.transposed_product(matrix, x)
    before = numba.get_num_threads()
    numba.set_num_threads(1)
    try:
        one = products.product(matrix, x), products.transposed_product(matrix, x)
    finally:
        numba.set_num_threads(before)
    np.testing.assert_array_equal(one, all_threads)
    for found, wanted in zip(one, (matrix @ x, matrix.T @ x), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-13)


def test_rows_are_added_up_by_lanes_then_in_halves():
    """To the last bit, so that the answer does not depend on the machine."""
    random = np.random.default_rng(3)
    matrix, x = random.standard_normal((5, 29)), random.standard_normal(29)
    terms = matrix * x
    lanes = np.zeros((5, 8))
    for start in range(0, 24, 8):
        lanes += terms[:, start : start + 8]
    while lanes.shape[1] > 1:
        half = lanes.shape[1] // 2
        lanes = lanes[:, :half] + lanes[:, half:]
    wanted = lanes[:, 0]
    for j in range(24, 29):
        wanted = wanted + terms[:, j]
    out = np.empty(5)
    products.row_products(matrix, x, out)
    np.testing.assert_array_equal(out, wanted)


def test_nan_and_infinity_keep_their_meaning():
    matrix = np.ones((4, 20))
    matrix[1, 3], matrix[2, 19] = np.nan, np.inf
    out = np.empty(4)
    products.row_products(matrix, np.ones(20), out)
    np.testing.assert_array_equal(out, [20.0, np.nan, np.inf, 20.0])


def test_rows_that_are_not_contiguous_are_refused():
    with pytest.raises(Exception, match="contiguous"):
        products.row_products(np.ones((4, 8)).T, np.ones(4), np.empty(8))
