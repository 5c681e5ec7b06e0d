"""Resolvent norms on grids of the plane, and the numbers that go with them."""
