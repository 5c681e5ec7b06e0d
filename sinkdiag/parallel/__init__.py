"""Units of work beyond one process: on the cores of this machine, or on a scheduler's workers."""
