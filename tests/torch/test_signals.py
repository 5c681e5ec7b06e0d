import math

import numpy as np
import pytest

from sinkdiag import online_gap_of_plan, solve
from tests.helpers import uniform_cost

torch = pytest.importorskip("torch", reason="pip install 'sinkdiag[torch]'")

from sinkdiag.torch import signals  # noqa: E402

COST = uniform_cost(12, 12)


def plan_of(eps, iters=20, cost=COST):
    return torch.from_numpy(solve(cost, eps, iters=iters).plan)


def test_drift_is_one_norm_a_matrix():
    random = np.random.default_rng(0)
    now, before = random.random((2, 5, 3, 4))
    found = signals.drift(torch.from_numpy(now), torch.from_numpy(before))
    np.testing.assert_allclose(
        found.numpy(), np.linalg.norm((now - before).reshape(5, -1), axis=1), rtol=1e-14
    )
    one = signals.drift(torch.from_numpy(now[0]), torch.from_numpy(before[0]))
    assert float(one) == pytest.approx(np.linalg.norm(now[0] - before[0]), rel=1e-14)


def test_halves_are_subtracted_in_single_precision():
    now = torch.full((4, 4), 0.25, dtype=torch.bfloat16)
    before = now + torch.tensor(2.0**-8, dtype=torch.bfloat16)
    assert signals.drift(now, before).dtype == torch.float32
    assert float(signals.drift(now, before)) == pytest.approx(4 * 2.0**-8, rel=1e-6)


def test_entropy_is_the_definition():
    plan, row = plan_of(0.1) / 12, torch.full((12,), 1 / 12, dtype=torch.float64)
    mass = plan.numpy()
    wanted = -(mass * np.log(mass * 12)).sum() / math.log(12)
    assert float(signals.entropy(plan, row)) == pytest.approx(wanted, rel=1e-12)
    assert float(signals.entropy(plan * 12)) == pytest.approx(wanted, rel=1e-12)
    assert float(signals.entropy(torch.full((3, 4), 0.25))) == pytest.approx(1.0, rel=1e-6)
    assert float(signals.entropy(torch.eye(3))) == 0.0
    assert float(signals.entropy(torch.ones(3, 1))) == 0.0


def test_hard_rows_are_counted():
    plan = torch.tensor([[0.91, 0.09], [0.89, 0.11], [0.05, 0.95], [0.5, 0.5]])
    assert float(signals.hard_share(plan)) == 0.5
    assert float(signals.hard_share(plan / 4, torch.full((4,), 0.25))) == 0.5


def test_the_logit_range_leaves_out_forbidden_pairs():
    cost = torch.tensor([[0.0, math.inf], [3.0, 1.0]])
    assert float(signals.logit_range(cost, 0.5)) == 6.0


@pytest.mark.parametrize("eps", [0.3, 0.1, 0.05, 0.02])
@pytest.mark.parametrize("iters", [1, 5, 20])
@pytest.mark.parametrize("turned", [False, True])
def test_tracking_is_that_of_the_compiled_sweeps(eps, iters, turned):
    """The same sums in another order: 1e-9 is their rounding over the residuals met here."""
    plan = plan_of(eps, iters)
    plan = plan.T.contiguous() if turned else plan
    wanted = online_gap_of_plan(plan.numpy())
    rho, error, reading = (float(value) for value in signals.tracking(plan))
    if math.isnan(wanted.rho):
        assert math.isnan(rho)
        assert math.isnan(error)
        assert reading == pytest.approx(wanted.least_error, abs=1e-12, rel=1e-6)
    else:
        assert rho == pytest.approx(wanted.rho, rel=1e-6)
        assert error == pytest.approx(wanted.tracking_error, rel=1e-6)
        assert reading == error


def test_tracking_of_a_batch_is_matrix_by_matrix():
    cost = uniform_cost(6, 9)
    plans = torch.stack([plan_of(eps, 3, cost) for eps in (0.3, 0.05)])
    together = signals.tracking(plans)
    for at, plan in enumerate(plans):
        for found, alone in zip(together, signals.tracking(plan), strict=True):
            torch.testing.assert_close(found[at], alone, rtol=1e-12, atol=0.0)


def test_marginals_of_the_users_own():
    row, col = np.array([0.5, 0.3, 0.2]), np.array([0.1, 0.9])
    plan = torch.from_numpy(solve(uniform_cost(3, 2), 0.05, row=row, col=col, iters=2).plan)
    wanted = online_gap_of_plan(plan.numpy(), row=row, col=col)
    _, error, _ = signals.tracking(plan, torch.from_numpy(row), torch.from_numpy(col))
    assert float(error) == pytest.approx(wanted.tracking_error, rel=1e-6)


def test_nothing_carries_gradients():
    plan = plan_of(0.1).requires_grad_()
    for found in (
        signals.drift(plan, plan),
        signals.entropy(plan),
        signals.hard_share(plan),
        signals.logit_range(plan, 1.0),
        *signals.tracking(plan),
        signals.gradient_norm(plan),
    ):
        assert not found.requires_grad
