"""Mutants in the suite: the worst that were found, and a few hundred of the hunt's own.

The hunt itself, ``python -m tests.fuzz``, takes half an hour.
"""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest

from tests.fuzz import judge
from tests.fuzz_files import Mutant, bomb, npy_claiming, seeds
from tests.fuzz_mutants import NAMES, PLACES, mutants, readers


def array(values) -> bytes:
    stream = io.BytesIO()
    np.save(stream, values)
    return stream.getvalue()


def archive(**members: bytes) -> bytes:
    """Members under the names as they are, whatever their endings."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as packed:
        for name, data in members.items():
            packed.writestr(name.replace("_npy", ".npy"), data)
    return stream.getvalue()


COST = array(np.random.default_rng(2).random((5, 4)))
GOOD = ("good.npy", COST)
# Each of these ended with an internal error, a crash, or not at all.
WORST = {
    "points whose squares overflow": Mutant(
        command=("check",),
        name="x.npy",
        data=array(1e200 * np.ones((5, 4))),
        options=("--points", "@", "@good"),
        good=GOOD,
    ),
    "an archive's member without its ending": Mutant(
        command=("calibrate",),
        name="t.npz",
        data=archive(truth=array(np.arange(5) % 4)),
        options=("@good", "--truth", "@"),
        good=GOOD,
    ),
    "logits in a member without its ending": Mutant(
        command=("stack",), name="l.npz", data=archive(cost=array(np.ones((2, 4, 4)))), options=()
    ),
    "a signalling nan of single precision": Mutant(
        command=("check",),
        name="nan.npy",
        data=array(np.ones((3, 3), "<f4"))[:-4] + b"\x01\x00\xa0\x7f",
        options=(),
    ),
    "costs beyond single precision": Mutant(
        command=("calibrate", "--replicates", "2", "--max-steps", "4", "--alpha0", "0.5"),
        name="huge.npy",
        data=array(1e120 * np.random.default_rng(2).random((5, 4))),
        options=("--eps", "0.1", "--eps-unit", "range"),
    ),
    "an archive of zeros": Mutant(
        command=("check",), name="b.npz", data=bomb(2**27), options=("--eps", "0.3")
    ),
    "a header of terabytes": Mutant(
        command=("check",), name="c.npy", data=npy_claiming("(10**6, 10**6)"), options=()
    ),
}


@pytest.mark.parametrize("name", WORST)
def test_the_worst(name, tmp_path):
    assert judge(WORST[name], tmp_path) == ""


def test_seeds_are_read(tmp_path):
    """Of whole files nothing is refused, but what is refused on purpose."""
    whole = {name: data for name, data in seeds().items() if not name.endswith((".mat", ".mtx"))}
    for name, data in whole.items():
        options = ("--eps", "0.3", *(("--layout", "batch") if name == "stack.npy" else ()))
        mutant = Mutant(command=("check",), name=name, data=data, options=options)
        assert judge(mutant, tmp_path) == "", name


def test_other_readers_read_their_own(tmp_path):
    for name, data, command, options in readers():
        if command[0] in ("check", "stack", "compare"):
            good = (f"good-{name}", data) if command[0] == "compare" else GOOD
            good = ("good.npy", array(np.ones((2, 4, 4)))) if command[0] == "stack" else good
            mutant = Mutant(command=command, name=name, data=data, options=options, good=good)
            assert judge(mutant, tmp_path) == "", name


@pytest.mark.parametrize("place", ["file", *PLACES])
def test_names_and_places(place, tmp_path):
    for name in NAMES:
        mutant = Mutant(
            command=("check",), name=f"{name}.npy", data=COST, options=("--eps", "0.3"), place=place
        )
        assert judge(mutant, tmp_path) == "", name


def test_a_small_fixed_set(tmp_path):
    """Without those whose readers are processes of their own."""
    found = [
        mutant
        for mutant in mutants(300, seed=17)
        if not mutant.name.endswith((".mat", ".mtx")) and mutant.command[0] in ("check", "spectrum")
    ]
    faults = {
        number: fault for number, mutant in enumerate(found) if (fault := judge(mutant, tmp_path))
    }
    assert faults == {}
