"""Checkpoints with Sinkhorn projections: readers, the implementations' own loops, composites."""
