"""One file per command: settings, row, result, and the study itself."""
