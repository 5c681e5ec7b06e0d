"""Modes against 160-digit arithmetic, against the natural norm, and as properties."""

from __future__ import annotations

import math

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sinkdiag import solve
from sinkdiag.derivatives.duality import duality_rhs
from sinkdiag.jacobian.basis import DIRECT_GAP, eigenbasis
from sinkdiag.jacobian.modes import clusters, modes, modes_in
from sinkdiag.results import Status
from tests.naive import jacobian as naive

NORMS = ("plan", "potential", "natural")


def graded_plan(seed, shape, depth):
    """A positive plan, dominated by a matching (or a tree of it), its rest down to e^-depth."""
    rng = np.random.default_rng(seed)
    plan = np.exp(-depth * rng.random(shape))
    for k in range(max(shape)):
        plan[k % shape[0], k % shape[1]] += 0.5 + rng.random()
    return plan


def block_plan(seed, link):
    """Two 3×3 blocks with entries of order one, joined by entries of order ``link``."""
    rng = np.random.default_rng(seed)
    plan = link * (0.5 + rng.random((6, 6)))
    plan[:3, :3] += rng.random((3, 3)) + 0.2
    plan[3:, 3:] += rng.random((3, 3)) + 0.2
    return plan


def basis_of(plan):
    return eigenbasis(plan, plan.sum(axis=1), plan.sum(axis=0))


def relative(value, exact):
    return float(abs((mp.mpf(float(value)) - exact) / exact))


CASES = {
    "mild": graded_plan(0, (6, 6), 3.0),
    "graded": graded_plan(1, (6, 6), 60.0),
    "frozen": graded_plan(2, (6, 6), 300.0),
    "tall": graded_plan(3, (7, 4), 80.0),
    "blocks": block_plan(4, 1e-9),
    "far blocks": block_plan(5, 1e-30),
}


@pytest.mark.parametrize("name", CASES)
def test_against_160_digits(name):
    """Gaps to 1e-12 and everything in the plan and potential norms to 1e-9, at any depth.

    Entrywise accuracy is m rounding units for the factor and a few more for Jacobi; norms add the
    condition of the eigenvectors, which is below 1e3 in these cases.
    """
    plan = CASES[name]
    exact = naive.Reference.of(plan)
    basis = basis_of(plan)
    assert max(map(relative, basis.gaps, exact.gaps)) < 1e-12
    for norm in ("plan", "potential"):
        found = modes_in(basis, norm)
        assert found.resolved
        assert found.condition() == pytest.approx(float(exact.condition(norm)), rel=1e-9)
        wanted = exact.function_norm(norm, [1 / gap for gap in exact.gaps])
        assert relative(found.resolvent_norm(1.0), wanted) < 1e-9
        wanted = exact.function_norm(norm, [value**3 for value in exact.eigenvalues])
        assert relative(found.power_norm(3), wanted) < 1e-9
        assert found.eigenvalue_conditions()[0] == pytest.approx(
            float(exact.eigenvalue_condition(norm)), rel=1e-9
        )
        assert found.departure() == pytest.approx(float(exact.departure(norm)), rel=1e-7, abs=1e-12)


def test_the_cases_reach_the_depth_they_claim():
    depth = {name: float(basis_of(plan).gaps[0]) for name, plan in CASES.items()}
    assert depth["mild"] > DIRECT_GAP
    assert depth["frozen"] < 1e-30
    assert depth["far blocks"] < 1e-29


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("name", ["mild", "tall", "blocks"])
def test_duality_against_160_digits(name, norm):
    plan = CASES[name]
    exact = float(naive.Reference.of(plan).duality_rhs(norm))
    basis = basis_of(plan)
    assert duality_rhs(basis, norm) == pytest.approx(exact, rel=1e-8)
    if norm != "potential":
        assert basis.gaps[0] <= duality_rhs(basis, norm) * (1 + 1e-12)
    else:
        bound = modes_in(basis, norm).condition() * duality_rhs(basis, norm)
        assert basis.gaps[0] <= bound * (1 + 1e-12)


@pytest.mark.parametrize("shape", [(6, 6), (7, 4), (4, 7)])
@pytest.mark.parametrize("norm", NORMS)
def test_norms_are_those_of_the_assembled_jacobian(shape, norm):
    """Λ and R against J, its resolvent and its powers as matrices on the quotient."""
    plan = graded_plan(11, shape, 2.0)
    row, col = plan.sum(axis=1), plan.sum(axis=0)
    found = modes(plan, row, col, norm)
    jacobian = (plan / col).T @ (plan / row[:, None])
    reduce = np.linalg.svd(np.ones((1, shape[1])))[2][1:].T
    small = reduce.T @ jacobian @ reduce
    a = -(plan @ reduce) / row[:, None]
    embedded = {
        "plan": (plan[:, :, None] * (a[:, None] + reduce)).reshape(-1, shape[1] - 1),
        "potential": reduce,
        "natural": np.sqrt(col)[:, None] * (reduce - (col @ reduce) / col.sum()),
    }[norm]
    ruler = np.linalg.qr(embedded, mode="r")

    def size(matrix):
        return np.linalg.norm(ruler @ matrix @ np.linalg.inv(ruler), 2)

    identity = np.eye(len(small))
    for z in (1.0, 1.3 + 0.4j, -0.2):
        wanted = size(np.linalg.inv(z * identity - small))
        assert found.resolvent_norm(z) == pytest.approx(wanted, rel=1e-9)
    assert found.power_norm(2) == pytest.approx(size(small @ small), rel=1e-9)
    assert np.allclose(jacobian @ found.vectors, _centred(found, jacobian), atol=1e-12)
    peak = max(size(np.linalg.matrix_power(small, k)) for k in range(1, 60))
    assert found.transient_peak() == pytest.approx(peak, rel=1e-9)


