"""The exceptions that a user can meet."""

from __future__ import annotations


class InputError(ValueError):
    """An input that cannot be used: one line that names the source, the fault and the remedy.

    The command line prints ``str(error)`` and leaves with status 3.
    """

    def __init__(self, source: str, fault: str, remedy: str) -> None:
        super().__init__(f"{source}: {fault}; {remedy}")
        self.source = source
        self.fault = fault
        self.remedy = remedy

    def __reduce__(self) -> tuple[type[InputError], tuple[str, str, str]]:
        return type(self), (self.source, self.fault, self.remedy)


class ConflictError(InputError):
    """Two arguments that do not go together; ``source`` is the name of the first.

    The command line says so as of an option, and leaves with status 2.
    """


class NothingToDrawError(ValueError):
    """A figure on which nothing was resolved; the message says what is missing."""


def first_words(error: Exception) -> str:
    """The beginning of a library's message, on one line."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text.partition(";")[0].rstrip(".")[:120]
