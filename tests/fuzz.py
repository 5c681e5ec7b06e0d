"""Mutated files, hard problems and options, by hand: ``python -m tests.fuzz 20000``.

Every mutant runs in a process that is forked for a batch of them, under a limit of memory, and must
end within the time limit with a documented exit status, at most one line of fault on standard
error, and nothing on standard output when it is refused. What does not is written into a folder,
with the command line that shows it. The last of them run through the command line itself, each as
a process of its own.

    python -m tests.fuzz [COUNT] [--command-line N] [--seed S] [--keep FOLDER] [--processes N]
"""

from __future__ import annotations

import argparse
import contextlib
import io
import multiprocessing
import resource
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path

from sinkdiag.cli.main import COMMANDS, run
from tests.fuzz_files import Mutant
from tests.fuzz_mutants import mutants

# Processor seconds, and how many times that on a clock: the machine may be busy.
SECONDS, PATIENCE = 20, 10
MOST_BYTES = 12 * 2**30
BATCH = 250
STATUSES = {0, 2, 3, 4, 5}


def laid(mutant: Mutant, folder: Path) -> list[str]:
    """The command line, once its files lie in the folder."""
    path, good = folder / mutant.name, folder / mutant.good[0]
    for old in folder.iterdir():
        old.rmdir() if old.is_dir() and not old.is_symlink() else old.unlink()
    if mutant.good[1]:
        good.write_bytes(mutant.good[1])
    _lay(path, mutant.data, mutant.place)
    named = {"@": str(path), "@good": str(good)}
    command, *first = mutant.command
    options = [named.get(option, option) for option in mutant.options]
    files = [] if "@" in mutant.options else [str(path)]
    return ["-q", command, *files, *first, *options]


def _lay(path: Path, data: bytes, place: str) -> None:
    """The bytes, or what else ``place`` says, under the name."""
    beside = path.parent / "target"
    if place == "folder":
        path.mkdir()
    elif place == "link to a folder":
        beside.mkdir()
        path.symlink_to(beside)
    elif place == "symlink":
        beside.write_bytes(data)
        path.symlink_to(beside)
    elif place in _LINKS:
        path.symlink_to(_LINKS[place] or path)
    else:
        path.write_bytes(data)
        if place == "unreadable":
            path.chmod(0)


# Links that lead to nothing, to themselves, and to what cannot be read even by root.
_LINKS = {"dangling": "/nothing/there", "loop": "", "device": "/proc/self/mem"}


def judge(mutant: Mutant, folder: Path) -> str:
    """Run one mutant in this process; what is wrong with the outcome, or nothing."""
    arguments = laid(mutant, folder)
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = run(arguments)
    return fault_of(status, out.getvalue(), err.getvalue())


def judge_apart(mutant: Mutant, folder: Path) -> str:
    """The same as a process of its own, as a shell starts it."""
    arguments = laid(mutant, folder)
    command = [sys.executable, "-m", "sinkdiag", *arguments]
    done = subprocess.run(command, capture_output=True, check=False, stdin=subprocess.DEVNULL)
    return fault_of(done.returncode, done.stdout.decode(), done.stderr.decode())


def fault_of(status: int, out: str, err: str) -> str:
    """What is wrong with an outcome, or nothing."""
    lines = [line for line in err.splitlines() if not line.startswith("compiling kernels")]
    if status not in STATUSES:
        return f"exit status {status}: {lines[:1]}"
    if "Traceback" in err or "Warning" in err:
        return f"a traceback or a warning: {lines[:2]}"
    if status in (2, 3) and (out or len(lines) != 1):
        return f"status {status} with {len(lines)} lines and {len(out)} bytes of rows"
    if "\x1b" in err:
        return f"an escape sequence of the input: {lines[:1]}"
    return ""


