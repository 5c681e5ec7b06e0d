"""The leading modes alone, dense and sparse, and the gaps as quotients."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sinkdiag import solve
from sinkdiag.jacobian.basis import eigenbasis
from sinkdiag.jacobian.dispersion import dispersion, quotient_gaps
from sinkdiag.jacobian.leading import leading_basis
from sinkdiag.jacobian.modes import modes_in
from sinkdiag.results import Status
from tests.jacobian.test_modes import block_plan
from tests.naive import jacobian as naive


def test_dispersion_kernel_matches_its_twin():
    rng = np.random.default_rng(0)
    plan, x, mean = rng.random((5, 4)), rng.random((4, 3)), rng.random((5, 3))
    plan[1, 2] = 0.0
    total = np.empty(3)
    dispersion(plan, x, mean, total)
    wanted = naive.dispersion(plan.tolist(), x.tolist(), mean.tolist())
    assert np.allclose(total, wanted, rtol=1e-14)


def test_quotients_take_sparse_plans():
    import scipy.sparse

    rng = np.random.default_rng(0)
    plan = rng.random((6, 5)) * (rng.random((6, 5)) < 0.6) + np.eye(6, 5)
    plan[5, 0] = 1.0
    x = rng.standard_normal((5, 2))
    row, col = plan.sum(axis=1), plan.sum(axis=0)
    dense = quotient_gaps(plan, row, col, x)
    assert np.allclose(quotient_gaps(scipy.sparse.csr_array(plan), row, col, x), dense, rtol=1e-13)


@pytest.mark.parametrize("sparse", [False, True])
def test_leading_modes_agree_with_all_modes(sparse):
    import scipy.sparse

    rng = np.random.default_rng(3)
    points, others = rng.random((90, 2)), rng.random((70, 2))
    plan = solve(((points[:, None] - others) ** 2).sum(axis=-1), 0.02).plan
    row, col = plan.sum(axis=1), plan.sum(axis=0)
    whole = eigenbasis(plan, row, col)
    stored = scipy.sparse.csr_array(plan) if sparse else plan
    part = leading_basis(stored, row, col, 6)
    assert part.status is Status.CONVERGED
    assert np.allclose(part.gaps, whole.gaps[:6], rtol=1e-12)
    some, all_modes = modes_in(part, "plan"), modes_in(whole, "plan")
    # Norms on an invariant subspace are lower estimates; the resolvent's comes from its slow end.
    for value, full in (
        (some.condition(), all_modes.condition()),
        (some.resolvent_norm(), all_modes.resolvent_norm()),
        (some.eigenvalue_conditions()[0], all_modes.eigenvalue_conditions()[0]),
        (some.departure(), all_modes.departure()),
        (some.transient_peak(), all_modes.transient_peak()),
    ):
        assert 0 < value <= full * (1 + 1e-9)
    assert some.resolvent_norm() > 0.9 * all_modes.resolvent_norm()


def test_leading_modes_say_when_they_are_not_resolved():
    plan = block_plan(0, 1e-30)
    part = leading_basis(plan, plan.sum(axis=1), plan.sum(axis=0), 2)
    assert part.status is Status.BELOW_RESOLUTION
    assert math.isnan(part.gaps[0])
