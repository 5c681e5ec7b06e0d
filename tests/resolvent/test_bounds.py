"""Radii, Kreiss constant, numerical range, powers, pseudo-modes and structured perturbations."""

from __future__ import annotations

import math

import numpy as np
import pytest

import sinkdiag
from sinkdiag.jacobian.basis import eigenbasis
from sinkdiag.problem import make_problem
from sinkdiag.resolvent.kreiss import kreiss_constant
from sinkdiag.resolvent.numerical_range import numerical_range
from sinkdiag.resolvent.operator import at_fixed_point, of_matrix
from sinkdiag.resolvent.powers import power_norms
from sinkdiag.resolvent.pseudomode import entries_at
from sinkdiag.resolvent.radius import pseudospectral_radius
from sinkdiag.resolvent.resolvent import Resolvent
from sinkdiag.resolvent.structured import eigenvalue_gradient, structured_shifts
from sinkdiag.resolvent.triangular import Triangular, from_matrix
from sinkdiag.results import Status
from tests.helpers import planar_cost, uniform_cost
from tests.naive import resolvent as naive


def resolvent_of(matrix):
    return Resolvent.of(from_matrix(np.asarray(matrix))[0])


def skewed(size=40, eps=0.02, seed=0, norm="plan"):
    """A Jacobian with kappa(V) well above 1: marginals over more than a decade."""
    rng = np.random.default_rng(seed)
    cost = planar_cost(size, seed) ** 2
    row = np.exp(1.5 * rng.standard_normal(size))
    col = np.exp(1.5 * rng.standard_normal(size))
    col *= row.sum() / col.sum()
    solution = sinkdiag.solve(cost, eps, row=row, col=col)
    basis = eigenbasis(solution.plan, solution.row, solution.col)
    return at_fixed_point(basis, norm, name="cost", eps=eps, status=solution.status)


def test_grcar_matrix_has_the_published_pseudospectral_radius():
    """Guglielmi & Overton, SIAM J. Matrix Anal. Appl. 32 (2011), 1166: 2.85216 at level 1e-4."""
    radius = pseudospectral_radius(resolvent_of(naive.grcar(100)), 1e-4)
    assert radius.status is Status.CONVERGED
    assert radius.lower == pytest.approx(2.85216, abs=1e-5)
    assert radius.upper <= radius.lower * (1 + 2e-7)
    # The point it names lies on the level curve.
    norm = naive.resolvent_norm(naive.grcar(100), complex(*radius.point))
    assert norm == pytest.approx(1e4, rel=1e-6)


def test_radius_of_a_normal_matrix_and_of_a_jordan_block():
    diagonal = resolvent_of(np.diag([0.5, -0.9, 0.3]))
    assert pseudospectral_radius(diagonal, 0.2).lower == pytest.approx(1.1, rel=1e-12)
    block = resolvent_of(np.diag(np.ones(5), 1))
    radius = pseudospectral_radius(block, 1e-2)
    # Rotation invariant: the radius solves sigma_min(r - N) = level on the real axis.
    assert naive.resolvent_norm(np.diag(np.ones(5), 1), radius.lower) == pytest.approx(
        100, rel=1e-6
    )
    assert radius.upper <= radius.lower * (1 + 1e-5)


@pytest.mark.parametrize("seed", [0, 1])
def test_no_point_of_a_fine_circle_beats_the_radius(seed):
    rng = np.random.default_rng(seed)
    matrix = rng.standard_normal((12, 12)) / 4 + (1j * rng.standard_normal((12, 12)) / 4) * seed
    for level in (0.3, 0.01):
        radius = pseudospectral_radius(resolvent_of(matrix), level)
        circle = radius.upper * np.exp(2j * np.pi * np.arange(720) / 720)
        assert all(naive.resolvent_norm(matrix, z) < 1 / level for z in circle)
        z = complex(*radius.point)
        assert naive.resolvent_norm(matrix, z) == pytest.approx(1 / level, rel=1e-6)


def test_a_level_below_the_floor_is_said_to_be():
    radius = pseudospectral_radius(resolvent_of(naive.grcar(30)), 1e-16)
    assert radius.status is Status.BELOW_RESOLUTION
    assert math.isnan(radius.lower)


def kreiss_of(matrix):
    return kreiss_constant(Resolvent.of(matrix), numerical_range(matrix).upper)


@pytest.mark.parametrize("case", ["triangle", "companion", "complex", "skewed"])
def test_kreiss_bounds_hold_the_brute_force_value_and_are_close(case):
    rng = np.random.default_rng(3)
    if case == "skewed":
        dense = skewed(25, 0.01, 3).matrix.dense
    elif case == "triangle":
        dense = np.array([[0.5, 3.0, 1.0], [0.0, 0.4, 2.0], [0.0, 0.0, -0.6]])
    else:
        dense = rng.standard_normal((6, 6)) + 1j * (case == "complex") * rng.standard_normal((6, 6))
        dense /= 1.1 * np.abs(np.linalg.eigvals(dense)).max()
    dense = dense if case == "complex" else dense.real
    found = kreiss_of(from_matrix(dense)[0])
    brute = naive.kreiss_search(dense)
    assert found.status is Status.CONVERGED
    assert found.lower <= found.upper <= found.lower * (1 + 1e-3)
    assert brute <= found.upper
    # The search ends on a grid within 1e-4 of its best point.
    assert found.lower >= brute * (1 - 1e-3)


