"""The command line: commands parse, call a study, and publish its result."""
