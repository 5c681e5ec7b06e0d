"""Files are written whole or not at all."""

from __future__ import annotations

import os

import pytest

from sinkdiag.errors import InputError
from sinkdiag.rendering import files
from sinkdiag.rendering.figures.style import shown_name


def test_a_writer_that_fails_leaves_the_old_file(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("before")

    def broken(stream):
        stream.write(b"half")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        files.write_with(str(path), broken)
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_temporaries_are_known_while_they_are_filled(tmp_path):
    def interrupted(stream):
        stream.write(b"half")
        stream.flush()
        assert len(list(tmp_path.iterdir())) == 1
        files.remove_temporaries()
        assert not list(tmp_path.iterdir())
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        files.write_with(str(tmp_path / "rows.csv"), interrupted)


def test_links_and_permissions_stay(tmp_path):
    real, link = tmp_path / "real.csv", tmp_path / "link.csv"
    real.write_text("before")
    real.chmod(0o640)
    link.symlink_to(real)
    files.write_text(str(link), "after")
    assert link.is_symlink()
    assert real.read_text() == "after"
    assert real.stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("", "empty"),
        ("none/rows.csv", "does not exist"),
        (".", "is a folder"),
        ("a\0b", "zero byte"),
    ],
)
def test_what_cannot_be_written_is_named(tmp_path, monkeypatch, name, fault):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=fault):
        files.check_writable(name)


@pytest.mark.skipif(os.geteuid() == 0, reason="for the superuser no file is read-only")
def test_a_read_only_file_is_not_replaced(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("before")
    path.chmod(0o444)
    with pytest.raises(InputError, match="read-only"):
        files.write_text(str(path), "after")


def test_bytes_go_through_a_device():
    files.write_text("/dev/null", "anything")


def test_names_in_titles_are_no_mathematics():
    assert shown_name("folder/$\\frac$.npy") == "\\$\\frac\\$.npy"
    assert shown_name("a\nb") == "a\\nb"
