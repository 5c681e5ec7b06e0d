"""The eight columns against closed forms, finite differences, dense algebra and properties."""

import csv
import io
import json

import mpmath
import numpy as np
import pytest

import sinkdiag
from sinkdiag.derivatives import kernels
from sinkdiag.derivatives.natural_duality import duality_bound
from sinkdiag.derivatives.second_order import best_angle, cubic_norm
from sinkdiag.jacobian.block import factor_block
from sinkdiag.numerics.lanczos import largest_eigenvalue
from sinkdiag.results import Status
from tests.helpers import invoke, uniform_cost
from tests.naive import derivatives as naive

COLUMNS = ["eps", "op_norm", "C0_est", "dS_de_norm", "K1_est", "K2_est", "rho_mean", "rho_std"]


def solved(n, m, eps, seed=0):
    return factor_block(sinkdiag.solve(uniform_cost(n, m, seed), eps).plan)


@pytest.mark.parametrize("eps", [2.0, 0.3, 0.1, 0.02, 0.005])
def test_two_by_two_closed_forms(eps):
    d = 1.0
    frame = sinkdiag.sensitivity([[0, d], [d, 0]], eps, extended=True)
    row = frame.iloc[0]
    p, q = 1 / (1 + np.exp(-d / eps)), 1 / (1 + np.exp(d / eps))
    assert row.op_norm == pytest.approx(2 * p * q / eps, rel=1e-10)
    assert row.C0_est == pytest.approx(2 * p * q, rel=1e-10)
    assert row.dS_de_norm == pytest.approx(2 * p * q * d / eps**2, rel=1e-10)
    assert row.K1_est == pytest.approx(2 * p * q * d / eps, rel=1e-10)
    assert row.K2_est == pytest.approx(2 * p * q * (p - q), rel=1e-10)
    assert row.gap == pytest.approx(4 * p * q, rel=1e-10)


def test_columns_and_order():
    frame = sinkdiag.sensitivity(uniform_cost(4, 5), [0.1, 0.5, 0.2])
    assert list(frame.columns) == COLUMNS
    assert list(frame.eps) == [0.5, 0.2, 0.1]
    np.testing.assert_array_equal(frame.C0_est, frame.eps * frame.op_norm)
    np.testing.assert_array_equal(frame.K1_est, frame.eps * frame.dS_de_norm)


@pytest.mark.parametrize(("n", "m", "eps"), [(6, 6, 0.1), (4, 7, 0.05), (5, 3, 0.5)])
def test_norms_are_those_of_the_dense_derivatives(n, m, eps):
    cost = uniform_cost(n, m)
    plan = sinkdiag.solve(cost, eps).plan
    row = sinkdiag.sensitivity(cost, eps, extended=True).iloc[0]
    dense = naive.derivative_matrix(plan)
    assert row.C0_est == pytest.approx(np.linalg.norm(dense, 2), rel=1e-10)
    moved = np.linalg.norm(dense @ cost.ravel()) / eps**2
    assert row.dS_de_norm == pytest.approx(moved, rel=1e-10)
    direct = np.linalg.norm(np.diag(plan.ravel()) - dense, 2) / eps
    assert row.paper_M_norm == pytest.approx(direct, rel=1e-9)
    assert row.op_norm <= row.bound
    assert row.K2_est == pytest.approx(naive.largest_cubic(plan, n * m + 8), rel=1e-6)


