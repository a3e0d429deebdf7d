# SPDX-License-Identifier: Apache-2.0
"""What BAD's transformer is shown in training, and how its VQ-VAE's codes move."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs PyTorch")
pytest.importorskip("open_clip", reason="the text tower is open_clip's")

from bad_reference import attention_mask  # noqa: E402

from moclip.generators.bad.config import BadConfig, VqConfig  # noqa: E402
from moclip.generators.bad.network import BadTransformer  # noqa: E402
from moclip.generators.bad.train import WordBatch, bad_loss, read, train_bad, word_batch  # noqa: E402
from moclip.generators.bad.vq import RESET_EVERY, VQ, Quantizer  # noqa: E402
from moclip.generators.momask.train_rvq import RVQLoss  # noqa: E402
from moclip.generators.momask.train_tokens import TokenClips  # noqa: E402
from moclip.nn.checkpoint import load_weights  # noqa: E402
from moclip.nn.networks import restore  # noqa: E402
from moclip.text.tokenizer import Tokenizer  # noqa: E402
from moclip.text.tower import TextTower, TowerConfig, fingerprint  # noqa: E402
from moclip.training.trainer import Schedule, Trainer  # noqa: E402

SMALL = BadConfig(
    codes=12, code_dim=8, width=32, heads=2, feed_forward=48, cross_layers=1, layers=1, head_layers=1, text_dim=16,
    word_dim=24,
)  # fmt: skip
LENGTHS = (49, 30, 12, 1)


class Listener:
    """In the network's place: keeps what it is shown and is equally unsure of all codes but one slot's."""

    def __init__(self, config=SMALL):
        self.config, self.shown, self.training = config, [], True
        self.bonus = None

    def drop_text(self, text, words):
        return text, words

    def __call__(self, ids, mask, text, words):
        self.shown.append((ids, mask))
        logits = torch.zeros(*ids.shape, self.config.codes)
        return logits if self.bonus is None else logits + self.bonus


def batch_of(lengths=LENGTHS, seed=0, codes=12) -> WordBatch:
    generator = torch.Generator().manual_seed(seed)
    padding = torch.arange(max(lengths))[None] >= torch.tensor(lengths)[:, None]
    drawn = torch.randint(codes, (*padding.shape, 1), generator=generator).masked_fill(padding[..., None], 0)
    text = torch.randn(len(lengths), 16, generator=generator)
    return WordBatch(drawn, padding, text, torch.randn(len(lengths), 9, 24, generator=generator))


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


@pytest.fixture(scope="module")
def tower() -> TextTower:
    torch.manual_seed(0)
    return TextTower(TowerConfig(width=24, heads=2, layers=1, embed_dim=16)).eval()


def clips() -> tuple[TokenClips, list[np.ndarray]]:
    rng = np.random.default_rng(0)
    codes = [[rng.integers(12, size=(length, 1)) for length in (9, 8)] for _ in range(5)]
    texts = [[f"person number {k} walks", f"number {k} goes on and on"] for k in range(5)]
    captions = [Tokenizer().encode(text).astype(np.uint16) for text in texts]
    return TokenClips(codes, [np.zeros((2, 16), np.float32)] * 5, np.full(5, 0.2)), captions


@torch.no_grad()
def test_batch_has_states_of_one_caption_and_codes_of_its_clip(tower):
    drawn, captions = clips()
    batch = word_batch(drawn, captions, tower, np.random.default_rng(0), 40)
    assert batch.words.shape == (40, 77, 24) and batch.text.shape == (40, 16)
    tokens = torch.from_numpy(np.concatenate(captions).astype(np.int64))
    pooled, states = tower(tokens), tower.words(tokens)
    lengths = []
    for row in range(40):
        found = (pooled - batch.text[row]).abs().sum(1).argmin()
        torch.testing.assert_close(batch.text[row], pooled[found], atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(batch.words[row], states[found], atol=1e-5, rtol=1e-5)
        codes = batch.codes[row][~batch.padding[row]].numpy()
        sources = drawn.codes[int(found) // 2]
        assert any(codes.tolist() in (s.tolist(), s[1:].tolist(), s[:-1].tolist()) for s in sources)
        lengths.append(len(codes))
    assert set(lengths) <= {7, 8, 9}


def test_a_third_of_the_clips_lose_a_token_at_either_end(tower):
    codes = [[np.arange(8)[:, None]]]
    one = TokenClips(codes, [np.zeros((1, 16), np.float32)], np.ones(1))
    batches = [word_batch(one, clips()[1][:1], tower, np.random.default_rng(k), 50) for k in range(8)]
    rows = [b.codes[r, ~b.padding[r], 0].tolist() for b in batches for r in range(50)]
    whole, tail, head = (rows.count(list(part)) for part in (range(8), range(7), range(1, 8)))
    assert whole + tail + head == 400
    assert abs(whole - 267) < 60 and abs(tail - head) < 60


@torch.no_grad()
def test_one_run_of_the_tower_gives_what_two_calls_give(tower):
    tokens = torch.from_numpy(Tokenizer().encode(["a person jumps", "a person walks and waves"]))
    text, words = read(tower, tokens)
    torch.testing.assert_close(text, tower(tokens), atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(words, tower.words(tokens))


def test_training_writes_a_network_that_restores(tower, tmp_path):
    data, codebook = clips(), torch.randn(12, 8)
    schedule = Schedule(steps=4, learning_rate=1e-3, warmup=1, validate_every=2, save_every=2)
    best = train_bad(SMALL, codebook, tower, data, data, tmp_path, schedule, batch=4, log=lambda line: None)
    arrays, config = load_weights(tmp_path / "bad.safetensors")
    network = restore(BadTransformer, config, arrays)
    assert np.isfinite(best) and network.config == SMALL and config["text_fingerprint"] == fingerprint(tower)
    torch.testing.assert_close(network.trans_base.codebook, codebook, atol=1e-2, rtol=1e-2)


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
    assert book.codebook.max() < 2 and codes.shape == (1, 10)
    quantized.sum().backward()
    assert torch.equal(x.grad, torch.ones_like(x)) and commit < 1


class Broken(Exception):
    """Stands for a power cut."""


def vq_trainer(folder, breaks_at=None) -> Trainer:
    torch.manual_seed(0)
    network = VQ(VqConfig(width=8, code_dim=4, codes=64))
    compute, calls = RVQLoss(network), []

    def loss(batch):
        calls.append(1)
        if len(calls) == breaks_at:
            raise Broken
        return compute((batch, torch.ones(3, 16, dtype=torch.bool)))

    return Trainer(
        "vq", network, out=folder, config={"kind": "vq"}, loss=loss, log=lambda line: None,
        schedule=Schedule(steps=30, learning_rate=1e-3, warmup=2, ema=0.9, validate_every=15, save_every=5),
        make_batch=lambda rng: torch.from_numpy(rng.standard_normal((3, 16, 263)).astype(np.float32)),
        validate=lambda network: (float(network.decode(torch.arange(8).view(1, 8, 1)).pow(2).mean()), {}),
    )  # fmt: skip


def test_a_resumed_vq_is_the_unbroken_one_bit_for_bit(tmp_path):
    whole = vq_trainer(tmp_path / "whole")
    whole.run()
    # Broken between two replacements of unused codes, which count on from the saved state.
    with pytest.raises(Broken):
        vq_trainer(tmp_path / "broken", breaks_at=18).run()
    resumed = vq_trainer(tmp_path / "broken")
    resumed.run()
    assert whole.network.quantizer.updates == 30 and not whole.network.quantizer.ever_used.all()
    tensors = dict([*resumed.network.named_parameters(), *resumed.network.named_buffers()])
    for name, tensor in [*whole.network.named_parameters(), *whole.network.named_buffers()]:
        assert torch.equal(tensor, tensors[name]), name
