"""`sinkdiag report` on the command line: text, page, JSON, sections, faults, comparison."""

from __future__ import annotations

import json

import numpy as np
import pytest

from sinkdiag.studies.report_names import SECTIONS
from tests.checkpoints.written import deepseek, save
from tests.helpers import frame_of, invoke, planar_cost
from tests.shell import run_line


@pytest.fixture(name="cost")
def _cost(tmp_path):
    path = tmp_path / "cost.npy"
    np.save(path, planar_cost(8))
    return path


def test_findings_are_the_data_without_an_output(cost):
    outcome = invoke("report", cost, "--only", "check", "--eps", "0.15")
    assert (outcome.status, outcome.err) == (0, "")
    assert outcome.out.startswith(str(cost)[:40])
    assert "\nok      input: 8×8 costs" in outcome.out


def test_rows_and_json_on_request(cost):
    rows = frame_of(invoke("report", cost, "--only", "check,spectrum", "--format", "csv").out)
    assert list(rows.columns) == ["topic", "verdict", "value", "eps", "section", "answer"]
    assert set(rows["section"]) == {"check", "spectrum"}
    outcome = invoke("report", cost, "--only", "check", "--only", "spectrum", "--format", "json")
    assert [part["command"] for part in json.loads(outcome.out)["sections"]] == ["spectrum"]


def test_the_page_is_written_whole_and_said_on_standard_error(cost, tmp_path):
    page = tmp_path / "page.html"
    outcome = invoke("report", cost, "--skip", ",".join(SECTIONS[1:]), "-o", page)
    assert (outcome.status, outcome.out) == (0, "")
    assert f"{cost}: temperature: sane from" in outcome.err
    assert page.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cost.npy", "page.html"]


def test_a_page_that_cannot_be_written_is_said_before_anything_is_computed(cost, tmp_path):
    for target, status in ((tmp_path / "no" / "x.html", 3), (tmp_path / "x.xlsx", 2), (cost, 2)):
        outcome = invoke("report", cost, "-o", target)
        assert (outcome.status, outcome.out) == (status, "")
        assert outcome.err.count("\n") == 1
    assert invoke("report", cost, "-o", tmp_path / "x.xlsx").err.strip().endswith("or say --format")


def test_an_unknown_section_names_the_right_ones(cost):
    for option in ("--only", "--skip"):
        outcome = invoke("report", cost, option, "check,spectra")
        assert outcome.status == 2
        assert "'spectra' is no section; there are check, spectrum, pseudo" in outcome.err
    nothing = invoke("report", cost, "--only", "check", "--skip", "check")
    assert (nothing.status, nothing.err.count("\n")) == (2, 1)
    assert "no section is left" in nothing.err


def test_the_worst_status_of_its_sections_is_its_own(tmp_path):
    path = tmp_path / "cost.npy"
    cost = np.full((4, 4), np.inf)
    cost[:2, :2], cost[2:, 2:] = planar_cost(2), planar_cost(2, 1)
    np.save(path, cost)
    alone = invoke("spectrum", path, "--eps", "0.1").status
    assert alone == 4
    assert invoke("report", path, "--eps", "0.1", "--only", "check,spectrum").status == 4
    assert invoke("report", path, "--eps", "0.1", "--only", "check").status == 0


def test_answers_can_be_gated(cost):
    quick = ["--only", "check", "--fail-on", "verdict==act"]
    assert invoke("report", cost, "--eps", "0.15", *quick).status == 0
    outcome = invoke("report", cost, "--eps", "0.001", *quick)
    assert outcome.status == 5
    assert "has verdict = act" in outcome.err
    assert invoke("report", cost, "--fail-on", "gap<1").status == 2


def test_reports_compare_section_by_section(cost, tmp_path):
    for name, eps in (("a", "0.1"), ("b", "0.1"), ("c", "0.11")):
        options = ["--eps", eps, "--only", "check,spectrum", "-o", tmp_path / f"{name}.json"]
        assert invoke("report", cost, *options).status == 0
    same = invoke("compare", tmp_path / "a.json", tmp_path / "b.json", "--fail-on-change")
    assert same.status == 0
    assert frame_of(same.out)["column"].tolist() == ["arguments"]
    other = invoke("compare", tmp_path / "a.json", tmp_path / "c.json", "--fail-on-change")
    assert other.status == 5
    rows = frame_of(other.out)
    changed = set(zip(rows["row"], rows["column"], strict=True))
    assert {("check 0", "tv"), ("1", "eps")} <= changed
    assert any(row.startswith("spectrum ") for row in rows["row"])


