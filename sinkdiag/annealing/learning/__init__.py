"""Calibration with learning in the loop: the learner, how its runs end, and the slope it bears."""
