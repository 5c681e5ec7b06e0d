"""Mutated checkpoints end with a documented status and one line, in little memory and time."""

from __future__ import annotations

import pytest

from tests import fuzz
from tests.checkpoints.mutants import mutants, seeds
from tests.fuzz import hunt, judge
from tests.fuzz_files import Mutant


def test_seeds_are_read(tmp_path):
    for name, data in seeds().items():
        seed = Mutant(command=("stack",), name="seed.safetensors", data=data, options=())
        assert judge(seed, tmp_path) == "", name


def test_a_small_fixed_set(tmp_path):
    faults = {
        number: fault
        for number, mutant in enumerate(mutants(250, seed=16))
        if (fault := judge(mutant, tmp_path))
    }
    assert faults == {}


@pytest.mark.slow
def test_ten_thousand(monkeypatch):
    """Each in a process with 2 GiB of address space and a limit of 20 s."""
    monkeypatch.setattr(fuzz, "MOST_BYTES", 2 * 2**30)
    found = mutants(10_000, seed=2026)
    faults = hunt(found, processes=2)
    shown = [f"{fault}: {found[n].options} {found[n].data[:200]!r}" for n, fault in faults.items()]
    assert not shown, "\n".join(shown[:10])
