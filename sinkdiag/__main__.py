"""``python -m sinkdiag``: the same as the script."""

from sinkdiag.cli import main

main()