def _centred(found, jacobian):
    image = found.vectors * found.eigenvalues
    return image + (jacobian @ found.vectors - image).mean(axis=0)


@given(st.integers(0, 10_000), st.complex_numbers(max_magnitude=3, allow_nan=False))
@settings(max_examples=30, deadline=None)
def test_natural_norm_is_the_distance_to_the_spectrum(seed, z):
    plan = graded_plan(seed, (5, 6), 4.0)
    found = modes(plan, plan.sum(axis=1), plan.sum(axis=0), "natural")
    distance = np.abs(z - found.eigenvalues).min()
    if distance > 1e-6:
        assert found.resolvent_norm(z) == pytest.approx(1 / distance, rel=1e-9)
    assert found.condition() == 1.0
    assert found.departure() == 0.0
    assert found.transient_peak() == found.eigenvalues[0]


@given(st.integers(0, 10_000), st.sampled_from([(5, 5), (6, 4), (4, 6)]), st.floats(2.0, 120.0))
@settings(max_examples=25, deadline=None)
def test_permutation_and_transposition(seed, shape, depth):
    """Reordering points changes nothing but order; transposing keeps the nonzero spectrum."""
    plan = graded_plan(seed, shape, depth)
    rng = np.random.default_rng(seed + 1)
    first, second = rng.permutation(shape[0]), rng.permutation(shape[1])
    basis, moved = basis_of(plan), basis_of(plan[first][:, second])
    assert np.allclose(moved.gaps, basis.gaps, rtol=1e-10, atol=0)
    a, b = modes_in(basis, "plan"), modes_in(moved, "plan")
    assert b.condition() == pytest.approx(a.condition(), rel=1e-7)
    assert b.resolvent_norm() == pytest.approx(a.resolvent_norm(), rel=1e-7)
    common = min(shape) - 1
    assert np.allclose(basis_of(plan.T).gaps[:common], basis.gaps[:common], rtol=1e-10, atol=0)


@given(st.integers(0, 1000), st.floats(0.01, 100.0), st.floats(-50.0, 50.0))
@settings(max_examples=10, deadline=None)
def test_gauge_and_joint_scaling(seed, factor, shift):
    """C + shift and (factor·C, factor·eps) have the same plan, so the same spectrum."""
    cost = np.random.default_rng(seed).random((5, 6))
    same = solve(cost, 0.2)
    other = solve(factor * (cost + shift), factor * 0.2)
    first = modes(same.plan, same.row, same.col, "plan")
    second = modes(other.plan, other.row, other.col, "plan")
    # The costs' own rounding, 1e-16 · 50/0.2 in the exponent, bounds the change of the plan.
    assert np.allclose(first.gaps, second.gaps, rtol=1e-9)
    assert second.condition() == pytest.approx(first.condition(), rel=1e-7)


def test_two_by_two_closed_form():
    """C = [[0, d], [d, 0]]: gap = 4p(1-p), p = 1/(1 + exp(-d/eps)); one mode is normal."""
    for eps in (1.0, 0.1, 0.02):
        p = 1 / (1 + math.exp(-1 / eps))
        rest = math.exp(-1 / eps) * p
        plan = np.array([[p, rest], [rest, p]])
        found = modes(plan, np.ones(2), np.ones(2), "plan")
        assert found.gaps[0] == pytest.approx(4 * p * rest, rel=1e-13)
        assert found.condition() == pytest.approx(1.0, abs=1e-14)
        assert found.resolvent_norm() == pytest.approx(1 / (4 * p * rest), rel=1e-13)


def test_repeated_eigenvalues_do_not_depend_on_the_basis():
    """A cyclic plan has pairs of equal eigenvalues, where eigenvectors are a matter of taste."""
    plan = sum(w * np.roll(np.eye(6), k, axis=1) for k, w in enumerate((1.0, 0.4, 0.2, 0.1)))
    rng = np.random.default_rng(0)
    values = [basis_of(plan[rng.permutation(6)][:, rng.permutation(6)]).gaps for _ in range(2)]
    assert np.allclose(*values, rtol=1e-12)
    groups = clusters(values[0])
    assert sorted(group.stop - group.start for group in groups) == [1, 2, 2]
    conditions = [
        modes_in(basis_of(plan[order][:, order[::-1]]), "plan").condition()
        for order in (np.arange(6), rng.permutation(6))
    ]
    assert conditions[0] == pytest.approx(conditions[1], rel=1e-9)


@pytest.mark.parametrize("shape", [(1, 1), (1, 4), (4, 1)])
def test_one_point_has_no_modes_or_only_dead_ones(shape):
    plan = np.full(shape, 1.0 / shape[1])
    found = modes(plan, plan.sum(axis=1), plan.sum(axis=0), "plan")
    assert len(found.gaps) == shape[1] - 1
    assert np.allclose(found.eigenvalues, 0.0)
    assert found.condition() == pytest.approx(1.0)
    assert found.transient_peak() == pytest.approx(0.0, abs=1e-15)


def test_separated_blocks_are_below_resolution():
    """Two blocks without any link: the second constant has gap 0, which is no number here."""
    plan = block_plan(0, 0.0)
    found = modes(plan, plan.sum(axis=1), plan.sum(axis=0), "plan")
    assert found.status is Status.BELOW_RESOLUTION
    assert math.isnan(found.resolvent_norm())
    assert math.isnan(found.condition())
