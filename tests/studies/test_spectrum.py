"""The rows of `spectrum`: the contract's columns, published anchors, words, the command."""

from __future__ import annotations

import json
import math
import re

import numpy as np
import pytest

import sinkdiag
from sinkdiag.cli.main import run
from sinkdiag.derivatives.duality import implicit_residual
from sinkdiag.jacobian.basis import eigenbasis
from sinkdiag.results import Status
from tests.helpers import frame_of

COLUMNS = [
    "eps",
    "rho",
    "gap",
    "resolvent_norm",
    "kappa_V",
    "eigenvalue_condition",
    "departure_from_normality",
    "transient_peak",
    "duality_lhs",
    "duality_rhs",
    "sweeps_per_digit",
    "sigma_2",
    "components",
    "marginal_error",
    "status",
]


@pytest.fixture(scope="module", name="cost")
def _cost():
    return np.random.default_rng(0).random((12, 12))


@pytest.fixture(scope="module", name="frame")
def _frame(cost):
    return sinkdiag.spectrum(cost, [0.1, 0.05, 0.02, 0.01]).frame()


def test_columns_and_gaps_of_the_twelve_by_twelve_matrix(frame):
    """Gaps 0.39, 0.22, 1.4e-2, 8.8e-5, as extended-precision arithmetic has them."""
    assert list(frame.columns) == COLUMNS
    assert list(frame.eps) == [0.1, 0.05, 0.02, 0.01]
    wanted = [0.39, 0.22, 1.4e-2, 8.8e-5]
    assert [float(f"{gap:.2g}") for gap in frame.gap] == wanted
    assert set(frame.status) == {"converged"}


def test_columns_hang_together(frame):
    assert np.allclose(frame.rho + frame.gap, 1.0, atol=1e-15)
    assert np.allclose(frame.sigma_2**2, frame.rho, rtol=1e-14)
    assert np.allclose(frame.sweeps_per_digit, -math.log(10) / np.log1p(-frame.gap), rtol=1e-12)
    assert (frame.resolvent_norm >= 1 / frame.gap * (1 - 1e-12)).all()
    assert (frame.resolvent_norm <= frame.kappa_V / frame.gap * (1 + 1e-12)).all()
    assert (frame.eigenvalue_condition <= frame.kappa_V).all()
    assert (frame.transient_peak >= frame.rho * (1 - 1e-12)).all()
    assert (frame.duality_lhs == frame.gap).all()
    assert (frame.duality_lhs <= frame.duality_rhs).all()


def test_natural_norm_is_normal(cost):
    frame = sinkdiag.spectrum(cost, [0.1, 0.02], norm="natural").frame()
    assert np.allclose(frame.resolvent_norm, 1 / frame.gap, rtol=1e-12)
    assert (frame.kappa_V == 1.0).all()
    assert (frame.departure_from_normality == 0.0).all()


def test_extended_columns(cost):
    frame = sinkdiag.spectrum(cost, [0.2, 0.05], extended=True, iters=5).frame()
    assert list(frame.columns[: len(COLUMNS)]) == COLUMNS
    assert (frame.implicit_residual < 1e-12).all()
    assert np.allclose(frame.converged_radius, frame.rho**5, rtol=1e-12)
    plan = sinkdiag.solve(cost, 0.2).plan
    apart = [
        0.5 * np.abs(np.linalg.matrix_power(plan, d) - 1 / 12).sum(axis=1).max() for d in (4, 5)
    ]
    assert apart[1] <= 0.01 < apart[0]
    assert frame.effective_depth[0] == 5
    assert (frame.rho**frame.predicted_sweeps <= 1e-12).all()
    assert (frame.rho ** (frame.predicted_sweeps - 1) > 1e-12).all()
    assert (frame.float32_error < 1e-4).all()
    assert (frame.float32_error < frame.float16_error).all()
    assert 1e-3 < frame.bfloat16_error[0] < 0.1
    assert (frame.normalised_float32_error < 1e-4).all()
    assert list(frame.bound) == ["exact", "exact"]


