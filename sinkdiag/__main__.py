"""The ``sinkdiag`` script, and ``python -m sinkdiag``."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import warnings
from types import FrameType


def main() -> None:
    """Entry point of the script.

    A signal ends the process at once, whatever is being imported or compiled: an exception raised
    inside a library's callback can be swallowed there.
    """
    signal.signal(signal.SIGINT, _stop)
    signal.signal(signal.SIGTERM, _stop)
    _occupy_streams()
    if not {"-v", "--verbose"} & set(sys.argv):
        # A library's warning is no line that a user can act on; the tests turn each into an error.
        warnings.simplefilter("ignore")
    from sinkdiag.cli.main import run

    status = run(sys.argv[1:])
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            stream.flush()
    # What Python itself would say of a stream that closed helps nobody, and changes the status.
    os._exit(status)


def _occupy_streams() -> None:
    """Open nothing where a standard stream is missing, so that no file gets its number."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)


def _stop(number: int, frame: FrameType | None) -> None:
    """Leave nothing half-written behind, and end with the signal's status."""
    del frame
    files = sys.modules.get("sinkdiag.rendering.files")
    if files is not None:
        files.remove_temporaries()
    processes = sys.modules.get("sinkdiag.parallel.processes")
    if processes is not None:
        processes.kill_workers()
    if number == signal.SIGINT:
        with contextlib.suppress(OSError):
            os.write(2, b"sinkdiag: interrupted\n")
    os._exit(128 + number)


if __name__ == "__main__":
    main()
