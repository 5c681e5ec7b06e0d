"""Units that travel by the name of their file, and whole where that file is another one."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from sinkdiag.cli.inputs import read_subjects
from sinkdiag.cli.options import InputOptions
from sinkdiag.errors import InputError
from sinkdiag.parallel.workers import Pool
from sinkdiag.progress import silent
from sinkdiag.studies.subjects import cases
from sinkdiag.studies.travel import ByName, Sent, Unseen, run_there
from sinkdiag.studies.units import HERE
from tests.helpers import planar_cost


def costs(case, progress):
    del progress
    return [problem.cost.copy() for problem in case.problems]


def units_of(source, *, score=False, together=None, layout="batch"):
    options = InputOptions(sources=(str(source),), layout=layout, score=score)
    return cases(read_subjects(options, HERE), together=together)


def travelled(units, *, score=False, layout="batch"):
    """The costs as they arrive, and what was sent for each unit."""
    pool = Pool(lambda: ThreadPoolExecutor(2), 2, count=2)
    by_name, sent = ByName(pool, layout, score=score), []
    pack = by_name._pack

    def recorded(case):
        sent.append(pack(case))
        return sent[-1]

    by_name._pack = recorded
    found = list(by_name.map(costs, units, silent))
    pool.close(wait=True)
    return found, sent


@pytest.fixture(name="stack")
def _stack(tmp_path):
    arrays = np.stack([planar_cost(5, seed) for seed in range(4)])
    np.save(tmp_path / "stack.npy", arrays)
    np.savez(tmp_path / "stack.npz", first=arrays, second=arrays[::-1])
    return tmp_path / "stack.npy"


@pytest.mark.parametrize("score", [False, True])
def test_costs_are_read_where_the_file_is_seen(stack, score):
    units = units_of(stack, score=score)
    found, sent = travelled(units, score=score)
    for unit, arrived in zip(units, found, strict=True):
        np.testing.assert_array_equal(arrived[0], unit.problem.cost)
    assert all(each.costs is not None for each in sent)
    assert all(problem.cost.size == 0 for each in sent for problem in each.case.problems)


def test_arrays_of_an_archive_go_by_their_key(stack):
    units = units_of(f"{stack.with_suffix('.npz')}:second")
    found, sent = travelled(units)
    np.testing.assert_array_equal(found[0][0], planar_cost(5, 3))
    assert sent[0].costs.source.endswith("stack.npz:second")


def test_a_whole_trajectory_goes_by_name(stack):
    (unit,) = units_of(stack, layout="trajectory", together="trajectory")
    found, sent = travelled([unit], layout="trajectory")
    np.testing.assert_array_equal(found[0], np.load(stack))
    assert sent[0].costs.first == 0
    assert len(sent[0].costs.sha256) == 4


@pytest.mark.parametrize("change", ["content", "size", "gone"])
def test_a_file_that_is_another_one_there_is_sent_whole(stack, change):
    units = units_of(stack)
    before = [unit.problem.cost.copy() for unit in units]
    _, sent = travelled(units)  # as a client that has seen the file sends them
    if change == "content":
        np.save(stack, np.load(stack)[::-1])
    elif change == "size":
        np.save(stack, np.load(stack)[:1])
    else:
        stack.unlink()
    assert isinstance(run_there(costs, sent[0], silent), Unseen)
    found, _ = travelled(units)
    for cost, arrived in zip(before, found, strict=True):
        np.testing.assert_array_equal(arrived[0], cost)


def test_workers_of_another_version_are_an_input_that_cannot_be_used(stack):
    sent = Sent(case=units_of(stack)[0], costs=None)
    assert not isinstance(run_there(costs, sent, silent), InputError)
    refused = run_there(costs, replace(sent, version="0.0.0"), silent)
    assert isinstance(refused, InputError)
    assert "same version" in str(refused)
