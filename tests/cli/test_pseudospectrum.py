"""``sinkdiag pseudospectrum`` and `sinkdiag.pseudospectrum`, end to end."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import math

import numpy as np
import pytest

import sinkdiag
from sinkdiag.rendering.saved_grids import load_grids
from tests.helpers import invoke, planar_cost
from tests.naive import resolvent as naive

COLUMNS = ["eps", "re", "im", "resolvent_norm", "norm"]
SMALL = ["--grid", "10"]


@pytest.fixture
def cost(tmp_path):
    path = tmp_path / "cost.npy"
    np.save(path, planar_cost(14, seed=3))
    return path


def read(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_rows_summary_and_frame_agree(cost):
    found = invoke("pseudospectrum", cost, "--eps", "0.2:0.05:2", *SMALL)
    assert found.status == 0
    rows = read(found.out)
    assert list(rows[0]) == COLUMNS
    assert len(rows) == 200
    result = sinkdiag.pseudospectrum(np.load(cost), [0.2, 0.05], grid=(10, 10))
    frame = result.frame()
    assert list(frame.columns) == COLUMNS
    assert [float(row["resolvent_norm"]) for row in rows] == frame["resolvent_norm"].tolist()
    document = json.loads(
        invoke("pseudospectrum", cost, "--eps", "0.2:0.05:2", *SMALL, "--format", "json").out
    )
    facts = document["summary"]["pseudospectra"]
    assert [item["eps"] for item in facts] == [0.2, 0.05]
    for item, expected in zip(facts, result.summary.pseudospectra, strict=True):
        assert item["kappa_V"] == expected.kappa_V
        assert item["kreiss"]["lower"] <= item["kreiss"]["upper"]
        assert item["numerical_radius"] <= item["numerical_radius_upper"]
        assert all(power["norm"] <= power["upper"] * (1 + 1e-9) for power in item["powers"])
        assert all(radius["lower"] > item["spectral_radius"] for radius in item["radii"])
        assert item["status"] == "converged"


def test_the_default_grid_has_at_least_2500_points(cost):
    rows = read(invoke("pseudospectrum", cost, "--eps", "0.1").out)
    assert len(rows) >= 2500


def test_the_verdict_goes_to_standard_error_and_quiet_keeps_it(cost):
    found = invoke("pseudospectrum", cost, "--eps", "0.2", *SMALL, "--norm", "natural")
    assert "pseudospectra add nothing" in found.err
    assert invoke("-q", "pseudospectrum", cost, "--eps", "0.2", *SMALL).err == ""
    loud = invoke("-v", "pseudospectrum", cost, "--eps", "0.2", *SMALL, "--structured", "0.01")
    assert "pseudospectral radius" in loud.err
    assert "first order" in loud.err


def test_several_norms_side_by_side(cost):
    found = invoke(
        "pseudospectrum", cost, "--eps", "0.1", *SMALL, "--norm", "plan", "--norm", "natural"
    )
    rows = read(found.out)
    assert [row["norm"] for row in rows] == ["plan"] * 100 + ["natural"] * 100
    # No norm's resolvent is below 1/dist, which is the natural norm's.
    for plan, natural in zip(rows[:100], rows[100:], strict=True):
        assert (plan["re"], plan["im"]) == (natural["re"], natural["im"])
        assert float(plan["resolvent_norm"]) >= float(natural["resolvent_norm"]) * (1 - 1e-6)


def test_a_saved_grid_is_drawn_and_reported_again(cost, tmp_path):
    saved, first, second = (tmp_path / name for name in ("g.npz", "a.png", "b.png"))
    begun = invoke("pseudospectrum", cost, "--eps", "0.1", *SMALL, "--structured", "0.01",
                   "--save-grid", saved, "--plot", first)  # fmt: skip
    again = invoke("pseudospectrum", "--from-grid", saved, "--plot", second)
    assert again.out == begun.out
    assert again.err == begun.err
    assert second.read_bytes() == first.read_bytes()
    assert load_grids(str(saved)).grids[0].pseudospectrum.summary.structured[0].low < 1


@pytest.mark.parametrize("ending", ["svg", "pdf"])
def test_a_strip_over_temperatures(cost, tmp_path, ending):
    path = tmp_path / f"strip.{ending}"
    found = invoke("pseudospectrum", cost, "--eps", "0.3:0.05:3", *SMALL, "--plot", path)
    assert found.status == 0
    assert path.stat().st_size > 5000


def test_pseudo_modes_name_rows_and_columns(cost, tmp_path):
    path = tmp_path / "modes.csv"
    found = invoke(
        "pseudospectrum", cost, "--eps", "0.1", *SMALL, "--mode-at", "1", "--mode-at", "0.5+0.1j",
        "--mode-entries", path,
    )  # fmt: skip
    assert found.status == 0
    rows = read(path.read_text())
    assert len(rows) == 2 * 28
    assert {row["side"] for row in rows} == {"row", "col"}
    share = sum(float(row["share"]) for row in rows if row["side"] == "row")
    assert share == pytest.approx(2.0)


def test_truncated_sweeps(cost):
    found = invoke("pseudospectrum", cost, "--eps", "0.05", "--iters", "3", *SMALL,
                   "--format", "json")  # fmt: skip
    assert found.status == 0
    facts = json.loads(found.out)["summary"]["pseudospectra"][0]
    assert facts["iters"] == 3
    assert facts["status"] == "truncated"


def test_any_matrix(tmp_path):
    path = tmp_path / "grcar.npy"
    np.save(path, naive.grcar(20))
    found = invoke("pseudospectrum", "--matrix", path, "--level", "1e-2", *SMALL,
                   "--format", "json")  # fmt: skip
    assert found.status == 0
    document = json.loads(found.out)
    row = document["rows"][7]
    expected = naive.resolvent_norm(naive.grcar(20), complex(row["re"], row["im"]))
    assert row["resolvent_norm"] == pytest.approx(expected, rel=1e-6)
    assert row["eps"] is None
    result = sinkdiag.pseudospectrum(matrix=1j * naive.grcar(20), grid=(10, 10), levels=[1e-2])
    turned = result.summary.pseudospectra[0].radii[0].lower
    radius = document["summary"]["pseudospectra"][0]["radii"][0]["lower"]
    assert turned == pytest.approx(radius, rel=1e-8)


def test_points_below_resolution_are_nan_with_status_4(tmp_path):
    path = tmp_path / "grcar.npy"
    np.save(path, naive.grcar(100))
    found = invoke("pseudospectrum", "--matrix", path, "--axes", "0.2,0.4,2.0,2.2", "--grid", "4",
                   "--level", "1")  # fmt: skip
    assert found.status == 4
    assert all(math.isnan(float(row["resolvent_norm"])) for row in read(found.out))
    assert "below resolution" in found.err


@pytest.mark.parametrize("shape", [(1, 1), (1, 3), (3, 1), (2, 2), (6, 6)])
@pytest.mark.parametrize("kind", ["zero", "frozen"])
def test_degenerate_costs_give_rows_and_no_noise(tmp_path, shape, kind):
    path = tmp_path / "cost.npy"
    np.save(path, np.zeros(shape) if kind == "zero" else 1.0 - np.eye(*shape))
    eps = "1" if kind == "zero" else "0.01"
    found = invoke(
        "pseudospectrum", path, "--eps", eps, "--grid", "4", "--norm", "plan", "--norm", "natural",
        "--format", "json", "--plot", tmp_path / "p.png",
    )  # fmt: skip
    assert found.status in (0, 4)
    document = json.loads(found.out)
    assert len(document["rows"]) == 32
    natural = document["summary"]["pseudospectra"][1]
    assert natural["status"] in ("converged", "frozen")
    if kind == "frozen" and shape in ((2, 2), (6, 6)):
        assert natural["status"] == "frozen"
        assert natural["kreiss"]["upper"] <= 1.001


def test_a_stack_keeps_the_place_of_each_matrix(tmp_path):
    """In rows, in the summary, in the saved grid, and again from the saved grid."""
    path, saved = tmp_path / "stack.npy", tmp_path / "grids.npz"
    np.save(path, np.stack([planar_cost(5, seed) for seed in range(3)]))
    given = ("--layout", "batch", "--eps", "0.2", "--grid", "4", "--save-grid", saved)
    found = invoke("pseudospectrum", path, *given)
    rows = read(found.out)
    assert list(rows[0])[:2] == ["source", "index"]
    assert [row["index"] for row in rows] == ["0"] * 16 + ["1"] * 16 + ["2"] * 16
    assert {row["source"] for row in rows} == {str(path)}
    document = json.loads(invoke("pseudospectrum", path, *given, "--format", "json").out)
    facts = document["summary"]["pseudospectra"]
    # Several levels each: their number must not stand for the matrix's.
    assert all(len(item["radii"]) == 3 for item in facts)
    assert [item["index"] for item in facts] == [0, 1, 2]
    assert [item["source"] for item in facts] == [f"{path}[{index}]" for index in range(3)]
    grids = load_grids(str(saved)).grids
    assert [grid.label.index for grid in grids] == [0, 1, 2]
    assert [grid.pseudospectrum.summary.index for grid in grids] == [0, 1, 2]
    assert invoke("pseudospectrum", "--from-grid", saved).out == found.out


def test_one_matrix_is_labelled_with_layout_and_with_several_files_only(cost, tmp_path):
    saved = tmp_path / "grids.npz"
    alone = invoke("pseudospectrum", cost, "--eps", "0.2", "--grid", "4")
    assert list(read(alone.out)[0]) == COLUMNS
    for given in ([cost, "--layout", "batch"], [cost, cost]):
        found = invoke(
            "pseudospectrum", *given, "--eps", "0.2", "--grid", "4", "--save-grid", saved
        )
        assert list(read(found.out)[0]) == ["source", "index", *COLUMNS]
        assert invoke("pseudospectrum", "--from-grid", saved).out == found.out


def test_a_unit_of_temperature_is_each_matrix_s_own(tmp_path):
    small, large = tmp_path / "small.npy", tmp_path / "large.npy"
    np.save(small, planar_cost(5, 0))
    np.save(large, 7.0 * planar_cost(5, 0))
    found = invoke(
        "pseudospectrum", small, large, "--eps", "0.2", "--eps-unit", "range", "--grid", "4"
    )
    rows = read(found.out)
    first, second = float(rows[0]["eps"]), float(rows[-1]["eps"])
    assert first == pytest.approx(0.2 * np.ptp(planar_cost(5, 0)))
    assert second == pytest.approx(7.0 * first)
    # The same problem in other units has the same Jacobian.
    norms = np.array([float(row["resolvent_norm"]) for row in rows]).reshape(2, -1)
    np.testing.assert_allclose(norms[0], norms[1], rtol=1e-6)


def test_extended_columns(cost):
    rows = read(invoke("pseudospectrum", cost, "--eps", "0.2", *SMALL, "--extended").out)
    assert list(rows[0]) == [*COLUMNS, "converged", "iters"]
    assert {row["converged"] for row in rows} == {"True"}


def test_manifest_names_a_matrix_and_a_saved_grid(tmp_path):
    grid, told = tmp_path / "grid.npz", tmp_path / "told.json"
    matrix = tmp_path / "matrix.npy"
    np.save(matrix, naive.grcar(8))
    arguments = ("--matrix", matrix, *SMALL, "--save-grid", grid, "--manifest", told, "--seed", "3")
    assert invoke("pseudospectrum", *arguments).status == 0
    record = json.loads(told.read_text())
    assert record["settings"]["seed"] == 3
    assert record["inputs"][0]["sha256"] == hashlib.sha256(matrix.read_bytes()).hexdigest()
    assert invoke("pseudospectrum", "--from-grid", grid, "--manifest", told).status == 0
    record = json.loads(told.read_text())
    assert record["inputs"][0]["sha256"] == hashlib.sha256(grid.read_bytes()).hexdigest()


def test_the_seed_moves_no_digit_that_was_promised(tmp_path):
    """Of an order that is iterated; small ones have no first vectors."""
    cost = tmp_path / "cost.npy"
    np.save(cost, planar_cost(30, seed=3))
    runs = [
        invoke("pseudospectrum", cost, "--eps", "0.05", *SMALL, "--seed", seed).out
        for seed in ("0", "1", "1")
    ]
    assert runs[1] == runs[2]
    first, second = ([float(row["resolvent_norm"]) for row in read(run)] for run in runs[:2])
    assert first != second
    np.testing.assert_allclose(first, second, rtol=2e-6)