def test_finite_differences_on_six_by_six():
    cost, eps = uniform_cost(6, 6, 5), 0.2
    rng = np.random.default_rng(0)
    operator = solved(6, 6, eps, 5)
    x = rng.standard_normal((6, 6))
    h = 1e-3 * eps

    def plan(step):
        return sinkdiag.solve(cost + step * x, eps).plan

    # Errors: h² times the next derivative, of order eps^-3 and eps^-4; the solver's 1e-12 over h^k.
    first = (plan(h) - plan(-h)) / (2 * h)
    np.testing.assert_allclose(-operator.move(x) / eps, first, atol=100 * h**2 / eps**3)
    second = (plan(h) - 2 * plan(0) + plan(-h)) / h**2
    curved = operator.move(operator.residual(x) ** 2) / eps**2
    bound = 100 * (h**2 / eps**4 + 1e-12 / h**2)
    np.testing.assert_allclose(curved, second, atol=bound)
    rise = (sinkdiag.solve(cost, eps + h).plan - sinkdiag.solve(cost, eps - h).plan) / (2 * h)
    np.testing.assert_allclose(operator.move(cost) / eps**2, rise, atol=100 * h**2 / eps**3)


@pytest.mark.parametrize("eps", [0.01, 0.004, 0.0025])
def test_near_a_permutation_the_norms_are_those_of_extended_precision(eps):
    plan = sinkdiag.solve(uniform_cost(5, 5, 7), eps).plan
    operator = factor_block(plan)
    with mpmath.workdps(80):
        inverse = naive.exact_inverse(plan)
        n = 5
        matrix = mpmath.zeros(n * n)
        for k in range(n * n):
            unit = np.zeros((n, n))
            unit.flat[k] = 1.0
            column = [mpmath.mpf(float(plan.flat[k]))] * 2
            i, j = divmod(k, n)
            z = inverse[:, i] * column[0] + inverse[:, n + j] * column[1]
            for a in range(n):
                for b in range(n):
                    left = (1 if (a, b) == (i, j) else 0) - z[a] - z[n + b]
                    matrix[a * n + b, k] = mpmath.mpf(float(plan[a, b])) * left
        scale = max(abs(matrix[k, k]) for k in range(n * n))
        exact = np.array((matrix / scale).tolist(), dtype=float)
        expected = float(np.linalg.norm(exact, 2)) * float(scale)
    start = np.random.default_rng(0).standard_normal((5, 5))
    assert largest_eigenvalue(operator.move, start).value == pytest.approx(expected, rel=1e-9)


def test_joint_scaling_permutation_and_transposition():
    cost, eps = uniform_cost(5, 5, 2), 0.07
    base = sinkdiag.sensitivity(cost, eps).iloc[0]
    scaled = sinkdiag.sensitivity(4 * cost + 100, 4 * eps).iloc[0]
    rng = np.random.default_rng(0)
    moved = sinkdiag.sensitivity(cost[rng.permutation(5)][:, rng.permutation(5)].T, eps).iloc[0]
    for name in ("C0_est", "K1_est", "K2_est"):
        assert scaled[name] == pytest.approx(base[name], rel=1e-8)
        assert moved[name] == pytest.approx(base[name], rel=1e-8)


def test_more_starts_find_no_more_on_a_larger_matrix():
    operator = solved(12, 12, 0.02)
    found = cubic_norm(operator)
    assert found.starts >= 10
    assert found.value == pytest.approx(naive.largest_cubic(operator.plan, 24, steps=150), rel=1e-5)
    assert 0 <= found.spread <= 1


def test_a_matrix_with_one_row_cannot_move():
    row = sinkdiag.sensitivity([[1.0, 2.0, 3.0]], 0.1).iloc[0]
    assert row.op_norm == row.K2_est == row.dS_de_norm == 0.0
    assert row.rho_mean == 0.0


def test_rho_comes_from_jittered_copies_without_the_original():
    cost = uniform_cost(6, 6)
    row = sinkdiag.sensitivity(cost, 0.1, replicates=4, seed=3).iloc[0]
    rng = np.random.default_rng(3)
    noise = 1e-2 * cost.std()
    rates = []
    for _ in range(4):
        copy = cost + noise * rng.standard_normal(cost.shape)
        solution = sinkdiag.solve(copy, 0.1)
        rates.append(np.linalg.svd(solution.plan)[1][1] ** 2)
    assert row.rho_mean == pytest.approx(np.mean(rates), rel=1e-10)
    assert row.rho_std == pytest.approx(np.std(rates, ddof=1), rel=1e-7)