def test_kreiss_constant_in_closed_form():
    assert kreiss_of(from_matrix(np.diag([0.9, -0.5]))[0]).upper == 1.0
    # A gap far below rounding: K tends to ‖P‖ = sqrt(1 + (a/(1-b))²) as the gap vanishes.
    tiny = Triangular(
        origin=1.0,
        gaps=np.array([1e-20, 0.6]),
        strict=np.array([[0.0, 0.3], [0.0, 0.0]]),
        mirrored=True,
    )
    found = kreiss_of(tiny)
    assert found.lower <= math.hypot(1.0, 0.3 / 0.6) <= found.upper
    assert found.upper <= found.lower * (1 + 1e-3)
    assert kreiss_of(from_matrix(np.array([[1.0, 1.0], [0.0, 1.0]]))[0]).lower == math.inf


def test_kreiss_says_when_its_budget_is_spent():
    matrix = from_matrix(np.array([[0.9, 20.0], [0.0, -0.8]]))[0]
    found = kreiss_constant(Resolvent.of(matrix), numerical_range(matrix).upper, limit=1200)
    full = kreiss_of(matrix)
    assert found.status is Status.MAX_ITER
    assert found.lower <= full.upper
    assert full.lower <= found.upper


def test_numerical_radius_between_its_bounds():
    # A Jordan block of order n: w = cos(pi/(n+1)).
    for size in (2, 5):
        reach = numerical_range(from_matrix(np.diag(np.ones(size - 1), 1))[0])
        exact = math.cos(math.pi / (size + 1))
        assert reach.lower <= exact * (1 + 1e-8)
        assert exact <= reach.upper * (1 + 1e-8)
        assert reach.upper - reach.lower <= 2e-5
    large = np.triu(np.random.default_rng(0).standard_normal((130, 130))) / 12
    reach = numerical_range(from_matrix(large)[0])
    for angle in np.linspace(0, np.pi, 25):
        turned = np.exp(-1j * angle) * large
        assert np.linalg.eigvalsh((turned + turned.conj().T) / 2)[-1] <= reach.lower * (1 + 1e-5)
    assert reach.lower <= reach.upper <= reach.lower * (1 + 2e-5)
    normal = numerical_range(from_matrix(np.diag([0.5, -0.25]))[0])
    assert normal.lower == pytest.approx(0.5)
    assert normal.upper == pytest.approx(0.5, rel=1e-5)


def test_numerical_range_holds_every_rayleigh_quotient():
    matrix = skewed().matrix
    corners = numerical_range(matrix).corners
    rng = np.random.default_rng(4)
    for _ in range(200):
        v = rng.standard_normal(matrix.size) + 1j * rng.standard_normal(matrix.size)
        z = np.vdot(v, matrix.dense @ v) / np.vdot(v, v)
        turn = np.roll(corners, -1) - corners
        side = (turn.conj() * (z - corners)).imag
        assert np.all(side >= -1e-9)


@pytest.mark.parametrize("case", ["skewed", "triangle"])
def test_powers_lie_between_their_bounds(case):
    dense = (
        skewed(30, 0.01, 5).matrix.dense
        if case == "skewed"
        else np.array([[0.9, 2.0, 0.0], [0.0, 0.8, 2.0], [0.0, 0.0, 0.7]])
    )
    matrix = from_matrix(dense)[0]
    resolvent = Resolvent.of(matrix)
    radii = [pseudospectral_radius(resolvent, level) for level in (1.0, 0.1, 0.01)]
    kreiss = kreiss_of(matrix)
    ks = [0, 1, 2, 5, 11, 30]
    rows = power_norms(matrix, ks, radii, kreiss, np.inf)
    powers = [np.linalg.norm(np.linalg.matrix_power(dense, k), 2) for k in range(31)]
    for k, row in zip(ks, rows, strict=True):
        assert row.norm == pytest.approx(powers[k], rel=1e-9)
        assert row.lower <= row.norm * (1 + 1e-9)
        assert row.norm <= row.upper * (1 + 1e-6)
        assert row.peak_lower <= max(powers[: k + 1]) * (1 + 1e-6)
        assert row.peak_lower == max(1.0, *row.peak_lower_at)
    if case == "triangle":
        assert max(row.peak_lower for row in rows) > 2.0
        assert kreiss.lower <= max(powers) * (1 + 1e-9)


