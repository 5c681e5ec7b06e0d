"""Products over depth, their gains, and where a difference is only rounding."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sinkdiag.checkpoints.composite import (
    composite_of,
    course_of,
    identity_distance,
    rounding_shares,
    second_singular_value,
    uniform_distance,
)

N = 4


def towards_mean(share):
    """(1 - share) I + share 11'/n: second singular value 1 - share."""
    return (1 - share) * np.eye(N) + share / N


def test_order_and_gains():
    first = np.array([[1.0, 0.5], [0.0, 0.5]])
    second = np.array([[0.0, 1.0], [1.0, 0.0]])
    course = course_of([first, second])
    product = second @ first  # the first site acts first
    assert course.total.depth == 2
    assert course.total.forward == np.abs(product).sum(axis=1).max() == 1.5
    assert course.total.backward == np.abs(product).sum(axis=0).max() == 1.0
    wanted = np.linalg.svd(product, compute_uv=False)[1]
    assert course.total.sigma_2 == pytest.approx(wanted, rel=1e-12)


def test_depth_of_lucidrains_start():
    """σ_2 = 0.3005: rows are 0.75·0.3005^d from uniform, within 1 % from the fourth site on."""
    course = course_of([towards_mean(1 - 0.3005)] * 6)
    assert course.effective_depth == 4
    for point in course.points:
        assert point.sigma_2 == pytest.approx(0.3005**point.depth, rel=1e-9)
        assert point.contrast == pytest.approx(0.75 * 0.3005**point.depth, rel=1e-9)
    assert math.isnan(course_of([towards_mean(1 - 0.3005)] * 3).effective_depth)


def test_a_signal_must_stay_uniform():
    """Depth counts from where every deeper product is uniform, not from the first that is."""
    # Rows (1, 0, …) of a projection onto stream 0 are no mean: every stream becomes that one.
    onto_first = np.zeros((N, N))
    onto_first[:, 0] = 1.0
    away = onto_first @ np.diag([1.0, 0.0, 0.0, 0.0])
    assert course_of([towards_mean(1.0), towards_mean(0.0)]).effective_depth == 1
    # A signed mixer that picks differences up again: rows of the product are no longer uniform.
    signed = np.eye(N)
    signed[0, 1] = -1.0 + 1e-9
    assert course_of([away]).points[0].contrast == 0.75
    assert math.isnan(course_of([towards_mean(0.999), signed]).effective_depth)
    assert course_of([towards_mean(0.999)]).effective_depth == 1


def test_differences_below_rounding_are_nan():
    course = course_of([towards_mean(0.9999)] * 6)
    known = [point.sigma_2 for point in course.points]
    # Each factor's 1e-4 is known to 4 u/1e-4 = 0.24 %; six of them to 1.4 %.
    assert known[2] == pytest.approx(1e-12, rel=1e-3)
    assert np.all(np.isnan(known[4:]))  # 1e-20, in float64
    assert math.isnan(course_of([towards_mean(1 - 1e-7)] * 2).total.sigma_2)
    assert rounding_shares(np.full((1, 4, 4), 0.25)).tolist() == [math.inf]


def test_second_singular_values():
    assert second_singular_value(np.ones((1, 1))) == 0.0
    assert second_singular_value(np.full((5, 5), 0.2)) == 0.0
    assert second_singular_value(np.eye(3)) == 1.0
    assert math.isnan(second_singular_value(np.full((2, 2), np.nan)))
    draw = np.random.default_rng(0).random((6, 6))
    wanted = np.linalg.svd(draw, compute_uv=False)[1]
    assert second_singular_value(draw) == pytest.approx(wanted, rel=1e-12)


def test_distances():
    assert uniform_distance(np.full((4, 4), 0.25)) == 0.0
    assert uniform_distance(np.eye(4)) == pytest.approx(0.75)
    assert identity_distance(np.eye(4) * 0.9) == 0.0
    assert identity_distance(np.eye(4)[::-1]) == 1.0
    assert math.isnan(uniform_distance(np.zeros((2, 2))))
    assert math.isnan(identity_distance(np.full((2, 2), np.inf)))


def test_products_that_are_no_numbers():
    point = composite_of(np.full((2, 2), np.nan), 3, 0.0)
    assert point.depth == 3
    assert math.isnan(point.forward)
    assert math.isnan(course_of([np.full((2, 2), np.nan)] * 2).effective_depth)
