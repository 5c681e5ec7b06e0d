"""How a long computation tells where it is."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Told of finished work; ``total`` may grow."""

    def __call__(self, stage: str, done: int, total: int) -> None:
        """``done`` of ``total`` units of ``stage`` are finished."""


def silent(stage: str, done: int, total: int) -> None:
    """Nobody is told."""
    del stage, done, total
