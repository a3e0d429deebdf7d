# SPDX-License-Identifier: Apache-2.0
"""A codec that begins as the best linear one gives motion back before its first step."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs PyTorch")

from toy_dataset import make_toy_dataset  # noqa: E402

from moclip.codecs.config import RVQConfig, VqConfig  # noqa: E402
from moclip.codecs.linear_start import start_linear  # noqa: E402
from moclip.codecs.rvq import RVQ  # noqa: E402
from moclip.codecs.train import train_codec  # noqa: E402
from moclip.codecs.vq import VQ  # noqa: E402
from moclip.errors import MoclipError  # noqa: E402
from moclip.training.run import Run, Schedule  # noqa: E402

SIZES = {"width": 48, "code_dim": 48, "codes": 16, "features": 40, "joints": 22}


def slow_windows(count: int = 60, components: int = 10) -> torch.Tensor:
    """(N, 64, 40): every feature a mixture of a few slow waves."""
    rng = np.random.default_rng(0)
    time = np.arange(64)[:, None] * rng.uniform(0.02, 0.25, (count, 1, components))
    waves = np.sin(time + rng.uniform(0, 6.28, (count, 1, components)))
    mixed = waves @ rng.standard_normal((components, 40)) + rng.standard_normal(40)
    return torch.from_numpy(mixed.astype(np.float32))


def left_over(network, windows: torch.Tensor) -> float:
    """The share of the windows' variance that does not come back through the latents; edges are not looked at."""
    with torch.no_grad():
        rebuilt = network.reconstruct(network.latent(windows))
    inner = slice(8, -8)
    error = (rebuilt - windows)[:, inner].square().mean()
    return float(error / (windows - windows.mean((0, 1)))[:, inner].square().mean())


@pytest.mark.parametrize(
    ("kind", "config"), [(RVQ, RVQConfig(quantizers=2, dropout=0.0, **SIZES)), (VQ, VqConfig(**SIZES))]
)
@pytest.mark.parametrize("code_dim", [48, 24])
def test_slow_motion_comes_back_without_a_step(kind, config, code_dim):
    torch.manual_seed(0)
    windows, unseen = slow_windows(90).split([60, 30])
    network = kind(type(config)(**{**config.to_dict(), "code_dim": code_dim})).eval()
    assert left_over(network, windows) > 0.5
    start_linear(network.parts.encoder, network.parts.decoder, windows, torch.ones(40))
    assert left_over(network, windows) < 0.02
    assert left_over(network, unseen) < 0.03
    with torch.no_grad():
        assert network.latent(windows).square().mean() == pytest.approx(1.0, rel=0.3)


def test_features_that_count_for_nothing_give_way():
    torch.manual_seed(0)
    noisy = slow_windows()
    noisy[..., 20:] = torch.randn(noisy[..., 20:].shape) * 5
    weights = torch.ones(40)
    weights[20:] = 1e-6
    network = RVQ(RVQConfig(quantizers=2, dropout=0.0, **{**SIZES, "width": 12, "code_dim": 12})).eval()
    start_linear(network.encoder, network.decoder, noisy, weights)
    with torch.no_grad():
        rebuilt = network.reconstruct(network.latent(noisy))
    error = (rebuilt - noisy)[:, 8:-8, :20].square().mean() / noisy[..., :20].square().mean()
    assert error < 0.1


def test_training_goes_on_from_there(tmp_path):
    dataset = make_toy_dataset(tmp_path / "data")
    config = RVQConfig(width=32, code_dim=32, codes=8, quantizers=3, dropout=0.0, quantize_dropout=0.0)
    run = Run(tmp_path / "runs", Schedule(2, 1e-4, warmup=1, validate_every=1, save_every=1), log=lambda line: None)
    linear = train_codec(RVQ, config, dataset, run, batch=4, linear_start=True)
    run = Run(tmp_path / "other", run.schedule, log=lambda line: None)
    assert linear < 0.85 * train_codec(RVQ, config, dataset, run, batch=4)


def test_clips_that_fill_no_window_are_told_of(tmp_path):
    dataset = make_toy_dataset(tmp_path / "data")
    for path in (tmp_path / "data" / "new_joint_vecs").glob("*.npy"):
        np.save(path, np.load(path)[:40])
    run = Run(tmp_path / "runs", Schedule(1, 1e-4), log=lambda line: None)
    with pytest.raises(MoclipError, match="No clip of the dataset has 64 frames"):
        train_codec(RVQ, RVQConfig(width=8, code_dim=8, codes=4, quantizers=2), dataset, run, linear_start=True)
