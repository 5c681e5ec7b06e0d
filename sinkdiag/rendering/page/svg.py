"""Figures as SVG inside a page: small, with the page's own colours, and names that do not collide.

What matplotlib writes is rewritten: coordinates to a tenth of a point, styles as classes that all
figures share, ids short and with a prefix of the figure, colours of paper and ink by the page's
variables, so that a dark page has dark figures.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from sinkdiag.rendering.figures.style import BLUE, styled
from sinkdiag.rendering.page.paths import shortened

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SVG, _XLINK = "{http://www.w3.org/2000/svg}", "{http://www.w3.org/1999/xlink}"
_NUMBER = re.compile(r"-?\d+\.\d+(?:e[-+]?\d+)?")
_REFERENCE = re.compile(r"url\(#([^)]+)\)")
# Colours that follow the page.
_COLOURS = {
    "#000000": "currentColor",
    "#ffffff": "var(--paper)",
    "#cccccc": "var(--line)",
    "#b0b0b0": "var(--grid)",
    BLUE.lower(): "var(--blue)",
    # The dark end of the colour map.
    "#440154": "var(--violet)",
}
_TEXTS = ("text", "tspan")
# Pixels a point where there is room; on narrow screens fewer, and the figure is scrolled.
_SCALE, _LEAST = 1.5, 1.15
# Markers with less path data than this are ticks.
_SHORT = 20
_NAMED = frozenset({"x", "y", "width", "height", "transform", "points"})


class StyleSheet:
    """Declarations by the class that stands for them, shared by all figures of a page."""

    def __init__(self) -> None:
        self._classes: dict[str, str] = {}

    def name(self, declarations: str) -> str:
        """The class of these declarations."""
        return self._classes.setdefault(declarations, f"s{len(self._classes):x}")

    def render(self) -> str:
        """CSS, one rule a class."""
        return "".join(f".{name}{{{text}}}" for text, name in self._classes.items())


def inline(figure: Figure, prefix: str, label: str, sheet: StyleSheet) -> str:
    """A figure as an element of the page; ``prefix`` begins its ids, ``label`` is read aloud."""
    import matplotlib as mpl

    stream = io.StringIO()
    with styled(), mpl.rc_context({"svg.fonttype": "none"}):
        figure.savefig(stream, format="svg", metadata={"Date": None})
    root = ElementTree.fromstring(stream.getvalue())
    size = root.get("viewBox", "0 0 1 1").split()
    _shrink(root, _identifiers(root, prefix), sheet)
    markers = dict(_markers(root))
    body = "".join(_markup(child, markers) for child in _merged(_flat(root), markers))
    box, points = f"0 0 {_short(size[2])} {_short(size[3])}", float(size[2])
    width = sheet.name(f"width:{_SCALE * points:.0f}px;min-width:{_LEAST * points:.0f}px")
    return (
        f'<svg viewBox="{box}" class="{width}" role="img" aria-label="{_escaped(label)}">'
        f"{body}</svg>"
    )


def _identifiers(root: ElementTree.Element, prefix: str) -> dict[str, str]:
    """Short names of the ids that something refers to."""
    used: dict[str, str] = {}
    for element in root.iter():
        for key, value in element.attrib.items():
            found = _REFERENCE.findall(value)
            if key == f"{_XLINK}href" and value.startswith("#"):
                found.append(value[1:])
            for name in found:
                used.setdefault(name, f"{prefix}{len(used):x}")
    return used


def _shrink(root: ElementTree.Element, names: dict[str, str], sheet: StyleSheet) -> None:
    """Drop what draws nothing, and rewrite every attribute."""
    for parent in list(root.iter()):
        for child in list(parent):
            if _tag(child) in ("metadata", "style"):
                parent.remove(child)
    # The style of a marker stands on the marker itself; what uses it need not repeat it.
    own = {element.get("id", ""): element.get("style") for element in root.iter()}
    for element in root.iter():
        target = element.get(f"{_XLINK}href", "")
        if target.startswith("#") and element.get("style") == own.get(target[1:]):
            element.attrib.pop("style", None)
    for element in root.iter():
        element.attrib = dict(_attributes(element, names, sheet))
        text = element.text or ""
        element.text = text if _tag(element) in _TEXTS and not text.isspace() else None
        element.tail = None


def _markers(root: ElementTree.Element) -> Iterator[tuple[str, str]]:
    """Data and class of every path that has an id."""
    for element in root.iter():
        name = element.get("id")
        if name is not None and _tag(element) == "path":
            yield name, element.get("d", "")
            yield f"{name} class", element.get("class", "")


def _attributes(
    element: ElementTree.Element, names: dict[str, str], sheet: StyleSheet
) -> Iterator[tuple[str, str]]:
    for key, value in element.attrib.items():
        if key == "style":
            declarations = _declarations(value, names)
            if declarations:
                yield "class", sheet.name(declarations)
        elif key == "id":
            if value in names:
                yield "id", names[value]
        elif key == f"{_XLINK}href":
            yield "href", f"#{names[value[1:]]}" if value.startswith("#") else value
        elif key == "clip-path":
            yield key, _renamed(value, names)
        elif key == "d":
            yield key, shortened(value)
        elif not key.startswith("{"):
            yield key, _rounded(value) if key in _NAMED else value


def _declarations(style: str, names: dict[str, str]) -> str:
    """A style without the font, which is the page's, and without what is the default anyway."""
    kept = []
    for part in style.split(";"):
        key, _, value = (piece.strip() for piece in part.partition(":"))
        if not key or key == "font-family":
            continue
        if key == "font":
            # "9px 'DejaVu Sans', ...": size, and maybe weight or slant before it.
            key, value = "font-size", next(word for word in value.split() if "px" in word)
        value = _COLOURS.get(value.lower(), value)
        kept.append(f"{key}:{_rounded(_renamed(value, names), digits=2)}")
    return ";".join(kept)


