"""The norm of the second derivative, its ascent on great circles, and the ascent's kernels."""

import numpy as np
import pytest

import sinkdiag
from sinkdiag.derivatives import kernels
from sinkdiag.derivatives.second_order import best_angle, cubic_norm, heaviest, heaviest_free
from sinkdiag.jacobian.block import factor_block
from tests.helpers import uniform_cost
from tests.naive import derivatives as naive


def test_more_starts_find_no_more_on_a_larger_matrix():
    operator = factor_block(sinkdiag.solve(uniform_cost(12, 12), 0.02).plan)
    found = cubic_norm(operator)
    assert found.starts >= 10
    assert found.value == pytest.approx(naive.largest_cubic(operator.plan, 24, steps=150), rel=1e-5)
    assert 0 <= found.spread <= 1


def form(circle, c, s):
    c0, c1, c2, c3 = circle.T
    return np.abs(c0 * c**3 + 3 * c1 * c**2 * s + 3 * c2 * c * s**2 + c3 * s**3)


def circles():
    """Forms of all shapes: of one size, of many sizes, with vanishing and with equal coefficients.

    Among them the constants and those whose derivative has a double or a triple root.
    """
    rng = np.random.default_rng(0)
    spread = rng.standard_normal((400, 4)) * 10.0 ** rng.integers(-12, 3, (400, 4))
    whole = np.stack(np.meshgrid(*[[-1.0, 0.0, 1.0]] * 4), axis=-1).reshape(-1, 4)
    degenerate = [[1.0, 0.0, 0.5, 0.0], [1.0, 0.0, 0.5, 1e-14], [0.0, 1.0, 0.0, 1.0]]
    return np.concatenate([rng.standard_normal((400, 4)), spread, whole, degenerate])


def test_no_angle_of_a_dense_grid_beats_the_best():
    circle = circles()
    c, s = best_angle(circle)
    np.testing.assert_allclose(c**2 + s**2, 1.0, rtol=1e-15)
    angle = np.linspace(0, np.pi, 20_001)[:, None]
    found, dense = form(circle, c, s), form(circle, np.cos(angle), np.sin(angle)).max(axis=0)
    assert np.all(found >= dense * (1 - 1e-14))
    assert np.all(found >= np.abs(circle[:, 0]))
    # Between two points of the grid the form rises by at most its curvature's share.
    size = np.abs(circle).max(axis=1)
    assert np.all(found - dense <= 12 * size * (np.pi / 20_000) ** 2)


def test_the_best_angle_turns_with_the_plane():
    """In turned axes cos 3(θ - t) is the cubic form with its maximum, 1, at t."""
    turn = np.linspace(-1.4, 1.4, 57)
    cosine, sine = np.cos(3 * turn), np.sin(3 * turn)
    c, s = best_angle(np.stack([cosine, sine, -cosine, -sine], axis=1))
    np.testing.assert_allclose(np.abs(np.cos(3 * (np.arctan2(s, c) - turn))), 1.0, rtol=1e-15)


def test_the_heaviest_are_those_of_a_stable_sort():
    rng = np.random.default_rng(0)
    for values in (rng.random((6, 7)), rng.integers(0, 3, (9, 4)).astype(float), np.ones((3, 3))):
        order = np.argsort(-values, axis=None, kind="stable")
        for count in (1, 5, values.size, values.size + 3):
            np.testing.assert_array_equal(heaviest(values, count), order[:count])
    # Next to a permutation the light pairs have more room than the heavy ones.
    assert heaviest_free(np.eye(3) + 0.1, 1) == [1]


def stack(seed=0):
    rng = np.random.default_rng(seed)
    return rng.random((3, 4)), rng.standard_normal((8, 4, 3, 4)), np.array([3, 1])


def test_circle_coefficients_match_their_twin():
    plan, (kx, kd, *_), active = stack()
    out = np.empty((2, 4))
    kernels.circle_coefficients(plan, kx, kd[:2].copy(), active, out)
    for s, k in enumerate(active):
        np.testing.assert_allclose(out[s], naive.circle_coefficients(plan, kx[k], kd[s]))


def test_tangent_slope_matches_its_twin():
    plan, (kk, x, slope, before, *_), active = stack()
    out = np.empty((2, 4))
    kernels.tangent_slope(plan, kk[:2].copy(), x, slope, before, active, out)
    for s, k in enumerate(active):
        expected, sums = naive.tangent_slope(plan, kk[s], x[k], before[k])
        np.testing.assert_allclose(slope[k], expected)
        np.testing.assert_allclose(out[s], sums)


def test_conjugate_matches_its_twin():
    _, (slope, along, x, d, *_), active = stack()
    d = d[:2].copy()
    kernels.conjugate(slope, along, x, np.array([0.5, 2.0]), active, d)
    for s, k in enumerate(active):
        np.testing.assert_allclose(d[s], naive.conjugate(slope[k], along[k], x[k], [0.5, 2.0][s]))
    nothing = np.zeros_like(x)
    kernels.conjugate(nothing, nothing, x, np.zeros(2), active, d)
    assert not d.any()


def test_turn_matches_its_twin():
    _, (x, kx, slope, before, along, d, kd, _), active = stack()
    old = [array.copy() for array in (x, kx, slope)]
    c, z = np.array([0.6, 0.8]), np.array([0.8, -0.6])
    kernels.turn(x, kx, slope, before, along, d[:2].copy(), kd[:2].copy(), active, c, z)
    np.testing.assert_array_equal(x[[0, 2]], old[0][[0, 2]])
    for s, k in enumerate(active):
        now, image, way = naive.turn(old[0][k], old[1][k], d[s], kd[s], c[s], z[s])
        np.testing.assert_allclose(x[k], now)
        np.testing.assert_allclose(kx[k], image)
        np.testing.assert_allclose(along[k], way)
        np.testing.assert_array_equal(before[k], old[2][k])
