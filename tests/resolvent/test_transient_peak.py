"""The largest power: exact where nothing else can be larger, and said to be a lower bound else."""

from __future__ import annotations

import numpy as np
import pytest

from sinkdiag.resolvent.operator import of_matrix
from sinkdiag.resolvent.powers import transient_peak
from sinkdiag.resolvent.pseudospectrum import pseudospectrum_of


def peak_of(matrix):
    return pseudospectrum_of(of_matrix(np.asarray(matrix)), shape=(4, 4)).summary


@pytest.mark.parametrize("value", [0.3, 0.5, 0.7, 0.9])
def test_jordan_block_of_order_twelve(value):
    """The grid of powers by a factor 1.5 missed up to 14 % of it."""
    block = value * np.eye(12) + np.diag(np.ones(11), 1)
    powers, power = [], np.eye(12)
    for _ in range(1000):
        power = power @ block
        powers.append(np.linalg.norm(power, 2))
    found = peak_of(block)
    assert found.transient_peak == pytest.approx(max(powers), rel=1e-9)
    assert found.transient_peak_at == 1 + int(np.argmax(powers))
    assert found.transient_peak_bound == "exact"


def test_a_contraction_is_exact_at_once():
    found = peak_of(np.array([[0.5, 0.2], [0.0, -0.4]]))
    assert (found.transient_peak_at, found.transient_peak_bound) == (1, "exact")
    assert found.transient_peak == pytest.approx(
        np.linalg.norm([[0.5, 0.2], [0.0, -0.4]], 2), rel=1e-12
    )


def test_growth_without_end_is_a_lower_bound():
    found = peak_of(np.array([[1.0, 1.0], [0.0, 1.0]]))
    assert found.transient_peak_bound == "lower"
    assert found.transient_peak > 100.0


def test_a_bound_of_the_eigenvectors_ends_the_search_too():
    matrix = of_matrix(np.array([[0.999, 1.0], [0.0, 0.998]])).matrix
    powers = pseudospectrum_of(of_matrix(matrix.dense), shape=(4, 4)).summary.powers
    # kappa rho^k falls below the peak long before a power is below 1.
    found = transient_peak(matrix, powers, (), 2001.0)
    assert found.bound == "exact"
    assert found.norm == pytest.approx(
        max(np.linalg.norm(np.linalg.matrix_power(matrix.dense, k), 2) for k in range(1, 4000)),
        rel=1e-9,
    )
