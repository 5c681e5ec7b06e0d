"""Where a network projects a matrix: the site's place, its static logits, and their interval."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from sinkdiag.arrays import FloatArray
from sinkdiag.checkpoints.loops import Loop, Name

# A float32 dot product over some ten thousand entries errs by less.
INFLATION = 1.0 + 1e-5
_NUMBER = re.compile(r"(?:^|(?<=[._/\-]))(\d{1,9})(?=[._/\-]|$)")


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a site stands: ``stem`` is the part of the network, ``site`` which one of its layer."""

    key: str
    stem: str
    layer: int
    site: str

    @property
    def order(self) -> tuple[object, ...]:
        """Network order: by part and layer, attention before feed-forward, then by name."""
        rank = 2
        if re.search(r"attn|attention", self.site, flags=re.IGNORECASE):
            rank = 0
        elif re.search(r"ffn|mlp|feed|ff\b", self.site, flags=re.IGNORECASE):
            rank = 1
        return (_natural(self.stem), self.layer, rank, _natural(self.site), self.key)


@dataclass(frozen=True, kw_only=True, eq=False)
class Site:
    """One projection of a network.

    Attributes
    ----------
    logits:
        The static logits (n, n), before the temperature.
    bound:
        |d_ij| <= bound_ij for the dynamic part d of the logits of every input (n, n); 0 where there
        is none, nan where the file does not say.
    typical:
        Root mean square of d_ij if the normed input's entries were independent with mean square 1.
    roundoff:
        Unit roundoff of the stored logits' type.
    """

    place: Place
    logits: FloatArray
    bound: FloatArray
    typical: FloatArray
    roundoff: float


@dataclass(frozen=True, kw_only=True)
class NetworkPart:
    """Sites that follow each other; ``is_chain``: all of as many streams, so that they multiply."""

    stem: str
    sites: tuple[Site, ...]

    @property
    def is_chain(self) -> bool:
        """Whether the product of its matrices is defined."""
        return len({len(site.logits) for site in self.sites}) == 1


@dataclass(frozen=True, kw_only=True)
class Model:
    """The sites of a network in its order, and the loop that projects them.

    ``said`` are sentences on how the file was understood; ``files`` what was opened.
    """

    name: str
    implementation: Name
    loop: Loop
    sites: tuple[Site, ...]
    said: tuple[str, ...]
    files: tuple[str, ...]

    @property
    def parts(self) -> tuple[NetworkPart, ...]:
        """The sites by their part of the network, in order."""
        stems = dict.fromkeys(site.place.stem for site in self.sites)
        return tuple(
            NetworkPart(
                stem=stem, sites=tuple(site for site in self.sites if site.place.stem == stem)
            )
            for stem in stems
        )


def place_of(key: str) -> Place:
    """The place that a module's dotted name says; layer -1 where it holds no number."""
    number = _NUMBER.search(key)
    if number is None:
        return Place(key=key, stem="", layer=-1, site=key)
    return Place(
        key=key,
        stem=key[: number.start()].rstrip("._/-"),
        layer=int(number[1]),
        site=key[number.end() :].lstrip("._/-"),
    )


def static_site(key: str, logits: FloatArray, roundoff: float) -> Site:
    """A site whose logits depend on no input."""
    none = np.zeros_like(logits)
    return Site(place=place_of(key), logits=logits, bound=none, typical=none, roundoff=roundoff)


def _natural(text: str) -> tuple[tuple[int, str], ...]:
    """Numbers in a name by their size."""
    parts = re.split(r"(\d+)", text)
    return tuple((int(part) if part.isdecimal() else -1, part) for part in parts)
