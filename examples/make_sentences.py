"""Make the bundled text matching problem, `examples/data/sentences.npy`.

The text is CPython's own language reference as `pydoc_data.topics` carries it. It is cut into
passages of eight consecutive sentences; a row is the first, third, fifth and seventh of a passage,
a column the second, fourth, sixth and eighth. The order of the text says which column each row
truly belongs to. Nothing is downloaded.

Run `python examples/make_sentences.py [FOLDER]`. The same Python gives the same bytes: costs are
rounded to 6 decimals, which hides the rounding of the linear algebra.
"""

import hashlib
import math
import re
import sys
from collections import Counter
from pathlib import Path
from pydoc_data.topics import topics

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

# SHA-256 of the topics that the stored files come from (CPython 3.11.7).
EDITION = "853505944682f68394b4bac08996a977b0d71f01cb49ef646ad8f8150e5779d6"
N_PASSAGES = 64
PASSAGE = 8  # sentences
LEAST_WORDS = 5  # of a sentence
RANK = 32  # of the latent semantic space
DECIMALS = 6
SEED = 0  # of the column shuffle
DATA = Path(__file__).parent / "data"

WORD = re.compile(r"[a-z_]{2,}")


def edition() -> str:
    """SHA-256 of the topics of the Python that runs."""
    text = "\0".join(f"{name}\0{topics[name]}" for name in sorted(topics))
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def sentences(text: str) -> list[str]:
    """The sentences of a topic: of its flush paragraphs, without code, grammar and rulers."""
    found: list[str] = []
    for paragraph in re.split(r"\n\s*\n", text):
        lines = paragraph.splitlines()
        ruled = any(set(line.strip()) <= set('*=-+~^"') for line in lines)
        if lines and not ruled and not any(line.startswith("   ") for line in lines):
            flat = " ".join(line.strip() for line in lines)
            found += re.split(r'(?<=[.!?])\s+(?=[A-Z"*])', flat)
    return found


def passages() -> list[list[str]]:
    """Disjoint passages in the order of the text, none across two topics; no sentence twice."""
    seen: set[str] = set()
    found: list[list[str]] = []
    for name in sorted(topics):
        fresh = [
            sentence
            for sentence in dict.fromkeys(sentences(topics[name]))
            if len(WORD.findall(sentence.lower())) >= LEAST_WORDS and sentence not in seen
        ]
        seen.update(fresh)
        starts = range(0, len(fresh) - PASSAGE + 1, PASSAGE)
        found += [fresh[start : start + PASSAGE] for start in starts]
    return found


def embed(documents: list[str]) -> FloatArray:
    """Unit vectors (d, RANK): (1 + log tf) log(d/df), rows of length 1, then a truncated SVD."""
    counts = [Counter(WORD.findall(document.lower())) for document in documents]
    words = sorted(set().union(*counts))
    index = {word: k for k, word in enumerate(words)}
    weights = np.zeros((len(documents), len(words)))
    for i, count in enumerate(counts):
        for word, times in count.items():
            weights[i, index[word]] = 1.0 + math.log(times)
    weights *= np.log(len(documents) / (weights > 0).sum(axis=0))
    weights /= np.linalg.norm(weights, axis=1, keepdims=True)
    left, sigma, _ = np.linalg.svd(weights, full_matrices=False)
    latent = left[:, :RANK] * sigma[:RANK]
    return np.asarray(latent / np.linalg.norm(latent, axis=1, keepdims=True))


def build() -> tuple[FloatArray, IntArray]:
    """Cost (n, n) and the true column of each row (n,)."""
    every = passages()
    chosen = np.linspace(0, len(every) - 1, N_PASSAGES).round().astype(int)
    rows = [" ".join(every[k][0::2]) for k in chosen]
    columns = [" ".join(every[k][1::2]) for k in chosen]
    vectors = embed(rows + columns)
    cosine = vectors[:N_PASSAGES] @ vectors[N_PASSAGES:].T
    cost = np.sqrt(np.maximum(2.0 - 2.0 * cosine, 0.0)).round(DECIMALS)
    shuffle = np.random.default_rng(SEED).permutation(N_PASSAGES)
    # Column j holds the second half of passage shuffle[j].
    return np.ascontiguousarray(cost[:, shuffle]), np.argsort(shuffle).astype(np.int64)


def main(folder: Path) -> None:
    """Write the two files and print how far the plain answer agrees with the truth."""
    cost, truth = build()
    np.save(folder / "sentences.npy", cost)
    np.save(folder / "sentences_truth.npy", truth)
    print(f"{len(passages())} passages, cost {cost.min():.4f} to {cost.max():.4f}")
    print(f"n={len(truth)}, rows right: argmin {(cost.argmin(axis=1) == truth).sum()}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else DATA)
