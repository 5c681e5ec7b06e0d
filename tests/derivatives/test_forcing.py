"""Forcing norms and extreme eigenvalues of A, against dense algebra and extended precision."""

import mpmath
import numpy as np
import pytest

import sinkdiag
from sinkdiag.derivatives.eigenvalues import (
    off_support_norm,
    smallest_eigenvalue,
    smallest_on_support,
)
from sinkdiag.derivatives.forcing import largest_forcing
from sinkdiag.jacobian.block import factor_block
from sinkdiag.jacobian.support import support_of
from tests.helpers import graded_plan
from tests.naive import derivatives as naive


@pytest.mark.parametrize("decades", [30, 100])
@pytest.mark.parametrize("seed", range(3))
def test_smallest_eigenvalue_and_forcing_in_extended_precision(seed, decades):
    plan = graded_plan(6, seed, decades)
    operator, support = factor_block(plan), support_of(plan)
    with mpmath.workdps(60 + 2 * decades):
        values = mpmath.eigsy(naive.exact_block(plan), eigvals_only=True)
        second = float(sorted(values)[1])
        inverse = naive.exact_inverse(plan)
        sizes = {
            (k, l): float(
                mpmath.mpf(float(plan[k, l]))
                * mpmath.norm([inverse[i, k] + inverse[i, 6 + l] for i in range(12)])
            )
            for k, l in zip(*np.nonzero(support.mask))  # noqa: E741
        }
    assert smallest_eigenvalue(operator).value == pytest.approx(second, rel=1e-9)
    found = largest_forcing(operator, support)
    assert found.value == pytest.approx(max(sizes.values()), rel=1e-11)
    assert sizes[found.row, found.col] == pytest.approx(found.value, rel=1e-11)


@pytest.mark.parametrize(("n", "m", "eps"), [(6, 6, 0.1), (5, 8, 0.05), (8, 4, 0.03)])
def test_forcing_and_eigenvalues_match_dense_algebra(n, m, eps):
    plan = sinkdiag.solve(np.random.default_rng(0).random((n, m)), eps).plan
    operator, support = factor_block(plan), support_of(plan)
    found = largest_forcing(operator, support)
    value, row, col = naive.forcing(plan, support.mask)
    assert found.value == pytest.approx(value, rel=1e-10)
    assert (found.row, found.col) == (row, col)
    assert smallest_eigenvalue(operator).value == pytest.approx(
        np.linalg.eigvalsh(naive.block(plan))[1], rel=1e-10
    )


@pytest.mark.parametrize("eps", [0.3, 0.02, 0.006])
def test_the_masked_operator_has_one_null_direction_a_component(eps):
    plan = sinkdiag.solve(np.random.default_rng(0).random((12, 12)), eps).plan
    support = support_of(plan)
    values = np.linalg.eigvalsh(naive.block(np.where(support.mask, plan, 0.0)))
    assert np.abs(values[: support.components]).max() < 1e-14
    found = smallest_on_support(plan, support).value
    assert found == pytest.approx(values[support.components], rel=1e-9)


@pytest.mark.parametrize("eps", [0.3, 0.02])
def test_what_the_support_leaves_out(eps):
    plan = sinkdiag.solve(np.random.default_rng(0).random((7, 9)), eps).plan
    support = support_of(plan)
    rest = naive.block(np.where(support.mask, 0.0, plan))
    expected = np.linalg.norm(rest, 2)
    assert off_support_norm(plan, support) == pytest.approx(expected, rel=1e-9, abs=1e-300)
    assert (off_support_norm(plan, support) == 0.0) == (support.size == plan.size)
