"""K sweeps and their exact adjoint against twins, the unrolled layer, differences and autograd."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sinkdiag.problem import make_problem
from sinkdiag.solver import adjoint_kernels as kernels
from sinkdiag.solver.adjoint import LayerRun
from sinkdiag.solver.layer import Layer, record_sweeps, run_sweeps
from tests.helpers import uniform_cost
from tests.naive import solver as naive

# K sweeps of sums of n positive terms: about K n roundings.
TWIN = 1e-12


def random_case(n, m, seed=0, eps=0.1):
    random = np.random.default_rng(seed)
    cost = random.random((n, m))
    row, col = random.random(n) + 0.5, random.random(m) + 0.5
    col *= row.sum() / col.sum()
    return make_problem(cost, row=row, col=col), eps, random.standard_normal((n, m))


def test_the_kernels_agree_with_their_twins():
    problem, eps, weighted = random_case(6, 5)
    noise, g = 0.1 * weighted, np.linspace(0.0, 0.1, 5)
    reduced, a, b = np.empty((6, 5)), np.empty(6), np.empty(5)
    for xi in (noise, np.empty((0, 0))):
        numbers = np.array([-1.0 / eps, -5.0, -np.inf])
        kernels.exponents(problem.cost, xi, g, numbers, a, b, reduced)
        wanted = naive.exponents(problem.cost + (xi if xi.size else 0.0), g, -1.0 / eps, -5.0)
        for mine, theirs in zip((reduced, a, b), wanted, strict=True):
            np.testing.assert_allclose(mine, theirs, rtol=1e-13, atol=1e-14)
        assert np.isneginf(reduced).any()
    assert kernels.least_difference(problem.cost[0], g) == naive.least_difference(
        problem.cost[0], g
    )
    kernel = np.exp(-problem.cost / eps)
    count = 4
    u, v = np.empty((count + 1, 6)), np.empty((count + 1, 5))
    v[0] = 1.0
    done = kernels.swept(kernel, problem.row, problem.col, count, u, v, 1e120, 0.0)
    assert done == count
    us, vs = naive.swept(kernel, problem.row, problem.col, count, [1.0] * 5)
    np.testing.assert_allclose(u, us, rtol=TWIN)
    np.testing.assert_allclose(v, vs, rtol=TWIN)
    factor, sums = np.empty(6), np.empty(5)
    kernels.swept_rows(kernel, problem.row, v[0], factor, sums)
    wanted = naive.swept_rows(kernel, problem.row, v[0])
    np.testing.assert_allclose(factor, wanted[0], rtol=TWIN)
    np.testing.assert_allclose(sums, wanted[1], rtol=TWIN)
    plan = np.empty((6, 5))
    kernels.scaled(kernel, u[count], v[count], plan)
    np.testing.assert_allclose(plan, naive.scaled(kernel, us[-1], vs[-1]), rtol=TWIN)
    left, right = np.empty((count + 1, 6)), np.empty((count + 1, 5))
    first = kernels.pulled_back(
        kernel, problem.row, problem.col, count, done, u, v, weighted, 0.0, left, right
    )
    assert first == 0
    wanted = naive.pulled_back(kernel, problem.row, problem.col, us, vs, weighted)
    scale = np.abs(weighted).max()
    np.testing.assert_allclose(left, wanted[0], rtol=TWIN, atol=TWIN * scale)
    np.testing.assert_allclose(right, wanted[1], rtol=TWIN, atol=TWIN * scale)
    x, mass = np.empty(6), np.empty(5)
    kernels.pulled_rows(kernel, right[0], u[0], x, mass)
    wanted_rows = naive.pulled_rows(kernel, right[0], u[0])
    np.testing.assert_allclose(x, wanted_rows[0], rtol=TWIN, atol=TWIN * scale)
    np.testing.assert_allclose(mass, wanted_rows[1], rtol=TWIN, atol=TWIN * scale)
    for rows in (6, 5):
        gradient = np.empty((rows, 5))
        kernels.gathered(
            kernel[:rows],
            first,
            done,
            u[:, :rows].copy(),
            v,
            left[:, :rows].copy(),
            right,
            weighted[:rows],
            gradient,
        )
        np.testing.assert_allclose(
            gradient,
            naive.gathered(kernel, us, vs, *wanted, weighted)[:rows],
            rtol=TWIN,
            atol=TWIN * scale,
        )


def test_below_is_what_it_says():
    limits = np.array([1.0, 2.0])
    for x in ([1.0, -2.0], [1.0, 2.1], [np.nan, 0.0], [-1.5, 0.0]):
        assert kernels.below(np.array(x), limits) is naive.below(x, limits)


@pytest.mark.parametrize("shape", [(1, 3), (4, 1), (5, 9), (9, 5), (24, 24)])
@pytest.mark.parametrize("eps", [1.0, 0.05, 0.004])
@pytest.mark.parametrize("warm", [False, True])
def test_a_run_is_the_unrolled_layer(shape, eps, warm):
    problem, _, cotangent = random_case(*shape, seed=3)
    init = np.linspace(-0.3, 0.3, shape[1]) if warm else None
    run = LayerRun(problem, 20)
    plan = run.run(problem.cost, eps, init).copy()
    wanted = record_sweeps(problem, eps, 20, init=init)
    # Exponents of size 1/eps, forty half-sweeps: the unrolled layer's own rounding.
    error = 40 * 2.2e-16 / eps
    np.testing.assert_allclose(plan, wanted.plan, atol=error * wanted.plan.max())
    gradient = run.pull_back(cotangent * plan / eps)
    reference = wanted.vjp(cotangent)
    np.testing.assert_allclose(gradient, reference, atol=20 * error * np.abs(cotangent).max() / eps)
    np.testing.assert_allclose(run.potential(), wanted.g[-1], atol=error)


def test_a_run_goes_where_the_solver_s_sweeps_go():
    cost = uniform_cost(30, 20)
    problem = make_problem(cost)
    plan = LayerRun(problem, 20).run(cost, 0.02)
    np.testing.assert_allclose(plan, run_sweeps(problem, 0.02, 20).plan, atol=1e-13)


def test_the_gradient_is_that_of_central_differences():
    problem, eps, cotangent = random_case(5, 4, seed=1)
    run = LayerRun(problem, 7)
    plan = run.run(problem.cost, eps)
    gradient = run.pull_back(cotangent * plan / eps).copy()
    step = 1e-5
    for i, j in np.ndindex(5, 4):
        ends = []
        for sign in (1.0, -1.0):
            cost = problem.cost.copy()
            cost[i, j] += sign * step
            ends.append(float((cotangent * run.run(cost, eps)).sum()))
        # Truncation (step/eps)²/6 and rounding 1e-16/step of a number of size 1/eps.
        assert (ends[0] - ends[1]) / (2 * step) == pytest.approx(gradient[i, j], abs=1e-6)


def test_the_gradient_is_that_of_automatic_differentiation():
    torch = pytest.importorskip("torch", reason="the extra torch is not installed")
    problem, eps, cotangent = random_case(8, 6, seed=2, eps=0.05)
    cost = torch.tensor(problem.cost, requires_grad=True)
    log_row, log_col = torch.tensor(np.log(problem.row)), torch.tensor(np.log(problem.col))
    g = torch.zeros(6, dtype=torch.float64)
    for _ in range(20):
        f = eps * (log_row - torch.logsumexp((g - cost) / eps, dim=1))
        g = eps * (log_col - torch.logsumexp((f[:, None] - cost) / eps, dim=0))
    f = eps * (log_row - torch.logsumexp((g - cost) / eps, dim=1))
    plan = torch.exp((f[:, None] + g - cost) / eps)
    (plan * torch.tensor(cotangent)).sum().backward()
    run = LayerRun(problem, 20)
    mine = run.run(problem.cost, eps)
    np.testing.assert_allclose(mine, plan.detach().numpy(), atol=1e-13)
    gradient = run.pull_back(cotangent * mine / eps)
    np.testing.assert_allclose(gradient, cost.grad.numpy(), atol=1e-12 / eps)


def test_sweeps_that_repeat_themselves_are_not_made_again():
    problem = make_problem(uniform_cost(10, 10))
    run = LayerRun(problem, 400)
    plan = run.run(problem.cost, 1.0).copy()
    assert run._done < 40
    cotangent = np.random.default_rng(0).standard_normal((10, 10))
    gradient = run.pull_back(cotangent * plan)
    reference = record_sweeps(problem, 1.0, 400).vjp(cotangent)
    np.testing.assert_allclose(gradient, reference, atol=1e-13)
    assert not run.residuals()[run._done :].any()


def test_forbidden_pairs_get_no_mass_and_no_gradient():
    cost = uniform_cost(6, 6).copy()
    cost[0, 1:4] = np.inf
    problem = make_problem(cost)
    run = LayerRun(problem, 20)
    plan = run.run(cost, 0.05)
    gradient = run.pull_back(plan / 0.05)
    assert not plan[0, 1:4].any()
    assert not gradient[0, 1:4].any()
    assert np.isfinite(gradient).all()


def test_single_precision_is_right_to_its_own_rounding():
    problem, _, cotangent = random_case(40, 40, seed=5)
    single, double = LayerRun(problem, 20, np.float32), LayerRun(problem, 20)
    cost = problem.cost.astype(np.float32)
    for eps in (0.3, 0.03):
        plan = single.run(cost, eps)
        assert plan.dtype == np.float32
        wanted = double.run(cost.astype(float), eps)
        error = 40 * 6e-8 / eps
        np.testing.assert_allclose(plan, wanted, atol=error * wanted.max())
        weighted = (cotangent * wanted / eps).astype(np.float32)
        gradient = single.pull_back(weighted)
        reference = double.pull_back(weighted.astype(float))
        np.testing.assert_allclose(gradient, reference, atol=error * np.abs(weighted).max())


def hard_case():
    """Two rows want one column: its factor halves with every sweep, and leaves every range."""
    cost = np.array([[0.0, 40.0, 90.0], [0.0, 70.0, 80.0], [3.0, 2.0, 0.0]])
    return make_problem(cost), 0.05


@pytest.mark.parametrize(("dtype", "iters"), [(np.float64, 410), (np.float32, 60)])
def test_where_products_are_not_safe_more_digits_or_the_log_domain_are_taken(dtype, iters):
    problem, eps = hard_case()
    run = LayerRun(problem, iters, dtype)
    plan = run.run(problem.cost.astype(dtype), eps)
    assert isinstance(run._instead, Layer if dtype is np.float64 else LayerRun)
    wanted = record_sweeps(problem, eps, iters)
    # Exponents reach 90/0.05 = 1800.
    np.testing.assert_allclose(plan, wanted.plan, atol=5 * 1800 * np.finfo(dtype).eps)
    cotangent = np.arange(9.0).reshape(3, 3)
    gradient = run.pull_back((cotangent * wanted.plan / eps).astype(dtype))
    np.testing.assert_allclose(
        gradient, wanted.vjp(cotangent), atol=5 * 1800 * 8 / eps * np.finfo(dtype).eps
    )
    np.testing.assert_allclose(run.potential(), wanted.g[-1], rtol=1e-6, atol=1e-6)


@given(
    st.integers(2, 7),
    st.integers(2, 7),
    st.integers(0, 10**6),
    st.floats(0.02, 2.0),
    st.floats(0.1, 10.0),
)
@settings(max_examples=25, deadline=None)
def test_gauge_and_scaling(n, m, seed, eps, scale):
    """Costs shifted along rows and columns give the same plan; gradients scale as 1/s."""
    problem, _, cotangent = random_case(n, m, seed=seed)
    run = LayerRun(problem, 10)
    plan = run.run(problem.cost, eps).copy()
    gradient = run.pull_back(cotangent * plan / eps).copy()
    size = 1.0 + np.abs(cotangent).max() / eps
    error = 2000 * 2.2e-16 * (1.0 + scale) / eps
    np.testing.assert_allclose(run.run(problem.cost + 0.3, eps), plan, atol=error)
    other = run.run(scale * problem.cost, scale * eps).copy()
    np.testing.assert_allclose(other, plan, atol=error)
    scaled = run.pull_back(cotangent * other / (scale * eps))
    np.testing.assert_allclose(scale * scaled, gradient, atol=error * size)


def test_residuals_are_those_of_the_columns():
    problem, eps, _ = random_case(7, 5)
    run = LayerRun(problem, 6)
    run.run(problem.cost, eps)
    wanted = []
    for done in range(6):
        plan = run_sweeps(problem, eps, done).plan
        excess = plan.sum(axis=0) - problem.col
        wanted.append(np.sqrt((excess**2 / problem.col).sum()))
    np.testing.assert_allclose(run.residuals(), wanted, rtol=1e-9, atol=1e-14)
