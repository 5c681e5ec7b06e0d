"""Resolvent norms: grids against SVDs and closed forms."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sinkdiag
from sinkdiag.errors import InputError
from sinkdiag.jacobian.basis import eigenbasis
from sinkdiag.numerics import batched
from sinkdiag.problem import make_problem
from sinkdiag.resolvent.grid import automatic_axes, automatic_levels, make_grid
from sinkdiag.resolvent.kreiss import Kreiss
from sinkdiag.resolvent.operator import at_fixed_point, of_matrix, of_sweeps
from sinkdiag.resolvent.powers import power_norms
from sinkdiag.resolvent.resolvent import Resolvent
from sinkdiag.resolvent.triangular import Triangular, from_factor, from_matrix
from sinkdiag.results import Status
from tests.helpers import planar_cost, uniform_cost
from tests.naive import resolvent as naive


def jacobian(cost, eps, norm="plan", **marginals):
    solution = sinkdiag.solve(cost, eps, **marginals)
    basis = eigenbasis(solution.plan, solution.row, solution.col)
    return at_fixed_point(basis, norm, name="cost", eps=eps, status=solution.status)


def check_against_svd(operator, dense, count=40, floor=0.0):
    grid = make_grid(operator.matrix, shape=(24, 24))
    norms = Resolvent.of(operator.matrix).norms(grid.offsets)
    rng = np.random.default_rng(3)
    for index in rng.choice(grid.points.size, count, replace=False):
        expected = naive.resolvent_norm(dense, grid.points.flat[index])
        if expected * floor < 1:
            assert norms.values.flat[index] == pytest.approx(expected, rel=1e-6)
            assert norms.converged.flat[index]


@pytest.mark.parametrize("norm", ["plan", "potential", "natural"])
@pytest.mark.parametrize("shape", [(40, 40), (12, 50), (50, 12)])
@pytest.mark.parametrize("eps", [0.3, 0.03])
def test_grid_agrees_with_the_svd_of_the_jacobian_itself(norm, shape, eps):
    """The metric's square root is taken here from scratch, and J from its definition."""
    rng = np.random.default_rng(4)
    n, m = shape
    row = rng.random(n) + 0.5
    col = rng.random(m) + 0.5
    col *= row.sum() / col.sum()
    solution = sinkdiag.solve(rng.random(shape), eps, row=row, col=col)
    plan = solution.plan
    sweep = (plan.T / col[:, None]) @ (plan / row[:, None])
    averages = -(plan / row[:, None])
    lifted = (plan[:, :, None] * (averages[:, None, :] + np.eye(m)[None])).reshape(n * m, m)
    metrics = {
        "plan": lifted.T @ lifted,
        "potential": np.eye(m) - 1.0 / m,
        "natural": np.diag(col) - np.outer(col, col) / col.sum(),
    }
    values, vectors = np.linalg.eigh(metrics[norm])
    root = np.sqrt(values[1:])[:, None] * vectors[:, 1:].T
    back = vectors[:, 1:] / np.sqrt(values[1:])
    operator = at_fixed_point(
        eigenbasis(plan, row, col), norm, name="cost", eps=eps, status=solution.status
    )  # fmt: skip
    check_against_svd(operator, root @ sweep @ back)


@pytest.mark.parametrize("size", [3, 30, 90])
@pytest.mark.parametrize("real", [True, False])
def test_any_square_matrix_agrees_with_its_svd(size, real):
    rng = np.random.default_rng(size)
    matrix = rng.standard_normal((size, size))
    matrix = matrix if real else matrix + 1j * rng.standard_normal((size, size))
    operator = of_matrix(matrix)
    assert operator.matrix.mirrored == real
    check_against_svd(operator, matrix)


def test_a_very_non_normal_matrix_agrees_down_to_its_floor():
    matrix = naive.grcar(60)
    operator = of_matrix(matrix)
    # Both sides carry rounding of the size of the floor: 1e-6 relative needs 1e6 of it.
    check_against_svd(operator, matrix, count=200, floor=1e6 * operator.matrix.floor)
    deep = of_matrix(naive.grcar(100))
    norms = Resolvent.of(deep.matrix).norms(np.array([0.3 + 2.1j, 5.0]))
    assert np.isnan(norms.values[0])
    assert norms.converged.tolist() == [False, True]


@given(st.floats(0.02, 1.0), st.integers(2, 20), st.integers(0, 1000))
@settings(max_examples=15, deadline=None)
def test_natural_norm_is_one_over_the_distance(eps, size, seed):
    operator = jacobian(uniform_cost(size, size, seed), eps, "natural")
    grid = make_grid(operator.matrix, shape=(9, 8))
    norms = Resolvent.of(operator.matrix).norms(grid.offsets)
    distance = np.abs(grid.points[..., None] - operator.matrix.eigenvalues).min(axis=-1)
    np.testing.assert_allclose(norms.values, 1 / distance, rtol=1e-10)


