# SPDX-License-Identifier: Apache-2.0
"""Prompts in other languages are told of, whatever letters they are in; English ones never."""

import json
import tomllib
from pathlib import Path

import pytest

import moclip.captions
from moclip.prompts.checks import check_prompt
from moclip.prompts.languages import foreign_language

PROMPTS = Path(__file__).parent / "prompts"
WRITTEN = Path(moclip.captions.__file__).parent / "written_sentences"


@pytest.mark.parametrize(
    ("language", "prompt"),
    [
        ("German", "ein müder Mann geht und winkt dann mit der linken Hand"),
        ("German", "laufen"),
        ("French", "un homme marche en avant"),
        ("Spanish", "una persona camina hacia adelante"),
        ("Spanish", "caminando"),
        ("Italian", "un uomo corre"),
        ("Portuguese", "um homem acena com a mão esquerda"),
        ("Dutch", "een man loopt"),
        ("Swedish", "en man går framåt"),
        ("Danish or Norwegian", "en mand løber"),
        ("Polish", "mężczyzna biegnie do przodu"),
        ("Czech or Slovak", "muž běží"),
        ("Turkish", "bir adam yürüyor"),
        ("Indonesian or Malay", "seorang pria berjalan"),
        ("Romanian", "un bărbat aleargă"),
        ("Finnish", "mies kävelee"),
        ("Hungarian", "egy ember fut"),
        ("Vietnamese", "một người đàn ông đi bộ"),
    ],
)
def test_the_language_is_named(language, prompt):
    _, (warning,) = check_prompt(prompt)
    assert warning == f"The prompt seems to be in {language}; the model understands English only."


@pytest.mark.parametrize(
    "prompt",
    [
        "die", "a man dies", "grand jeté", "pirouette en dehors", "la macarena", "el cid walks", "naruto run", "salsa",
        "mawashi geri", "tai chi", "déjà vu walk", "hasta la vista wave", "capoeira", "en garde", "idle", "plié", "gah",
        "x", "do a do-si-do", "José waves", "he walks like Señor Bean",
    ],
)  # fmt: skip
def test_loan_words_and_names_are_english(prompt):
    assert foreign_language(prompt) is None


def texts(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from texts(inner)


def test_no_english_prompt_or_caption_is_taken_for_another_language():
    prompts = {text for path in PROMPTS.glob("*.json") for text in texts(json.loads(path.read_text("utf-8")))}
    written = {text for path in WRITTEN.glob("*.toml") for text in texts(tomllib.loads(path.read_text("utf-8")))}
    assert len(prompts) > 1000 and len(written) > 3000
    assert [text for text in sorted(prompts | written) if foreign_language(text)] == []
