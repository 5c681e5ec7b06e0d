"""Command lines for `tests.fuzz`: mutants of every reader, odd options, names and places."""

from __future__ import annotations

import functools
import io
import json
import random

import numpy as np

from tests.fuzz_files import Mutant, claims, hard_problem, mutate, repacked, seeds

# Commands with what keeps them quick, and how often each is taken.
COMMANDS = {
    ("spectrum",): 6,
    ("check",): 6,
    ("anneal", "--no-tv", "--max-steps", "8", "--schedule", "exponential"): 1,
    ("sensitivity", "--replicates", "2"): 1,
    ("constants",): 1,
    ("pseudospectrum", "--grid", "4"): 1,
    ("report", "--only", "check,spectrum"): 1,
    ("calibrate", "--replicates", "2", "--max-steps", "12"): 1,
}
HARD = (3, 3, 1, 1, 1, 1, 1, 1)
OPTIONS = {
    "--eps": ["0.1", "1:0.1:3", "1e-300", "1e150", "0", "-1", "nan", "inf", "1:2", "a", "1e-12"],
    "--eps-unit": ["range", "std", "mean", "none", "x"],
    "--marginals": ["unit", "probability", "none.npz", "/dev/null", ""],
    "--layout": ["batch", "trajectory", "x"],
    "--norm": ["plan", "potential", "natural", "max"],
    "--tol": ["1e-12", "0", "1", "nan", "0.5"],
    "--max-iter": ["1", "0", "50"],
    "--iters": ["1", "3", "0", "-1", "99999999999999999999"],
    "--max-memory": ["1K", "2G", "1e400", "-1", "x", ""],
    "--start": ["cold", "warm", "x"],
    "--dtype": ["bfloat16", "float16", "x"],
    "--truth": ["@", "none.npy", "/dev/null"],
    "--modes": ["1", "0", "2"],
    "--format": ["csv", "json", "jsonl", "table", "xml"],
    "--fail-on": ["gap<1", "gap", "nope<1", "gap<a", "status==converged"],
}


# What else is read beside costs: how the file is called, and the command line that reads it.
@functools.cache
def readers() -> tuple[tuple[str, bytes, tuple[str, ...], tuple[str, ...]], ...]:
    """(name, whole file, command, options) of every reader of something that is no cost."""
    rng = np.random.default_rng(1)
    cost, quick = rng.random((5, 4)), ("--eps", "0.3")
    learn = ("--replicates", "2", "--max-steps", "6", "--alpha0", "0.5")

    def archive(**arrays: np.ndarray) -> bytes:
        stream = io.BytesIO()
        np.savez(stream, **arrays)
        return stream.getvalue()

    def array(values: np.ndarray) -> bytes:
        stream = io.BytesIO()
        np.save(stream, values)
        return stream.getvalue()

    masses = archive(row=np.ones(5), col=np.full(4, 1.25))
    run = archive(
        cost=rng.random((4, 4, 4)), eps=np.geomspace(1, 0.1, 4), step=np.arange(4),
        truth=np.arange(4),
    )  # fmt: skip
    rows = b"eps,gap,status\n0.1,0.5,converged\n0.2,nan,stalled\n"
    document = {"schema_version": 1, "sinkdiag_version": "0.1.0", "command": "spectrum",
                "rows": [{"eps": 0.1, "gap": None}], "summary": {"findings": ["a 1"]}}  # fmt: skip
    text = json.dumps(document).encode()
    marginals = ("@good", *quick, "--marginals", "@")
    truth = ("@good", *learn, "--truth", "@")
    points = ("--points", "@", "@good", *quick)
    return (
        ("m.npz", masses, ("check",), marginals),
        ("m.txt", b"1 1 1 1 1\n1.25 1.25 1.25 1.25\n", ("check",), marginals),
        ("t.npy", array(np.array([0, 1, 2, 3, -1])), ("calibrate",), truth),
        ("t.csv", b"0,1,2,3,-1\n", ("calibrate",), truth),
        ("t.npz", archive(truth=np.arange(5) % 4), ("anneal", "--learn", "--no-tv"),
         ("@good", "--max-steps", "6", "--truth", "@")),
        ("run.npz", run, ("calibrate",), ("@", "--layout", "trajectory", *learn)),
        ("x.npy", array(cost), ("check",), points),
        ("x.csv", b"0.1,0.2,0.3,0.4\n1,2,3,4\n", ("check",), points),
        ("a.csv", rows, ("compare",), ("@", "@good")),
        ("a.json", text, ("compare",), ("@", "@good")),
        ("a.jsonl", b'{"eps": 0.1}\n{"eps": 0.2}\n', ("compare",), ("@", "@good")),
        ("j.npy", array(cost[:4]), ("pseudospectrum", "--grid", "4"), ("--matrix", "@")),
        ("z.npy", array(cost[:4] + 1j), ("pseudospectrum", "--grid", "4"), ("--matrix", "@")),
        ("l.npy", array(rng.random((2, 4, 4))), ("stack",), ()),
        ("l.npz", archive(logits=rng.random((2, 4, 4))), ("stack",), ()),
        ("tok.npz", archive(a=rng.random((3, 4, 4))), ("stack",), ("@good", "--activations", "@")),
        ("grid.npz", archive(header=np.array("{}")), ("pseudospectrum",), ("--from-grid", "@")),
    )  # fmt: skip


