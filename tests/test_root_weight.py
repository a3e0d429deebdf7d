# SPDX-License-Identifier: Apache-2.0
"""Codebooks that tell the root's course first, and finer ones, of a small codec and made-up clips."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs PyTorch")

from moclip.codecs.config import RVQConfig  # noqa: E402
from moclip.codecs.linear_start import start_linear  # noqa: E402
from moclip.codecs.root_weight import add_layers, weigh_root  # noqa: E402
from moclip.codecs.rvq import RVQ  # noqa: E402
from moclip.data.clips import Clips  # noqa: E402

COUNT = 60


@pytest.fixture(scope="module")
def clips() -> Clips:
    """Of busy poses, each with a slight course of its own: two features that hardly change from clip to clip."""
    rng = np.random.default_rng(0)
    time = np.arange(64)[:, None] * rng.uniform(0.02, 0.25, (COUNT, 1, 8))
    poses = 3 * np.sin(time + rng.uniform(0, 6.28, (COUNT, 1, 8))) @ rng.standard_normal((8, 18))
    course = np.repeat(0.4 * rng.standard_normal((COUNT, 1, 2)), 64, axis=1)
    features = np.concatenate([course, poses], axis=-1).astype(np.float32)
    names = [f"c{k}" for k in range(COUNT)]
    return Clips(names, list(features), [["walks"]] * COUNT, ["walk:"] * COUNT, np.full(COUNT, 1 / COUNT))


@pytest.fixture
def network(clips) -> RVQ:
    torch.manual_seed(0)
    config = RVQConfig(features=20, joints=2, width=24, code_dim=24, codes=32, quantizers=3, dropout=0.0)
    network = RVQ(config).eval()
    start_linear(network.encoder, network.decoder, torch.from_numpy(np.stack(clips.features)), torch.ones(20))
    return network


def kept(network: RVQ, clips: Clips) -> float:
    """Of the course, by the base layer alone: its correlation with what comes back."""
    codes = network.encode(torch.from_numpy(np.stack(clips.features)))
    codes[..., 1:] = -1
    course = network.decode(codes)[..., :2].mean(1).numpy()
    true = np.stack(clips.features)[:, 0, :2]
    return float(np.mean([np.corrcoef(course[:, k], true[:, k])[0, 1] for k in range(2)]))


@torch.no_grad()
def test_the_base_layer_tells_the_course_and_nothing_is_decoded_otherwise(network, clips):
    features = torch.from_numpy(clips.features[0][None])
    before = network.reconstruct(network.latent(features))
    weigh_root(network, clips, 0.01)
    hardly = kept(network, clips)
    weigh_root(network, clips, 1.0)
    assert torch.allclose(network.reconstruct(network.latent(features)), before, atol=1e-3)
    assert hardly < 0.6 and kept(network, clips) > 0.9


@torch.no_grad()
def test_the_same_seed_gives_the_same_codebooks(network, clips):
    state = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    made = []
    for seed in (0, 0, 1):
        network.load_state_dict(state)
        weigh_root(network, clips, 0.5, seed)
        made.append(torch.stack(network.quantizer.codebooks))
    assert torch.equal(made[0], made[1]) and not torch.equal(made[0], made[2])


@torch.no_grad()
def test_added_layers_tell_what_the_others_leave(network, clips):
    features = torch.from_numpy(np.stack(clips.features))
    weigh_root(network, clips, 0.5)
    before, trained = network.encode(features), [book.clone() for book in network.quantizer.codebooks]

    def off(codes) -> float:
        return float((network.decode(codes) - features).square().mean())

    coarse = off(before)
    add_layers(network, clips, 3)
    after = network.encode(features)
    assert after.shape[-1] == 6 and torch.equal(after[..., :3], before)
    assert all(map(torch.equal, network.quantizer.codebooks[:3], trained))
    assert off(after) < 0.85 * coarse