def test_large_powers_of_a_large_matrix_use_the_same_norm():
    matrix = skewed(80, 0.05, 6).matrix
    row = power_norms(matrix, [3], [], kreiss_of(matrix), np.inf)[0]
    expected = np.linalg.norm(np.linalg.matrix_power(matrix.dense, 3), 2)
    assert row.norm == pytest.approx(expected, rel=1e-9)


def test_pseudo_mode_is_the_singular_vector_in_the_plan():
    operator = skewed(20, 0.05, 7)
    z = 0.4 + 0.1j
    entries = entries_at(operator, z)
    rows = [e for e in entries if e.side == "row"]
    cols = [e for e in entries if e.side == "col"]
    assert len(rows) == len(cols) == 20
    for side in (rows, cols):
        assert sum(e.share for e in side) == pytest.approx(1.0)
        assert [e.share for e in side] == sorted((e.share for e in side), reverse=True)
    b = np.zeros(20, dtype=complex)
    for e in cols:
        b[e.index] = complex(e.real, e.imag)
    plan = operator.plan
    row, col = plan.sum(axis=1), plan.sum(axis=0)

    def size(v):
        return np.linalg.norm(plan * (-(plan @ v) / row)[:, None] + plan * v)

    residual = z * b - (plan.T @ ((plan @ b) / row)) / col
    # ‖(z-J)b‖ = ‖b‖/‖(z-J)^{-1}‖ in the plan norm.
    assert size(b) / size(residual) == pytest.approx(entries[0].resolvent_norm, rel=1e-8)


def test_pseudo_mode_of_a_matrix_and_on_an_eigenvalue():
    matrix = np.array([[0.5, 1.0], [0.0, 0.25]])
    entries = entries_at(of_matrix(matrix), 0.5)
    assert entries[0].resolvent_norm == math.inf
    assert entries[0].side == "entry"
    assert entries[0].share == pytest.approx(1.0)
    assert entries[0].index == 0


@pytest.mark.parametrize("shape", [(9, 9), (6, 10), (10, 6)])
def test_eigenvalue_gradient_is_the_finite_difference(shape):
    cost = uniform_cost(*shape, seed=8)
    eps = 0.2
    problem = make_problem(cost)

    def eigenvalue(matrix, k):
        plan = sinkdiag.solve(matrix, eps, tol=1e-14).plan
        return eigenbasis(plan, problem.row, problem.col).eigenvalues[k]

    solution = sinkdiag.solve(cost, eps, tol=1e-14)
    basis = eigenbasis(solution.plan, problem.row, problem.col)
    direction = np.random.default_rng(9).standard_normal(shape)
    for k in (0, 1, 3):
        gradient = eigenvalue_gradient(basis, eps, k)
        # Central differences: error of order step², rounding 1e-15/step.
        step = 1e-5
        slope = eigenvalue(cost + step * direction, k) - eigenvalue(cost - step * direction, k)
        assert (gradient * direction).sum() == pytest.approx(slope / (2 * step), abs=1e-7)


def test_structured_reach_is_attained_and_bounds_random_perturbations():
    cost, eps, size = planar_cost(15, 9), 0.1, 1e-3
    problem = make_problem(cost)

    def solve(moved):
        return sinkdiag.solve(moved.cost, eps).plan

    basis = eigenbasis(solve(problem), problem.row, problem.col)
    shifts = structured_shifts(problem, basis, eps, size, solve)
    rng = np.random.default_rng(10)
    for shift in shifts:
        reach = shift.high - shift.eigenvalue
        # First order: the remainder is of order size² over the distances of eigenvalues.
        assert shift.attained_high == pytest.approx(shift.high, abs=0.05 * reach)
        assert shift.attained_low == pytest.approx(shift.low, abs=0.05 * reach)
        change = rng.standard_normal(cost.shape)
        change *= size / np.linalg.norm(change)
        plan = solve(make_problem(cost + change))
        value = eigenbasis(plan, problem.row, problem.col).eigenvalues[shift.index]
        assert abs(value - shift.eigenvalue) <= 1.05 * reach


def test_eigenvalues_without_a_gradient_say_so():
    problem = make_problem(np.zeros((5, 5)))
    plan = sinkdiag.solve(problem.cost, 1.0).plan
    basis = eigenbasis(plan, problem.row, problem.col)
    shifts = structured_shifts(problem, basis, 1.0, 0.1, lambda p: p.cost)
    assert all(math.isnan(s.low) or s.high >= s.low for s in shifts)


def test_a_perturbed_problem_without_a_fixed_point_attains_nothing():
    cost, eps = planar_cost(6, 9), 0.1
    problem = make_problem(cost)
    plan = sinkdiag.solve(cost, eps).plan
    basis = eigenbasis(plan, problem.row, problem.col)
    shift = structured_shifts(problem, basis, eps, 1e-3, lambda _: None)[0]
    assert shift.low < shift.eigenvalue < shift.high
    assert math.isnan(shift.attained_low)
    assert math.isnan(shift.attained_high)
