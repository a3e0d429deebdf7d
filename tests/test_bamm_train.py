# SPDX-License-Identifier: Apache-2.0
"""BAMM's loss: what it weighs, what it shows to the network, and that it teaches."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs PyTorch")

from moclip.generators.bamm.config import BammConfig  # noqa: E402
from moclip.generators.bamm.network import BammTransformer  # noqa: E402
from moclip.generators.bamm.train import bamm_loss, with_end  # noqa: E402
from moclip.generators.base.token_clips import TokenBatch  # noqa: E402

CONFIG = BammConfig(codes=20, code_dim=16, text_dim=12, width=24, layers=2, heads=3, feed_forward=32)


def batch_of(lengths: list[int], seed: int = 0) -> TokenBatch:
    rng = torch.Generator().manual_seed(seed)
    padding = torch.arange(max(lengths))[None] >= torch.tensor(lengths)[:, None]
    codes = torch.randint(20, (*padding.shape, 3), generator=rng).masked_fill(padding[..., None], 0)
    return TokenBatch(codes, padding, torch.randn(len(lengths), 12, generator=rng))


class Watched(torch.nn.Module):
    """In the network's place: remembers what it is shown, and answers with the same logits everywhere."""

    config = CONFIG

    def __init__(self, logits: torch.Tensor):
        super().__init__()
        self.logits, self.seen = logits, []

    def drop_text(self, text):
        return text

    def forward(self, ids, text, cond):
        self.seen.append((ids, cond))
        return self.logits.expand(len(ids), ids.shape[1] + 1, -1)


def test_end_stands_behind_the_last_code_and_pad_behind_it():
    batch = batch_of([3, 5])
    ids, lengths = with_end(batch, 20, 21)
    assert lengths.tolist() == [3, 5]
    assert ids.tolist() == [[*batch.codes[0, :3, 0].tolist(), 20, 21, 21], [*batch.codes[1, :, 0].tolist(), 20]]


def test_each_sample_counts_alike_and_end_is_one_of_its_tokens():
    # The same answer everywhere: by hand, the mean over samples of their mean over codes and END.
    logits = torch.randn(21)
    batch = batch_of([3, 9])
    loss, _ = bamm_loss(Watched(logits), batch)
    surprise = -(logits - logits.logsumexp(0))
    samples = [torch.stack([*surprise[batch.codes[k, :n, 0]], surprise[20]]).mean() for k, n in enumerate((3, 9))]
    assert loss.item() == pytest.approx(torch.stack(samples).mean().item(), abs=1e-5)


def test_shares_of_given_and_of_wrong_tokens():
    torch.manual_seed(0)
    batch, network = batch_of([30] * 20), Watched(torch.zeros(21))
    ids, _ = with_end(batch, 20, 21)
    for _ in range(200):
        bamm_loss(network, batch)
    given = np.array([cond.float().mean().item() for _, cond in network.seen])
    wrong = np.array([(shown != ids)[:, :30].float().mean().item() for shown, _ in network.seen])
    assert 0.4 < (given == 0).mean() < 0.6 and given.max() < 0.55
    assert 0.2 < given[given > 0].mean() < 0.3
    # One of twenty random codes is the right one.
    assert 0.2 < wrong.mean() / 0.95 < 0.3 and wrong.min() < 0.05 and wrong.max() > 0.4
    assert all((shown[:, 30] == 20).all() for shown, _ in network.seen)


def test_given_tokens_are_corrupted_too_and_padding_is_never_given():
    torch.manual_seed(0)
    batch, network = batch_of([4, 12]), Watched(torch.zeros(21))
    ids, _ = with_end(batch, 20, 21)
    for _ in range(60):
        bamm_loss(network, batch)
    assert any(((shown != ids) & cond).any() for shown, cond in network.seen)
    assert any(cond[0, 4] for _, cond in network.seen)
    assert not any(cond[0, 5:].any() for _, cond in network.seen)
    assert all((shown[0, 4:] == ids[0, 4:]).all() for shown, _ in network.seen)


def test_the_same_state_of_torchs_generator_gives_the_same_loss():
    network, batch = BammTransformer(CONFIG).train(), batch_of([5, 9])
    losses = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        losses.append(bamm_loss(network, batch)[0].item())
    assert losses[0] == losses[1] != losses[2]


@pytest.mark.parametrize("variant", ["official", "t2mgpt"])
def test_thirty_steps_on_a_small_batch_teach(variant):
    torch.manual_seed(0)
    network = BammTransformer(BammConfig(**{**CONFIG.to_dict(), "variant": variant})).train()
    optimizer, batch = torch.optim.AdamW(network.parameters(), lr=3e-3), batch_of([6, 8, 10])

    def measured() -> float:
        torch.manual_seed(5)
        network.eval()
        with torch.no_grad():
            value = np.mean([bamm_loss(network, batch)[0].item() for _ in range(8)])
        network.train()
        return float(value)

    before = measured()
    for _ in range(30):
        optimizer.zero_grad()
        bamm_loss(network, batch)[0].backward()
        optimizer.step()
    assert before == pytest.approx(np.log(21), abs=0.3)
    assert measured() < before - 0.7
    assert all(p.grad is not None for name, p in network.named_parameters())
