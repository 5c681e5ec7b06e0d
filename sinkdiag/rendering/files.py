"""Write files whole or not at all."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import IO

from sinkdiag.errors import InputError

# Files that are being filled; whoever ends the process removes them.
_TEMPORARIES: set[str] = set()


def check_writable(path: str) -> None:
    """Find out before a long computation that ``path`` cannot be written.

    A link is followed: what it names is written, and the link stays.

    Raises
    ------
    InputError
        When the folder is missing or closed, or ``path`` is a folder or a closed file.
    """
    if not path:
        raise InputError("output", "the file name is empty", "name a file")
    if "\0" in path:
        raise InputError(path, "the file name holds a zero byte", "choose another")
    target = Path(os.path.realpath(path))
    if target.is_dir():
        raise InputError(path, "is a folder", "name a file in it")
    if target.exists() and not os.access(target, os.W_OK):
        raise InputError(path, "is read-only", "choose another path, or make it writable")
    if not target.parent.is_dir():
        raise InputError(path, f"the folder {target.parent} does not exist", "make it first")
    if not os.access(target.parent, os.W_OK):
        raise InputError(path, f"the folder {target.parent} cannot be written", "choose another")


def write_text(path: str, text: str) -> None:
    """Write UTF-8 text whole or not at all."""
    write_with(path, lambda stream: stream.write(text.encode("utf-8", "backslashreplace")))


def write_with(path: str, write: Callable[[IO[bytes]], object]) -> None:
    """Let ``write`` fill a temporary file beside ``path``, then move it into place.

    Raises
    ------
    InputError
        When the file system refuses.
    """
    target = Path(os.path.realpath(path))
    try:
        if target.exists() and not target.is_file():  # /dev/stdout, a named pipe
            with target.open("wb") as stream:
                write(stream)
            return
        check_writable(path)
        _replace(target, write)
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            raise
        raise InputError(
            path, f"cannot be written ({error.strerror})", "choose another path"
        ) from error


def _replace(target: Path, write: Callable[[IO[bytes]], object]) -> None:
    umask = os.umask(0)
    os.umask(umask)
    mode = target.stat().st_mode & 0o7777 if target.exists() else 0o666 & ~umask
    temporary: str | None = None
    try:
        with tempfile.NamedTemporaryFile(
            dir=target.parent, prefix=".sinkdiag-", delete=False
        ) as stream:
            temporary = stream.name
            _TEMPORARIES.add(temporary)
            write(stream)
        Path(temporary).chmod(mode)
        Path(temporary).replace(target)
    finally:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
            _TEMPORARIES.discard(temporary)


def remove_temporaries() -> None:
    """Remove what is half-written, for a process that is about to end."""
    for name in list(_TEMPORARIES):
        with contextlib.suppress(OSError):
            Path(name).unlink(missing_ok=True)
