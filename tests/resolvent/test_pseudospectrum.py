"""One pseudospectrum with its summary: what it keeps, and what its verdict says."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

import sinkdiag
from sinkdiag.jacobian.basis import eigenbasis
from sinkdiag.jacobian.modes import NEARLY_NORMAL
from sinkdiag.resolvent.kreiss import Kreiss
from sinkdiag.resolvent.operator import at_fixed_point, of_matrix
from sinkdiag.resolvent.pseudospectrum import pseudospectrum_of
from sinkdiag.resolvent.radius import Radius
from sinkdiag.resolvent.verdict import verdict_of
from sinkdiag.results import Status
from tests.helpers import planar_cost
from tests.naive import resolvent as naive


def jacobian(norm, *, index=0, eps=0.1):
    solution = sinkdiag.solve(planar_cost(10, 1), eps)
    basis = eigenbasis(solution.plan, solution.row, solution.col)
    return at_fixed_point(basis, norm, name="cost", eps=eps, status=solution.status, index=index)


def test_verdict_says_when_pseudospectra_add_nothing():
    normal = pseudospectrum_of(jacobian("natural"), shape=(10, 10)).summary
    assert "add nothing" in normal.verdict
    assert normal.kappa_V == 1.0
    wild = of_matrix(np.array([[0.9, 50.0], [0.0, 0.1]]))
    wild = pseudospectrum_of(wild, shape=(10, 10)).summary
    assert "add nothing" not in wild.verdict
    assert wild.kappa_V > 3


@pytest.mark.parametrize(("share", "nothing"), [(0.999, True), (1.001, False)])
def test_there_is_one_threshold_of_near_normality(share, nothing):
    """That of `spectrum`: the two commands never say opposite things of one Jacobian."""
    operator = replace(jacobian("plan"), kappa=share * NEARLY_NORMAL)
    assert ("add nothing" in pseudospectrum_of(operator, shape=(4, 4)).summary.verdict) == nothing


def test_the_place_in_the_stack_is_kept_whatever_the_number_of_levels():
    found = pseudospectrum_of(jacobian("plan", index=1), shape=(4, 4), levels=(0.3, 0.1, 0.03))
    assert found.summary.index == 1
    assert [radius.level for radius in found.summary.radii] == [0.3, 0.1, 0.03]


def test_counts_and_status_are_those_of_the_grid():
    found = pseudospectrum_of(
        of_matrix(naive.grcar(100)), axes=(0.2, 4.0, 2.0, 2.2), shape=(4, 3), levels=(1.0,)
    )
    summary = found.summary
    assert found.norms.shape == found.converged.shape == (3, 4)
    assert summary.points == 12
    assert 0 < summary.unresolved == np.count_nonzero(np.isnan(found.norms)) < 12
    assert summary.unconverged == 0
    assert summary.status is Status.BELOW_RESOLUTION
    assert f"{summary.unresolved} points are below resolution" in summary.verdict
    assert summary.order == 100
    assert summary.spectral_radius == pytest.approx(
        np.abs(np.linalg.eigvals(naive.grcar(100))).max()
    )


def test_a_norm_below_resolution_gives_a_grid_of_nan():
    lost = replace(jacobian("plan"), matrix=None, kappa=math.nan, status=Status.BELOW_RESOLUTION)
    found = pseudospectrum_of(lost, axes=(0.0, 1.0, -1.0, 1.0), shape=(3, 5))
    assert found.norms.shape == (5, 3)
    assert np.isnan(found.norms).all()
    assert not found.converged.any()
    assert found.summary.status is Status.BELOW_RESOLUTION
    assert "raise eps" in found.summary.verdict
    assert found.grid.im.tolist() == [-1.0, -0.5, 0.0, 0.5, 1.0]


def test_a_single_column_acts_on_nothing():
    solution = sinkdiag.solve(np.zeros((3, 1)), 1.0)
    basis = eigenbasis(solution.plan, solution.row, solution.col)
    operator = at_fixed_point(basis, "plan", name="cost", eps=1.0, status=solution.status)
    found = pseudospectrum_of(operator, shape=(4, 4))
    assert not found.norms.any()
    assert found.summary.radii == ()
    assert "acts on nothing" in found.summary.verdict


def test_progress_names_its_stages():
    told = []
    pseudospectrum_of(
        jacobian("plan"), shape=(6, 6), levels=(0.1,), progress=lambda *news: told.append(news)
    )
    assert list(dict.fromkeys(stage for stage, _, _ in told)) == [
        "resolvent norms", "pseudospectral radii", "Kreiss constant",
    ]  # fmt: skip


def test_verdict_names_what_was_not_certified():
    loose = Kreiss(lower=1.2, upper=1.5, point=(1.0, 0.1), status=Status.MAX_ITER)
    radii = [
        Radius(level=1e-3, lower=1.0, upper=math.inf, point=(1.0, 0.0), status=Status.MAX_ITER),
        Radius(
            level=1e-16,
            lower=math.nan,
            upper=math.nan,
            point=(math.nan, math.nan),
            status=Status.BELOW_RESOLUTION,
        ),
    ]
    text = verdict_of(
        replace(jacobian("plan"), status=Status.STALLED),
        kreiss=loose,
        radii=radii,
        unconverged=2,
        unresolved=3,
    )
    for part in (
        "Kreiss constant within [1.2, 1.5]",
        "2 points did not converge",
        "3 points are below resolution",
        "more than 1e-3 apart",
        "level 1e-16 is below the rounding",
        "level 0.001 has no certified upper bound",
        "the fixed point is stalled: raise eps",
    ):
        assert part in text
