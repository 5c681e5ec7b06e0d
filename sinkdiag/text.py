"""Text that may come from a file's name: one line, nothing that a terminal would obey."""

from __future__ import annotations


def printable(text: str) -> str:
    """The text with control characters, line breaks and undecodable bytes written as escapes."""
    return "".join(
        mark if mark.isprintable() else mark.encode("unicode_escape").decode("ascii")
        for mark in text
    )


def encodable(text: str, encoding: str) -> str:
    """The text with what the encoding lacks written as escapes; line breaks stay."""
    return text.encode(encoding, "backslashreplace").decode(encoding)
