import math

from sinkdiag.annealing.bracket import Bracket
from sinkdiag.annealing.replay import Replay, ReplayFate
from sinkdiag.annealing.window import NO_WINDOW, Window

SAFE = Replay(fate=ReplayFate.SAFE, steps=9, tv=0.0, slopes=(0.0, 1.0))


def window(*brackets):
    low = max(entry.low for entry in brackets)
    return Window(k_low=low, k_high=min(entry.high for entry in brackets), brackets=brackets)


def test_k_low_is_at_most_only_where_the_scan_ended_at_it():
    measured = Bracket(low=1e-3, high=2.0, free=9.0, slowest=SAFE)
    floor = Bracket(low=9e-8, high=2.0, free=9.0, slowest=SAFE, floor=True)
    assert not window(measured, floor).floor
    assert window(floor, floor).floor
    assert window(floor).k_safe == math.sqrt(9e-8 * 2.0)


def test_holes_are_counted():
    hole = Bracket(low=1e-3, high=2.0, free=9.0, slowest=SAFE, hole=True)
    whole = Bracket(low=1e-3, high=2.0, free=9.0, slowest=SAFE)
    assert window(hole, whole, hole).holes == 2
    assert window(hole, whole).fates(ReplayFate.SAFE) == 2


def test_no_runs_are_no_window():
    assert not NO_WINDOW.found
    assert math.isnan(NO_WINDOW.k_safe)
