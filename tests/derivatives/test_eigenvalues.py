"""The eigenvalue of A_S on the paper's own two gauges against dense algebra."""

import numpy as np
import pytest

import sinkdiag
from sinkdiag.derivatives import eigenvalues
from sinkdiag.derivatives.eigenvalues import SINGULAR, smallest_on_two_gauges
from sinkdiag.jacobian.support import support_of
from tests.helpers import uniform_cost
from tests.naive import derivatives as naive


def dense(plan, mask):
    n, m = plan.shape
    masked = naive.block(np.where(mask, plan, 0.0))
    gauges = np.zeros((n + m, 2))
    gauges[:n, 0] = gauges[n:, 1] = 1.0
    basis = np.linalg.qr(gauges, mode="complete")[0][:, 2:]
    inner = np.linalg.eigvalsh(basis.T @ masked @ basis)[0]
    return inner / (2 * max(masked[:n, :n].max(), masked[n:, n:].max()))


@pytest.mark.parametrize(("n", "m"), [(5, 5), (7, 4), (1, 3), (3, 1), (2, 2)])
@pytest.mark.parametrize("eps", [0.5, 0.05, 0.01])
def test_it_is_the_dense_one(n, m, eps):
    plan = sinkdiag.solve(uniform_cost(n, m), eps).plan
    support = support_of(plan)
    found = smallest_on_two_gauges(plan, support)
    assert found == pytest.approx(max(dense(plan, support.mask), 0.0), rel=1e-9, abs=1e-14)
    rows = np.bincount(support.row_labels) / n
    cols = np.bincount(support.col_labels) / m
    alike = support.components > 1 and np.allclose(rows, cols)
    assert (found <= SINGULAR) == alike


def test_parts_of_other_proportions_are_invertible():
    plan = np.array([[1.0, 1.0, 0.0], [0.0, 0.0, 1.0], [0.0, 0.0, 1.0]])
    assert 4 * smallest_on_two_gauges(plan, support_of(plan)) == pytest.approx(1 / 3, rel=1e-12)


def test_nothing_is_left_of_one_pair_and_the_largest_are_not_computed(monkeypatch):
    one = np.ones((1, 1))
    assert smallest_on_two_gauges(one, support_of(one)) == np.inf
    monkeypatch.setattr(eigenvalues, "LARGEST_SIDE", 5)
    plan = np.full((3, 3), 1 / 3)
    assert np.isnan(smallest_on_two_gauges(plan, support_of(plan)))
