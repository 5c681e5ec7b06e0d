"""Annealing schedules and algorithms, one file each; every run is an iterator of `ScheduleStep`."""
