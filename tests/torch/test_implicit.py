import numpy as np
import pytest

from sinkdiag import InputError, solve, vjp
from tests.helpers import uniform_cost

torch = pytest.importorskip("torch", reason="pip install 'sinkdiag[torch]'")

from sinkdiag.torch import sinkhorn  # noqa: E402


def cost_of(*shape):
    return torch.from_numpy(np.random.default_rng(1).random(shape)).requires_grad_()


@pytest.mark.parametrize("shape", [(4, 4), (3, 5), (2, 3, 3)])
def test_gradcheck_in_cost_and_temperature(shape):
    eps = torch.tensor(0.2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(sinkhorn, (cost_of(*shape), eps))


def test_it_is_the_fixed_point_and_its_gradient_is_vjp():
    cost, weight = cost_of(5, 6), torch.from_numpy(np.random.default_rng(2).random((5, 6)))
    plan = sinkhorn(cost, 0.05)
    (plan * weight).sum().backward()
    matrix = cost.detach().numpy()
    np.testing.assert_array_equal(plan.detach().numpy(), solve(matrix, 0.05).plan)
    np.testing.assert_array_equal(cost.grad.numpy(), vjp(matrix, 0.05, weight.numpy()).cost)


def test_marginals_and_forbidden_pairs():
    row, col = torch.tensor([0.5, 0.5]), torch.tensor([0.35, 0.35, 0.3])
    cost = torch.tensor([[0.0, 1.0, torch.inf], [1.0, 0.0, 0.3]], requires_grad=True)
    plan = sinkhorn(cost, 0.1, row=row, col=col)
    torch.testing.assert_close(plan.sum(-1), row)
    torch.testing.assert_close(plan.sum(-2), col)
    plan[1, 0].backward()
    assert cost.grad[0, 2] == 0.0
    assert torch.isfinite(cost.grad).all()


def test_single_precision_stays_so():
    cost = torch.rand(3, 3).requires_grad_()
    plan = sinkhorn(cost, 0.3)
    plan.square().sum().backward()
    assert plan.dtype == cost.grad.dtype == torch.float32


def test_what_cannot_be_had():
    with pytest.raises(InputError, match="eps"):
        sinkhorn(torch.zeros(2, 2), -1.0)
    with pytest.raises(ArithmeticError, match="max_iter"):
        sinkhorn(torch.from_numpy(uniform_cost(12, 12)), 0.01, max_iter=1)