def test_leading_modes_are_called_lower_bounds(cost):
    whole = sinkdiag.spectrum(cost, 0.1).frame()
    part = sinkdiag.spectrum(cost, 0.1, modes=3, extended=True).frame()
    assert part.bound[0] == "lower"
    assert part.modes[0] == 3
    assert part.gap[0] == pytest.approx(whole.gap[0], rel=1e-12)
    assert part.kappa_V[0] <= whole.kappa_V[0]
    assert math.isnan(part.duality_rhs[0])


def test_residual_of_the_identity_is_nan_where_rounding_hides_it():
    plan = np.full((4, 4), 1e-20)
    plan[:2, :2] += np.array([[1.0, 0.5], [0.3, 1.0]])
    plan[2:, 2:] += np.array([[1.0, 0.2], [0.6, 1.0]])
    assert math.isnan(implicit_residual(eigenbasis(plan, plan.sum(axis=1), plan.sum(axis=0))))


def test_findings_name_what_was_found(cost):
    result = sinkdiag.spectrum(cost, [0.1, 0.01], norm="natural", extended=True)
    text = " | ".join(result.findings)
    assert all(finding.startswith("cost: ") for finding in result.findings)
    assert "pseudospectra add nothing" in text
    assert "2 components" in text
    assert "gap <= rhs at all 2" in text
    assert "float32 sweeps is right to 1 %" in text
    assert result.summary.norm == "natural"
    assert result.status is Status.CONVERGED
    few = sinkdiag.spectrum(cost, 0.1, norm="potential", modes=3)
    text = " | ".join(few.findings)
    assert "kappa(V) is at least 1" in text
    assert "lower estimates" in text


def test_the_freeze_does_not_depend_on_the_temperatures_asked_for(cost):
    one, other = sinkdiag.spectrum(cost, 0.1), sinkdiag.spectrum(cost, [0.05, 0.01])
    assert one.summary.eps_freeze == other.summary.eps_freeze
    assert f"at eps = {one.summary.eps_freeze:.3g} and below 20 sweeps" in one.findings[0]


def test_two_numbers_of_components_are_both_explained(cost):
    """At eps 0.1 all pairs hang together; those that stay as eps falls do not."""
    text = " | ".join(sinkdiag.spectrum(cost, 0.05).findings)
    found = re.search(
        r"active support has (\d+) components?; without the pairs whose mass is still falling, the "
        r"support of the limit eps -> 0, it has (\d+)",
        text,
    )
    assert found is not None
    assert int(found[1]) < int(found[2])


def test_one_column_has_no_mode():
    frame = sinkdiag.spectrum(np.zeros((3, 1)), 1.0, extended=True).frame()
    assert frame.rho[0] == 0.0
    assert frame.gap[0] == 1.0
    assert frame.status[0] == "converged"


def test_command_writes_rows_eigenvalues_dump_and_figure(cost, tmp_path, capsys):
    source = tmp_path / "cost.npy"
    np.save(source, cost)
    values, dump, plot = (tmp_path / name for name in ("values.csv", "dump.npz", "plot.png"))
    extra = ["--eigenvalues", str(values), "--dump", str(dump), "--plot", str(plot)]
    status = run(["spectrum", str(source), "--eps", "0.1:0.02:2", *extra])
    out, err = capsys.readouterr()
    assert status == 0
    frame = frame_of(out)
    assert list(frame.columns) == COLUMNS
    assert "plan norm" in err
    listed = frame_of(values.read_text())
    assert list(listed.columns) == ["eps", "index", "eigenvalue", "condition", "gap"]
    assert len(listed) == 2 * 11
    assert listed.eigenvalue[0] == frame.rho[0]
    assert plot.read_bytes().startswith(b"\x89PNG")
    with np.load(dump) as arrays:
        assert arrays["plan"].shape == (2, 12, 12)
        assert np.allclose(arrays["plan"].sum(axis=1), arrays["col"], rtol=1e-12)
        assert np.array_equal(arrays["gaps"][:, 0], frame.gap)
        factor, vectors = arrays["factor"][0], arrays["vectors"][0]
        plan, row = arrays["plan"][0], arrays["row"]
        moves = plan[:, :, None] * (vectors - (plan @ vectors / row[:, None])[:, None])
        flat = moves.reshape(-1, vectors.shape[1])
        assert np.allclose(factor.T @ factor, flat.T @ flat, atol=1e-12)
        assert np.abs(arrays["schur"].sum(axis=1)).max() < 1e-14


