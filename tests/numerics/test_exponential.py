"""The exponential function that loops vectorise: one unit in the last place, and its ends."""

import math

import mpmath
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sinkdiag.numerics.exponential import HIGHEST, LOWEST, exp
from sinkdiag.numerics.jit import njit
from tests.naive import numerics as naive


@njit
def over(xs, out):
    for i in range(len(xs)):
        out[i] = exp(xs[i])


def units_off(x, value):
    """The error in units in the last place of the exact value."""
    with mpmath.workdps(40):
        exact = mpmath.exp(mpmath.mpf(x))
        return float(abs(mpmath.mpf(value) - exact) / math.ulp(float(exact)))


@given(st.floats(LOWEST, HIGHEST))
@example(0.0)
@example(LOWEST)
@example(HIGHEST)
@example(math.log(2) / 2)
@example(-1e-300)
def test_it_is_right_to_one_unit_in_the_last_place(x):
    value = exp(x)
    # Rounding of r, of 1 + (r + …), and of the last product, which is exact.
    assert units_off(x, value) <= 1.0
    assert value == pytest.approx(naive.exp(x), rel=4 * 2**-53)


def test_a_loop_over_it_has_the_bits_of_single_calls():
    xs = np.random.default_rng(0).uniform(LOWEST, 0.0, 1003)
    out = np.empty_like(xs)
    over(xs, out)
    np.testing.assert_array_equal(out, [exp(x) for x in xs])
    assert max(units_off(x, value) for x, value in zip(xs, out, strict=True)) <= 1.0


def test_the_ends_and_what_is_no_number():
    xs = np.array([-math.inf, -1e308, np.nextafter(LOWEST, -1e9), np.nextafter(HIGHEST, 1e9),
                   1e308, math.inf, math.nan])  # fmt: skip
    out = np.empty_like(xs)
    over(xs, out)
    np.testing.assert_array_equal(out, [0.0, 0.0, 0.0, math.inf, math.inf, math.inf, math.nan])
    assert (exp(0.0), exp(-0.0)) == (1.0, 1.0)


def test_it_does_not_fall_where_it_should_rise():
    """Across the ends of the intervals in which k is constant."""
    middles = (np.arange(-1000, 1000) + 0.5) * math.log(2)
    near = np.concatenate([middles * (1 + step * 2**-52) for step in range(-8, 9)])
    near = np.sort(near[(near > LOWEST) & (near < HIGHEST)])
    out = np.empty_like(near)
    over(near, out)
    assert (np.diff(out) >= -2 * np.spacing(out[1:])).all()
