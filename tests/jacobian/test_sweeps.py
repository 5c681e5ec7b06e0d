"""K sweeps from a cold start: their Jacobian, their gradient, and what float32 makes of it."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sinkdiag import solve
from sinkdiag.jacobian.basis import eigenbasis
from sinkdiag.jacobian.modes import modes_in
from sinkdiag.jacobian.sweeps import (
    fixed_point_gain,
    layer_gain,
    layer_metric,
    precision_loss,
    sweep_spectrum,
)
from sinkdiag.problem import make_problem
from sinkdiag.solver.layer import unroll

EPS, SHAPE = 0.1, (5, 4)


@pytest.fixture(name="problem")
def _problem():
    rng = np.random.default_rng(0)
    row, col = rng.random(5) + 0.5, rng.random(4) + 0.5
    return make_problem(rng.random(SHAPE), row=row, col=col * row.sum() / col.sum())


def basis_at(problem, eps):
    plan = solve(problem.cost, eps, row=problem.row, col=problem.col).plan
    return eigenbasis(plan, problem.row, problem.col)


@pytest.mark.parametrize("norm", ["plan", "potential", "natural"])
def test_sweep_spectrum_matches_the_assembled_product(problem, norm):
    layer, basis = unroll(problem, EPS, 2), basis_at(problem, EPS)
    reduce = np.linalg.svd(np.ones((1, 4)))[2][1:].T
    small = reduce.T @ layer.sweep_product(reduce)
    a = -(layer.plan @ reduce) / problem.row[:, None]
    embedded = {
        "plan": (layer.plan[:, :, None] * (a[:, None] + reduce)).reshape(-1, 3),
        "potential": reduce,
        "natural": np.sqrt(problem.col)[:, None]
        * (reduce - (problem.col @ reduce) / problem.col.sum()),
    }[norm]
    ruler = np.linalg.qr(embedded, mode="r")
    sigma = np.linalg.svd(ruler @ small @ np.linalg.inv(ruler), compute_uv=False)
    found = sweep_spectrum(layer, basis, layer_metric(layer, basis, norm))
    assert found.norm == pytest.approx(sigma[0], rel=1e-9)
    assert found.smallest == pytest.approx(sigma[-1], rel=1e-6)
    assert found.radius == pytest.approx(np.abs(np.linalg.eigvals(small)).max(), rel=1e-9)


def test_many_sweeps_approach_the_fixed_point(problem):
    """Late sweeps are those of the fixed point: 60 more of them shrink J_K by ρ^60."""
    basis = basis_at(problem, EPS)
    modes = modes_in(basis, "natural")
    radii = {k: sweep_spectrum(unroll(problem, EPS, k), basis, None).radius for k in (60, 120)}
    assert radii[120] / radii[60] == pytest.approx(modes.eigenvalues[0] ** 60, rel=1e-6)
    layer = unroll(problem, EPS, 120)
    assert layer_gain(layer) == pytest.approx(fixed_point_gain(basis, EPS), rel=1e-2)


def test_gain_is_the_norm_of_the_derivative(problem):
    layer = unroll(problem, EPS, 2)
    dense = np.column_stack([layer.jvp(unit.reshape(SHAPE)).ravel() for unit in np.eye(20)])
    # A residual of 1e-2 of the square bounds the error of its root by half of that, from below.
    exact = np.linalg.norm(dense, 2)
    assert 0.995 * exact <= layer_gain(layer) <= exact * (1 + 1e-12)


def test_gain_of_the_fixed_point_in_closed_form():
    """2×2: ‖DS‖ = 2p(1-p)/eps."""
    problem = make_problem(np.array([[0.0, 1.0], [1.0, 0.0]]))
    p = 1 / (1 + math.exp(-1 / 0.5))
    gain = fixed_point_gain(basis_at(problem, 0.5), 0.5)
    assert gain == pytest.approx(2 * p * (1 - p) / 0.5, rel=1e-9)


def test_float32_loses_the_gradient_where_the_exponent_does():
    """C/eps of 1e6 leaves 0.06 in a float32 exponent: the gradient is off by more than 1 %."""
    problem = make_problem(np.random.default_rng(2).random((6, 6)))
    losses = [precision_loss(problem, unroll(problem, eps, 20)) for eps in (0.1, 1e-3, 1e-6)]
    assert losses[0] < 1e-5
    assert losses[0] < losses[1] < losses[2] or not math.isfinite(losses[2])
    assert not losses[2] < 1e-2
