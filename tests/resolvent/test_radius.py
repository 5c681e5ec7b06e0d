"""The pseudospectral radius where norms do not converge."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from sinkdiag.resolvent.radius import _outward, pseudospectral_radius
from sinkdiag.resolvent.resolvent import Resolvent
from sinkdiag.resolvent.triangular import from_matrix
from sinkdiag.results import Status


@pytest.mark.parametrize("given_up", [0, 1, 3])
def test_a_radius_has_a_lower_bound_alone_and_nothing_more_is_asked_for(monkeypatch, given_up):
    """300 points' distances at a warm temperature: the search along a ray ended in a traceback."""
    matrix = np.diag([0.5, 0.4, 0.3]) + np.diag([0.1, 0.1], 1)
    resolvent = Resolvent.of(from_matrix(matrix)[0])
    certain = pseudospectral_radius(resolvent, 0.1)
    whole, calls = Resolvent.norms, []

    def norms(self, offsets, **options):
        calls.append(1)
        found = whole(self, offsets, **options)
        if len(calls) <= given_up:
            return found
        return replace(found, converged=np.zeros_like(found.converged))

    monkeypatch.setattr(Resolvent, "norms", norms)
    radius = pseudospectral_radius(resolvent, 0.1)
    assert (radius.status, radius.upper) == (Status.MAX_ITER, math.inf)
    assert 0.5 * (1 - 1e-12) <= radius.lower <= certain.lower * (1 + 1e-7)
    assert len(calls) == given_up + 1


def test_a_ray_that_ends_within_a_rounding_of_the_level_has_its_end(monkeypatch):
    """The logarithms were equal and the values not: the ray counted as outside from its start."""
    level = 0.1

    class Ray:
        matrix = None

    def sigma(resolvent, z):
        del resolvent
        radius = float(abs(z[0]))
        value = 0.05 if radius <= 1.0 else level * (1 + 2**-52) if radius < 1.7 else 0.2
        return np.array([value])

    monkeypatch.setattr("sinkdiag.resolvent.radius._sigma", sigma)
    assert 1.4 <= _outward(Ray(), level, 1.0, 0.0) < 1.7