def test_a_batch_is_its_own_replicates():
    batch = np.random.default_rng(0).random((3, 5, 5))
    frame = sinkdiag.sensitivity(batch, 0.1, extended=True)
    single = [sinkdiag.sensitivity(cost, 0.1, extended=True).iloc[0] for cost in batch]
    assert frame.op_norm[0] == pytest.approx(np.mean([row.op_norm for row in single]), rel=1e-9)
    assert frame.op_norm_std[0] == pytest.approx(
        np.std([row.op_norm for row in single], ddof=1), rel=1e-7
    )
    assert frame.rho_std[0] == pytest.approx(np.std([row.gap for row in single], ddof=1), rel=1e-9)


def test_lanczos_finds_the_top_of_a_clustered_spectrum():
    rng = np.random.default_rng(0)
    basis = np.linalg.qr(rng.standard_normal((60, 60)))[0]
    values = np.concatenate([np.full(5, 1.0), np.linspace(0, 0.999, 55)])
    matrix = (basis * values) @ basis.T
    found = largest_eigenvalue(lambda x: matrix @ x, rng.standard_normal(60))
    assert found.value == pytest.approx(1.0, rel=1e-9)
    assert found.status is Status.CONVERGED


def test_lanczos_says_when_it_was_cut_short():
    matrix = np.diag(np.linspace(0, 1, 300))
    found = largest_eigenvalue(lambda x: matrix @ x, np.ones(300), max_steps=5)
    assert found.status is Status.MAX_ITER
    assert found.value < 1.0


def test_best_angle_beats_a_fine_grid():
    rng = np.random.default_rng(0)
    circle = rng.standard_normal((40, 4))
    c, s = best_angle(circle)
    angle = np.linspace(0, np.pi, 2001)[:, None]

    def form(c, s):
        c0, c1, c2, c3 = circle.T
        return np.abs(c0 * c**3 + 3 * c1 * c**2 * s + 3 * c2 * c * s**2 + c3 * s**3)

    assert np.all(form(c, s) >= form(np.cos(angle), np.sin(angle)).max(axis=0) * (1 - 1e-12))


def test_cubic_kernels_match_their_definitions():
    rng = np.random.default_rng(0)
    plan = rng.random((3, 4))
    x, kx, slope, before, along = rng.standard_normal((5, 4, 3, 4))
    d, kd, kk = rng.standard_normal((3, 2, 3, 4))
    active = np.array([3, 1])
    out = np.empty((2, 4))
    kernels.circle_coefficients(plan, kx, kd, active, out)
    for s, k in enumerate(active):
        np.testing.assert_allclose(out[s], naive.circle_coefficients(plan, kx[k], kd[s]))
    kernels.tangent_slope(plan, kk, x, slope, before, active, out)
    for s, k in enumerate(active):
        value = np.vdot(plan * kk[s], x[k])
        expected = plan * kk[s] - value * x[k]
        np.testing.assert_allclose(slope[k], expected)
        sums = [value, np.vdot(expected, expected), np.vdot(expected, before[k])]
        np.testing.assert_allclose(out[s], [*sums, np.vdot(before[k], before[k])])
    way = np.empty((2, 3, 4))
    kernels.conjugate(slope, along, x, np.array([0.5, 2.0]), active, way)
    for s, k in enumerate(active):
        raw = slope[k] + [0.5, 2.0][s] * along[k]
        raw = raw - np.vdot(raw, x[k]) * x[k]
        np.testing.assert_allclose(way[s], raw / np.linalg.norm(raw))
    kept, old_x, old_kx, old_slope = x[[0, 2]].copy(), x.copy(), kx.copy(), slope.copy()
    c, z = np.array([0.6, 0.8]), np.array([0.8, -0.6])
    kernels.turn(x, kx, slope, before, along, d, kd, active, c, z)
    np.testing.assert_array_equal(x[[0, 2]], kept)
    for s, k in enumerate(active):
        np.testing.assert_allclose(x[k], c[s] * old_x[k] + z[s] * d[s])
        np.testing.assert_allclose(kx[k], c[s] * old_kx[k] + z[s] * kd[s])
        np.testing.assert_allclose(along[k], c[s] * d[s] - z[s] * old_x[k])
        np.testing.assert_array_equal(before[k], old_slope[k])


