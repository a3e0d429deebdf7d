# SPDX-License-Identifier: Apache-2.0
"""The plain-Python tokenizer against CLIP's known ids and, where it is installed, against open_clip's."""

import subprocess
import sys

import numpy as np
import pytest

from moclip.captions.action_phrases import ACTIONS
from moclip.captions.labels import ActionLabel
from moclip.captions.writing import write_captions
from moclip.text.tokenizer import Tokenizer, clean

# Ids of OpenAI's CLIP tokenizer.
KNOWN = {
    "a photo of a cat": [49406, 320, 1125, 539, 320, 2368, 49407],
    "a person walks forward": [49406, 320, 2533, 8192, 2342, 49407],
    "A person WALKS   forward.": [49406, 320, 2533, 8192, 2342, 269, 49407],
    "someone cartwheels, doesn't they?": [49406, 2100, 27705, 8025, 267, 2503, 713, 889, 286, 49407],
    "she shadow-boxes": [49406, 1043, 7068, 268, 8350, 49407],
    "": [49406, 49407],
}
ODD = [
    "He's 25 years old & can't stop; \"naïve\" café — déjà vu… ½ Ⅷ",
    "it’s “quoted” ‘x’ and we’ll they've I'm I'd you're",
    "&amp;amp; &lt;b&gt; hello_world 3.14",
    "ﬁne ﬂow",
    "tab\tnew\nline\u00a0nbsp",
    "<start_of_text> hi <end_of_text>",
    "a🏃 runs 🙂🙂 emoji👩‍🦰",
    "走 ходьба",
    "X" * 50,
    "kick, kick... KICK!!! (again?) #1 @ 100%",
    "walk " * 100,
]


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer()


@pytest.mark.parametrize(("text", "ids"), KNOWN.items())
def test_known_ids_of_clip(tokenizer, text, ids):
    row = tokenizer.encode([text])[0]
    assert row.shape == (77,) and row.dtype == np.int64
    assert row[: len(ids)].tolist() == ids
    assert not row[len(ids) :].any()
    assert tokenizer.count(text) == len(ids)


def test_vocabulary_has_clips_size(tokenizer):
    assert len(tokenizer.vocabulary) == 49408
    assert (tokenizer.start_id, tokenizer.end_id) == (49406, 49407)


def test_ids_are_looked_up_of_what_is_met_alone():
    tokenizer = Tokenizer()
    assert len(tokenizer._ids) == 512
    for symbol, number in (("walks</w>", 8192), ("photo</w>", 1125)):
        tokenizer.encode([symbol.removesuffix("</w>")])
        assert tokenizer._ids[symbol] == number == tokenizer.vocabulary.index(symbol)


def test_long_text_is_cut_and_still_ends(tokenizer):
    row = tokenizer.encode(["walk " * 100])[0]
    assert row[-1] == tokenizer.end_id and np.count_nonzero(row == tokenizer.end_id) == 1
    assert tokenizer.count("walk " * 100) == 102


def test_clean_lowers_and_unescapes():
    assert clean("  A &amp; B’s\n “C” ") == 'a & b\'s "c"'


def test_equal_to_open_clip_on_thousands_of_sentences(tokenizer):
    open_clip = pytest.importorskip("open_clip", reason="open_clip is not installed")
    pytest.importorskip("ftfy")
    rng = np.random.default_rng(0)
    labels = [ActionLabel(action, style, "left") for action in ACTIONS for style in (None, "tired", "proud")]
    sentences = [text for label in labels for text in write_captions([label], rng, 30)] + ODD
    assert len(sentences) > 3000
    theirs = open_clip.get_tokenizer("ViT-B-32")(sentences).numpy()
    different = [s for s, a, b in zip(sentences, tokenizer.encode(sentences), theirs, strict=True) if (a != b).any()]
    assert different == []


def test_needs_neither_torch_nor_regex():
    code = "import sys, moclip.text.tokenizer as t; t.Tokenizer().encode(['a man runs']); "
    code += "print({'torch', 'regex', 'ftfy'} & set(sys.modules))"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
        == "set()"
    )
