from __future__ import annotations

import multiprocessing
from functools import partial

import pytest

from sinkdiag.errors import InputError
from sinkdiag.parallel.processes import processes
from sinkdiag.parallel.threads import limit_blas
from sinkdiag.parallel.workers import InProcess, LostWorker
from sinkdiag.progress import silent
from tests.parallel import functions


def test_units_come_back_in_order_and_are_counted():
    seen = []
    with processes(2) as pool:
        found = list(pool.map(functions.square, range(9), lambda *said: seen.append(said)))
    assert found == [unit * unit for unit in range(9)]
    assert seen == [("units", done, 9) for done in range(10)]


def test_here_every_unit_tells_its_own_progress_as_a_share_of_all():
    seen = []

    def function(unit, progress):
        progress("half", 1, 2)
        return unit

    list(InProcess().map(function, "ab", lambda *said: seen.append(said)))
    assert seen == [("half", 1, 4), ("half", 3, 4)]


def test_workers_have_one_thread_of_blas_unless_the_user_has_decided(monkeypatch):
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    with processes(64) as pool:
        assert list(pool.map(functions.threads, [0], silent)) == [["1", "1", "1"]]
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.setenv("NUMBA_NUM_THREADS", "2")
    with processes(64) as pool:
        assert list(pool.map(functions.threads, [0], silent)) == [[None, "3", "2"]]


def test_the_process_itself_keeps_what_the_user_has_decided(monkeypatch):
    monkeypatch.setenv("MKL_NUM_THREADS", "4")
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    limit_blas()
    with pytest.raises(KeyError):
        monkeypatch.delenv("OMP_NUM_THREADS")


def test_a_worker_that_dies_costs_a_retry(tmp_path):
    function = partial(functions.die_once, str(tmp_path / "marker"))
    with processes(2) as pool:
        assert list(pool.map(function, range(8), silent)) == list(range(8))
    assert (tmp_path / "marker").exists()


def test_a_unit_that_kills_its_worker_twice_is_named_and_the_others_are_done():
    with processes(2) as pool:
        found = list(pool.map(functions.die_always, range(8), silent))
    assert isinstance(found[3], LostWorker)
    assert [*found[:3], *found[4:]] == [0, 1, 2, 4, 5, 6, 7]


def leave_early():
    with processes(2) as pool:
        next(pool.map(functions.square, range(100), silent))
        raise InputError("a", "b", "c")


def test_leaving_early_leaves_no_process():
    before = set(multiprocessing.active_children())
    with pytest.raises(InputError):
        leave_early()
    assert not set(multiprocessing.active_children()) - before
