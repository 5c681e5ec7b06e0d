"""The command line: commands parse, call the library, and report."""

from sinkdiag.cli.main import main

__all__ = ["main"]