def test_a_page_holds_what_its_json_holds(cost, tmp_path):
    for name, eps in (("a.html", "0.1"), ("a.json", "0.1"), ("b.html", "0.05")):
        options = ["--eps", eps, "--only", "check", "-o", tmp_path / name]
        assert invoke("report", cost, *options).status == 0
    rows = frame_of(invoke("compare", tmp_path / "a.html", tmp_path / "a.json").out)
    assert rows["column"].tolist() == ["arguments"]
    changed = invoke("compare", tmp_path / "a.html", tmp_path / "b.html", "--fail-on-change")
    assert changed.status == 5


def test_a_missing_section_and_another_input_are_differences(cost, tmp_path):
    other = tmp_path / "other.npy"
    np.save(other, planar_cost(8, 1))
    for name, path, sections in (("a", cost, "check"), ("b", other, "check,spectrum")):
        options = ["--only", sections, "-o", tmp_path / f"{name}.json"]
        assert invoke("report", path, *options).status == 0
    rows = frame_of(invoke("compare", tmp_path / "a.json", tmp_path / "b.json").out)
    manifest = rows[rows["row"] == "manifest"]
    assert manifest.set_index("column").loc["inputs[0].sha256", "beyond"] == "True"
    assert (rows[rows["row"] == "spectrum 0"]["a"] == "").all()


@pytest.mark.parametrize(
    "text",
    [
        "<html></html>",
        '<script type="application/json" id="sinkdiag-data">{</script>',
        '<script type="application/json" id="sinkdiag-data">[1]</script>',
        '<script type="application/json" id="sinkdiag-data">{"rows":[],"sections":[{}]}</script>',
    ],
)
def test_pages_of_others_are_one_line(tmp_path, text):
    path = tmp_path / "page.html"
    path.write_text(text)
    outcome = invoke("compare", path, path)
    assert (outcome.status, outcome.out) == (3, "")
    assert outcome.err.count("\n") == 1


def test_a_report_is_not_compared_with_rows(cost, tmp_path):
    assert invoke("report", cost, "--only", "check", "-o", tmp_path / "a.json").status == 0
    assert invoke("check", cost, "-o", tmp_path / "a.csv").status == 0
    assert "two of a kind" in invoke("compare", tmp_path / "a.json", tmp_path / "a.csv").err


def test_the_manifest_stands_on_the_page_and_in_a_file(cost, tmp_path):
    page, manifest = tmp_path / "page.html", tmp_path / "m.json"
    options = ["--only", "check", "-o", page, "--manifest", manifest]
    assert invoke("report", cost, *options).status == 0
    found = json.loads(manifest.read_text())
    assert found["inputs"][0]["sha256"] in page.read_text()
    assert found["settings"]["only"] == ["check"]


def test_checkpoints_are_recognised(tmp_path):
    path = tmp_path / "model.safetensors"
    save(path, deepseek(np.random.default_rng(1).standard_normal((2, 4, 4))))
    outcome = invoke("report", path)
    assert outcome.status == 0
    assert "network: " in outcome.out
    assert invoke("report", tmp_path).status == 0
    assert invoke("report", path, "--eps", "1").status == 2
    np.save(tmp_path / "cost.npy", planar_cost(4))
    assert "not both" in invoke("report", path, tmp_path / "cost.npy").err


def test_costs_in_safetensors_and_archives_are_costs(tmp_path):
    np.savez(tmp_path / "cost.npz", cost=planar_cost(5), truth=np.arange(5))
    assert "5×5" in invoke("report", tmp_path / "cost.npz", "--only", "check").out
    save(tmp_path / "cost.safetensors", {"cost": planar_cost(5)})
    assert "5×5" in invoke("report", tmp_path / "cost.safetensors", "--only", "check").out
    damaged = tmp_path / "damaged.safetensors"
    damaged.write_bytes(b"x" * 40)
    assert invoke("report", damaged).status == 3


def test_blas_runs_on_one_thread_unless_the_user_says_otherwise(cost, monkeypatch):
    for given, found in ((None, "1"), ("2", "2")):
        monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
        if given is not None:
            monkeypatch.setenv("OPENBLAS_NUM_THREADS", given)
        line = "sinkdiag -q report cost.npy --only check --manifest m.json"
        assert run_line(line, cost.parent).returncode == 0
        manifest = json.loads((cost.parent / "m.json").read_text())
        assert manifest["thread_variables"]["OPENBLAS_NUM_THREADS"] == found
