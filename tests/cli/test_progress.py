"""Lines of progress where standard error is no terminal."""

import sinkdiag.cli.messages as messages


def test_a_long_run_says_every_ten_seconds_where_it_is(monkeypatch, capsys):
    clock = iter([0.0, 3.0, 10.0, 12.0, 21.0, 40.0])
    monkeypatch.setattr(messages.time, "monotonic", lambda: next(clock))
    progress = messages._Lines()
    progress("fates", 10, 100)
    progress("fates", 20, 100)
    progress("fates", 25, 100)
    progress("lengths", 70, 100)
    progress("done", 100, 100)
    assert capsys.readouterr().err.splitlines() == [
        "fates: 20%, about 56 s left",
        "lengths: 70%, about 9 s left",
    ]


def test_what_ran_before_a_count_began_does_not_slow_it(monkeypatch, capsys):
    clock = iter([0.0, 60.0, 62.0, 162.0, 172.0])
    monkeypatch.setattr(messages.time, "monotonic", lambda: next(clock))
    progress = messages._Lines()
    progress("sensitivity", 1, 11)
    progress("sensitivity", 2, 11)
    progress("calibrate", 0, 10)
    progress("calibrate", 5, 10)
    assert capsys.readouterr().err.splitlines() == [
        "sensitivity: 18%, about 18 s left",
        "calibrate: 50%, about 10 s left",
    ]
