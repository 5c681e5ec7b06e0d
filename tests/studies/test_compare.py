"""Two results, value by value: what changed, whether that is more than was stated, what is said."""

from __future__ import annotations

import json

import numpy as np
import pytest

import sinkdiag
from sinkdiag.errors import InputError
from sinkdiag.rendering.saved_results import load_result
from tests.helpers import invoke, planar_cost

ROWS = "eps,gap,marginal_error,status\n0.5,0.25,1e-15,converged\n0.1,1e-3,2e-15,converged\n"


@pytest.fixture(name="write")
def _write(tmp_path):
    def write(name, text):
        path = tmp_path / name
        path.write_text(text)
        return str(path)

    return write


def changed(result):
    return [(row.row, row.column, row.beyond) for row in result.rows]


def test_equal_results_have_no_rows(write):
    a, b = write("a.csv", ROWS), write("b.csv", ROWS)
    result = sinkdiag.compare(a, b)
    assert result.rows == ()
    assert result.findings == (f"{a} and {b}: no value changed beyond a relative 1e-10",)


def test_a_number_has_changed_beyond_what_is_stated_or_not(write):
    text = ROWS.replace("0.25", "0.25000000001").replace("1e-3", "1.1e-3").replace("2e-15", "9e-15")
    result = sinkdiag.compare(write("a.csv", ROWS), write("b.csv", text))
    assert changed(result) == [
        ("0", "gap", False), ("1", "gap", True), ("1", "marginal_error", False),
    ]  # fmt: skip
    second = result.rows[1]
    assert (second.a, second.b) == ("0.001", "0.0011")
    assert second.relative == pytest.approx(0.1 / 1.1)
    assert "most: gap of row 1, from 0.001 to 0.0011" in result.findings[1]
    loose = sinkdiag.compare(write("a.csv", ROWS), write("b.csv", text), tol=0.2)
    assert not any(row.beyond for row in loose.rows)


def test_words_and_missing_values_have_changed(write):
    text = ROWS.replace("1e-15,converged", "1e-15,stalled").replace("0.25", "nan")
    result = sinkdiag.compare(write("a.csv", ROWS), write("b.csv", text))
    assert changed(result) == [("0", "gap", True), ("0", "status", True)]
    assert "status of row 0 was converged, is stalled" in result.findings


def test_nan_is_nan(write):
    text = ROWS.replace("0.25", "nan")
    assert sinkdiag.compare(write("a.csv", text), write("b.csv", text)).rows == ()


def test_formats_compare_with_each_other(tmp_path):
    result = sinkdiag.spectrum(planar_cost(6), [0.5, 0.1])
    for form in ("csv", "json", "jsonl"):
        (tmp_path / f"a.{form}").write_text(result.table.render(form))
    a = str(tmp_path / "a.csv")
    assert sinkdiag.compare(a, str(tmp_path / "a.jsonl")).rows == ()
    more = sinkdiag.compare(a, str(tmp_path / "a.json")).rows
    assert {row.row for row in more} == {"summary"}


def test_rows_are_found_again_by_their_temperature(write):
    header, first, second = ROWS.splitlines()
    text = "\n".join([header, "1.0,0.9,1e-15,converged", first, second]) + "\n"
    result = sinkdiag.compare(write("a.csv", ROWS), write("b.csv", text))
    assert {row.row for row in result.rows} == {"2"}
    assert all(row.a == "" for row in result.rows)
    assert "has 2 rows" in result.findings[-1]


def test_sentences_change_by_their_words(write):
    text = "k_safe,verdict\n0.5,window: it takes 58 steps\n"
    close = text.replace("58 steps", "58.0000001 steps")
    assert not any(
        r.beyond for r in sinkdiag.compare(write("a.csv", text), write("b.csv", close)).rows
    )
    other = text.replace("window", "empty")
    assert sinkdiag.compare(write("a.csv", text), write("b.csv", other)).rows[0].beyond


@pytest.fixture(name="runs")
def _runs(tmp_path):
    """Results and manifests of two runs that differ in seed and tolerance."""
    np.save(tmp_path / "cost.npy", planar_cost(8))
    for name, options in (("a", []), ("b", ["--seed", "1", "--tol", "1e-6"])):
        files = ["-o", tmp_path / f"{name}.json", "--manifest", tmp_path / f"{name}.m.json"]
        assert (
            invoke("spectrum", tmp_path / "cost.npy", "--eps", "0.1", *options, *files).status == 0
        )
    return tmp_path


def test_manifests_tell_what_differs_between_runs(runs):
    result = sinkdiag.compare(str(runs / "a.m.json"), str(runs / "b.m.json"))
    found = {row.column: row.beyond for row in result.rows}
    assert found == {"arguments": False, "settings.seed": True, "settings.tol": True}
    assert "the runs differ in arguments" in result.findings


def test_the_looser_stated_tolerance_counts(runs):
    a, b = str(runs / "a.json"), str(runs / "b.json")
    manifests = (str(runs / "a.m.json"), str(runs / "b.m.json"))
    result = sinkdiag.compare(a, b, manifests=manifests)
    assert result.summary.tol == 1e-6
    numbers = [row for row in result.rows if row.row != "manifest" and row.beyond]
    assert numbers == []


def test_other_versions_are_said_and_fail_nothing(runs):
    document = json.loads((runs / "a.m.json").read_text())
    document |= {"numpy": "1.0", "thread_variables": {"OMP_NUM_THREADS": "64"}}
    (runs / "c.m.json").write_text(json.dumps(document))
    outcome = invoke("compare", runs / "a.m.json", runs / "c.m.json", "--fail-on-change")
    assert outcome.status == 0
    assert "numpy" in outcome.err
    document["inputs"][0]["sha256"] = "0" * 64
    (runs / "c.m.json").write_text(json.dumps(document))
    assert invoke("compare", runs / "a.m.json", runs / "c.m.json", "--fail-on-change").status == 5


def test_status_five_only_on_request(runs):
    for name, status in (("a", 0), ("b", 5)):
        more = invoke("compare", runs / "a.json", runs / f"{name}.json", "--fail-on-change")
        assert more.status == status
        assert invoke("compare", runs / "a.json", runs / f"{name}.json").status == 0


BAD = {
    "no such": None,
    "empty": b"",
    "not text": b"\xff\xfe\x00",
    "no names": b"1,2\n3,4\n",
    "ragged": b"a,b\n1\n",
    "no rows": b'{"a": 1}',
    "list": b'{"rows": 3}',
    "damaged": b'{"rows": [',
    "deep": b'{"rows":' + b"[" * 100_000,
}


@pytest.mark.parametrize("name", BAD)
def test_anything_else_is_one_line(tmp_path, name):
    path, good = tmp_path / "bad.csv", tmp_path / "good.csv"
    good.write_text(ROWS)
    if BAD[name] is not None:
        path.write_bytes(BAD[name])
    outcome = invoke("compare", good, path)
    assert (outcome.status, outcome.out) == (3, "")
    assert outcome.err.count("\n") == 1
    assert str(path) in outcome.err


def test_two_of_a_kind(runs):
    with pytest.raises(InputError, match="two of a kind"):
        sinkdiag.compare(str(runs / "a.json"), str(runs / "a.m.json"))
    with pytest.raises(InputError, match="no manifest"):
        sinkdiag.compare(*[str(runs / "a.json")] * 2, manifests=(str(runs / "a.json"),) * 2)
    assert load_result(str(runs / "a.m.json")).kind == "manifest"
