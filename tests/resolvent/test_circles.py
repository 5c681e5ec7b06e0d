"""The Kreiss constant from circles, against closed forms and brute force."""

from __future__ import annotations

import numpy as np
import pytest

from sinkdiag.resolvent.circles import Circle, between, circle_of, kreiss_from_circles
from sinkdiag.resolvent.kreiss import kreiss_constant
from sinkdiag.resolvent.numerical_range import numerical_range
from sinkdiag.resolvent.resolvent import Resolvent
from sinkdiag.resolvent.triangular import from_matrix
from sinkdiag.results import Status
from tests.naive import resolvent as naive


def resolvent_of(matrix):
    return Resolvent.of(from_matrix(np.asarray(matrix, dtype=float))[0])


@pytest.mark.parametrize("size", [10.0, 1e3, 1e5])
def test_nilpotent_of_order_two(size):
    """K = c/4 + 1/c for [[0, c], [0, 0]], c > 2; 250.001 for c = 1000."""
    resolvent = resolvent_of([[0.0, size], [0.0, 0.0]])
    found = kreiss_constant(resolvent, numerical_range(resolvent.matrix).upper)
    exact = size / 4.0 + 1.0 / size
    assert found.status is Status.CONVERGED
    assert found.lower <= exact * (1.0 + 1e-9)
    assert exact <= found.upper <= found.lower * (1.0 + 1e-3)
    assert found.lower == pytest.approx(exact, rel=1e-5)
    at = complex(*found.point)
    f = (abs(at) - 1.0) * naive.resolvent_norm(np.array([[0.0, size], [0.0, 0.0]]), at)
    assert f == pytest.approx(found.lower, rel=1e-6)


@pytest.mark.parametrize("seed", range(4))
def test_circles_hold_the_brute_force_value(seed):
    rng = np.random.default_rng(seed)
    matrix = np.triu(rng.standard_normal((5, 5)), 1) * 3.0 + np.diag(rng.uniform(-0.9, 0.9, 5))
    circle, upper = kreiss_from_circles(resolvent_of(matrix), 1.0, 9e-4)
    brute = naive.kreiss_search(matrix, rounds=4)
    assert circle.product <= upper <= circle.product * (1.0 + 1e-3)
    assert brute <= upper
    assert circle.product >= brute * (1.0 - 1e-3)


def test_a_circle_is_found_between_its_bounds():
    matrix = naive.grcar(12)
    circle = circle_of(resolvent_of(matrix), 3.0)
    points = 3.0 * np.exp(2j * np.pi * np.arange(2000) / 2000)
    brute = max(naive.resolvent_norm(matrix, z) for z in points)
    assert brute * (1.0 - 1e-9) <= circle.upper <= circle.lower * (1.0 + 1.1e-5)
    at = 3.0 * np.exp(1j * circle.angle)
    assert naive.resolvent_norm(matrix, at) == pytest.approx(circle.lower, rel=1e-6)


def test_the_bound_between_circles_is_the_maximum_of_the_interpolation():
    first = Circle(radius=1.2, lower=30.0, upper=30.0, angle=0.0)
    last = Circle(radius=2.0, lower=2.0, upper=2.0, angle=0.0)
    t = np.linspace(0.0, 1.0, 100_001)
    r = 1.2 ** (1.0 - t) * 2.0**t
    assert between(first, last) == pytest.approx(
        ((r - 1.0) * 30.0 ** (1.0 - t) * 2.0**t).max(), rel=1e-8
    )