NAMES = (
    "cost", "new\nline", "[bold red]", "<b>&amp;", "a:b", "ünï", "-v", "--help", "%s", "$HOME",
    "a b", "\x1b[31m", "..", "x" * 200, "'; ls", "\u202e", "x\ty",
)  # fmt: skip
PLACES = ("symlink", "dangling", "loop", "folder", "link to a folder", "unreadable", "device")


def other_reader(rng: random.Random) -> Mutant:
    """A mutated file of a reader that reads no costs; its good twin or a cost beside it."""
    name, data, command, options = rng.choice(readers())
    good = (f"good-{name}", data)
    if command[0] in ("check", "calibrate", "anneal"):
        stream = io.BytesIO()
        np.save(stream, np.random.default_rng(2).random((5, 4)))
        good = ("cost.npy", stream.getvalue())
    if "--activations" in options:
        good = ("l.npy", next(d for n, d, *_ in readers() if n == "l.npy"))
    changed = repacked(rng) if name.endswith("npz") and rng.random() < 0.1 else mutate(data, rng)
    return Mutant(command=command, name=name, data=changed, options=options, good=good)


def odd_place(rng: random.Random) -> Mutant:
    """A whole or mutated cost under an odd name, or something else in its place."""
    whole = seeds()
    name = rng.choice(sorted(whole))
    data = whole[name] if rng.random() < 0.7 else mutate(whole[name], rng)
    if name == "stack.npy":
        name, data = "cost.csv", whole["cost.csv"]
    ending = name.rpartition(".")[2]
    place = rng.choice(("file", *PLACES))
    return Mutant(
        command=(rng.choice(["check", "spectrum"]),),
        name=f"{rng.choice(NAMES)}.{ending}",
        data=data,
        options=("--eps", "0.3"),
        place=place,
    )


def mutants(count: int, seed: int) -> list[Mutant]:
    """Reproducible command lines."""
    rng = random.Random(seed)
    whole = seeds()
    names = sorted(whole)
    # Each takes a process of its own to be read, and so most of the time.
    weights = [0.25 if name.endswith((".mat", ".mtx")) else 1.0 for name in names]
    found = []
    for _ in range(count):
        draw = rng.random()
        if draw < 0.2:
            found.append(other_reader(rng))
            continue
        if draw < 0.26:
            found.append(odd_place(rng))
            continue
        if draw < 0.3:
            name, data = claims(rng)
            options = ("--eps", "0.3")
            found.append(Mutant(command=("check",), name=name, data=data, options=options))
            continue
        if draw < 0.38:
            data, options = hard_problem(rng)
            more = rng.choice([(), ("--extended",)])
            (command,) = rng.choices(list(COMMANDS), weights=HARD)
            found.append(
                Mutant(command=command, name="hard.npz", data=data, options=(*options, *more))
            )
            continue
        (name,) = rng.choices(names, weights=weights)
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
