# SPDX-License-Identifier: Apache-2.0
"""CLIP's byte-pair tokenizer (Radford et al. 2021) in plain Python, equal to open_clip's for English text.

open_clip needs torch, `regex` and `ftfy`; generation must run without them. The merges are CLIP's, see weights/NOTICE.
"""

from __future__ import annotations

import gzip
import html
import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

MERGES_FILE = Path(__file__).parents[1] / "weights" / "clip_bpe_merges.txt.gz"
CONTEXT_LENGTH = 77
START, END = "<start_of_text>", "<end_of_text>"

# Python's `re` has no \p{L} and \p{N}; `_ascii_shape` reduces any text to ASCII of the same classes and length first.
WORD = re.compile(rf"{START}|{END}|'s|'t|'re|'ve|'m|'ll|'d|[a-z]+|[0-9]|[^\sa-z0-9]+", re.IGNORECASE | re.ASCII)
# What ftfy.fix_text does to sound English text: straight quotes, split ligatures, no control characters.
REPAIRS = str.maketrans(
    {code: "'" for code in (0x02BC, *range(0x2018, 0x201C))}
    | {code: '"' for code in range(0x201C, 0x2020)}
    | {"ĳ": "ij", "Ĳ": "IJ", "ŉ": "ʼn", "ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "ſt", "ﬆ": "st"}
    | {code: None for code in (*range(0x00, 0x09), 0x0B, *range(0x0E, 0x20), 0x7F, 0xFEFF, *range(0xFFF9, 0xFFFD))}
    | {0x3000: " "}
)


@lru_cache(maxsize=1)
def _byte_symbols() -> list[str]:
    """The printable character that stands for each byte: itself where printable, else one from 256 on."""
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    hidden = [byte for byte in range(256) if byte not in set(printable)]
    symbols = {byte: chr(byte) for byte in printable} | {byte: chr(256 + i) for i, byte in enumerate(hidden)}
    return [symbols[byte] for byte in range(256)]


@lru_cache(maxsize=1)
def _ranks() -> dict[str, int]:
    """Of merges, each "first second": how early they were learned."""
    merges = gzip.decompress(MERGES_FILE.read_bytes()).decode("utf-8").splitlines()[1:]  # the first names the version
    return dict(zip(merges, range(len(merges)), strict=True))


@lru_cache(maxsize=1)
def _alphabet() -> list[str]:
    """The symbols of single bytes, then those at a word's end, in the order of their ids."""
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    symbols = _byte_symbols()
    single = [symbols[byte] for byte in printable + [byte for byte in range(256) if byte not in set(printable)]]
    return [*single, *(symbol + "</w>" for symbol in single)]


def clean(text: str) -> str:
    """Lower case, single spaces, HTML entities and curly quotes resolved: open_clip's clean="lower" for English."""
    text = text if text.isascii() else unicodedata.normalize("NFC", text.translate(REPAIRS))
    if text.isascii():
        text = text.translate(REPAIRS)
    text = html.unescape(html.unescape(text))
    return " ".join(text.split()).lower()


def _ascii_shape(text: str) -> str:
    """`text` with every non-ASCII letter as "a", number as "0", space as " " and anything else as "." (same length)."""
    if text.isascii():
        return text
    shape = []
    for char in text:
        kind = "" if char.isascii() else unicodedata.category(char)[0]
        shape.append({"": char, "L": "a", "N": "0"}.get(kind, " " if char.isspace() else "."))
    return "".join(shape)


class Tokenizer:
    """Text to CLIP token ids. The vocabulary is read once per process."""

    def __init__(self) -> None:
        self._ranks, alphabet = _ranks(), _alphabet()
        # Ids: the alphabet, what merges make of it in their order, start, end. Of merges, only those that were met: the
        # table of all of them takes as long to make as that of their ranks.
        self._first_made = len(alphabet)
        self._ids = dict(zip(alphabet, range(len(alphabet)), strict=True))
        self.start_id = self._first_made + len(self._ranks)
        self.end_id = self.start_id + 1
        self._cache: dict[str, list[int]] = {START: [self.start_id], END: [self.end_id]}

    @property
    def vocabulary(self) -> list[str]:
        """The 49408 symbols in the order of their ids; "</w>" ends a word."""
        # No symbol holds a space, so that a merge's line without its space is the symbol that it makes.
        return [*_alphabet(), *(merge.replace(" ", "") for merge in self._ranks), START, END]

    @property
    def byte_symbols(self) -> dict[str, int]:
        """The byte behind each character that the vocabulary is written in."""
        return {symbol: byte for byte, symbol in enumerate(_byte_symbols())}

    def tokens(self, text: str) -> list[int]:
        """The ids of a text of any length, without start and end."""
        text = clean(text)
        return [i for match in WORD.finditer(_ascii_shape(text)) for i in self._word(text[match.start() : match.end()])]

    def count(self, text: str) -> int:
        """How many tokens the text takes, start and end included (77 fit into CLIP's context)."""
        return len(self.tokens(text)) + 2

    def encode(self, texts: Sequence[str], context_length: int = CONTEXT_LENGTH) -> np.ndarray:
        """(N, context_length) int64 ids: start, text, end, zeros. Longer texts are cut and still finish with end."""
        result = np.zeros((len(texts), context_length), dtype=np.int64)
        for row, text in zip(result, texts, strict=True):
            ids = [self.start_id, *self.tokens(text)[: context_length - 2], self.end_id]
            row[: len(ids)] = ids
        return result

    def _word(self, word: str) -> list[int]:
        if word not in self._cache:
            symbols = _byte_symbols()
            parts = [symbols[byte] for byte in word.encode("utf-8")]
            self._cache[word] = [self._ids[part] for part in self._merge([*parts[:-1], parts[-1] + "</w>"])]
        return self._cache[word]

    def _merge(self, parts: list[str]) -> list[str]:
        """Join neighbours, the earliest learned pair first, until no learned pair is left."""
        while len(parts) > 1:
            pairs = {f"{first} {second}" for first, second in zip(parts, parts[1:], strict=False)}
            best = min(pairs, key=lambda pair: self._ranks.get(pair, len(self._ranks)))
            if best not in self._ranks:
                break
            made = best.replace(" ", "")
            self._ids[made] = self._first_made + self._ranks[best]
            joined, i = [], 0
            while i < len(parts):
                together = " ".join(parts[i : i + 2]) == best
                joined.append(made if together else parts[i])
                i += 2 if together else 1
            parts = joined
        return parts
