"""2-norms of matrices, dense and by Lanczos."""

from __future__ import annotations

import numpy as np
import pytest

from sinkdiag.numerics.norms import frobenius_norm, operator_norm, singular_values


def test_operator_norm_by_lanczos():
    rng = np.random.default_rng(0)
    for matrix in (rng.random((250, 250)), np.triu(rng.standard_normal((300, 300))) * 1e-40):
        assert operator_norm(matrix) == pytest.approx(np.linalg.norm(matrix, 2), rel=1e-9)


def test_operator_norm_of_complex_and_of_small_matrices():
    rng = np.random.default_rng(1)
    dense = rng.standard_normal((260, 260)) + 1j * rng.standard_normal((260, 260))
    for matrix in (dense, np.triu(dense), dense[:7, :7], np.zeros((3, 3)), np.zeros((300, 300))):
        assert operator_norm(matrix) == pytest.approx(np.linalg.norm(matrix, 2), rel=1e-9)


def test_singular_values_descend():
    assert singular_values(np.diag([1.0, 3.0, 2.0])).tolist() == [3.0, 2.0, 1.0]


@pytest.mark.parametrize("size", [1.0, 1e-300, 1e300])
def test_frobenius_norm_squares_nothing_out_of_range(size):
    matrix = np.array([[3.0, 0.0], [0.0, -4.0]])
    assert frobenius_norm(size * matrix) == pytest.approx(5.0 * size, rel=1e-15)
    assert frobenius_norm(0.0 * matrix) == 0.0
    assert np.isnan(frobenius_norm(np.nan * matrix))
