# SPDX-License-Identifier: Apache-2.0
"""The evaluator: what it sees and does not see, its official shapes, and that it learns and resumes."""

import math
import pickle

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the evaluator needs PyTorch")

from moclip.errors import MoclipError  # noqa: E402
from moclip.evaluation.evaluator import Evaluator, EvaluatorConfig, load_evaluator  # noqa: E402
from moclip.evaluation.official import load_official  # noqa: E402
from moclip.evaluation.train_evaluator import (  # noqa: E402
    JudgedClips,
    agreement,
    crop,
    judged_batch,
    margin_loss,
    train_evaluator,
)
from moclip.evaluation.words import WordTable, glove_table, pieces, word_class  # noqa: E402
from moclip.nn.checkpoint import load_weights  # noqa: E402
from moclip.training.run import Run, Schedule  # noqa: E402

WORDS = ("eos", "sos", "unk", *(f"w{k}" for k in range(16)))
SMALL = EvaluatorConfig(word_dim=12, movement=32, text_hidden=32, motion_hidden=32, embed_dim=32, dropout=0.0)


def table(dim: int = 12) -> WordTable:
    vectors = np.random.default_rng(0).standard_normal((len(WORDS), dim)).astype(np.float16).astype(np.float32)
    return WordTable(WORDS, vectors)


def evaluator(config: EvaluatorConfig = SMALL) -> Evaluator:
    torch.manual_seed(0)
    ones = np.ones(263, np.float32)
    return Evaluator(config, table(config.word_dim), 0 * ones, ones).eval()


def pairs(count: int = 16) -> JudgedClips:
    rng = np.random.default_rng(5)
    frames = [np.arange(24 + 4 * (k % 5))[:, None] for k in range(count)]
    features = [
        (rng.standard_normal(263) * np.sin(t / 3 + rng.uniform(0, 6, 263)) + rng.standard_normal(263)) for t in frames
    ]
    features = [f.astype(np.float32) for f in features]
    sentences = [[[(f"w{k}", "NOUN")]] for k in range(count)]
    captions = [[f"w{k}"] for k in range(count)]
    return JudgedClips(features, sentences, captions, np.arange(count), list(range(count)), np.full(count, 1 / count))


# --- losses --------------------------------------------------------------------------------------------------------


def test_margin_loss_by_hand():
    text = torch.tensor([[0.0, 0.0], [6.0, 8.0]])
    motion = torch.tensor([[3.0, 4.0], [6.0, 8.0]])
    none = torch.zeros(2, 2, dtype=torch.bool)
    # Pairs: 5^2 and 0, mean 12.5. Negatives: text 0, motion 1 at 10; text 1, motion 0 at 5. Margin 11: (1 + 36) / 2.
    assert margin_loss(text, motion, none, 11.0).item() == pytest.approx(12.5 + 18.5)
    # Margin 8: only the second is nearer than that; (8 - 5)^2 / 1.
    assert margin_loss(text, motion, none, 8.0).item() == pytest.approx(12.5 + 9.0)
    # Of one meaning, they are no negatives.
    assert margin_loss(text, motion, ~none, 8.0).item() == pytest.approx(12.5)


def test_margin_loss_has_a_gradient_where_all_is_equal():
    text = torch.zeros(3, 4, requires_grad=True)
    margin_loss(text, torch.zeros(3, 4), torch.zeros(3, 3, dtype=torch.bool)).backward()
    assert torch.isfinite(text.grad).all()


def test_margin_loss_refuses_other_shapes():
    with pytest.raises(ValueError, match=r"\(2, 3\)"):
        margin_loss(torch.zeros(2, 3), torch.zeros(3, 3), torch.zeros(2, 2, dtype=torch.bool))


# --- what it sees --------------------------------------------------------------------------------------------------


def test_a_motion_is_read_alike_alone_and_beside_longer_ones():
    network, motions = evaluator(), pairs(5).features
    together = network.embed_motions(motions)
    for motion, vector in zip(motions, together, strict=True):
        assert np.abs(network.embed_motions([motion])[0] - vector).max() < 1e-5


def test_padding_is_not_seen_and_the_last_frame_is():
    network = evaluator()
    features, frames = torch.randn(1, 40, 263), torch.tensor([24])
    first = network.motion(features, frames)
    spoilt = features.clone()
    spoilt[:, 24:] = 1e3
    assert torch.equal(network.motion(spoilt, frames), first)
    spoilt[:, 23] += 1
    assert not torch.allclose(network.motion(spoilt, frames), first)


def test_contacts_are_not_seen():
    network, motion = evaluator(), pairs(1).features[0]
    other = motion.copy()
    other[:, 259:] = 7
    assert np.array_equal(network.embed_motions([motion]), network.embed_motions([other]))
    other[:, 258] = 7
    assert not np.allclose(network.embed_motions([motion]), network.embed_motions([other]))


