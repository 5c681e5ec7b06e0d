"""Before a run: what it will need, said if that is much, and refused beyond ``--max-memory``."""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sinkdiag.cli.messages import note
from sinkdiag.cli.options import InputOptions
from sinkdiag.cli.outputs import path_of
from sinkdiag.errors import InputError

if TYPE_CHECKING:
    from sinkdiag.cli.work_options import WorkOptions
    from sinkdiag.studies.subjects import Subject
    from sinkdiag.temperature import Temperatures

# A run of more seconds, or of more than this share of what is free, is announced.
LONG, LARGE = 60.0, 0.5
# A file and the array that is made from it lie in memory side by side.
_COPIES = 2
_CGROUP = Path("/sys/fs/cgroup")


def check_files(inputs: InputOptions) -> None:
    """Refuse files that would not fit, by their sizes and by what their archives claim.

    Raises
    ------
    InputError
        Naming the file.
    """
    most = inputs.max_memory or available_memory()
    for source in inputs.files:
        needed = _COPIES * _claimed(path_of(source))
        if needed > most:
            fault = f"reading it needs about {in_bytes(needed)} of memory, and {_allowed(inputs)}"
            raise InputError(source, fault, "give a part of it, or more --max-memory")


def check_limits(
    command: str,
    subjects: Sequence[Subject],
    temperatures: Temperatures,
    settings: object,
    inputs: InputOptions,
    *,
    working: WorkOptions | None = None,
) -> None:
    """Say what a run will need if that is much.

    Raises
    ------
    InputError
        When it is more memory than ``--max-memory``, by default what the machine has free.
    """
    from sinkdiag.studies.estimates import estimate

    problems = [problem for subject in subjects for problem in subject.problems]
    if not problems:
        return
    jobs = 1 if working is None else working.at_a_time(len(problems))
    needed = estimate(command, problems, len(temperatures.values), settings, jobs)
    most = inputs.max_memory or available_memory()
    memory = in_bytes(needed.memory)
    if needed.memory > most:
        raise InputError(
            subjects[0].name,
            f"{command} needs about {memory} of memory, and {_allowed(inputs)}",
            f"{needed.less_memory}, or allow more with --max-memory",
        )
    if needed.memory > LARGE * most:
        note(f"{command} needs about {memory} of memory; {needed.less_memory}")
    if needed.seconds > LONG:
        note(f"{command} takes about {in_time(needed.seconds)}; less: {needed.less_time}")


def available_memory() -> float:
    """Bytes that this process can take: free on the machine, and left to its control group."""
    free = math.inf
    with contextlib.suppress(OSError, ValueError):
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                free = 1024.0 * int(line.split()[1])
    if math.isinf(free):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            free = float(os.sysconf("SC_PHYS_PAGES")) * os.sysconf("SC_PAGE_SIZE")
    with contextlib.suppress(OSError, ValueError):  # "max" where nothing limits the group
        limit = int((_CGROUP / "memory.max").read_text(encoding="ascii"))
        used = int((_CGROUP / "memory.current").read_text(encoding="ascii"))
        for line in (_CGROUP / "memory.stat").read_text(encoding="ascii").splitlines():
            # What files left in the cache is given back when it is needed.
            used -= int(line.split()[1]) if line.startswith("inactive_file ") else 0
        free = min(free, float(limit - used))
    return free


def in_bytes(size: float) -> str:
    """A size as people write it."""
    if size >= 2**29:
        return f"{size / 2**30:.2g} GiB"
    return f"{size / 2**20:.0f} MiB" if size >= 2**20 else f"{math.ceil(size / 2**10)} KiB"


def in_time(seconds: float) -> str:
    """A duration, roughly."""
    if seconds < 100.0:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000.0 else f"{seconds / 3600:.0f} h"


def _allowed(inputs: InputOptions) -> str:
    if inputs.max_memory is not None:
        return f"--max-memory allows {in_bytes(inputs.max_memory)}"
    return f"{in_bytes(available_memory())} is free"


def _claimed(path: str) -> float:
    """Bytes of a file, or of the members of an archive; 0 of what is no file."""
    import zipfile

    try:
        if not Path(path).is_file():
            return 0.0
        size = float(Path(path).stat().st_size)
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                size = max(size, float(sum(each.file_size for each in archive.infolist())))
    except Exception:  # a damaged archive is for its reader to name
        return 0.0
    return size
