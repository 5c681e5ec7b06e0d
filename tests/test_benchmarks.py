"""The tables of the benchmarks are made from lines; the benchmarks themselves are run by hand."""

from __future__ import annotations

import json
import re
from importlib import import_module

import numpy as np
import pytest

import sinkdiag
from tests.helpers import uniform_cost
from tests.shell import ROOT

MACHINE = {
    "cpu": "a processor", "cores": 1, "all_cores": 2, "python": "3", "versions": {"numpy": "2"},
    "date": "2026-11-30", "load": 0.5,
}  # fmt: skip


@pytest.fixture
def benchmark(monkeypatch):
    """Imports a script of tests/benchmarks as a module."""
    monkeypatch.syspath_prepend(ROOT / "tests/benchmarks")
    return import_module


def line(solver, seconds, error, cell="random:200:1e-3", **more):
    return {
        "table": "peers", "solver": solver, "cell": cell, "seconds": seconds, "error": error,
        "limit": 10.0, "clock": "wall", "machine": MACHINE, **more,
    }  # fmt: skip


def test_a_table_says_who_reached_the_goal_and_how_many_passes_it_took(benchmark):
    tables = benchmark("tables")
    passes = {"temperatures": 4, "exponentials": 5, "reads": 99.6, "factors": 2}
    records = [
        line("ott", None, None),
        line("regot-ssns", 3.0, 2e-9),
        line("pot-log", 9.0, 1e-10),
        line("sinkdiag", 7.0, 1e-3),
        line("sinkdiag", 0.5, 1e-12, passes=passes),
        line("sinkdiag", 0.25, 1e-12, "digits:64:1e-2", passes=passes),
        line("ott", 12.0, 1e-3, "digits:64:1e-2"),
    ]
    head, _, first, second, empty, machine = tables.render("peers", records)
    assert head.split(" | ")[3:-2] == ["sinkdiag", "ott", "regot-ssns", "pot-log"]
    assert first == (
        "| random | 200 | 1e-3 | 0.5 s | >10 s | stops (2.0e-09), 3 s | 9 s | 18× (pot-log) "
        "| 5/4 = 1.2, 100 + 2 factors |"
    )
    assert second.startswith("| digits | 64 | 1e-2 | 0.25 s | >10 s (1.0e-03) | – | – | >40× |")
    assert empty == ""
    assert machine == "a processor, 1 of 2 cores, Python 3, numpy 2; 2026-11-30, load up to 0.5."


def test_every_table_has_its_place_and_only_that_changes(benchmark):
    tables = benchmark("tables")
    for name, table in tables.TABLES.items():
        page = table.page.read_text(encoding="utf-8")
        changed = tables.put(page, name, ["| new |"])
        assert f"<!-- table:{name} -->\n\n| new |\n\n<!-- end:{name} -->" in changed
        outside = re.compile(rf"<!-- table:{name} -->.*?<!-- end:{name} -->", re.DOTALL)
        assert outside.sub("", changed) == outside.sub("", page)
    with pytest.raises(ValueError, match="no single place"):
        tables.put("", "peers", [])


def test_the_tables_are_those_of_the_lines_that_are_kept(benchmark):
    tables, lines = benchmark("tables"), benchmark("lines")
    files = sorted((ROOT / "tests/benchmarks/results").glob("*.jsonl"))
    records = [record for file in files for record in lines.read(file)]
    for name in dict.fromkeys(record["table"] for record in records):
        page = tables.TABLES[name].page.read_text(encoding="utf-8")
        assert tables.put(page, name, tables.render(name, records)) == page


def test_lines_carry_the_machine_and_are_json(benchmark, tmp_path):
    lines = benchmark("lines")
    path = tmp_path / "new" / "run.jsonl"
    lines.Lines(path, ("numpy", "no-such-package")).add("peers", seconds=float("inf"), n=3)
    (record,) = lines.read(path)
    assert json.loads(path.read_text()) == record
    assert record["seconds"] is None
    assert record["machine"]["versions"] == {
        "sinkdiag": sinkdiag.__version__, "numpy": np.__version__,
    }  # fmt: skip
    assert record["machine"]["cores"] >= 1


def test_passes_are_counted_and_counting_ends(benchmark):
    passes = benchmark("passes")
    weight = np.full(30, 1 / 30)
    with passes.counted() as count:
        sinkdiag.solve(uniform_cost(30, 30), 0.01, row=weight, col=weight, tol=1e-9)
    # From 0.1 of the range down by factors of at most 4: three temperatures.
    assert count.temperatures == 3
    assert count.exponentials >= count.temperatures
    assert count.reads > 2 * count.temperatures
    before = (count.exponentials, count.reads)
    sinkdiag.solve(uniform_cost(30, 30), 0.01)
    assert (count.exponentials, count.reads) == before


def test_digits_are_enlarged_to_the_pixels_asked_for(benchmark):
    pytest.importorskip("sklearn", reason="pip install '.[bench]'")
    problems = benchmark("problems")
    problem = problems.make("digits", 256)
    assert problem.cost.shape == (256, 256)
    assert problem.cost.max() == 1.0
    assert problem.row.sum() == pytest.approx(1.0, rel=1e-14)
    assert problem.least > 0
    with pytest.raises(ValueError, match="no enlarged"):
        problems.make("digits", 100)