def _run(
    batch: list[Mutant], first: int, verdicts: multiprocessing.SimpleQueue, apart: int
) -> None:
    """Judge one after another; from number ``apart`` on as processes of their own."""
    resource.setrlimit(resource.RLIMIT_AS, (MOST_BYTES, MOST_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with tempfile.TemporaryDirectory() as folder:
        for number, mutant in enumerate(batch, first):
            verdicts.put((number, "did not end"))
            signal.setitimer(signal.ITIMER_PROF, SECONDS)
            signal.alarm(PATIENCE * SECONDS)
            try:
                fault = (judge_apart if number >= apart else judge)(mutant, Path(folder))
            except BaseException as error:  # whatever leaves `run` is a fault
                fault = f"an exception left the command line: {error!r}"
            signal.alarm(0)
            signal.setitimer(signal.ITIMER_PROF, 0)
            verdicts.put((number, fault))


@dataclass(frozen=True, kw_only=True)
class _Batch:
    """A process, the mutants that it has, and what is known of each."""

    process: multiprocessing.Process
    numbers: list[int]
    queue: multiprocessing.SimpleQueue
    last: dict[int, str] = field(default_factory=dict)

    def read(self) -> None:
        """What it has said since."""
        while not self.queue.empty():
            number, fault = self.queue.get()
            self.last[number] = fault

    def faults(self) -> dict[int, str]:
        """Those of a process that has ended."""
        why = f" (exit code {self.process.exitcode})"
        return {
            number: fault + (why if fault == "did not end" else "")
            for number, fault in self.last.items()
            if fault
        }


def hunt(found: list[Mutant], processes: int, apart: int = 0) -> dict[int, str]:
    """The faults by the mutant's number; a batch that dies goes on after the one that killed it.

    The last ``apart`` run through the command line.
    """
    for command in COMMANDS:  # imported once, before the processes are forked
        import_module(f"sinkdiag.cli.{command}")
        import_module(f"sinkdiag.studies.{command}")
    context = multiprocessing.get_context("fork")
    faults: dict[int, str] = {}
    waiting = [list(range(a, min(a + BATCH, len(found)))) for a in range(0, len(found), BATCH)]
    running: list[_Batch] = []
    while waiting or running:
        while waiting and len(running) < processes:
            numbers = waiting.pop(0)
            queue = context.SimpleQueue()
            process = context.Process(
                target=_run,
                args=([found[k] for k in numbers], numbers[0], queue, len(found) - apart),
            )
            process.start()
            running.append(_Batch(process=process, numbers=numbers, queue=queue))
        time.sleep(0.02)
        for batch in list(running):
            ended = not batch.process.is_alive()
            batch.read()
            if not ended:
                continue
            running.remove(batch)
            faults |= batch.faults()
            rest = [number for number in batch.numbers if number not in batch.last]
            waiting[:0] = [rest] if rest else []
            seen = len(found) - sum(map(len, waiting)) - sum(len(each.numbers) for each in running)
            print(f"{seen} of {len(found)}, {len(faults)} faults", file=sys.stderr, flush=True)
    return faults


def main(arguments: list[str] | None = None) -> int:
    """Hunt, report, keep."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("count", nargs="?", type=int, default=20_000)
    parser.add_argument("--command-line", type=int, default=300)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--keep", type=Path, default=Path("fuzz-faults"))
    parser.add_argument("--processes", type=int, default=2)
    given = parser.parse_args(arguments)
    start = time.monotonic()
    found = mutants(given.count + given.command_line, given.seed)
    faults = hunt(found, given.processes, given.command_line)
    for number, fault in sorted(faults.items()):
        mutant = found[number]
        given.keep.mkdir(exist_ok=True)
        path = given.keep / f"{given.seed}-{number}.{mutant.name.rpartition('.')[2]}"
        path.write_bytes(mutant.data)
        line = f"{' '.join(mutant.command)} {' '.join(mutant.options)}"
        print(f"{line}: {path} as {mutant.name!r} ({mutant.place}): {fault}")
    took = time.monotonic() - start
    print(f"seed {given.seed}: {len(faults)} faults in {len(found)} mutants, {took:.0f} s")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