def test_command_is_reproducible_and_speaks_json(cost, tmp_path, capsys):
    source = tmp_path / "cost.npy"
    np.save(source, cost)
    command = ["-q", "spectrum", str(source), "--eps", "0.05", "--iters", "3", "--format", "json"]
    assert run(command) == 0
    first = capsys.readouterr()
    assert run(command) == 0
    assert capsys.readouterr().out == first.out
    assert first.err == ""
    document = json.loads(first.out)
    assert document["rows"][0]["iters"] == 3
    assert document["rows"][0]["truncated_radius"] > 0
    assert document["summary"]["norm"] == "plan"


def test_batches_get_labels_and_one_summary_each(cost, tmp_path, capsys):
    source = tmp_path / "batch.npy"
    np.save(source, np.stack([cost, cost.T]))
    values = tmp_path / "values.csv"
    command = ["spectrum", str(source), "--layout", "batch", "--eps", "0.1", "--format", "json"]
    assert run([*command, "--eigenvalues", str(values)]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [row["index"] for row in document["rows"]] == [0, 1]
    assert len(document["summary"]) == 2
    gaps = [row["gap"] for row in document["rows"]]
    assert gaps[0] == pytest.approx(gaps[1], rel=1e-12)
    assert list(frame_of(values.read_text()).matrix) == [0] * 11 + [1] * 11
    assert run([*command, "--dump", str(tmp_path / "d.npz")]) == 2


def test_unresolved_rows_are_written_and_leave_with_status_4(tmp_path, capsys):
    """Two blocks that only underflowing entries join have no gap to speak of."""
    cost = np.full((4, 4), 1e4)
    cost[:2, :2] = [[0.0, 0.1], [0.2, 0.0]]
    cost[2:, 2:] = [[0.0, 0.3], [0.1, 0.0]]
    source = tmp_path / "cost.npy"
    np.save(source, cost)
    status = run(["spectrum", str(source), "--eps", "1"])
    out, err = capsys.readouterr()
    frame = frame_of(out)
    assert status == 4
    assert frame.status[0] == str(Status.BELOW_RESOLUTION)
    assert np.isnan(frame.gap[0])
    assert np.isnan(frame.kappa_V[0])
    assert "below_resolution at 1 of 1" in err


@pytest.mark.parametrize(
    ("options", "status"),
    [(["--norm", "max"], 2), (["--modes", "0"], 2), (["--iters", "0"], 2), (["--eps", "0"], 2)],
)
def test_bad_options(cost, tmp_path, capsys, options, status):
    source = tmp_path / "cost.npy"
    np.save(source, cost)
    assert run(["spectrum", str(source), *options]) == status
    assert capsys.readouterr().out == ""


def test_three_dimensions_want_a_layout(cost):
    stack = np.stack([cost, cost.T])
    with pytest.raises(sinkdiag.InputError, match="layout"):
        sinkdiag.spectrum(stack, 0.1)
    result = sinkdiag.spectrum(stack, 0.1, layout="batch")
    assert list(result.frame().columns[:2]) == ["source", "index"]
    assert list(result.frame()["index"]) == [0, 1]


@pytest.mark.parametrize(
    ("name", "value"),
    [("norm", "max"), ("modes", 0), ("iters", -3), ("tol", 0.0), ("max_iter", 0), ("seed", -1)],
)
def test_arguments_out_of_range_are_named(cost, name, value):
    with pytest.raises(sinkdiag.InputError, match=f"^{name}: "):
        sinkdiag.spectrum(cost, 0.1, **{name: value})


def test_figure_and_dump_from_python(cost, tmp_path):
    result = sinkdiag.spectrum(cost, [0.1, 0.05], keep=True)
    result.plot(str(tmp_path / "figure.svg"))
    assert (tmp_path / "figure.svg").read_bytes().startswith(b"<?xml")
    with pytest.raises(sinkdiag.InputError, match="ending"):
        result.plot(str(tmp_path / "figure.txt"))
    with (tmp_path / "dump.npz").open("wb") as stream:
        result.write_dump(stream)
    with np.load(tmp_path / "dump.npz") as arrays:
        assert arrays["plan"].shape == (2, 12, 12)
