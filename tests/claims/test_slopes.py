"""Local slopes on curves that are known, sampled coarsely and finely."""

import math

import numpy as np
import pytest

from sinkdiag.claims.slopes import SPAN, STEP, coldest, fit, longest_run, runs, smooth, trend_of

X = np.log(np.geomspace(1.0, 1e-3, 31))


def test_the_slope_of_a_power_is_its_exponent_with_no_width():
    line = smooth(X, 3.0 * X + 1.0)
    for found in (line.slope, line.low, line.high):
        np.testing.assert_allclose(found, 3.0, rtol=1e-10)
    assert (line.x[0], line.x[-1]) == pytest.approx((X[0], X[-1]))
    assert np.abs(np.diff(line.x)).max() <= STEP * (1 + 1e-9)
    assert line.trend().slope == pytest.approx(3.0)


def test_the_slope_is_least_squares_over_the_span_and_the_interval_holds_its_halves():
    line = smooth(X, X**2)
    middle = len(line.x) // 2
    inside = np.abs(line.x - line.x[middle]) <= SPAN / 2 * (1 + 1e-9)
    assert line.slope[middle] == pytest.approx(np.polyfit(line.x[inside], line.y[inside], 1)[0])
    # Of x² the slope is 2x: over the halves it is that of their middles.
    half = SPAN / 2
    assert line.low[middle] == pytest.approx(2 * line.x[middle] - half, rel=1e-2)
    assert line.high[middle] == pytest.approx(2 * line.x[middle] + half, rel=1e-2)


def test_slopes_do_not_depend_on_the_sampling():
    def curve(count):
        x = np.log(np.geomspace(1.0, 3e-3, count))
        return smooth(x, -0.02 * np.exp(-x) + 0.5 * np.tanh(2 * x))

    fine = curve(97)
    for count in (25, 49):
        found = curve(count)
        np.testing.assert_allclose(found.x, fine.x, rtol=1e-12)
        np.testing.assert_allclose(found.slope, fine.slope, atol=0.02)


def test_no_slope_is_told_across_a_hole():
    kept = np.r_[X[:12], X[16:]]
    line = smooth(kept, kept)
    hole = (line.x < X[11] - STEP) & (line.x > X[16] + STEP)
    assert np.isnan(line.slope[hole]).all()
    assert np.isfinite(line.slope[[0, -1]]).all()


def test_runs_fit_and_trend():
    assert runs(np.array([True, False, True, True])) == [(0, 1), (2, 4)]
    assert longest_run(np.zeros(31, dtype=bool), X) is None
    assert longest_run(np.ones(31, dtype=bool), X) == (0, 30)
    assert longest_run(np.arange(31) < 4, X) is None
    assert fit(X, 3 * X + 1) == pytest.approx(3.0)
    assert math.isclose(X[coldest(X)][0] - X[-1], 0.5 * math.log(10))
    trend = trend_of(X, X**2)
    assert trend.low < trend.slope < trend.high
