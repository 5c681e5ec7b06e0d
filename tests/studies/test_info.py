"""What a bug report needs."""

from __future__ import annotations

import platform
from importlib.metadata import version

import sinkdiag
from tests.helpers import frame_of, invoke


def test_it_names_versions_and_threads(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    row = sinkdiag.info().rows[0]
    assert (row.sinkdiag, row.python) == (sinkdiag.__version__, platform.python_version())
    assert (row.numpy, row.click) == (version("numpy"), version("click"))
    assert "OMP_NUM_THREADS=3" in row.thread_variables
    assert row.numba_threads >= 1
    assert row.blas
    assert row.folder.endswith("sinkdiag")


def test_the_command_prints_the_same():
    outcome = invoke("info")
    assert outcome.status == 0
    assert outcome.err == ""
    assert list(frame_of(outcome.out).columns) == list(sinkdiag.info().frame().columns)
    assert "cache_writable" in invoke("info", "--format", "table").out
