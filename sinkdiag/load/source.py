"""The bytes of an input, and how many of them are read at most."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import IO, TypeVar

from sinkdiag.errors import InputError, first_words

# Entries of one array, and bytes of one input: what a cost of 4 GiB in double precision takes.
MOST_ENTRIES = 2**29
MOST_BYTES = 8 * MOST_ENTRIES + 2**20

Read = TypeVar("Read")


def bytes_of(path: str, content: str) -> bytes:
    """All bytes of a file, or of a pipe that ends.

    Raises
    ------
    InputError
        When it cannot be read, is empty, or holds more than `MOST_BYTES`.
    """
    try:
        with Path(path).open("rb") as stream:
            data = bounded(stream, path)
    except FileNotFoundError as error:
        raise InputError(path, "no such file", "check the path") from error
    except IsADirectoryError as error:
        raise InputError(path, "is a folder", f"name the file of the {content} in it") from error
    except (OSError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise InputError(path, f"cannot be read ({reason})", "check the path") from error
    if not data:
        raise InputError(path, "the file is empty", f"write the {content} into it")
    return data


def split_key(source: str, endings: tuple[str, ...]) -> tuple[str, str | None]:
    """Path and key of ``PATH:KEY``, where files of these endings hold arrays by name."""
    path, colon, key = source.rpartition(":")
    if colon and Path(path).suffix.lower() in endings and not Path(source).exists():
        return path, key
    return source, None


def standard_input() -> bytes:
    """All bytes of standard input, with the same limit."""
    # A process can be started without one.
    if sys.stdin is None:
        raise InputError("standard input", "it is closed", "pipe npy bytes into it")
    data = bounded(sys.stdin.buffer, "standard input")
    if not data:
        raise InputError("standard input", "it is empty", "pipe npy bytes into it")
    return data


def bounded(stream: IO[bytes], name: str) -> bytes:
    """What a stream holds, unless that is more than `MOST_BYTES`."""
    parts, total = [], 0
    while part := stream.read(2**24):
        parts.append(part)
        total += len(part)
        if total > MOST_BYTES:
            raise too_large(name, f"more than {MOST_BYTES / 2**30:.3g} GiB")
    return b"".join(parts)


def too_large(name: str, size: str) -> InputError:
    """The error of an input that would not fit."""
    return InputError(
        name,
        f"{size} is too large",
        f"costs of at most {MOST_ENTRIES:,} entries are read; give a part of it",
    )


def check_shape(shape: tuple[int, ...], name: str) -> None:
    """Refuse a shape, as a header claims it, before memory is taken for it."""
    entries = 1
    for size in shape:
        entries *= max(int(size), 0)
    if entries > MOST_ENTRIES:
        raise too_large(name, "a " + "×".join(str(size) for size in shape) + " array")


def walled(name: str, kind: str, remedy: str, read: Callable[[], Read]) -> Read:
    """Run a library's reader; whatever it raises becomes one line.

    Readers of damaged files raise a dozen types of exception, and not always the documented ones.
    """
    try:
        return read()
    except InputError:
        raise
    except MemoryError as error:
        raise InputError(name, "the array does not fit into memory", "give a part of it") from error
    except Exception as error:
        raise InputError(
            name, f"a damaged or truncated {kind} ({first_words(error)})", remedy
        ) from error
