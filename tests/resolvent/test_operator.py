"""K sweeps in coordinates of their own plan, against 80 digits and against `spectrum`."""

from __future__ import annotations

import numpy as np
import pytest

import sinkdiag
from sinkdiag.jacobian.sweeps import sweep_jacobian
from sinkdiag.problem import make_problem
from sinkdiag.resolvent.operator import of_sweeps
from sinkdiag.results import Status
from sinkdiag.solver.layer import unroll
from tests.helpers import uniform_cost
from tests.naive import resolvent as naive

NORMS = ("plan", "potential", "natural")


def near_duplicates(seed=0, size=8):
    """Squared distances of points that come in pairs 1e-3 apart."""
    rng = np.random.default_rng(seed)
    sides = []
    for _ in range(2):
        points = rng.random((size, 4))
        points[size // 2 :] = points[: size // 2] + 1e-3 * rng.standard_normal((size // 2, 4))
        sides.append(points)
    return ((sides[0][:, None] - sides[1][None]) ** 2).sum(-1)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize(("shape", "eps", "iters"), [((4, 5), 0.1, 3), ((5, 3), 0.03, 2)])
def test_norm_and_radius_are_those_of_eighty_digits(norm, shape, eps, iters):
    problem = make_problem(uniform_cost(*shape, seed=2))
    expected = naive.sweep_jacobian_norms(problem.cost, problem.row, problem.col, eps, iters, norm)
    dense = of_sweeps(problem, norm, eps=eps, iters=iters).matrix.dense
    assert np.linalg.norm(dense, 2) == pytest.approx(expected[0], rel=1e-8)
    assert np.abs(np.linalg.eigvals(dense)).max() == pytest.approx(expected[1], rel=1e-8)


@pytest.mark.parametrize("norm", NORMS)
def test_near_duplicate_points_print_no_noise(norm):
    """The fixed point's coordinates gave ‖J‖ = 8.8e9 and a spectral radius of 50.8 here."""
    cost = near_duplicates()
    problem = make_problem(cost)
    found = sinkdiag.pseudospectrum(cost, 0.05, iters=20, norm=norm, grid=(4, 4))
    summary = found.summary.pseudospectra[0]
    expected = naive.sweep_jacobian_norms(cost, problem.row, problem.col, 0.05, 20, norm)
    assert summary.powers[1].norm == pytest.approx(expected[0], rel=1e-6)
    assert summary.spectral_radius == pytest.approx(expected[1], rel=1e-6)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("eps", [0.3, 0.02, 0.002])
def test_the_spectral_radius_is_at_most_one_and_noise_is_nan(seed, eps):
    problem = make_problem(near_duplicates(seed, 10))
    for norm in NORMS:
        operator = of_sweeps(problem, norm, eps=eps, iters=20)
        if operator.matrix is None:
            assert operator.status is Status.BELOW_RESOLUTION
        else:
            assert np.abs(operator.matrix.eigenvalues).max() <= 1.0


@pytest.mark.parametrize("norm", NORMS)
def test_it_is_what_spectrum_says_of_k_sweeps(norm):
    cost = uniform_cost(7, 6, seed=4)
    summary = sinkdiag.pseudospectrum(
        cost, 0.05, iters=5, norm=norm, grid=(4, 4)
    ).summary.pseudospectra[0]
    row = sinkdiag.spectrum(cost, 0.05, iters=5, norm=norm, extended=True).rows[0]
    assert summary.powers[1].norm == pytest.approx(row.truncated_norm, rel=1e-9)
    assert summary.spectral_radius == pytest.approx(row.truncated_radius, rel=1e-9)


def test_coordinates_are_orthonormal_and_carry_the_sweeps():
    problem = make_problem(uniform_cost(6, 5, seed=5))
    layer = unroll(problem, 0.1, 4)
    found = sweep_jacobian(layer, problem.row, problem.col, "plan")
    b, plan = found.potentials, layer.plan
    entries = plan[:, :, None] * (b[None] - ((plan @ b) / problem.row[:, None])[:, None])
    gram = np.einsum("ijk,ijl->kl", entries, entries)
    np.testing.assert_allclose(gram, np.eye(4), atol=1e-9)
    moved = layer.sweep_product(b)
    away = moved - b @ found.matrix
    np.testing.assert_allclose(away - away.mean(axis=0), 0.0, atol=1e-10)


def test_a_norm_beyond_rounding_is_not_resolved():
    """cond(R) is about the square root of the ratio of the masses; beyond 7e4 it is too large."""
    for spread, resolved in ((1e8, True), (1e16, False)):
        col = np.geomspace(1.0, spread, 4)
        problem = make_problem(uniform_cost(4, 4, seed=6), row=col.copy(), col=col)
        layer = unroll(problem, 0.5, 2)
        found = sweep_jacobian(layer, problem.row, problem.col, "potential")
        assert found.resolved == resolved
        assert np.isnan(found.matrix).all() != resolved
