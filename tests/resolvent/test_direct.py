"""Resolvent norms where singular values crowd, and of small orders by their inverses."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import sinkdiag
from sinkdiag.jacobian.basis import eigenbasis
from sinkdiag.progress import silent
from sinkdiag.resolvent.grid import make_grid
from sinkdiag.resolvent.operator import at_fixed_point
from sinkdiag.resolvent.resolvent import _Columns
from sinkdiag.resolvent.triangular import Triangular, from_matrix
from tests.naive import resolvent as naive


def clustered():
    """A Jacobian whose two smallest singular values cross on the grid; its axes."""
    solution = sinkdiag.solve(np.random.default_rng(5).random((6, 6)), 0.006)
    basis = eigenbasis(solution.plan, solution.row, solution.col)
    operator = at_fixed_point(basis, "plan", name="c", eps=0.006, status=solution.status)
    return operator.matrix, make_grid(operator.matrix, (0.5, 1.5, -0.5, 0.5))


def by_svd(matrix, grid):
    shifted = grid.offsets[..., None, None] * np.eye(matrix.size) + np.diag(matrix.gaps)
    return 1.0 / np.linalg.svd(shifted - matrix.strict, compute_uv=False)[..., -1]


def test_clustered_singular_values_keep_the_promise():
    """A single start vector took a mixture of two for one: 1.1e-5 off, and marked converged."""
    found = sinkdiag.pseudospectrum(
        np.random.default_rng(5).random((6, 6)), 0.006, axes=(0.5, 1.5, -0.5, 0.5)
    ).pseudospectra[0]
    matrix, grid = clustered()
    assert found.converged.all()
    np.testing.assert_allclose(found.norms, by_svd(matrix, grid), rtol=1e-9)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_iteration_keeps_it_too(seed):
    matrix, grid = clustered()
    values, converged = _Columns(matrix, grid.offsets.ravel()).norms(
        tol=1e-10, max_steps=1000, seed=seed, progress=silent
    )
    assert converged.all()
    np.testing.assert_allclose(values, by_svd(matrix, grid).ravel(), rtol=1e-6)


@pytest.mark.parametrize("size", [2, 7, 16])
@pytest.mark.parametrize("real", [True, False])
def test_both_ways_agree(size, real):
    rng = np.random.default_rng(size)
    dense = rng.standard_normal((size, size)) + (not real) * 1j * rng.standard_normal((size, size))
    matrix = from_matrix(dense)[0]
    offsets = (rng.standard_normal(50) + 1j * rng.standard_normal(50)) * 2.0
    direct, converged = _Columns(matrix, offsets).direct_norms(silent)
    iterated, _ = _Columns(matrix, offsets).norms(
        tol=1e-12, max_steps=1000, seed=0, progress=silent
    )
    assert converged.all()
    np.testing.assert_allclose(direct, iterated, rtol=1e-8)
    for value, z in zip(direct[:5], offsets, strict=False):
        assert value == pytest.approx(naive.resolvent_norm(matrix.dense, z), rel=1e-9)


def test_the_inverse_keeps_gaps_and_loses_what_is_beyond_resolution():
    matrix = Triangular(
        origin=1.0,
        gaps=np.array([1e-140, 0.5]),
        strict=np.array([[0.0, 0.3], [0.0, 0.0]]),
        mirrored=True,
    )
    value, _ = _Columns(matrix, np.zeros(1, complex)).direct_norms(silent)
    assert value[0] == pytest.approx(np.hypot(1.0, 0.6) * 1e140, rel=1e-12)
    coarse = replace(matrix, floor=1e-15)
    value, converged = _Columns(coarse, np.zeros(1, complex)).direct_norms(silent)
    assert np.isnan(value[0])
    assert not converged[0]
