"""K sweeps from a cold start: their Jacobian in the metric of their own plan."""

from __future__ import annotations

import numpy as np
import pytest

from sinkdiag import solve
from sinkdiag.jacobian.basis import eigenbasis
from sinkdiag.jacobian.modes import modes_in
from sinkdiag.jacobian.sweeps import sweep_jacobian, sweep_spectrum
from sinkdiag.problem import make_problem
from sinkdiag.solver.layer import unroll
from tests.jacobian import exact as exact_values

EPS, SHAPE = 0.1, (5, 4)
NORMS = ("plan", "potential", "natural")


@pytest.fixture(name="problem")
def _problem():
    rng = np.random.default_rng(0)
    row, col = rng.random(5) + 0.5, rng.random(4) + 0.5
    return make_problem(rng.random(SHAPE), row=row, col=col * row.sum() / col.sum())


def found_in(problem, eps, iters, norm):
    layer = unroll(problem, eps, iters)
    return sweep_spectrum(layer, problem.row, problem.col, norm)


@pytest.mark.parametrize("norm", NORMS)
def test_sweep_spectrum_matches_the_assembled_product(problem, norm):
    layer = unroll(problem, EPS, 2)
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
    found = found_in(problem, EPS, 2, norm)
    assert found.norm == pytest.approx(sigma[0], rel=1e-9)
    assert found.smallest == pytest.approx(sigma[-1], rel=1e-6)
    assert found.radius == pytest.approx(np.abs(np.linalg.eigvals(small)).max(), rel=1e-9)


@pytest.mark.parametrize("norm", NORMS)
def test_coordinates_are_orthonormal_and_represent_the_sweeps(problem, norm):
    layer = unroll(problem, EPS, 3)
    found = sweep_jacobian(layer, problem.row, problem.col, norm)
    b = found.potentials
    a = -(layer.plan @ b) / problem.row[:, None]
    centred = b - b.mean(axis=0)
    weighted = np.sqrt(problem.col)[:, None] * (b - (problem.col @ b) / problem.col.sum())
    moves = (layer.plan[:, :, None] * (a[:, None] + b)).reshape(-1, 3)
    gram = {"plan": moves, "potential": centred, "natural": weighted}[norm]
    assert np.allclose(gram.T @ gram, np.eye(3), atol=1e-11)
    image = layer.sweep_product(b) - b @ found.matrix
    assert np.allclose(image, image.mean(axis=0), atol=1e-12)
    assert found.resolved
    assert found.condition >= 1


def test_many_sweeps_approach_the_fixed_point(problem):
    """Late sweeps are those of the fixed point: 60 more of them shrink J_K by ρ^60."""
    plan = solve(problem.cost, EPS, row=problem.row, col=problem.col).plan
    modes = modes_in(eigenbasis(plan, problem.row, problem.col), "natural")
    radii = {k: found_in(problem, EPS, k, "natural").radius for k in (60, 120)}
    assert radii[120] / radii[60] == pytest.approx(modes.eigenvalues[0] ** 60, rel=1e-6)


def near_duplicates():
    """Costs between points that come in pairs 1e-6 apart, as handwritten digits do in spirit."""
    rng = np.random.default_rng(3)
    points = np.repeat(rng.random((8, 2)), 2, axis=0)
    points += 1e-6 * rng.standard_normal(points.shape)
    cost = ((points[:, None] - points) ** 2).sum(axis=-1)
    return cost / cost.max()


@pytest.mark.parametrize("eps", [0.05, 0.01])
def test_near_duplicates_are_measured_in_the_layers_own_metric(eps):
    """At most 1 in every norm it is a product of averages in, and right where it is printed."""
    problem = make_problem(near_duplicates())
    exact = exact_values.SweepReference.of(problem.cost, eps, 20, problem.row, problem.col)
    found = found_in(problem, eps, 20, "plan")
    assert found.radius == pytest.approx(float(exact.radius()), rel=1e-6)
    assert found.radius <= 1
    assert np.isnan(found.norm) or found.norm == pytest.approx(float(exact.norm("plan")), rel=1e-6)
    natural = found_in(problem, eps, 20, "natural")
    assert natural.norm == pytest.approx(float(exact.norm("natural")), rel=1e-6)


def test_what_rounding_decides_is_nan():
    """Cost 11, eps 0.004, K = 20: the norm 13831 was 883, and another beside another --eps."""
    problem = make_problem(np.random.default_rng(11).random((4, 7)))
    found = found_in(problem, 0.004, 20, "plan")
    exact = float(
        exact_values.SweepReference.of(problem.cost, 0.004, 20, problem.row, problem.col).norm(
            "plan"
        )
    )
    assert np.isnan(found.norm) or found.norm == pytest.approx(exact, rel=1e-6)
    layer = unroll(problem, 0.004, 20)
    jacobian = sweep_jacobian(layer, problem.row, problem.col, "plan")
    assert jacobian.resolved is bool(np.isfinite(jacobian.matrix).all())
    assert jacobian.resolved is bool(2.3e-16 * jacobian.condition**2 <= 1e-6)


@pytest.mark.parametrize(("shape", "norm"), [((1, 1), np.nan), ((3, 1), np.nan), ((1, 3), 0.0)])
def test_one_point(shape, norm):
    """One column has no mode; one row averages everything away."""
    found = found_in(make_problem(np.zeros(shape)), 1.0, 4, "plan")
    np.testing.assert_array_equal([found.norm, found.radius], [norm, norm])


def test_a_small_product_of_large_factors_is_nan():
    """Ties: the three sweeps annihilate what each alone keeps; 7.9e-17 was printed for 4.6e-17."""
    rng = np.random.default_rng(91)
    n, m = (int(rng.integers(2, 6)) for _ in range(2))
    rng.integers(4)
    cost = rng.integers(0, 3, (n, m)).astype(float)
    found = found_in(make_problem(cost), 0.027224878575007837, 3, "natural")
    assert np.isnan(found.norm)
    assert np.isnan(found.radius)


@pytest.mark.slow
def test_sixty_three_truncated_norms_against_mpmath():
    """Nine matrices, seven temperatures: right to 1e-6, or nan; most are numbers."""
    numbers = 0
    for seed in range(9):
        n, m = [(4, 7), (5, 5), (7, 4)][seed % 3]
        problem = make_problem(np.random.default_rng(seed + 10).random((n, m)))
        for eps in np.geomspace(1.0, 3e-3, 7):
            found = found_in(problem, eps, 20, "plan")
            exact = exact_values.SweepReference.of(problem.cost, eps, 20, problem.row, problem.col)
            for value, wanted in (
                (found.norm, exact.norm("plan")),
                (found.radius, exact.radius()),
            ):
                if not np.isnan(value):
                    numbers += 1
                    assert value == pytest.approx(float(wanted), rel=1e-6)
    assert numbers > 63
