"""Eigenvalues on the unit circle, and the Kreiss constants that they leave."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sinkdiag.resolvent.kreiss import kreiss_constant
from sinkdiag.resolvent.numerical_range import numerical_range
from sinkdiag.resolvent.resolvent import Resolvent
from sinkdiag.resolvent.triangular import from_matrix
from sinkdiag.resolvent.unimodular import boundary_of
from sinkdiag.results import Status
from tests.naive import resolvent as naive

ANGLE = 0.7
ROTATION = np.array(
    [[math.cos(ANGLE), -math.sin(ANGLE)], [math.sin(ANGLE), math.cos(ANGLE)]]
)  # fmt: skip
CYCLE = np.eye(4)[[1, 2, 3, 0]]
STOCHASTIC = np.array([[0.5, 0.3, 0.2], [0.1, 0.8, 0.1], [0.25, 0.25, 0.5]])


def kreiss_of(matrix):
    triangle = from_matrix(np.asarray(matrix, dtype=float))[0]
    return kreiss_constant(Resolvent.of(triangle), numerical_range(triangle).upper)


@pytest.mark.parametrize(
    "matrix", [np.eye(3), CYCLE, ROTATION, np.diag([1.0, 0.5]), -np.eye(2), np.diag([1.0, -1.0])]
)
def test_contractions_have_one(matrix):
    found = kreiss_of(matrix)
    assert (found.lower, found.upper, found.status) == (1.0, 1.0, Status.CONVERGED)


def test_the_limit_at_a_semi_simple_eigenvalue_is_its_projector():
    """[[1, 1], [0, 1/2]]: P = [[1, 2], [0, 0]], ‖P‖ = sqrt(5), and no point exceeds it."""
    found = kreiss_of([[1.0, 1.0], [0.0, 0.5]])
    assert found.lower == pytest.approx(math.sqrt(5.0), rel=1e-12)
    assert found.upper <= found.lower * (1.0 + 1e-3)
    assert found.status is Status.CONVERGED
    assert found.point == (1.0, 0.0)


def test_stochastic_matrices():
    """P = 1π' for the stationary π: ‖P‖ = sqrt(n)‖π‖."""
    values, vectors = np.linalg.eig(STOCHASTIC.T)
    stationary = vectors[:, np.argmax(values.real)].real
    stationary /= stationary.sum()
    found = kreiss_of(STOCHASTIC)
    limit = math.sqrt(3.0) * np.linalg.norm(stationary)
    assert found.status is Status.CONVERGED
    assert limit * (1.0 - 1e-12) <= found.lower <= found.upper <= found.lower * (1.0 + 1e-3)
    assert naive.kreiss_search(STOCHASTIC, rounds=3) <= found.upper


def test_several_eigenvalues_on_the_circle():
    """A cycle coupled to a decaying state: the constants' projector is the largest."""
    matrix = np.block(
        [[np.eye(3)[[1, 2, 0]], np.ones((3, 1))], [np.zeros((1, 3)), np.array([[0.5]])]]
    )
    found = kreiss_of(matrix)
    # X = 1/(1 - 1/2) along the unit vector 1/sqrt(3), hence sqrt(1 + 12).
    assert found.lower == pytest.approx(math.sqrt(13.0), rel=1e-9)
    assert found.status is Status.CONVERGED


@pytest.mark.parametrize(
    "matrix",
    [
        [[1.0, 1.0], [0.0, 1.0]], np.diag([1.1, 0.5]), np.diag([1.0 + 1e-9, 0.5]),
        [[-1.0, 1e-3], [0.0, -1.0]],
    ],
)  # fmt: skip
def test_defective_or_outside_is_infinite(matrix):
    found = kreiss_of(matrix)
    assert (found.lower, found.upper, found.status) == (math.inf, math.inf, Status.CONVERGED)


def test_a_rotated_jordan_block_is_still_defective():
    """Rounding splits its eigenvalue into two at 1.5e-8 from 1."""
    rng = np.random.default_rng(0)
    turn = np.linalg.qr(rng.standard_normal((3, 3)))[0]
    block = np.array([[1.0, 1.0, 0.3], [0.0, 1.0, 0.2], [0.0, 0.0, 0.5]])
    assert kreiss_of(turn @ block @ turn.T).lower == math.inf


def test_the_discs_name_projector_and_tolerance():
    triangle = from_matrix(np.array([[1.0 - 5e-13, 1.0], [0.0, 0.5]]))[0]
    disc = boundary_of(triangle).discs[0]
    assert disc.limit
    assert disc.projector == pytest.approx(math.sqrt(5.0), rel=1e-9)
    assert disc.radius(disc.projector) == 0.0
    # f at the disc's edge, on the ray where it is largest.
    reach = disc.radius(1.01 * disc.projector)
    f = reach * naive.resolvent_norm(triangle.dense, 1.0 + reach)
    assert reach > 0.0
    assert f <= 1.01 * disc.projector
    assert boundary_of(from_matrix(np.diag([1.0 - 1e-11, 0.5]))[0]).discs == ()


def test_many_eigenvalues_on_the_circle_are_not_all_looked_at():
    size = 40
    matrix = np.zeros((size + 1, size + 1))
    matrix[:size, :size] = np.roll(np.eye(size), 1, axis=0)
    matrix[:size, size], matrix[size, size] = 1.0, 0.5
    found = kreiss_of(matrix)
    assert found.status is Status.MAX_ITER
    assert 1.0 <= found.lower <= found.upper
