"""Mutated files, hard problems and options, by hand: ``python -m tests.fuzz 20000``.

Every mutant runs in a process that is forked for a batch of them, under a limit of memory, and must
end within the time limit with a documented exit status, at most one line of fault on standard
error, and nothing on standard output when it is refused. What does not is written into a folder,
with the command line that shows it.

    python -m tests.fuzz [COUNT] [--seed S] [--keep FOLDER] [--processes N]
"""

from __future__ import annotations

import argparse
import contextlib
import io
import multiprocessing
import random
import resource
import signal
import sys
import tempfile
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.io
import scipy.sparse

SECONDS = 20
MOST_BYTES = 12 * 2**30
BATCH = 50
STATUSES = {0, 2, 3, 4, 5}


@dataclass(frozen=True, kw_only=True)
class Mutant:
    """One command line: a command, a mutated file and the options beside it."""

    command: tuple[str, ...]
    name: str
    data: bytes
    options: tuple[str, ...]


def seeds() -> dict[str, bytes]:
    """Whole files of every format, from which mutants are made."""
    rng = np.random.default_rng(0)
    cost = rng.random((5, 4))
    found: dict[str, bytes] = {}

    def keep(name: str, write) -> None:
        stream = io.BytesIO()
        write(stream)
        found[name] = stream.getvalue()

    for kind in ("<f8", ">f8", "<f4", "<f2", "<i4", "|u1", "<c16", "|b1"):
        keep(f"{kind[1:]}.npy", lambda s, k=kind: np.save(s, (10 * cost).astype(k)))
    keep("fortran.npy", lambda s: np.save(s, np.asfortranarray(cost)))
    keep("stack.npy", lambda s: np.save(s, rng.random((3, 4, 4))))
    keep("inf.npy", lambda s: np.save(s, np.where(cost > 0.8, np.inf, cost)))
    keep("all.npz", lambda s: np.savez(s, cost=cost, row=np.ones(5), col=np.full(4, 1.25)))
    keep("packed.npz", lambda s: np.savez_compressed(s, cost=cost))
    keep("cost.mat", lambda s: scipy.io.savemat(s, {"cost": cost}))
    keep("packed.mat", lambda s: scipy.io.savemat(s, {"cost": cost}, do_compression=True))
    keep("sparse.mat", lambda s: scipy.io.savemat(s, {"cost": scipy.sparse.csc_array(cost)}))
    keep("dense.mtx", lambda s: scipy.io.mmwrite(s, cost))
    keep("sparse.mtx", lambda s: scipy.io.mmwrite(s, scipy.sparse.coo_array(cost)))
    text = "\n".join(",".join(repr(float(x)) for x in row) for row in cost) + "\n"
    found["cost.csv"] = text.encode()
    found["cost.tsv"] = text.replace(",", "\t").encode()
    found["cost.txt"] = text.replace(",", " ").encode()
    return found


def mutate(data: bytes, rng: random.Random) -> bytes:
    """A few changes: bits, bytes, cuts, repeats, swaps, insertions of numbers that hurt."""
    work = bytearray(data)
    for _ in range(rng.choice([1, 1, 1, 2, 3, 8])):
        if not work:
            break
        place = rng.randrange(len(work))
        kind = rng.randrange(8)
        if kind == 0:
            work[place] ^= 1 << rng.randrange(8)
        elif kind == 1:
            work[place] = rng.randrange(256)
        elif kind == 2:
            del work[place:]
        elif kind == 3:
            del work[place : place + rng.randrange(1, 9)]
        elif kind == 4:
            work[place:place] = bytes(rng.randrange(256) for _ in range(rng.randrange(1, 9)))
        elif kind == 5:
            word = rng.choice([b"nan", b"inf", b"-1", b"1e999", b"0", b"99999999999999999999"])
            work[place : place + len(word)] = word
        elif kind == 6:
            size = rng.choice([1, 2, 4, 8])
            value = rng.choice([0, 1, 2 ** (8 * size) - 1, 2 ** (8 * size - 1)])
            work[place : place + size] = value.to_bytes(size, "little")
        else:
            other = rng.randrange(len(work))
            work[place], work[other] = work[other], work[place]
    return bytes(work)


