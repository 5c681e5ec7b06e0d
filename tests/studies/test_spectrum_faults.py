"""Problems at the ends of double precision: every row written, every number right or nan."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

import sinkdiag
from sinkdiag.cli.main import run
from sinkdiag.results import Status
from sinkdiag.studies import spectrum_run as study

FAULTS = Path(__file__).parent.parent / "data" / "faults"
NORMS = ("plan", "potential", "natural")


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("name", ["zeros33", "uv84", "tiny", "d2"])
def test_hard_files_have_rows(name, norm, capsys):
    """Gap exactly 1, costs of rank two, costs near 1e-120, two points."""
    options = ["--extended", "--iters", "5", "--norm", norm]
    assert run(["-q", "spectrum", str(FAULTS / f"{name}.npy"), *options]) in {0, 4}
    out, err = capsys.readouterr()
    assert out.count("\n") == 13
    assert err == ""


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("eps", [0.0025, 0.002, 0.0015])
def test_two_points_down_to_1e_289(norm, eps):
    """p = 1/(1 + exp(-1/eps)): gap 4p(1-p), normal, op ‖(1-J)^{-1}‖ = 1/gap."""
    row = sinkdiag.spectrum([[0.0, 1.0], [1.0, 0.0]], eps, norm=norm, extended=True).rows[0]
    rest = math.exp(-1 / eps)
    gap = 4 * rest / (1 + rest) ** 2
    assert row.status is Status.FROZEN
    assert row.gap == pytest.approx(gap, rel=1e-9)
    assert row.resolvent_norm == pytest.approx(1 / gap, rel=1e-9)
    assert row.kappa_V == pytest.approx(1.0, abs=1e-12)
    assert row.duality_rhs == pytest.approx(gap, rel=1e-9)
    assert row.transient_peak == 1.0
    assert math.isnan(row.layer_gain)
    assert math.isnan(row.converged_gain)
    assert math.isnan(row.float32_error)


@pytest.mark.parametrize("norm", NORMS)
def test_eight_by_eight_at_1e_114(norm):
    cost = np.random.default_rng(0).random((8, 8))
    row = sinkdiag.spectrum(cost, 0.0005, norm=norm, extended=True).rows[0]
    assert row.status is Status.FROZEN
    assert row.gap == pytest.approx(4.316612003700264e-114, rel=1e-9)
    assert row.kappa_V >= 1
    assert row.resolvent_norm * row.gap == pytest.approx(1.0, abs=0.5)


def test_a_gap_is_at_most_one():
    """Rank-two costs at every temperature: 1.0000000000000002 was a gap, -2.2e-16 a power."""
    for modes in (None, 2):
        rows = sinkdiag.spectrum(np.load(FAULTS / "uv84.npy"), modes=modes).rows
        assert all(row.gap <= 1.0 for row in rows)
        assert all(row.rho >= 0.0 and row.transient_peak >= 0.0 for row in rows)


@pytest.mark.parametrize("norm", NORMS)
def test_a_row_below_resolution_has_no_numbers_that_look_like_ones(norm):
    cost = np.full((4, 4), 1e4)
    cost[:2, :2] = [[0.0, 0.1], [0.2, 0.0]]
    cost[2:, 2:] = [[0.0, 0.3], [0.1, 0.0]]
    row = sinkdiag.spectrum(cost, 1.0, norm=norm, extended=True).rows[0]
    assert row.status is Status.BELOW_RESOLUTION
    assert math.isnan(row.transient_peak)
    assert math.isnan(row.resolvent_norm)


def test_a_decomposition_that_fails_costs_its_own_row(monkeypatch):
    whole = study.measure_point

    def fails_once(problem, solution, before, settings):
        if solution.eps == 0.5:
            raise np.linalg.LinAlgError("SVD did not converge")
        return whole(problem, solution, before, settings)

    monkeypatch.setattr(study, "measure_point", fails_once)
    result = sinkdiag.spectrum(np.random.default_rng(0).random((4, 4)), [1.0, 0.5, 0.2], keep=True)
    assert [row.status for row in result.rows] == [
        Status.CONVERGED,
        Status.BELOW_RESOLUTION,
        Status.CONVERGED,
    ]
    assert math.isnan(result.rows[1].gap)
    assert result.rows[1].components >= 1
    assert "below_resolution at 1 of 3" in " | ".join(result.findings)


def test_truncated_norm_does_not_depend_on_the_other_temperatures():
    """Seed 11, eps 0.004, K = 20: 883 beside one --eps and another beside others, for 13831."""
    cost = np.random.default_rng(11).random((4, 7))
    alone = sinkdiag.spectrum(cost, 0.004, iters=20).rows[0]
    beside = sinkdiag.spectrum(cost, [1.0, 0.1, 0.03, 0.004], iters=20).rows[-1]
    for row in (alone, beside):
        assert math.isnan(row.truncated_norm)
    assert alone.truncated_radius == pytest.approx(beside.truncated_radius, rel=1e-12)


def test_offset_costs_lose_the_gradient_as_automatic_differentiation_does():
    """Costs in [50, 51] at eps 0.001: 0.23 % was printed for 2.9 %."""
    cost = np.random.default_rng(0).random((12, 12)) + 50
    row = sinkdiag.spectrum(cost, 0.001, iters=20).rows[0]
    assert 0.02 < row.float32_error < 0.06
    # exp(-C/eps) of some row is 0 in float32: dividing by its sum gives no gradient.
    assert row.normalised_float32_error == math.inf


@pytest.mark.parametrize("shape", [(4, 6), (6, 4)])
def test_a_rectangle_has_no_depth(shape):
    row = sinkdiag.spectrum(np.random.default_rng(0).random(shape), 0.2, extended=True).rows[0]
    assert math.isnan(row.effective_depth)


def test_a_residual_is_a_power_of_ten():
    row = sinkdiag.spectrum(np.random.default_rng(0).random((9, 9)), 0.1, extended=True).rows[0]
    assert row.implicit_residual == 1e-13


def test_an_additive_number_is_refused_below_zero():
    with pytest.raises(sinkdiag.InputError, match=r"^additive: "):
        sinkdiag.spectrum(np.zeros((2, 2)), 1.0, additive=-1.0)


def test_an_outlier_of_57_decades_costs_no_row():
    """The condition of the plan metric is beyond 1e154: its square would overflow."""
    cost = np.array([[1e57, 0.14, 0.91], [0.083, 0.27, 0.13], [0.95, 0.5, 0.82]])
    (row,) = sinkdiag.spectrum(cost, 3e-4, iters=5).rows
    assert math.isnan(row.truncated_norm)
    assert row.eps == 3e-4