def test_natural_closed_form_holds_for_the_iteration_too():
    """A rotated diagonal matrix goes through Schur and Lanczos; the closed form is the oracle."""
    rng = np.random.default_rng(5)
    values = np.linspace(0.0, 0.9, 40)
    basis = np.linalg.qr(rng.standard_normal((40, 40)))[0]
    matrix = from_matrix(basis @ np.diag(values) @ basis.T + 1e-6 * np.triu(np.ones((40, 40)), 1))[
        0
    ]
    grid = make_grid(matrix, shape=(12, 12))
    norms = Resolvent.of(matrix).norms(grid.offsets)
    distance = np.abs(grid.points[..., None] - values).min(axis=-1)
    # The perturbation of norm below 40e-6 moves sigma_min by no more than itself.
    np.testing.assert_allclose(1 / norms.values, distance, atol=4e-5)
    assert norms.converged.all()


def test_compression_is_certified():
    operator = jacobian(planar_cost(120, 1) ** 2, 0.5)
    resolvent = Resolvent.of(operator.matrix)
    assert resolvent.small is not None
    assert resolvent.small.size < 90
    check_against_svd(operator, operator.matrix.dense)
    # At a point so close to the spectrum that the neglected part counts, the whole matrix is used.
    close = np.array([operator.matrix.eigenvalues[0] + 1e-9 - 1.0])
    whole = replace(resolvent, small=None, neglected=0.0)
    assert resolvent.norms(close).values == pytest.approx(whole.norms(close).values, rel=1e-7)


def test_sweeps_are_the_product_of_their_jacobians():
    """K sweeps from a start where every Jacobian is the fixed point's: J_K = J^K."""
    cost = np.add.outer(np.arange(6.0), np.arange(6.0))
    problem = make_problem(cost + np.where(np.eye(6) > 0, -0.5, 0.0))
    solution = sinkdiag.solve(problem.cost, 1.0)
    basis = eigenbasis(solution.plan, problem.row, problem.col)
    many = of_sweeps(problem, "plan", eps=1.0, iters=12)
    one = at_fixed_point(basis, "plan", name="c", eps=1.0, status=solution.status)
    assert many.status is Status.TRUNCATED
    # Sinkhorn has converged to rounding after the first sweeps of this cost.
    size = np.linalg.norm(np.linalg.matrix_power(one.matrix.dense, 12), 2)
    assert np.linalg.norm(many.matrix.dense, 2) == pytest.approx(size, rel=1e-2, abs=1e-12)


def test_transposing_a_square_problem_keeps_the_natural_norms_and_gauge_changes_nothing():
    cost = planar_cost(12, 2)
    z = np.array([1.0, 0.5 + 0.2j, -0.3]) - 1.0
    first = Resolvent.of(jacobian(cost, 0.1, "natural").matrix).norms(z).values
    turned = Resolvent.of(jacobian(cost.T, 0.1, "natural").matrix).norms(z).values
    np.testing.assert_allclose(first, turned, rtol=1e-9)
    plan_norm = Resolvent.of(jacobian(cost, 0.1).matrix).norms(z).values
    rng = np.random.default_rng(6)
    gauge = np.add.outer(rng.random(12), rng.random(12))
    moved = 7.0 * (cost + gauge)[rng.permutation(12)][:, rng.permutation(12)]
    again = Resolvent.of(jacobian(moved, 0.7).matrix).norms(z).values
    np.testing.assert_allclose(plan_norm, again, rtol=1e-7)


def test_degenerate_matrices():
    empty = jacobian(np.zeros((1, 1)), 1.0)
    assert Resolvent.of(empty.matrix).norms(np.zeros(3)).values.tolist() == [0.0, 0.0, 0.0]
    two = jacobian(np.array([[0.0, 1.0], [1.0, 0.0]]), 1.0)
    # One eigenvalue 1 - gap, gap = 4p(1-p), p = 1/(1+exp(-1)): every norm is 1/|z - λ|.
    p = 1 / (1 + np.exp(-1.0))
    assert Resolvent.of(two.matrix).norms(np.zeros(1)).values[0] == pytest.approx(
        1 / (4 * p * (1 - p)), rel=1e-10
    )
    flat = jacobian(np.zeros((7, 7)), 1.0)
    # All eigenvalues are 0 to rounding.
    assert Resolvent.of(flat.matrix).norms(np.zeros(1)).values[0] == pytest.approx(1.0, rel=1e-10)
    equal = from_matrix(0.5 * np.eye(4))[0]
    norms = Resolvent.of(equal).norms(np.array([0.5, 1.0]))
    assert norms.values.tolist() == [np.inf, 2.0]


def test_frozen_gaps_keep_their_digits():
    """(w+g)^{-1} of a 2×2 triangle in closed form, with a gap far below rounding of 1."""
    for gap in (1e-20, 1e-60, 1e-140):
        matrix = Triangular(
            origin=1.0,
            gaps=np.array([gap, 0.5]),
            strict=np.array([[0.0, 0.3], [0.0, 0.0]]),
            mirrored=True,
        )
        inverse = np.array([[1 / gap, 0.3 / (gap * 0.5)], [0.0, 2.0]])
        norm = Resolvent.of(matrix).norms(np.zeros(1)).values[0]
        assert norm == pytest.approx(np.linalg.norm(inverse / inverse[0, 0], 2) / gap, rel=1e-7)


