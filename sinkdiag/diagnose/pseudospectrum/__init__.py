"""Pseudospectra of a Jacobian in a norm, or of any square matrix.

Everything is a resolvent norm ‖(z-T)^{-1}‖ of one triangular matrix T, computed for many z at once;
grids, radii, the Kreiss constant and their certificates are built on that alone.
"""
