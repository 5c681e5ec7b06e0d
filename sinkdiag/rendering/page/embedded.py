"""The data of a page: JSON in the page itself, which a browser does not run, and back from it."""

from __future__ import annotations

import json
import re
from typing import Any

_OPENING = '<script type="application/json" id="sinkdiag-data">'
_BLOCK = re.compile(re.escape(_OPENING) + r"(.*?)</script>", flags=re.S)
# What could end the script, or begin markup in it, is written as JSON's own escapes.
_ESCAPES = {ord("<"): "\\u003c", ord(">"): "\\u003e", ord("&"): "\\u0026",
            0x2028: "\\u2028", 0x2029: "\\u2029"}  # fmt: skip


def embed(data: dict[str, Any]) -> str:
    """The element that holds the data."""
    text = json.dumps(data, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    return f"{_OPENING}{text.translate(_ESCAPES)}</script>"


def extract(page: str) -> str | None:
    """The JSON text that a page holds; None where it holds none."""
    found = _BLOCK.search(page)
    return None if found is None else found[1]