def test_factor_form_is_the_triangle():
    rng = np.random.default_rng(7)
    factor = np.triu(rng.standard_normal((8, 8))) + 3 * np.eye(8)
    gaps = np.sort(rng.random(8))
    matrix = from_factor(factor, gaps)
    expected = factor @ np.diag(1 - gaps) @ np.linalg.inv(factor)
    np.testing.assert_allclose(matrix.dense, expected, atol=1e-14)


def test_axes_hold_the_spectrum_and_levels_fit_the_matrix():
    grcar = of_matrix(naive.grcar(60)).matrix
    left, right, low, high = automatic_axes(grcar)
    assert low == -high
    values = grcar.eigenvalues
    assert left < values.real.min() < values.real.max() < right
    assert high > values.imag.max()
    grid = make_grid(grcar)
    assert grid.points.size >= 2500
    norms = Resolvent.of(grcar).norms(grid.offsets).values
    levels = automatic_levels(norms)
    assert 4 <= len(levels) <= 8
    assert list(levels) == sorted(levels, reverse=True)
    normal = jacobian(planar_cost(20, 3), 0.1)
    grid = make_grid(normal.matrix)
    norms = Resolvent.of(normal.matrix).norms(grid.offsets).values
    assert len(automatic_levels(norms, normal.kappa)) == 3
    jordan = from_matrix(np.diag(np.ones(9), 1))[0]
    left, right, _, _ = automatic_axes(jordan)
    assert left <= -1.0 < 1.0 <= right


@pytest.mark.parametrize(
    "bad",
    [np.ones((2, 3)), np.ones(3), np.array([[np.nan]]), np.ones((0, 0)), np.array([["a"]])],
)
def test_only_finite_square_matrices(bad):
    with pytest.raises(InputError):
        of_matrix(bad)


@pytest.mark.parametrize("size", [30, 100])
def test_a_jordan_block_overflows_nowhere(size):
    """‖(z-N)^{-1}‖ is above |z|^{-n}: 1e90 and more next to 0, and warnings are errors here."""
    matrix = of_matrix(np.diag(np.ones(size - 1), 1)).matrix
    z = np.array([1e-300, 1e-12, 1e-3, 0.05, 0.99, 1.0 + 0.1j, 3.0])
    norms = Resolvent.of(matrix).norms(z)
    assert np.isnan(norms.values[:4]).all()
    assert norms.converged.tolist() == [False] * 4 + [True] * 3
    for point, value in zip(z[4:], norms.values[4:], strict=True):
        assert value == pytest.approx(naive.resolvent_norm(matrix.dense, point), rel=1e-6)
    # On the eigenvalue itself the norm is inf, and that is resolved.
    assert Resolvent.of(matrix).norms(np.zeros(1)).values.tolist() == [np.inf]


def test_points_below_the_floor_are_left_at_once(monkeypatch):
    """The first vectors prove them lost, so they cost next to nothing."""
    taken = []

    def counted(*arguments, **options):
        tops = batched.top_eigenvalues(*arguments, **options)
        taken.extend(tops.steps.tolist())
        return tops

    monkeypatch.setattr("sinkdiag.resolvent.resolvent.top_eigenvalues", counted)
    matrix = of_matrix(naive.grcar(100)).matrix
    deep = 0.3 + 2.1j + 1e-3 * np.arange(50)
    assert np.isnan(Resolvent.of(matrix).norms(deep).values).all()
    assert len(taken) == 50
    assert max(taken) <= 3


def test_axes_too_narrow_for_different_points_are_refused():
    matrix = of_matrix(np.diag([1.0, 2.0])).matrix
    with pytest.raises(InputError, match="axes"):
        make_grid(matrix, (1.0, 1.0 + 4e-16, -1.0, 1.0), (9, 9))


def test_a_spectrum_that_is_one_point_to_rounding_has_a_grid_of_its_own():
    """Gaps of 1e-20: around 1 no two points of a grid in proportion to them differ."""
    frozen = Triangular(
        origin=1.0,
        gaps=np.array([1e-20, 2e-20, 5e-20]),
        strict=1e-21 * np.triu(np.ones((3, 3)), 1),
        mirrored=True,
    )
    left, right, low, high = automatic_axes(frozen)
    assert left <= 0.0 < 2.0 <= right
    assert low <= -1.0 < 1.0 <= high
    norms = Resolvent.of(frozen).norms(make_grid(frozen).offsets)
    assert norms.converged.all()


def test_powers_that_overflow_are_inf():
    matrix = from_matrix(np.array([[3.0, 1e55], [0.0, 2.0]]))[0]
    kreiss = Kreiss(lower=np.inf, upper=np.inf, point=(3.0, 0.0), status=Status.CONVERGED)
    norms = [power.norm for power in power_norms(matrix, [0, 1, 2, 700], [], kreiss, np.inf)]
    assert norms[0] == 1.0
    assert norms[1:3] == pytest.approx([1e55, 5e55])
    assert norms[3] == np.inf
