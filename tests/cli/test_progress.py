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
        "fates: 20%, about 40 s left",
        "lengths: 70%, about 9 s left",
    ]