def _renamed(value: str, names: dict[str, str]) -> str:
    return _REFERENCE.sub(lambda found: f"url(#{names[found[1]]})", value)


def _rounded(value: str, digits: int = 1) -> str:
    return " ".join(_NUMBER.sub(lambda found: _short(found[0], digits), value).split())


def _short(number: str, digits: int = 1) -> str:
    text = f"{float(number):.{digits}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


def _markup(element: ElementTree.Element, markers: dict[str, str]) -> str:
    """The element as text; ``markers`` are paths by their ids."""
    tag, attributes = _tag(element), element.attrib
    inner = "".join(_markup(child, markers) for child in _merged(_flat(element), markers))
    text = _escaped(element.text or "")
    said = "".join(f' {key}="{_escaped(value)}"' for key, value in attributes.items())
    return f"<{tag}{said}>{text}{inner}</{tag}>" if text or inner else f"<{tag}{said}/>"


def _flat(element: ElementTree.Element) -> Iterator[ElementTree.Element]:
    """The children; those of groups that do nothing in their place."""
    for child in element:
        if _tag(child) == "g" and not child.attrib:
            yield from _flat(child)
        elif _tag(child) != "defs" or len(child):
            yield child


def _merged(
    children: Iterable[ElementTree.Element], markers: dict[str, str]
) -> Iterator[ElementTree.Element]:
    """The children; ticks that follow each other become one path."""
    ticks: list[ElementTree.Element] = []
    for child in children:
        if ticks and not _is_tick(child, markers, like=ticks[0]):
            yield _as_path(ticks, markers)
            ticks = []
        if _is_tick(child, markers):
            ticks.append(child)
        else:
            yield child
    if ticks:
        yield _as_path(ticks, markers)


def _is_tick(
    element: ElementTree.Element,
    markers: dict[str, str],
    like: ElementTree.Element | None = None,
) -> bool:
    """Whether it places a short marker; ``like`` another one, with the same attributes."""
    short = len(markers.get(element.get("href", "")[1:], "x" * _SHORT)) < _SHORT
    same = like is None or all(
        element.get(key) == like.get(key) for key in ("href", "class", "clip-path")
    )
    return _tag(element) == "use" and short and same


def _as_path(ticks: Sequence[ElementTree.Element], markers: dict[str, str]) -> ElementTree.Element:
    """One path where each tick was; a single one stays."""
    if len(ticks) == 1:
        return ticks[0]
    target = ticks[0].get("href", "")[1:]
    marker = re.sub(r"^m0 0", "", markers[target])
    drawn = ElementTree.Element(f"{_SVG}path")
    drawn.set("d", "".join(f"M{tick.get('x')} {tick.get('y')}{marker}" for tick in ticks))
    style = ticks[0].get("class") or markers.get(f"{target} class", "")
    for key, value in (("class", style), ("clip-path", ticks[0].get("clip-path", ""))):
        if value:
            drawn.set(key, value)
    return drawn


def _tag(element: ElementTree.Element) -> str:
    return element.tag.removeprefix(_SVG) if isinstance(element.tag, str) else ""


def _escaped(text: str) -> str:
    from html import escape

    return escape(text)
