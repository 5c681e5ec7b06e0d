import math
import re

import pytest

from sinkdiag.annealing.settings import CalibrationSettings
from sinkdiag.errors import InputError

OUT_OF_RANGE = {
    "alpha0": (0.0, 1.0, -0.5, math.nan),
    "beta": (-0.1, 1.1, math.nan),
    "iters": (0, 2.5, math.nan, 100_001, 10**30),
    "max_steps": (1, 2.5, math.nan),
    "replicates": (1, math.nan),
    "noise": (-1e-9, math.inf, math.nan),
    "noise_decay": (1.0, -0.1, math.nan),
    "collapse_tv": (0.0, 1.0, math.nan),
    "seed": (-1, math.nan),
    "tol": (0.0, 1.0, math.nan),
    "max_iter": (0, math.nan),
}


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, bad in OUT_OF_RANGE.items() for value in bad]
)
def test_settings_out_of_range_are_named(name, value):
    with pytest.raises(InputError, match=f"^{name}: {re.escape(repr(value))} "):
        CalibrationSettings(**{name: value})


def test_the_ends_of_the_ranges_are_in_them():
    CalibrationSettings(beta=0.0, noise=0.0, noise_decay=0.0, iters=1, max_steps=2, replicates=2)


def test_the_layer_takes_its_settings():
    layer = CalibrationSettings(iters=3, max_steps=9, cold=True, tol=1e-6).layer(2.0, 0.5)
    assert (layer.eps_start, layer.eps_min, layer.iters, layer.max_steps) == (2.0, 0.5, 3, 9)
    assert layer.cold
    assert layer.tol == 1e-6