def test_a_caption_is_read_alike_alone_and_beside_longer_ones_and_order_counts():
    network = evaluator()
    sentences = [[("w1", ""), ("w2", "")], [("w3", "")] * 9, [("w2", ""), ("w1", "")]]
    together = network.embed_texts(sentences)
    for sentence, vector in zip(sentences, together, strict=True):
        assert np.abs(network.embed_texts([sentence])[0] - vector).max() < 1e-5
    assert not np.allclose(together[0], together[2])


def test_motions_that_cannot_be_read_are_one_sentence():
    with pytest.raises(MoclipError, match="4 frames or more"):
        evaluator().embed_motions([np.zeros((3, 263), np.float32)])
    with pytest.raises(MoclipError, match=r"\(40, 251\)"):
        evaluator().embed_motions([np.zeros((40, 251), np.float32)])


# --- words ---------------------------------------------------------------------------------------------------------


def test_telling_words_go_before_their_part_of_speech():
    assert [word_class(w, t) for w, t in (("left", "ADJ"), ("person", "NOUN"), ("walk", "VERB"), ("x", "SYM"))] == [
        9, 1, 12, 14,
    ]  # fmt: skip


def test_sentences_become_rows_with_both_ends_and_no_more_words_than_are_read():
    words, classes, lengths = table().encode([[("w0", "NOUN"), ("nowhere", "NOUN")], [("w1", "VERB")] * 30], most=4)
    assert lengths.tolist() == [4, 6]
    assert words.tolist() == [[1, 3, 2, 0, 2, 2], [1, 4, 4, 4, 4, 0]]  # sos w0 unk eos unk unk; sos, four words, eos
    assert classes.tolist() == [[14, 1, 14, 14, 14, 14], [14, 0, 0, 0, 0, 14]]


def test_words_fall_into_their_longest_pieces():
    vocabulary = {"[UNK]": 0, "walk": 1, "w": 2, "##ing": 3, "##i": 4, "##ngly": 5}
    assert pieces("walking", vocabulary) == [1, 3]
    assert pieces("walkingly", vocabulary) == [0]  # "##ing" is longest, and "ly" is in no piece
    assert pieces("é", vocabulary) == [0]


def glove(folder, index) -> None:
    np.save(folder / "our_vab_data.npy", np.arange(8.0).reshape(4, 2))
    (folder / "our_vab_idx.pkl").write_bytes(pickle.dumps(index))


def test_glove_gives_the_words_that_are_used(tmp_path):
    glove(tmp_path, {"unk": 0, "sos": 1, "eos": 2, "walk": 3})
    read = glove_table(tmp_path, {"walk", "nowhere"})
    assert read.vocabulary == ("eos", "sos", "unk", "walk") and read.vectors[3].tolist() == [6.0, 7.0]


@pytest.mark.parametrize("index", [{"walk": 3}, {"unk": 0, "sos": 1, "eos": 9}, [1], {"unk": math.floor}])
def test_a_glove_folder_that_is_none_is_one_sentence(tmp_path, index):
    glove(tmp_path, index)  # the last one would call a function, were it read by pickle's own rules
    with pytest.raises(MoclipError, match="GloVe folder"):
        glove_table(tmp_path, {"walk"})


# --- training ------------------------------------------------------------------------------------------------------


def test_a_crop_is_whole_fours_within_the_clip():
    features = np.arange(43)[:, None]
    crops = [crop(features, np.random.default_rng(k), 196)[:, 0] for k in range(300)]
    assert {len(c) for c in crops} == {36, 40} and {c[0] for c in crops if len(c) == 40} == {0, 1, 2, 3}
    assert np.mean([len(c) == 36 for c in crops]) == pytest.approx(1 / 3, abs=0.1)
    assert len(crop(np.zeros((500, 1)), np.random.default_rng(1), 196)) <= 196


def test_a_batch_repeats_no_clip_and_keeps_captions_with_their_motion():
    batch = judged_batch(pairs(), table(), SMALL, np.random.default_rng(0), 99)
    assert sorted(batch.meaning.tolist()) == list(range(16))
    assert (batch.words[0][:, 1] - 3).tolist() == batch.meaning.tolist()


def run(folder, steps=150, save_every=100, until: int | None = None):
    """Overfit 16 pairs; `until`: break off after so many steps."""
    clips = pairs()
    schedule = Schedule(steps=steps, learning_rate=3e-3, warmup=10, validate_every=50, save_every=save_every, ema=0.5)

    def log(line: str) -> None:
        if until and line.startswith(f"evaluator {until}/"):
            raise KeyboardInterrupt

    moments = np.zeros(263, np.float32), np.ones(263, np.float32)
    return train_evaluator(clips, clips, table(), moments, SMALL, Run(folder, schedule, log=log), batch=16)