@pytest.mark.parametrize(("n", "m", "eps"), [(6, 6, 0.1), (5, 8, 0.05), (2, 2, 0.3)])
def test_duality_bound_matches_its_definition(n, m, eps):
    plan = sinkdiag.solve(uniform_cost(n, m), eps).plan
    row, col = plan.sum(axis=1), plan.sum(axis=0)
    forced = np.zeros((m, n * m))
    for k in range(n * m):
        unit = np.zeros((n, m))
        unit.flat[k] = 1.0
        moved = plan * unit
        forced[:, k] = (moved.sum(axis=0) - plan.T @ (moved.sum(axis=1) / row)) / col
    jacobian = plan.T @ (plan / row[:, None]) / col[:, None]
    gauge = np.outer(np.ones(m), col) / col.sum()
    answer = np.linalg.solve(np.eye(m) - jacobian + gauge, forced)
    answer -= gauge @ answer
    half = np.sqrt(col)[:, None]
    expected = np.linalg.norm(half * forced, 2) / np.linalg.norm(half * answer, 2)
    assert duality_bound(factor_block(plan)) == pytest.approx(expected, rel=1e-7)


@pytest.fixture
def cost_file(tmp_path):
    path = tmp_path / "cost.npy"
    np.save(path, uniform_cost(5, 5))
    return path


def test_command_writes_the_eight_columns_and_says_the_verdicts(cost_file):
    done = invoke("sensitivity", cost_file, "--eps", "1:0.05:6")
    assert done.status == 0
    rows = list(csv.DictReader(io.StringIO(done.out)))
    assert list(rows[0]) == COLUMNS
    frame = sinkdiag.sensitivity(uniform_cost(5, 5), [float(row["eps"]) for row in rows])
    assert [float(row["op_norm"]) for row in rows] == list(frame.op_norm)
    assert "gap = Θ(eps)" in done.err


def test_json_holds_the_claims_and_quiet_is_quiet(cost_file):
    done = invoke("-q", "sensitivity", cost_file, "--eps", "1:0.05:6", "--format", "json")
    claims = json.loads(done.out)["summary"]["claims"]
    keys = {"claim", "source", "verdict", "slope", "slope_low", "slope_high", "window", "sentence"}
    assert all(keys <= set(claim) for claim in claims)
    assert len(claims) == 11
    assert done.err == ""


def test_plot_and_manifest(cost_file, tmp_path):
    plot, manifest = tmp_path / "scaling.png", tmp_path / "manifest.json"
    arguments = ("sensitivity", cost_file, "--eps", "1:0.02:8", "--plot", plot)
    assert invoke(*arguments, "--manifest", manifest, "--seed", "7").status == 0
    assert plot.read_bytes().startswith(b"\x89PNG")
    told = json.loads(manifest.read_text())
    assert told["seed"] == 7
    assert told["numpy"] == np.__version__
    import hashlib

    digest = hashlib.sha256(cost_file.read_bytes()).hexdigest()
    assert told["inputs"] == [{"source": str(cost_file), "sha256": digest, "hashed": "file"}]


def test_batch_and_trajectory_on_the_command_line(tmp_path):
    path = tmp_path / "stack.npy"
    np.save(path, np.random.default_rng(0).random((3, 4, 4)))
    batch = invoke("sensitivity", path, "--layout", "batch", "--eps", "0.2")
    assert len(batch.out.splitlines()) == 2
    track = invoke("sensitivity", path, "--layout", "trajectory", "--eps", "0.2")
    lines = track.out.splitlines()
    assert lines[0].startswith("source,index,eps,op_norm")
    assert len(lines) == 4
