"""Derivatives of the plan in cost and temperature, of first and second order."""
