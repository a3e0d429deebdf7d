# SPDX-License-Identifier: Apache-2.0
"""What BAD's transformer is shown in training, and how its VQ-VAE's codes move."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs PyTorch")
pytest.importorskip("open_clip", reason="the text tower is open_clip's")

from bad_reference import attention_mask  # noqa: E402

from moclip.codecs.config import VqConfig  # noqa: E402
from moclip.codecs.train import RVQLoss  # noqa: E402
from moclip.codecs.vq import RESET_EVERY, VQ, Quantizer  # noqa: E402
from moclip.generators.bad.config import BadConfig  # noqa: E402
from moclip.generators.bad.network import BadTransformer  # noqa: E402
from moclip.generators.bad.train import LEARNERS, _shortened, bad_loss  # noqa: E402
from moclip.generators.base.learners import TokenData, train_on_tokens  # noqa: E402
from moclip.generators.base.token_clips import TokenBatch, TokenClips  # noqa: E402
from moclip.nn.checkpoint import load_weights  # noqa: E402
from moclip.nn.networks import restore  # noqa: E402
from moclip.text.tokenizer import Tokenizer  # noqa: E402
from moclip.text.tower import TextTower, TowerConfig, fingerprint  # noqa: E402
from moclip.training.run import Run, Schedule  # noqa: E402
from moclip.training.task import Task  # noqa: E402
from moclip.training.trainer import Trainer  # noqa: E402

SMALL = BadConfig(
    codes=12, code_dim=8, width=32, heads=2, feed_forward=48, cross_layers=1, layers=1, head_layers=1, text_dim=16,
    word_dim=24,
)  # fmt: skip
LENGTHS = (49, 30, 12, 1)


class Listener:
    """In the network's place: keeps what it is shown and is equally unsure of all codes but one slot's."""

    def __init__(self, config=SMALL):
        self.config, self.shown, self.training = config, [], False
        self.bonus = None

    def drop_text(self, text, words):
        return text, words

    def __call__(self, ids, mask, text, words):
        self.shown.append((ids, mask))
        logits = torch.zeros(*ids.shape, self.config.codes)
        return logits if self.bonus is None else logits + self.bonus


def batch_of(lengths=LENGTHS, seed=0, codes=12) -> TokenBatch:
    generator = torch.Generator().manual_seed(seed)
    padding = torch.arange(max(lengths))[None] >= torch.tensor(lengths)[:, None]
    drawn = torch.randint(codes, (*padding.shape, 1), generator=generator).masked_fill(padding[..., None], 0)
    text = torch.randn(len(lengths), 16, generator=generator)
    words = torch.randn(len(lengths), 9, 24, generator=generator)
    return TokenBatch(drawn, padding, text, words=words)


def shown(repeats: int, batch=None):
    torch.manual_seed(0)
    listener, batch = Listener(), batch or batch_of()
    for _ in range(repeats):
        bad_loss(listener, batch)
    return listener.shown, batch


def test_layout_masks_and_orders_of_corrupted_motions():
    examples, batch = shown(20)
    for ids, mask in examples:
        assert ids.shape == (4, 50) and mask.shape == (4, 52, 52)
        for row, length in enumerate(LENGTHS):
            assert ids[row, length] == 12 and (ids[row, length + 1 :] == 13).all()
            masked = ids[row] >= 14
            assert not masked[length:].any() and masked.sum() >= 1
            orders = (ids[row] - 14)[masked]
            # Of all tokens' numbers, each at most once.
            assert orders.max() < length and len(set(orders.tolist())) == len(orders)
            order = torch.where(masked, ids[row] - 14, -1).tolist()
            assert mask[row].tolist() == attention_mask(masked.tolist(), order, length)


def test_orders_of_masked_tokens_come_from_all_numbers():
    examples, _ = shown(200, batch_of((12,)))
    few = [ids[0] for ids, _ in examples if (ids[0] >= 14).sum() <= 6]
    assert len(few) > 10
    assert {int(i) - 14 for ids in few for i in ids if i >= 14} == set(range(12))


def test_share_of_masked_tokens():
    examples, _ = shown(400, batch_of((48, 48)))
    shares = np.array([[(ids[row] >= 14).sum().item() / 48 for row in (0, 1)] for ids, _ in examples])
    light = shares < 0.5
    # One coin a batch: both motions are light or none is, up to what rounds to one half.
    assert (light[:, 0] != light[:, 1]).mean() < 0.03
    assert 0.06 < light.mean() < 0.14
    assert 0.72 < shares[~light].mean() < 0.78 and shares.max() > 0.97 and 0 < shares.min() < 0.1
    assert np.corrcoef(shares[~light.any(axis=1)].T)[0, 1] < 0.2


def test_share_of_replaced_tokens():
    batch = batch_of((48,), codes=12)
    examples, _ = shown(600, batch)
    target = batch.codes[0, :, 0]
    wrong = [((ids[0, :48] != target) & (ids[0, :48] < 12)).sum() / (ids[0, :48] < 12).sum() for ids, _ in examples]
    wrong = np.array([w.item() for w in wrong if not torch.isnan(w)])
    # A fifth is drawn anew on average, of which a twelfth hits the code that was there.
    assert abs(wrong.mean() - 0.2 * 11 / 12) < 0.02


def test_every_token_counts_and_every_motion_the_same():
    listener, batch = Listener(), batch_of((10, 2))
    assert bad_loss(listener, batch)[0].item() == pytest.approx(np.log(12))
    # Sure of one token of the second motion, whether it is masked or not: a half of that motion, a quarter of all.
    listener.bonus = torch.zeros(2, 11, 12)
    listener.bonus[1, 1, batch.codes[1, 1, 0]] = 50.0
    assert bad_loss(listener, batch)[0].item() == pytest.approx(0.75 * np.log(12), rel=1e-4)
    # END and padding count for nothing.
    listener.bonus = torch.zeros(2, 11, 12)
    listener.bonus[:, 10] = listener.bonus[1, 2:] = torch.eye(12)[5] * 50
    assert bad_loss(listener, batch)[0].item() == pytest.approx(np.log(12))


def test_loss_falls_and_the_codebook_stays():
    torch.manual_seed(0)
    network, batch = BadTransformer(SMALL).train(), batch_of((6, 4))
    network.use_codebook(torch.randn(12, 8))
    before, losses = network.trans_base.codebook.clone(), []
    optimizer = torch.optim.AdamW(network.parameters(), lr=3e-3, betas=(0.5, 0.9))
    for step in range(30):
        torch.manual_seed(step)
        optimizer.zero_grad()
        loss, _ = bad_loss(network, batch)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert np.mean(losses[-5:]) < 0.6 * np.mean(losses[:5])
    assert torch.equal(network.trans_base.codebook, before)
    assert network.trans_base.learn_tok_emb.weight.grad[2:8].abs().sum() > 0


def test_a_third_of_the_motions_lose_a_token_at_either_end_in_training():
    codes = torch.arange(8)[None, :, None].repeat(500, 1, 1)
    torch.manual_seed(0)
    whole = torch.zeros(500, 8, dtype=torch.bool)
    drawn = zip(*_shortened(TokenBatch(codes, whole, torch.zeros(500, 16))), strict=True)
    rows = [row[~gone].tolist() for row, gone in drawn]
    counts = [rows.count(list(part)) for part in (range(8), range(7), range(1, 8))]
    assert sum(counts) == 500 and abs(counts[0] - 333) < 60 and abs(counts[1] - counts[2]) < 60
    one = TokenBatch(torch.zeros(9, 1, 1, dtype=torch.long), whole[:9, :1], torch.zeros(9, 16))
    assert not _shortened(one)[1].any()


def test_words_of_the_frozen_tower_reach_the_loss_and_the_codebook_is_the_vqs(tmp_path):
    torch.manual_seed(0)
    tower = TextTower(TowerConfig(width=24, heads=2, layers=1, embed_dim=16)).eval()
    vq = VQ(VqConfig(width=8, code_dim=8, codes=12))
    vq.parts.quantizer.codebook.normal_()
    rng = np.random.default_rng(0)
    codes = [[rng.integers(12, size=(length, 1)) for length in (9, 8)] for _ in range(5)]
    captions = [[f"person number {k} walks", f"number {k} goes on and on"] for k in range(5)]
    tokens = [Tokenizer().encode(texts).astype(np.uint16) for texts in captions]
    clips = TokenClips(codes, [np.zeros((2, 16), np.float32)] * 5, np.full(5, 0.2), tokens)
    schedule = Schedule(steps=4, learning_rate=1e-3, warmup=1, validate_every=2, save_every=2)
    data = TokenData(clips, clips, fingerprint(tower), tower, vq)
    best = train_on_tokens("bad", LEARNERS["bad"], SMALL, data, Run(tmp_path, schedule, log=lambda line: None), batch=4)
    arrays, config = load_weights(tmp_path / "bad.safetensors")
    network = restore(BadTransformer, config, arrays)
    assert np.isfinite(best) and network.config == SMALL and config["text_fingerprint"] == fingerprint(tower)
    torch.testing.assert_close(network.trans_base.codebook, vq.parts.quantizer.codebook, atol=1e-2, rtol=1e-2)


def test_loaded_codebook_survives_the_first_training_batch():
    book = Quantizer(VqConfig(code_dim=4, codes=6)).train()
    book.codebook.copy_(torch.arange(24.0).view(6, 4))
    before = book.codebook.clone()
    book.start_from_codebook()
    book(before[None] + 0.01, torch.ones(1, 6, dtype=torch.bool))
    assert (book.codebook - before).abs().max() < 0.02


def test_only_codes_that_were_never_used_are_replaced_and_rarely():
    torch.manual_seed(0)
    book = Quantizer(VqConfig(code_dim=2, codes=3)).train()
    book.codebook.copy_(torch.tensor([[0.0, 0.0], [10.0, 10.0], [100.0, 100.0]]))
    book.start_from_codebook()
    both, first = torch.tensor([[[0.0, 0.0], [10.0, 10.0]]]), torch.zeros(1, 2, 2)
    valid = torch.ones(1, 2, dtype=torch.bool)
    book(both, valid)
    for _ in range(RESET_EVERY - 2):
        book(first, valid)
        assert book.codebook[2].tolist() == [100.0, 100.0]
    book(first, valid)
    # The second was used once, which is never forgotten.
    torch.testing.assert_close(book.codebook[1], torch.tensor([10.0, 10.0]))
    assert book.codebook[2].abs().max() < 1


def test_codes_follow_their_vectors_by_a_moving_average():
    book = Quantizer(VqConfig(code_dim=1, codes=2)).train()
    book.codebook.copy_(torch.tensor([[0.0], [50.0]]))
    book.start_from_codebook()
    book(torch.tensor([[[2.0], [2.0], [2.0], [2.0]]]), torch.ones(1, 4, dtype=torch.bool))
    # Sum .99 * 0 + .01 * 8, count .99 * 1 + .01 * 4.
    assert book.codebook[0].item() == pytest.approx(0.08 / 1.03)


def test_gradients_pass_the_codes_straight_and_padding_is_ignored():
    book = Quantizer(VqConfig(code_dim=2, codes=4)).train()
    x = torch.cat([torch.rand(1, 5, 2), torch.full((1, 5, 2), 1000.0)], dim=1).requires_grad_()
    quantized, codes, commit = book(x, torch.arange(10)[None] < 5)
    assert book.codebook.max() < 2 and codes.shape == (1, 10, 1)
    quantized.sum().backward()
    assert torch.equal(x.grad, torch.ones_like(x)) and commit < 1


class Broken(Exception):
    """Stands for a power cut."""


class VqTask(Task):
    def __init__(self, breaks_at=None):
        torch.manual_seed(0)
        super().__init__("vq", VQ(VqConfig(width=8, code_dim=4, codes=64)), {"kind": "vq"})
        self.compute, self.calls, self.breaks_at = RVQLoss(self.network), 0, breaks_at

    def make_batch(self, rng):
        return torch.from_numpy(rng.standard_normal((3, 16, 263)).astype(np.float32))

    def loss(self, batch):
        self.calls += 1
        if self.calls == self.breaks_at:
            raise Broken
        return self.compute((batch, torch.ones(3, 16, dtype=torch.bool)))

    def validate(self, network):
        return float(network.decode(torch.arange(8).view(1, 8, 1)).pow(2).mean()), {}


def vq_trainer(folder, breaks_at=None) -> Trainer:
    schedule = Schedule(steps=30, learning_rate=1e-3, warmup=2, ema=0.9, validate_every=15, save_every=5)
    return Trainer(VqTask(breaks_at), Run(folder, schedule, log=lambda line: None))


def test_a_resumed_vq_is_the_unbroken_one_bit_for_bit(tmp_path):
    whole = vq_trainer(tmp_path / "whole")
    whole.run()
    # Broken between two replacements of unused codes, which count on from the saved state.
    with pytest.raises(Broken):
        vq_trainer(tmp_path / "broken", breaks_at=18).run()
    resumed = vq_trainer(tmp_path / "broken")
    resumed.run()
    assert whole.network.parts.quantizer.updates == 30 and not whole.network.parts.quantizer.ever_used.all()
    tensors = dict([*resumed.network.named_parameters(), *resumed.network.named_buffers()])
    for name, tensor in [*whole.network.named_parameters(), *whole.network.named_buffers()]:
        assert torch.equal(tensor, tensors[name]), name
