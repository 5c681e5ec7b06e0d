"""The Gram factor of modes in the plan norm: its entries, its hidden modes, its range."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sinkdiag.jacobian import metric as metric_module
from sinkdiag.jacobian.basis import eigenbasis
from sinkdiag.jacobian.metric import differences, mode_entries, pair_weights, plan_metric
from sinkdiag.jacobian.modes import modes_in
from sinkdiag.numerics.gth import column_weights, factor_laplacian
from sinkdiag.results import Status
from tests.jacobian.test_modes import CASES, basis_of, graded_plan, relative
from tests.naive import jacobian as naive


def test_unresolved_plan_norm_is_nan_and_says_so(monkeypatch):
    """Where entries would not fit in memory the pair weights must not pass off rounding."""
    monkeypatch.setattr(metric_module, "ENTRY_LIMIT", 0)
    found = modes_in(basis_of(CASES["far blocks"]), "plan")
    assert found.status is Status.BELOW_RESOLUTION
    assert math.isnan(found.condition())
    assert found.gaps[0] == basis_of(CASES["far blocks"]).gaps[0]


@pytest.mark.parametrize("name", ["graded", "tall", "blocks", "far blocks"])
def test_only_hidden_modes_need_their_entries(name, monkeypatch):
    """Entries for the unresolved modes alone give what entries for all of them give.

    Their Gram matrix squares the condition of the vectors, so half the digits stay to spare.
    """
    monkeypatch.setattr(metric_module, "WHOLE_LIMIT", 0)
    plan = CASES[name]
    exact, found = naive.Reference.of(plan), modes_in(basis_of(plan), "plan")
    assert found.condition() == pytest.approx(float(exact.condition("plan")), rel=1e-8)
    wanted = exact.function_norm("plan", [1 / gap for gap in exact.gaps])
    assert relative(found.resolvent_norm(1.0), wanted) < 1e-8


def test_differences_across_several_blocks_of_the_elimination():
    """110 nodes: three blocks. Every difference equals that of the solution it belongs to."""
    plan = graded_plan(8, (120, 110), 3.0)
    row = plan.sum(axis=1)
    factor = factor_laplacian(column_weights(plan, row))
    flux = np.random.default_rng(0).standard_normal((110, 2))
    flux -= flux.mean(axis=0)
    x = factor.solve(flux)
    wanted = x[:, None] - x[None]
    assert np.allclose(differences(factor, flux), wanted, atol=1e-11 * np.abs(x).max())


def test_pair_weights_and_mode_entries_are_the_same_metric():
    plan = graded_plan(3, (5, 4), 2.0)
    basis = basis_of(plan)
    weights, _ = pair_weights(plan, basis.row)
    metric = np.diag(weights.sum(axis=1)) - weights
    entries = mode_entries(plan, basis.row, basis.gaps * basis.col[:, None] * basis.vectors)
    gram = basis.vectors.T @ metric @ basis.vectors
    assert np.allclose(gram, entries.T @ entries, rtol=1e-12, atol=1e-15)
    factor = plan_metric(plan, basis.row, basis.vectors)
    rebuilt = factor.scale[:, None] * (factor.factor.T @ factor.factor) * factor.scale
    assert np.allclose(rebuilt, gram, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("exponent", [150, 160, 200, 290])
@pytest.mark.parametrize("limit", [None, 0])
def test_modes_whose_squares_underflow_keep_their_norm(exponent, limit, monkeypatch):
    """P = [[1-q, q], [q, 1-q]]: the mode (1, -1)/sqrt 2 moves every entry by sqrt 2 q (1-q)."""
    if limit is not None:
        monkeypatch.setattr(metric_module, "WHOLE_LIMIT", limit)
    q = 10.0**-exponent
    plan = np.array([[1.0, q], [q, 1.0]])
    basis = eigenbasis(plan, np.ones(2), np.ones(2))
    metric = basis.plan_metric
    assert metric.resolved
    assert metric.scale[0] == pytest.approx(2 * math.sqrt(2) * q, rel=1e-12)
    assert metric.factor[0, 0] == pytest.approx(1.0, rel=1e-14)


def test_a_gram_matrix_with_nan_is_not_a_factor():
    vectors = np.array([[1.0], [math.nan]])
    metric = plan_metric(np.eye(2) + 0.1, np.full(2, 1.1), vectors)
    assert not metric.resolved
    assert math.isnan(metric.scale[0])