def repacked(rng: random.Random) -> bytes:
    """An archive with odd members: names, methods, duplicates, sizes."""
    stream = io.BytesIO()
    method = rng.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA])
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name in rng.sample(["cost.npy", "row.npy", "col.npy", "x", "../a.npy", "cost"], 3):
            inner = io.BytesIO()
            np.save(inner, np.random.default_rng(rng.randrange(99)).random((3, 3)))
            archive.writestr(name, mutate(inner.getvalue(), rng))
    return stream.getvalue()


def hard_problem(rng: random.Random) -> tuple[bytes, tuple[str, ...]]:
    """A valid cost that arithmetic does not like, with masses and temperatures to match."""
    draw = np.random.default_rng(rng.randrange(2**32))
    n, m = rng.choice([(1, 1), (1, 4), (4, 1), (2, 2), (3, 3), (4, 7), (6, 6), (8, 4)])
    cost = draw.random((n, m))
    kind = rng.randrange(8)
    if kind == 0:
        cost = draw.integers(0, 3, (n, m)).astype(float)
    elif kind == 1:
        cost = np.zeros((n, m))
    elif kind == 2:
        cost *= 10.0 ** rng.choice([-140, -120, -30, 30, 120, 140])
    elif kind == 3:
        cost += 10.0 ** rng.choice([3, 8, 15])
    elif kind == 4:
        cost[draw.random((n, m)) < 0.4] = np.inf
    elif kind == 5:
        cost[0, 0] = 10.0 ** rng.choice([6, 30, 57])
    elif kind == 6:
        cost = np.add.outer(draw.random(n), draw.random(m))
    row, col = np.ones(n), np.full(m, n / m)
    if rng.random() < 0.4:
        row, col = 10.0 ** (6 * draw.random(n)), 10.0 ** (6 * draw.random(m))
        col *= row.sum() / col.sum()
    stream = io.BytesIO()
    np.savez(stream, cost=cost, row=row, col=col)
    eps = rng.choice(["1", "0.1", "1e-2", "1e-3", "3e-4", "1e-5", "1e-9", "1:1e-3:4"])
    return stream.getvalue(), ("--eps", eps, "--eps-unit", rng.choice(["range", "range", "none"]))


# Commands with what keeps them quick, and how often each is taken.
COMMANDS = {
    ("spectrum",): 8,
    ("sensitivity", "--replicates", "2"): 1,
    ("constants",): 1,
    ("pseudospectrum", "--grid", "4"): 1,
    ("report", "--only", "check,spectrum"): 1,
    ("calibrate", "--replicates", "2", "--max-steps", "12"): 1,
}
OPTIONS = {
    "--eps": ["0.1", "1:0.1:3", "1e-300", "1e150", "0", "-1", "nan", "inf", "1:2", "a", "1e-12"],
    "--eps-unit": ["range", "std", "mean", "none", "x"],
    "--marginals": ["unit", "probability", "none.npz", "/dev/null", ""],
    "--layout": ["batch", "trajectory", "x"],
    "--norm": ["plan", "potential", "natural", "max"],
    "--tol": ["1e-12", "0", "1", "nan", "0.5"],
    "--max-iter": ["1", "0", "50"],
    "--iters": ["1", "3", "0", "-1", "99999999999999999999"],
    "--modes": ["1", "0", "2"],
    "--format": ["csv", "json", "jsonl", "table", "xml"],
    "--fail-on": ["gap<1", "gap", "nope<1", "gap<a", "status==converged"],
}


