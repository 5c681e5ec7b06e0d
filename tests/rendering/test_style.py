"""Axes that show what can be read."""

from __future__ import annotations

import numpy as np
import pytest

from sinkdiag.rendering.figures.calibrate import READABLE
from sinkdiag.rendering.figures.style import log_scale, new_figure


def axes_of(values):
    axes = new_figure(3.0, 2.0).add_subplot()
    axes.plot(range(len(values)), values)
    return axes


def test_a_logarithmic_axis_ends_at_what_is_readable():
    axes = axes_of([0.0, 2.0, np.nan, 1e-132])
    log_scale(axes, READABLE)
    assert axes.get_yscale() == "log"
    assert axes.get_ylim() == pytest.approx((2e-16, 6.0))


@pytest.mark.parametrize("values", [[1.0, 1e-12], [1e-3]])
def test_what_is_readable_is_shown_whole(values):
    axes = axes_of(values)
    log_scale(axes, READABLE)
    low, high = axes.get_ylim()
    assert low < min(values) <= max(values) < high


def test_gaps_are_shown_however_small():
    axes = axes_of([0.1, 1e-40])
    log_scale(axes)
    assert axes.get_ylim()[0] < 1e-40


@pytest.mark.parametrize("values", [[0.0, -1.0], [np.nan], []])
def test_nothing_above_zero_stays_linear(values):
    axes = axes_of(values)
    log_scale(axes, READABLE)
    assert axes.get_yscale() == "linear"
