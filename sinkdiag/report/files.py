"""Write files whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import IO

from sinkdiag.errors import InputError


def check_writable(path: str) -> None:
    """Find out before a long computation that ``path`` cannot be written.

    Raises
    ------
    InputError
        When the folder is missing or closed, or ``path`` is a folder.
    """
    if not path:
        raise InputError("output", "the file name is empty", "name a file")
    target = Path(path)
    if target.is_dir():
        raise InputError(path, "is a folder", "name a file in it")
    if not target.parent.is_dir():
        raise InputError(path, f"the folder {target.parent} does not exist", "make it first")
    if not os.access(target.parent, os.W_OK):
        raise InputError(path, f"the folder {target.parent} cannot be written", "choose another")


def write_text(path: str, text: str) -> None:
    """Write UTF-8 text whole or not at all."""
    write_with(path, lambda stream: stream.write(text.encode("utf-8")))


def write_with(path: str, write: Callable[[IO[bytes]], object]) -> None:
    """Let ``write`` fill a temporary file beside ``path``, then move it into place.

    Raises
    ------
    InputError
        When the file system refuses.
    """
    target = Path(path)
    if target.exists() and not target.is_file():  # /dev/stdout, a named pipe
        with target.open("wb") as stream:
            write(stream)
        return
    check_writable(path)
    temporary: str | None = None
    try:
        with tempfile.NamedTemporaryFile(
            dir=target.parent, prefix=f".{target.name}.", delete=False
        ) as stream:
            temporary = stream.name
            write(stream)
        umask = os.umask(0)
        os.umask(umask)
        Path(temporary).chmod(0o666 & ~umask)
        Path(temporary).replace(target)
        temporary = None
    except OSError as error:
        raise InputError(
            path, f"cannot be written ({error.strerror})", "choose another path"
        ) from error
    finally:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