def test_sixteen_pairs_are_learnt_by_heart_and_read_back_from_the_file(tmp_path):
    run(tmp_path)
    network = load_evaluator(tmp_path / "evaluator.safetensors")
    assert agreement(network, pairs())["R@1"] == 1.0


def test_a_resumed_run_is_the_unbroken_one_bit_for_bit(tmp_path):
    run(tmp_path / "whole", steps=150, save_every=50)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "broken", steps=150, save_every=50, until=100)  # before the state of step 100 is saved
    run(tmp_path / "broken", steps=150, save_every=50)
    files = [load_weights(tmp_path / part / "evaluator.safetensors") for part in ("whole", "broken")]
    (mine, config), (other, other_config) = files
    assert config == other_config and all(np.array_equal(mine[name], other[name]) for name in mine)
    states = [torch.load(tmp_path / part / "evaluator.state.pt") for part in ("whole", "broken")]
    assert all(torch.equal(states[0]["network"][name], states[1]["network"][name]) for name in states[0]["network"])


def test_a_file_that_is_no_evaluator_is_one_sentence(tmp_path):
    from moclip.nn.checkpoint import save_weights

    with pytest.raises(MoclipError, match="no evaluator at") as caught:
        load_evaluator(tmp_path / "evaluator.safetensors")
    assert "moclip train evaluator" in caught.value.hint
    save_weights(tmp_path / "evaluator.safetensors", {"a": np.ones(3)}, {"kind": "rvq"})
    with pytest.raises(MoclipError, match="not an evaluator"):
        load_evaluator(tmp_path / "evaluator.safetensors")


# --- the official checkpoint ---------------------------------------------------------------------------------------


def gru_shapes(hidden: int) -> dict[str, tuple[int, ...]]:
    shapes = {"weight_ih": (3 * hidden, hidden), "weight_hh": (3 * hidden, hidden), "bias_ih": (3 * hidden,)}
    shapes["bias_hh"] = (3 * hidden,)
    return {f"gru.{k}_l0{end}": shape for k, shape in shapes.items() for end in ("", "_reverse")}


def linear(name: str, outputs: int, inputs: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (outputs, inputs), f"{name}.bias": (outputs,)}


def official_shapes(f=259, m=512, t=512, h=1024, d=512) -> dict[str, dict[str, tuple[int, ...]]]:
    norm = {"output_net.1.weight", "output_net.1.bias"}
    movement = {"main.0.weight": (m, f, 4), "main.0.bias": (m,), "main.3.weight": (m, m, 4), "main.3.bias": (m,)}
    text = {"hidden": (2, 1, t), **linear("pos_emb", 300, 15), **linear("input_emb", t, 300), **gru_shapes(t)}
    motion = {"hidden": (2, 1, h), **linear("input_emb", h, m), **gru_shapes(h)}
    for part, width in ((text, t), (motion, h)):
        part.update({**linear("output_net.0", width, 2 * width), **dict.fromkeys(norm, (width,))})
        part.update(linear("output_net.3", d, width))
    return {
        "movement_encoder": {**movement, **linear("out_net", m, m)},
        "text_encoder": text,
        "motion_encoder": motion,
    }


def test_default_sizes_have_the_official_names_and_shapes():
    network = Evaluator(
        EvaluatorConfig(), WordTable(("a",), np.zeros((1, 300), np.float32)), np.zeros(263), np.ones(263)
    )
    for part, expected in official_shapes().items():
        found = {name: tuple(tensor.shape) for name, tensor in getattr(network, part).state_dict().items()}
        assert found == expected


def test_an_official_checkpoint_is_read_at_any_size_and_another_is_refused(tmp_path):
    torch.manual_seed(0)
    shapes = official_shapes(m=24, t=16, h=32, d=16)
    state = {part: {k: torch.randn(s) for k, s in names.items()} for part, names in shapes.items()}
    torch.save({**state, "epoch": 3}, tmp_path / "finest.tar")
    network = load_official(tmp_path / "finest.tar", table(300), np.zeros(263), np.ones(263))
    assert torch.equal(network.motion_encoder.gru.weight_hh_l0, state["motion_encoder"]["gru.weight_hh_l0"])
    assert network.embed_motions([np.zeros((40, 263), np.float32)]).shape == (1, 16)
    with pytest.raises(MoclipError, match="not the official evaluator for words of 12"):
        load_official(tmp_path / "finest.tar", table(12), np.zeros(263), np.ones(263))
