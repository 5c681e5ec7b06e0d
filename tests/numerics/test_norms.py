"""2-norms of matrices, dense and by Lanczos."""

from __future__ import annotations

import numpy as np
import pytest

from sinkdiag.numerics.norms import operator_norm, singular_values


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