def mutants(count: int, seed: int) -> list[Mutant]:
    """Reproducible command lines."""
    rng = random.Random(seed)
    whole = seeds()
    names = sorted(whole)
    found = []
    for _ in range(count):
        if rng.random() < 0.1:
            data, options = hard_problem(rng)
            more = rng.choice([(), ("--extended",)])
            (command,) = rng.choices(list(COMMANDS), weights=[3, 1, 1, 1, 1])
            found.append(
                Mutant(command=command, name="hard.npz", data=data, options=(*options, *more))
            )
            continue
        name = rng.choice(names)
        data = repacked(rng) if rng.random() < 0.05 else mutate(whole[name], rng)
        options = ["--eps", "0.3"] if rng.random() < 0.7 else []
        for option in rng.sample(sorted(OPTIONS), rng.choice([0, 0, 0, 1, 2])):
            options += [option, rng.choice(OPTIONS[option])]
        if name == "stack.npy" and "--layout" not in options:
            options += ["--layout", "batch"]
        if data.startswith(b"PK"):
            name = "mutant.npz"
        (command,) = rng.choices(list(COMMANDS), weights=list(COMMANDS.values()))
        found.append(Mutant(command=command, name=name, data=data, options=tuple(options)))
    return found


def judge(mutant: Mutant, folder: Path) -> str:
    """Run one mutant in this process; what is wrong with the outcome, or nothing."""
    from sinkdiag.cli.main import run

    path = folder / mutant.name
    path.write_bytes(mutant.data)
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        command, *first = mutant.command
        status = run(["-q", command, str(path), *first, *mutant.options])
    lines = err.getvalue().splitlines()
    if status not in STATUSES:
        return f"exit status {status}: {lines[:1]}"
    if "Traceback" in err.getvalue() or "Warning" in err.getvalue():
        return f"a traceback or a warning: {lines[:2]}"
    if status in (2, 3) and (out.getvalue() or len(lines) != 1):
        return f"status {status} with {len(lines)} lines and {len(out.getvalue())} bytes of rows"
    return ""


def _batch(batch: list[Mutant], first: int, verdicts: multiprocessing.SimpleQueue) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MOST_BYTES, MOST_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with tempfile.TemporaryDirectory() as folder:
        for number, mutant in enumerate(batch, first):
            verdicts.put((number, "did not end"))
            signal.alarm(SECONDS)
            try:
                fault = judge(mutant, Path(folder))
            except BaseException as error:  # whatever leaves `run` is a fault
                fault = f"an exception left the command line: {error!r}"
            signal.alarm(0)
            verdicts.put((number, fault))


def hunt(found: list[Mutant], processes: int) -> dict[int, str]:
    """The faults by the mutant's number; a batch that dies goes on after the one that killed it."""
    context = multiprocessing.get_context("fork")
    faults: dict[int, str] = {}
    waiting = [list(range(a, min(a + BATCH, len(found)))) for a in range(0, len(found), BATCH)]
    running: list[tuple[multiprocessing.Process, list[int], object]] = []
    while waiting or running:
        while waiting and len(running) < processes:
            numbers = waiting.pop()
            queue = context.SimpleQueue()
            process = context.Process(
                target=_batch, args=([found[k] for k in numbers], numbers[0], queue)
            )
            process.start()
            running.append((process, numbers, queue))
        time.sleep(0.02)
        for entry in list(running):
            process, numbers, queue = entry
            if process.is_alive():
                continue
            running.remove(entry)
            last: dict[int, str] = {}
            while not queue.empty():
                number, fault = queue.get()
                last[number] = fault
            for number, fault in last.items():
                if fault:
                    why = f" (exit code {process.exitcode})" if fault == "did not end" else ""
                    faults[number] = fault + why
            rest = [number for number in numbers if number not in last]
            if rest:
                waiting.append(rest)
    return faults


def main(arguments: list[str] | None = None) -> int:
    """Hunt, report, keep."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("count", nargs="?", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--keep", type=Path, default=Path("fuzz-faults"))
    parser.add_argument("--processes", type=int, default=2)
    given = parser.parse_args(arguments)
    start = time.monotonic()
    found = mutants(given.count, given.seed)
    faults = hunt(found, given.processes)
    for number, fault in sorted(faults.items()):
        mutant = found[number]
        given.keep.mkdir(exist_ok=True)
        path = given.keep / f"{given.seed}-{number}-{mutant.name}"
        path.write_bytes(mutant.data)
        print(f"{' '.join(mutant.command)} {path} {' '.join(mutant.options)}: {fault}")
    took = time.monotonic() - start
    print(f"seed {given.seed}: {len(faults)} faults in {given.count} mutants, {took:.0f} s")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
