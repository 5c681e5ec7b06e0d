"""One module a figure; all share the style."""
