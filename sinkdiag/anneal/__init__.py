"""Annealing: schedules, the adaptive controller, tracked runs, calibration."""
