# SPDX-License-Identifier: Apache-2.0
"""Training resumes exactly, stops at nonsense, and never learns from padding."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs PyTorch")

from moclip.codecs.config import RVQConfig  # noqa: E402
from moclip.codecs.reconstruction_loss import ReconstructionLoss, root_path  # noqa: E402
from moclip.codecs.rvq import RVQ  # noqa: E402
from moclip.codecs.train import DecoderLoss, RVQLoss, windows  # noqa: E402
from moclip.data.clips import Clips, load_clips  # noqa: E402
from moclip.data.folder import DatasetFolder  # noqa: E402
from moclip.data.statistics import biased_std  # noqa: E402
from moclip.errors import MoclipError  # noqa: E402
from moclip.generators.base.token_clips import (  # noqa: E402
    TextNoise,
    TokenBatch,
    TokenClips,
    encode_clips,
    load_token_clips,
    save_token_clips,
    token_batch,
)
from moclip.generators.momask.config import TransformerConfig  # noqa: E402
from moclip.generators.momask.train import adopt_codebooks, masked_loss, residual_loss  # noqa: E402
from moclip.generators.momask.transformers import MaskedTransformer, ResidualTransformer  # noqa: E402
from moclip.motion.features import HUMANML3D, features_to_joints  # noqa: E402
from moclip.nn.checkpoint import load_weights, save_weights  # noqa: E402
from moclip.training.optimizers import build_optimizer  # noqa: E402
from moclip.training.run import OPTIMIZERS, Run, Schedule  # noqa: E402
from moclip.training.task import Task  # noqa: E402
from moclip.training.trainer import Trainer  # noqa: E402

SMALL_RVQ = RVQConfig(width=8, code_dim=8, codes=6, quantizers=3, quantize_dropout=0.5)
SMALL = TransformerConfig(codes=6, code_dim=8, quantizers=3, text_dim=5, width=12, layers=1, heads=2, feed_forward=16)


class Broken(Exception):
    """Stands for a power cut."""


class NoiseTask(Task):
    """A tiny RVQ on noise: dropout, sampled codes, dropped layers and moving averages all draw random numbers."""

    def __init__(self, breaks_at: int | None = None, spoil=None):
        super().__init__("rvq", RVQ(SMALL_RVQ), {"kind": "rvq"})
        self.compute, self.calls = RVQLoss(self.network), 0
        self.breaks_at, self.spoil = breaks_at, spoil

    def loss(self, batch):
        self.calls += 1
        if self.calls == self.breaks_at:
            raise Broken
        value, numbers = self.compute((batch, torch.ones(len(batch), 16, dtype=torch.bool)))
        return self.spoil(value, self.network) if self.spoil and self.calls == 4 else value, numbers

    def validate(self, network):
        codes = torch.arange(8).view(1, 8, 1).expand(1, 8, 3) % 6
        return float(network.decode(codes).pow(2).mean()), {}

    def make_batch(self, rng):
        return torch.from_numpy(rng.standard_normal((3, 16, 263)).astype(np.float32))


def rvq_trainer(folder, schedule: Schedule, *, seed: int = 0, breaks_at: int | None = None, spoil=None) -> Trainer:
    torch.manual_seed(seed)
    return Trainer(NoiseTask(breaks_at, spoil), Run(folder, schedule, log=lambda line: None))


SCHEDULE = Schedule(steps=9, learning_rate=1e-2, warmup=2, ema=0.9, validate_every=3, save_every=3)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_resumed_run_is_the_unbroken_one_bit_for_bit(tmp_path, optimizer):
    schedule = replace(SCHEDULE, optimizer=optimizer)
    whole = rvq_trainer(tmp_path / "whole", schedule)
    best = whole.run()
    with pytest.raises(Broken):
        rvq_trainer(tmp_path / "broken", schedule, breaks_at=8).run()
    resumed = rvq_trainer(tmp_path / "broken", schedule, seed=99)  # its own start does not matter
    assert resumed.run() == best and resumed.step == 9
    for mine, other in ((whole.network, resumed.network), (whole.averaged, resumed.averaged)):
        tensors = dict([*other.named_parameters(), *other.named_buffers()])
        for name, tensor in [*mine.named_parameters(), *mine.named_buffers()]:
            assert torch.equal(tensor, tensors[name]), name
    # Not the files' bytes: safetensors writes its metadata in any order.
    (mine, config), (other, other_config) = load_weights(whole.weights_path), load_weights(resumed.weights_path)
    assert config == other_config and all(np.array_equal(mine[name], other[name]) for name in mine)


def test_a_finished_run_does_nothing_more(tmp_path):
    rvq_trainer(tmp_path, SCHEDULE).run()
    before = (tmp_path / "rvq.safetensors").read_bytes()
    again = rvq_trainer(tmp_path, SCHEDULE, breaks_at=1)
    again.run()
    assert (tmp_path / "rvq.safetensors").read_bytes() == before


@pytest.mark.parametrize(
    "spoil",
    [
        lambda loss, network: loss * math.nan,
        # The loss is a number, its gradient is not: d sqrt(x) at x = 0.
        lambda loss, network: loss + (network.decoder.model[0].bias.sum() * 0.0).abs().sqrt(),
    ],
    ids=["loss", "gradient"],
)
def test_training_stops_at_nan_and_keeps_the_best_weights(tmp_path, spoil):
    schedule = Schedule(steps=9, learning_rate=1e-2, validate_every=2, save_every=2)
    with pytest.raises(MoclipError, match="rvq stopped at step 3") as caught:
        rvq_trainer(tmp_path, schedule, spoil=spoil).run()
    assert caught.value.hint
    arrays, config = load_weights(tmp_path / "rvq.safetensors")
    assert config["step"] == 2 and all(np.isfinite(a).all() for a in arrays.values())
    # What is saved to resume from is sound, too.
    assert math.isfinite(rvq_trainer(tmp_path, schedule).run())


def test_muon_turns_matrices_and_leaves_the_rest_to_adamw():
    network = torch.nn.Sequential(torch.nn.Embedding(6, 4), torch.nn.Conv1d(4, 6, 3), torch.nn.Linear(5, 5, bias=False))
    schedule = Schedule(steps=1, learning_rate=1e-2, weight_decay=0, optimizer="muon")
    optimizer = build_optimizer([{"params": list(network.parameters())}], network, schedule)
    before = {name: p.detach().clone() for name, p in network.named_parameters()}
    for p in network.parameters():
        p.grad = torch.randn(p.shape, generator=torch.Generator().manual_seed(0))
    optimizer.step()
    moved = {name: p.detach() - before[name] for name, p in network.named_parameters()}
    for name, wide in (("1.weight", 12), ("2.weight", 5)):
        # The singular values of a matrix's step are all but equal, and its size is AdamW's: a fifth of the rate.
        values = torch.linalg.svdvals(moved[name].flatten(1)) / (0.2 * 1e-2 * wide**0.5)
        assert 0.6 < values.min() and values.max() < 1.3
    for name in ("0.weight", "1.bias"):
        torch.testing.assert_close(moved[name].abs(), torch.full_like(moved[name], 1e-2), rtol=1e-3, atol=0)


def test_an_unknown_word_in_a_schedule_is_named():
    with pytest.raises(ValueError, match="adamw or muon, not 'sgd'"):
        Schedule(steps=1, learning_rate=1e-2, optimizer="sgd")
    with pytest.raises(ValueError, match="best or last, not 'first'"):
        Schedule(steps=1, learning_rate=1e-2, keep="first")


def test_the_last_weights_are_kept_where_they_are_asked_for(tmp_path):
    for keep in ("best", "last"):
        trainer = rvq_trainer(tmp_path / keep, replace(SCHEDULE, steps=6, ema=0, keep=keep))
        trainer.best = 0.0  # no score is better
        trainer.run()
        assert trainer.weights_path.is_file() == (keep == "last")
    weights, config = load_weights(trainer.weights_path)
    np.testing.assert_allclose(
        weights["encoder.model.0.weight"], trainer.network.encoder.model[0].weight.detach().half().float().numpy()
    )
    assert config["step"] == 6


def test_learning_rate_warms_up_then_falls_to_its_last_share():
    schedule = Schedule(steps=1000, learning_rate=2e-3, warmup=100, final_rate=0.1)
    assert schedule.rate(0) == pytest.approx(2e-5)
    assert schedule.rate(99) == pytest.approx(2e-3) and schedule.rate(100) == pytest.approx(2e-3)
    assert schedule.rate(550) == pytest.approx(2e-3 * 0.55)  # half of the cosine
    assert schedule.rate(1000) == pytest.approx(2e-4)


def test_weights_file_is_read_back_in_float16_precision(tmp_path):
    tensors = {"a": torch.tensor([1.0, 1 / 3]), "n": np.arange(3)}
    save_weights(tmp_path / "x.safetensors", tensors, {"kind": "x", "step": 4})
    arrays, config = load_weights(tmp_path / "x.safetensors")
    assert config == {"kind": "x", "step": 4}
    assert arrays["a"].dtype == np.float32 and arrays["a"][1] == np.float32(np.float16(1 / 3))
    assert arrays["n"].tolist() == [0, 1, 2]


# --- RVQ ---------------------------------------------------------------------------------------------------------


def clips_of(lengths, weights=None) -> Clips:
    rng = np.random.default_rng(1)
    features = [rng.standard_normal((n, 263)).astype(np.float32) for n in lengths]
    weights = np.full(len(lengths), 1 / len(lengths)) if weights is None else np.array(weights)
    return Clips([str(k) for k in range(len(lengths))], features, [["x"]] * len(lengths), [""] * len(lengths), weights)


def test_short_clips_fill_whole_tokens_and_the_rest_is_masked():
    clips = clips_of([30, 500], weights=[1.0, 0.0])
    mean, std = np.full(263, 0.5, np.float32), np.full(263, 2.0, np.float32)
    batch, valid = windows(clips, np.random.default_rng(0), 4, mean, std)
    assert batch.shape == (4, 64, 263) and valid.sum(1).tolist() == [28] * 4  # 30 frames are 7 tokens of 4
    assert torch.equal(batch[0, :28], torch.from_numpy((clips.features[0][:28] - 0.5) / 2))
    assert not batch[:, 28:].any()


def test_windows_reach_the_last_frame_of_a_long_clip():
    clips = clips_of([66])
    batch, _ = windows(clips, np.random.default_rng(0), 60, np.zeros(263, np.float32), np.ones(263, np.float32))
    assert {float(row[-1, 0]) for row in batch} == {float(clips.features[0][k, 0]) for k in (63, 64, 65)}


def test_root_and_contact_features_weigh_five_times():
    std = np.ones(263, np.float32)
    biased = biased_std(std, 22)
    assert np.flatnonzero(biased < 0.5).tolist() == [0, 1, 2, 3, 259, 260, 261, 262]
    assert biased[0] == pytest.approx(0.2, abs=1e-4) and (std == 1).all()


def test_root_path_is_the_one_of_features_to_joints():
    rng = np.random.default_rng(3)
    features = (rng.standard_normal((40, 263)) * 0.1).astype(np.float32)
    heading, position = root_path(torch.from_numpy(features)[None])
    assert np.abs(position[0].numpy() - features_to_joints(features)[:, 0, [0, 2]]).max() < 1e-4
    assert heading[0, 0] == 0 and heading[0, 39].item() == pytest.approx(2 * features[:39, 0].sum(), abs=1e-4)


def test_path_term_is_zero_for_the_same_path_and_grows_with_the_drift():
    loss = ReconstructionLoss(RVQ(SMALL_RVQ))
    truth = torch.zeros(1, 64, 263)
    valid = torch.ones(1, 64, dtype=torch.bool)

    def path(features):
        return loss(features, truth, valid)[1]["path"].item()

    assert path(truth) == 0.0
    drifting = truth.clone()
    drifting[..., 2] = 0.01  # a centimetre a frame too fast
    assert path(drifting) == pytest.approx(0.01 * 63 / 2, rel=1e-4)
    valid[:, 32:] = False
    assert path(drifting) == pytest.approx(0.01 * 31 / 2, rel=1e-4)


def test_slide_term_measures_the_feet_of_features_to_joints_while_they_are_down():
    rng = np.random.default_rng(5)
    features = (rng.standard_normal((2, 24, 263)) * 0.1).astype(np.float32)
    features[1, :, 259:] = rng.integers(0, 2, (24, 4))
    rebuilt, truth = torch.from_numpy(features)[:, None]
    valid = torch.ones(1, 24, dtype=torch.bool)
    slide = ReconstructionLoss(RVQ(SMALL_RVQ))(rebuilt, truth, valid)[1]["slide"].item()
    made, real = (features_to_joints(f)[:, HUMANML3D.feet, :][..., [0, 2]] for f in features)
    moved = np.abs(np.diff(made - real, axis=0)).sum(-1) * (features[1, :-1, 259:] > 0.5)
    assert slide == pytest.approx(moved.sum() / (24 * 4), rel=1e-3)


def test_speed_term_does_not_care_which_way_a_joint_moves_but_that_it_does():
    loss = ReconstructionLoss(RVQ(SMALL_RVQ))
    truth, valid = torch.zeros(1, 16, 263), torch.ones(1, 16, dtype=torch.bool)
    wrist = slice(4 + 3 * 20, 4 + 3 * 21)
    truth[..., wrist] = torch.arange(16)[:, None] * torch.tensor([0.0, 0.3, 0.4])

    def speed(rebuilt):
        return loss(rebuilt, truth, valid)[1]["speed"].item()

    other_way = -truth
    assert speed(other_way) == pytest.approx(0.0, abs=1e-6)
    # Half a unit a frame in 15 of 16 frames, for one of 21 joints: the wrist weighs 4 where all weigh 35 in sum, eleven
    # of weight 1, the legs' 2 (1.5 + 2 + 2) and the arms' 2 (2.5 + 4).
    assert speed(torch.zeros_like(truth)) == pytest.approx(0.5 * (4 / (35 / 21)) * 15 / (16 * 21), rel=1e-3)


def test_rvq_loss_does_not_see_padding_frames():
    torch.manual_seed(0)
    network = RVQ(SMALL_RVQ).eval()
    for layer in network.quantizer.layers:
        layer.codebook.normal_()
    features, valid = torch.randn(2, 32, 263), torch.ones(2, 32, dtype=torch.bool)
    valid[1, 16:] = False
    # With the convolutions' reach taken away: what is left of padding is what the loss itself counts.
    network.encoder, network.decoder = (
        torch.nn.Conv1d(263, 8, 4, stride=4),
        torch.nn.ConvTranspose1d(8, 263, 4, stride=4),
    )
    features[1, 16:] = 0
    first = RVQLoss(network)((features, valid))[0].item()
    features[1, 16:] = 5
    assert RVQLoss(network)((features, valid))[0].item() == pytest.approx(first, rel=1e-6)
    features[1, 15] += 5
    assert RVQLoss(network)((features, valid))[0].item() != pytest.approx(first, rel=1e-3)


# --- tokens ------------------------------------------------------------------------------------------------------


def token_clips(lengths=(5, 9, 7), captions=(2, 1, 3)) -> TokenClips:
    rng = np.random.default_rng(0)
    codes = [[rng.integers(6, size=(n, 3)), rng.integers(6, size=(n - 1, 3))] for n in lengths]
    text = [rng.standard_normal((c, 5)).astype(np.float16).astype(np.float32) for c in captions]
    return TokenClips(codes, text, np.full(len(lengths), 1 / len(lengths)))


def test_token_file_gives_back_what_it_was_given(tmp_path):
    clips, path = token_clips(), tmp_path / "tokens.train.npz"
    save_token_clips(path, clips, "tower rvq")
    again = load_token_clips(path, "tower rvq")
    assert [[c.tolist() for c in v] for v in again.codes] == [[c.tolist() for c in v] for v in clips.codes]
    assert all(np.array_equal(a, b) for a, b in zip(again.text, clips.text, strict=True))
    assert np.array_equal(again.weights, clips.weights)


def test_token_file_of_other_networks_or_cut_short_is_made_anew(tmp_path):
    path = tmp_path / "tokens.train.npz"
    assert load_token_clips(path, "a b") is None
    save_token_clips(path, token_clips(), "a b")
    assert load_token_clips(path, "a c") is None
    path.write_bytes(path.read_bytes()[:300])
    assert load_token_clips(path, "a b") is None


def test_codes_do_not_depend_on_the_clips_encoded_with_them():
    torch.manual_seed(0)
    rvq = RVQ(SMALL_RVQ)
    for layer in rvq.quantizer.layers:
        layer.codebook.normal_()
    features = clips_of([31, 40, 3000, 31]).features
    together = encode_clips(features, rvq)
    assert [[len(c) for c in v] for v in together] == [[7, 7], [9, 10], [49, 49], [7, 7]]
    for clip, variants in zip(features, together, strict=True):
        for alone, codes in zip(encode_clips([clip], rvq)[0], variants, strict=True):
            assert np.array_equal(alone, codes)


def test_a_batch_holds_clips_of_like_length_and_their_own_captions():
    clips = token_clips(lengths=(5, 20, 5, 20), captions=(2, 1, 3, 1))
    clips = TokenClips(clips.codes, clips.text, np.array([0.5, 0.5, 0.0, 0.0]))
    rng = np.random.default_rng(0)
    padded = 0
    for _ in range(20):
        batch = token_batch(clips, rng, 6)
        padded += int((batch.padding.sum(1) > 2).any())
        for row in range(6):
            length = int((~batch.padding[row]).sum())
            index = 0 if length < 6 else 1  # the other two have no weight
            assert any(np.array_equal(batch.codes[row, :length].numpy(), c) for c in clips.codes[index])
            assert any(np.array_equal(batch.text[row].numpy(), t) for t in clips.text[index])
    assert padded < 12  # of 20 batches, those that lie where short clips end and long ones begin


def test_text_noise_is_the_asked_share_of_the_vectors_length():
    clips = token_clips(lengths=(5,), captions=(1,))
    clips = TokenClips(clips.codes, [np.ones((1, 400), np.float32)], np.ones(1))
    batch = token_batch(clips, np.random.default_rng(0), 50, TextNoise(isotropic=0.1))
    off = (batch.text - 1).norm(dim=1) / 20  # the vector of 400 ones is 20 long
    assert off.mean().item() == pytest.approx(0.1, rel=0.05)


def test_paraphrase_noise_stays_on_the_line_between_captions_of_the_clip():
    captions = np.eye(2, 3, dtype=np.float32)
    noise, rng = TextNoise(paraphrase=0.5), np.random.default_rng(0)
    moved = np.array([noise.apply(captions, rng) for _ in range(200)])
    assert np.allclose(moved.sum(1), 1) and not moved[:, 2].any()
    assert moved.min() == pytest.approx(-0.5, abs=0.05) and moved.max() == pytest.approx(1.5, abs=0.05)


@pytest.mark.parametrize("kind", [MaskedTransformer, ResidualTransformer])
def test_losses_never_look_at_padding(kind):
    torch.manual_seed(0)
    network, loss = kind(SMALL), masked_loss if kind is MaskedTransformer else residual_loss
    codes = torch.randint(6, (8, 12, 3))
    padding = torch.arange(12)[None] >= torch.randint(4, 12, (8, 1))
    text = torch.randn(8, 5)

    def value(codes):
        torch.manual_seed(7)
        return loss(network.train(), TokenBatch(codes, padding, text))[0].item()

    other = torch.where(padding.unsqueeze(-1), (codes + 1) % 6, codes)
    assert value(other) == value(codes)
    changed = codes.clone()
    changed[:, :4] = (changed[:, :4] + 1) % 6
    assert value(changed) != value(codes)


# --- which clips are drawn ---------------------------------------------------------------------------------------


def test_rare_classes_and_sequences_get_their_share(tmp_path):
    lines = [("w", "walk", 8), ("k", "kick", 1)]
    clips = [
        {"id": f"{p}{k}", "kind": "clip", "actions": [{"action": a, "side": None}]}
        for p, a, n in lines
        for k in range(n)
    ]
    pair = [{"action": "walk", "side": None}, {"action": "kick", "side": "left"}]
    clips += [{"id": f"s{k}", "kind": "sequence", "actions": pair} for k in range(5)]
    for part in ("new_joint_vecs", "texts"):
        (tmp_path / part).mkdir()
    for clip in clips:
        np.save(tmp_path / "new_joint_vecs" / f"{clip['id']}.npy", np.zeros((20, 263), np.float32))
        (tmp_path / "texts" / f"{clip['id']}.txt").write_text("a person moves#a/DET#0.0#0.0\n")
    (tmp_path / "train.txt").write_text("".join(f"{c['id']}\n" for c in clips))
    (tmp_path / "clips.jsonl").write_text("".join(json.dumps(c) + "\n" for c in clips))
    np.save(tmp_path / "Mean.npy", np.zeros(263))
    np.save(tmp_path / "Std.npy", np.ones(263))
    loaded = load_clips(DatasetFolder(tmp_path), "train", sequence_share=0.3)
    share = {p: sum(w for i, w in zip(loaded.ids, loaded.weights, strict=True) if i[0] == p) for p in "wks"}
    assert share["s"] == pytest.approx(0.3) and sum(share.values()) == pytest.approx(1.0)
    # Eight walks are drawn 8 ** 0.3 = 1.87 times as often as the one kick, not eight times.
    assert share["w"] / share["k"] == pytest.approx(8**0.3)
    more = loaded.emphasised({"kick": 3.0, "unheard of": 9.0})
    weight = dict(zip(more.ids, more.weights, strict=True))
    assert sum(more.weights) == pytest.approx(1.0)
    assert weight["k0"] / weight["w0"] == pytest.approx(3 * 8**0.7)
    with pytest.raises(MoclipError, match="has no clips to use in train.txt"):
        load_clips(DatasetFolder(tmp_path), "train", kinds={"loop"})
    only = load_clips(DatasetFolder(tmp_path), "train", kinds={"sequence"})
    assert len(only) == 5 and only.weights == pytest.approx(0.2)


# --- where codes begin ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("share_weight", [True, False])
def test_networks_may_begin_with_the_codecs_codebooks(share_weight):
    vq = RVQ(replace(SMALL_RVQ, quantizers=4))
    books = torch.randn(4, 6, 8) * torch.tensor([1.0, 0.5, 0.3, 0.2])[:, None, None]
    for layer, book in zip(vq.parts.quantizer.layers, books, strict=True):
        layer.codebook.copy_(book)
    config = replace(SMALL, share_weight=share_weight, codebook_start=True)
    masked, residual = MaskedTransformer(config), ResidualTransformer(config)
    for network in (masked, residual):
        adopt_codebooks(network, vq)
    centred = books[0] - books[0].mean(0)
    assert torch.allclose(masked.token_emb.weight[:6], centred / centred.std())
    assert masked.output_process.poseFinal.weight.std().item() == pytest.approx(0.02)
    assert torch.allclose(residual.input_table(0)[:6], books[0] / books[0].std())
    for q in (1, 2):
        assert torch.allclose(residual.output_table(q)[:6], 0.02 * books[q] / books[q].std())
    if not share_weight:  # what is embedded adds up to what the codec has of the motion
        assert torch.allclose(residual.input_table(1)[:6], books[1] / books[0].std())


def test_codebooks_of_other_sizes_are_told_and_without_the_setting_nothing_is_taken():
    vq = RVQ(SMALL_RVQ)
    with pytest.raises(MoclipError, match="needs an RVQ of 3 layers of 5 codes"):
        adopt_codebooks(MaskedTransformer(replace(SMALL, codes=5, codebook_start=True)), vq)
    with pytest.raises(MoclipError, match="`codebook_start`"):
        adopt_codebooks(ResidualTransformer(replace(SMALL, codebook_start=True)), None)
    network = MaskedTransformer(SMALL)
    before = network.token_emb.weight.clone()
    adopt_codebooks(network, vq)
    assert torch.equal(network.token_emb.weight, before)


@pytest.mark.parametrize("drawn", [None, 2])
def test_half_of_a_decoder_s_windows_have_the_layers_that_a_generator_draws(drawn, monkeypatch):
    torch.manual_seed(0)
    network, seen = RVQ(SMALL_RVQ), []
    for layer in network.quantizer.layers:
        layer.codebook.normal_()
    decode = network.quantizer.decode
    monkeypatch.setattr(network.quantizer, "decode", lambda codes: (seen.append(codes), decode(codes))[1])
    loss, _ = DecoderLoss(network, drawn=drawn)((torch.randn(32, 16, 263), torch.ones(32, 16, dtype=torch.bool)))
    loss.backward()
    (codes,) = seen
    kept = (codes >= 0).sum(dim=-1)
    assert (kept == kept[:, :1]).all() and set(kept[1::2, 0].tolist()) == {1, 2, 3}
    assert set(kept[::2, 0].tolist()) == ({1, 2, 3} if drawn is None else {2})
    assert network.encoder.model[0].weight.grad is None and network.decoder.model[0].weight.grad is not None
