"""The largest eigenvalue by Lanczos: one operator, and many at once."""

from __future__ import annotations

import numpy as np
import pytest

from sinkdiag.numerics.batched import top_eigenvalues
from sinkdiag.numerics.lanczos import largest_eigenvalue
from sinkdiag.results import Status


def test_lanczos_finds_the_top_of_a_clustered_spectrum():
    rng = np.random.default_rng(0)
    basis = np.linalg.qr(rng.standard_normal((60, 60)))[0]
    values = np.concatenate([np.full(5, 1.0), np.linspace(0, 0.999, 55)])
    matrix = (basis * values) @ basis.T
    found = largest_eigenvalue(lambda x: matrix @ x, rng.standard_normal(60))
    assert found.value == pytest.approx(1.0, rel=1e-9)
    assert found.status is Status.CONVERGED


def test_lanczos_says_when_it_was_cut_short():
    matrix = np.diag(np.linspace(0, 1, 300))
    found = largest_eigenvalue(lambda x: matrix @ x, np.ones(300), max_steps=5)
    assert found.status is Status.MAX_ITER
    assert found.value < 1.0


@pytest.mark.parametrize("reorthogonalise", [False, True])
def test_the_residual_bounds_the_error(reorthogonalise):
    values = np.linspace(0.0, 1.0, 80) ** 0.25
    start = np.random.default_rng(1).standard_normal(80)
    for steps in (2, 5, 11, 30):
        found = largest_eigenvalue(
            lambda x: values * x, start, max_steps=steps, reorthogonalise=reorthogonalise
        )
        assert np.abs(values - found.value).min() <= found.residual + 1e-15
        assert found.value <= 1.0 + 1e-14


def test_a_complex_operator_with_all_vectors_kept():
    rng = np.random.default_rng(3)
    root = rng.standard_normal((40, 40)) + 1j * rng.standard_normal((40, 40))
    matrix = root @ root.conj().T
    start = rng.standard_normal(40) + 0j
    found = largest_eigenvalue(lambda x: matrix @ x, start, tol=1e-12, reorthogonalise=True)
    assert found.value == pytest.approx(np.linalg.eigvalsh(matrix)[-1], rel=1e-13)


def test_a_deflated_vector_is_never_met():
    """Its eigenvalue is the largest by far, and rounding would bring it back within few steps."""
    rng = np.random.default_rng(4)
    basis = np.linalg.qr(rng.standard_normal((50, 50)))[0]
    values = np.concatenate([[1e6], 1.0 - np.arange(49) / 400])
    matrix = (basis * values) @ basis.T
    found = largest_eigenvalue(
        lambda x: matrix @ x,
        rng.standard_normal(50),
        tol=1e-12,
        reorthogonalise=True,
        deflate=3.0 * basis[:, 0],
    )
    # Products carry the rounding of the deflated eigenvalue, 1e6 units of it.
    assert found.value == pytest.approx(1.0, rel=1e-8)


@pytest.mark.parametrize("size", [1, 2, 3])
def test_a_small_space_is_exhausted(size):
    values = np.arange(1.0, size + 1)
    found = largest_eigenvalue(lambda x: values * x, np.ones(size), tol=0.0, reorthogonalise=True)
    assert found.status is Status.CONVERGED
    assert found.value == pytest.approx(size, rel=1e-14)
    assert found.residual == 0.0


def test_nothing_comes_of_nothing():
    found = largest_eigenvalue(lambda x: x, np.zeros((3, 2)))
    assert (found.value, found.residual) == (0.0, 0.0)
    assert largest_eigenvalue(lambda x: 0.0 * x, np.ones((3, 2))).value == 0.0


def test_batched_lanczos_finds_every_top_eigenvalue_and_says_when_it_does_not():
    rng = np.random.default_rng(2)
    n, count = 30, 200
    tops = np.linspace(1.5, 3.0, count)
    basis = np.linalg.qr(rng.standard_normal((n, n)))[0]

    def apply(which, x):
        values = np.concatenate([np.linspace(0, 1, n - 1)[:, None] * np.ones(len(which)),
                                 tops[which][None]])  # fmt: skip
        return basis @ (np.concatenate([values, values], axis=1) * (basis.T @ x))

    found = top_eigenvalues(apply, n, count)
    assert found.converged.all()
    np.testing.assert_allclose(found.values, tops, rtol=1e-8)
    short = top_eigenvalues(apply, n, count, max_steps=2)
    assert not short.converged.any()
    assert np.all(short.values <= tops)


def test_progress_is_counted_to_the_end():
    seen = []
    top_eigenvalues(
        lambda which, x: x * (1.0 + np.tile(which, 2)),
        4,
        300,
        progress=lambda done, total: seen.append((done, total)),
    )
    assert seen[-1] == (300, 300)
    assert [done for done, _ in seen] == sorted({done for done, _ in seen})


@pytest.mark.parametrize("size", [5e-324, 1e-200, 1e300])
@pytest.mark.parametrize("reorthogonalise", [False, True])
def test_a_start_of_any_size_is_a_direction(size, reorthogonalise):
    values = np.linspace(0.5, 1.0, 8)
    found = largest_eigenvalue(
        lambda x: values * x, np.full(8, size), reorthogonalise=reorthogonalise
    )
    assert found.value == pytest.approx(1.0, rel=1e-9)
