"""Memory estimated before a run, against the peak of the run itself."""

from __future__ import annotations

import re
import subprocess
import sys

import numpy as np
import pytest

from sinkdiag.problem import make_problem
from sinkdiag.studies.check_row import CheckSettings
from sinkdiag.studies.estimates import WITHIN, estimate
from sinkdiag.studies.report_settings import ReportSettings
from tests.helpers import invoke, uniform_cost

# The peak of the process itself: what the system says of a child includes its parent's.
PEAK = """
import sys
from sinkdiag.cli.main import run
status = run(sys.argv[1:])
with open("/proc/self/status") as lines:
    print(status, *(line.split()[1] for line in lines if line.startswith("VmHWM")))
"""
slow = pytest.mark.slow


def peak(*arguments: str) -> float:
    """Bytes, of a run of its own that ends well."""
    done = subprocess.run(
        [sys.executable, "-c", PEAK, *arguments], capture_output=True, text=True, check=True
    )
    status, size = done.stdout.splitlines()[-1].split()
    assert status in ("0", "4")
    return 1024.0 * float(size)


def said(*arguments: str) -> float:
    """Bytes, as the refusal of the same command line has them."""
    outcome = invoke(*arguments, "--max-memory", "20M")
    found = re.search(r"needs about ([\d.]+) (MiB|GiB) of memory", outcome.err)
    assert found, outcome.err
    return float(found[1]) * (2**20 if found[2] == "MiB" else 2**30)


@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak from /proc")
@pytest.mark.parametrize(
    ("command", "shape", "options"),
    [
        ("check", (300, 300), ()),
        pytest.param("check", (1000, 1000), ("--iters", "30"), marks=slow),
        pytest.param("spectrum", (100, 1500), ("--eps", "0.2"), marks=slow),
        pytest.param("spectrum", (1000, 1000), ("--eps", "0.2"), marks=slow),
        pytest.param("spectrum", (800, 800), ("--eps", "0.2", "--modes", "6"), marks=slow),
        pytest.param("pseudospectrum", (30, 30), ("--eps", "0.2", "--grid", "400"), marks=slow),
        pytest.param("pseudospectrum", (200, 200), ("--eps", "0.2", "--grid", "8"), marks=slow),
        pytest.param("sensitivity", (200, 200), ("--eps", "0.2"), marks=slow),
        pytest.param("sensitivity", (400, 400), ("--eps", "0.2"), marks=slow),
        pytest.param("constants", (200, 200), ("--eps", "0.2"), marks=slow),
        pytest.param("constants", (400, 400), ("--eps", "0.2"), marks=slow),
        pytest.param("anneal", (300, 300), ("--no-tv", "--max-steps", "100"), marks=slow),
        pytest.param("calibrate", (60, 60), ("--quick", "--max-steps", "40"), marks=slow),
        pytest.param(
            "calibrate", (300, 300), ("--quick", "--max-steps", "20", "--alpha0", "0.6"), marks=slow
        ),
    ],
)
def test_memory_is_right_to_the_factor_that_is_stated(command, shape, options, tmp_path):
    small, path = tmp_path / "small.npy", tmp_path / "cost.npy"
    np.save(small, uniform_cost(12, 12))
    np.save(path, uniform_cost(*shape))
    rows = ("-o", str(tmp_path / "rows.csv"))
    peak(command, str(small), *options, *rows)  # compiles what is not in the cache
    measured = peak(command, str(path), *options, *rows)
    assert measured / WITHIN < said(command, str(path), *options) < measured * WITHIN


def test_more_matrices_take_longer_and_the_largest_decides():
    small, large = make_problem(uniform_cost(4, 4)), make_problem(uniform_cost(900, 900))
    one = estimate("check", [large], 1, CheckSettings())
    two = estimate("check", [small, large], 1, CheckSettings())
    assert two.seconds > one.seconds
    assert one.memory < two.memory < 1.01 * one.memory
    assert estimate("check", [large], 3, CheckSettings()).seconds > 2 * one.seconds
    # A layer of so many sweeps is not unrolled.
    many = estimate("check", [large], 1, CheckSettings(iters=1000))
    assert many.memory < one.memory


def test_processes_side_by_side_hold_their_matrices_each():
    problem = make_problem(np.random.default_rng(0).random((200, 200)))
    one, two, four = (
        estimate("check", [problem] * 8, 1, CheckSettings(), jobs=k) for k in (1, 2, 4)
    )
    assert two.memory > one.memory + 150e6
    assert four.memory > two.memory + 2 * 150e6
    assert "--jobs" in two.less_memory


def test_a_report_needs_what_its_sections_need():
    problem = make_problem(np.random.default_rng(0).random((100, 100)))
    whole = estimate("report", [problem], 0, ReportSettings())
    check = estimate("report", [problem], 0, ReportSettings(only=("check",)))
    assert check.seconds < whole.seconds
    assert check.memory == estimate("check", [problem], 1, CheckSettings()).memory
    large = make_problem(np.random.default_rng(0).random((500, 500)))
    skipped = ReportSettings(skip=("sensitivity", "constants", "calibrate", "anneal"))
    assert estimate("report", [large], 0, ReportSettings()) == estimate(
        "report", [large], 0, skipped
    )
