"""The page: nothing from outside, data that come back, figures that stay what they were."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import numpy as np
import pytest

import sinkdiag
from sinkdiag.rendering.figures.style import new_figure
from sinkdiag.rendering.page.embedded import embed, extract
from sinkdiag.rendering.page.paths import shortened
from sinkdiag.rendering.page.svg import StyleSheet, inline
from tests.helpers import invoke, planar_cost, uniform_cost
from tests.rendering.pages import small_page, small_report

# What the issue allows at n = 100.
MOST_BYTES = 300_000
NASTY = "</script><script>alert(1)</script>&\u2028<img src=http://x onerror=alert(1)>'\""


class Markup(HTMLParser):
    """Tags with their attributes, and whether every element that has to be closed is."""

    VOID = frozenset({"meta", "br", "img", "path", "use", "rect"})
    # Elements that HTML ends by itself.
    OPEN = frozenset({"tr", "td", "th", "dt", "dd", "li"})

    def __init__(self, text):
        super().__init__()
        self.tags, self.stack = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.stack.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        while self.stack[-1] != tag and self.stack[-1] in self.OPEN:
            self.stack.pop()
        assert self.stack.pop() == tag


@pytest.fixture(name="markup", scope="module")
def _markup():
    return Markup(small_page())


def test_elements_are_closed_and_ids_are_unique(markup):
    assert markup.stack == []
    ids = [attributes["id"] for _, attributes in markup.tags if "id" in attributes]
    assert len(ids) == len(set(ids)) > 20
    inside = [a["href"][1:] for _, a in markup.tags if a.get("href", "").startswith("#")]
    assert set(inside) <= set(ids)
    clips = re.findall(r"url\(#([^)]*)\)", small_page())
    assert clips
    assert set(clips) <= set(ids)


def test_nothing_comes_from_outside(markup):
    for tag, attributes in markup.tags:
        assert not {"src", "srcset", "action", "onclick", "style"} & attributes.keys(), tag
        assert attributes.get("href", "#").startswith(("#", "data:"))
        assert tag not in ("link", "iframe", "object", "form", "base")
    assert "@import" not in small_page()
    assert not re.search(r"https?://", small_page())


def test_the_policy_names_the_style_and_the_script_of_the_page():
    text = small_page()
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)[1]
    assert policy.startswith("default-src 'none';")
    for element in ("style", "script"):
        (body,) = re.findall(rf"<{element}>(.*?)</{element}>", text, flags=re.S)
        digest = base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()
        assert f"{element}-src 'sha256-{digest}'" in policy


def test_the_data_come_back():
    data = json.loads(extract(small_page()))
    assert data["command"] == "report"
    assert [section["command"] for section in data["sections"]] == [
        "check", "spectrum", "pseudospectrum", "sensitivity", "constants", "calibrate", "anneal",
    ]  # fmt: skip
    spectrum = small_report().section("spectrum")
    assert data["sections"][1] == json.loads(spectrum.table.render("json"))


def test_markup_in_data_ends_no_script():
    held = embed({"name": NASTY})
    assert held.count("<") == held.count(">") == 2
    assert json.loads(extract(f"<p>{held}<p>")) == {"name": NASTY}
    assert extract("<p>no data</p>") is None


def test_names_are_escaped(tmp_path):
    path = tmp_path / "a<script>alert(1)<&'\".npy"
    np.save(path, uniform_cost(5, 5))
    page = tmp_path / "page.html"
    assert invoke("report", path, "--only", "check", "-o", page).status == 0
    text = page.read_text()
    assert "<script>alert" not in text
    assert "a&lt;script&gt;alert(1)&lt;&amp;" in text
    assert Markup(text).stack == []
    assert json.loads(extract(text))["summary"]["name"] == str(path)


@pytest.mark.slow
def test_a_page_of_a_hundred_rows_is_small_enough():
    for cost in (planar_cost(100), uniform_cost(100, 100)):
        assert len(sinkdiag.report(cost).page().encode()) < MOST_BYTES


def test_a_page_is_the_same_again():
    reports = [sinkdiag.report(planar_cost(5), only=["check", "anneal"]) for _ in range(2)]
    first, second = ([each.document(), each.text()] for each in reports)
    assert first == second
    one, other = (sinkdiag.report(planar_cost(5), only="check").page() for _ in range(2))
    assert one == other


def absolute(data):
    """Corners and controls of a path in absolute coordinates, however they are written."""
    tokens = re.findall(r"[A-Za-z]|-?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?", data)
    counts = {"M": 2, "L": 2, "H": 1, "V": 1, "C": 6, "Q": 4, "Z": 0}
    at, start, found, place, command = (0.0, 0.0), (0.0, 0.0), [], 0, ""
    while place < len(tokens):
        if tokens[place].isalpha():
            command, place = tokens[place], place + 1
        name, relative = command.upper(), command.islower()
        numbers = [float(text) for text in tokens[place : place + counts[name]]]
        place += counts[name]
        if name == "Z":
            at = start
            continue
        if name in "HV":
            axis = "HV".index(name)
            moved = list(at)
            moved[axis] = numbers[0] + (at[axis] if relative else 0.0)
            numbers = moved
        elif relative:
            numbers = [value + at[k % 2] for k, value in enumerate(numbers)]
        at = (numbers[-2], numbers[-1])
        start = at if name == "M" else start
        found += numbers
    return np.array(found)


PATHS = {
    "line": "M 48.16 245.8 L 308.54 245.84 L 308.5 55.2 L 12.04 -0.04 ",
    "closed": "M 0 2 L 2 2 L 2 -2 z M 10 10 L 11 10.5 z ",
    "curve": "M 0 2 C 10.53 2 1.04 1.84 1.41 1.41 Q 3 3 -4.25 7.111 ",
    "far": "M 1000.06 -1000.04 L 1000.1 -1000.1 L 1e-05 0 ",
}


@pytest.mark.parametrize("name", PATHS)
def test_short_paths_are_the_same_paths(name):
    wanted = absolute(PATHS[name])
    np.testing.assert_allclose(absolute(shortened(PATHS[name])), wanted, atol=0.051)
    assert len(shortened(PATHS[name])) <= len(PATHS[name])


def test_long_paths_do_not_drift():
    points = np.cumsum(np.random.default_rng(0).normal(size=(4000, 2)), axis=0)
    data = "M " + " L ".join(f"{x:.6f} {y:.6f}" for x, y in points)
    np.testing.assert_allclose(absolute(shortened(data)), points.ravel(), atol=0.051)


def test_tiny_dots_become_squares_and_other_data_stay():
    circle = "M 1 0 C 1 0.5 0.5 1 0 1 C -0.5 1 -1 0.5 -1 0 z "
    assert "c" in shortened(circle)
    small = shortened(re.sub(r"-?[\d.]+", lambda found: str(0.5 * float(found[0])), circle))
    assert "c" not in small
    np.testing.assert_allclose(absolute(small).reshape(4, 2).min(axis=0), [-0.5, 0.0], atol=0.051)
    assert shortened("M 0 0 A 1 1 0 0 1 2 2") == "M 0 0 A 1 1 0 0 1 2 2"


def shapes(text):
    """What a figure draws, as numbers: corners of paths and places of markers."""
    root = ElementTree.fromstring(re.sub(r' (?:\w+:)?href="', ' target="', text))
    paths, uses = [], []
    for element in root.iter():
        tag = element.tag.rpartition("}")[2]
        if tag == "path" and "id" not in element.attrib:
            paths.append(absolute(element.get("d")))
        if tag == "use":
            uses.append((float(element.get("x", 0)), float(element.get("y", 0))))
    return paths, uses


def test_figures_keep_their_lines_and_words():
    figure = new_figure(4, 3)
    axes = figure.subplots()
    axes.loglog([1, 10, 100], [3, 1, 2], marker="o", label="a < b & c")
    axes.set_title("title <&>")
    axes.legend()
    text = inline(figure, "f0-", 'say "x"', StyleSheet())
    assert 'aria-label="say &quot;x&quot;"' in text
    assert "title &lt;&amp;&gt;" in text
    assert "a &lt; b &amp; c" in text
    paths, _ = shapes(text)
    assert any(len(path) == 6 for path in paths)
    assert re.search(r'class="s\w+"', text)
    assert "currentColor" not in text


def test_figures_follow_the_colours_of_the_page():
    figure, sheet = new_figure(4, 3), StyleSheet()
    figure.subplots().plot([0, 1], [0, 1], color="#000000")
    inline(figure, "f0-", "x", sheet)
    css = sheet.render()
    assert "stroke:currentColor" in css
    assert "fill:var(--paper)" in css
    assert "#ffffff" not in css
