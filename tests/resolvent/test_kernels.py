"""Compiled substitution against its loops."""

from __future__ import annotations

import numpy as np
import pytest

from sinkdiag.resolvent import kernels
from tests.naive import resolvent as naive

U = np.finfo(float).eps


def split(columns):
    return np.ascontiguousarray(np.concatenate([columns.real, columns.imag], axis=1))


def joined(batch):
    p = batch.shape[1] // 2
    return batch[:, :p] + 1j * batch[:, p:]


def random_triangle(n, p, seed, *, real):
    rng = np.random.default_rng(seed)
    strict = np.triu(rng.standard_normal((n, n)), 1) / n
    if not real:
        strict = strict + 1j * np.triu(rng.standard_normal((n, n)), 1) / n
    diagonal = 1.0 + rng.random((n, p)) + 1j * rng.standard_normal((n, p))
    right = rng.standard_normal((n, p)) + 1j * rng.standard_normal((n, p))
    return strict, diagonal, right


@pytest.mark.parametrize("real", [True, False])
@pytest.mark.parametrize(
    ("kernel", "twin"),
    [
        (kernels.substitute_up, naive.substitute_up),
        (kernels.substitute_down, naive.substitute_down),
    ],
)
def test_substitution_matches_the_loops(kernel, twin, real):
    n, p = 9, 4
    strict, diagonal, right = random_triangle(n, p, 0, real=real)
    x, inverse = split(right), 1 / diagonal
    imag = np.empty((0, 0)) if real else np.ascontiguousarray(strict.imag)
    kernel(
        np.ascontiguousarray(strict.real),
        imag,
        np.ascontiguousarray(inverse.real),
        np.ascontiguousarray(inverse.imag),
        0,
        n,
        x,
    )
    expected = [
        twin(strict.tolist(), diagonal[:, j].tolist(), right[:, j].tolist()) for j in range(p)
    ]
    # Entries of size about 1 and n additions each.
    np.testing.assert_allclose(joined(x), np.array(expected).T, atol=50 * n * U)
