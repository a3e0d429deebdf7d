# SPDX-License-Identifier: Apache-2.0
"""A whole model folder of tiny untrained networks, for tests of what loads and runs models."""

from pathlib import Path

import numpy as np

from moclip.motion.features import motion_to_features
from moclip.nn.checkpoint import fingerprint, load_weights, save_weights
from moclip_backend.bench.solver import synthetic_motion

SHARED_SIZES = {"codes": 12, "code_dim": 8, "quantizers": 3}


def make_tiny_model(folder: Path, name: str = "tiny", seed: int = 0) -> Path:
    """Write networks, graphs, familiarity table and description. Needs torch, open_clip and onnx."""
    import torch

    from moclip.alignment.motion_encoder import MotionEncoder, MotionEncoderConfig
    from moclip.codecs.config import RVQConfig
    from moclip.codecs.rvq import RVQ
    from moclip.generators.base.length import LengthConfig, LengthEstimator
    from moclip.generators.momask.config import TransformerConfig
    from moclip.generators.momask.transformers import MaskedTransformer, ResidualTransformer
    from moclip.models import load_model, write_description
    from moclip.runtimes.export import export_graphs
    from moclip.text.tower import TextTower, TowerConfig, save_tower

    folder.mkdir(parents=True, exist_ok=True)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        save_tower(TextTower(TowerConfig(width=32, heads=2, layers=1, embed_dim=16)), folder / "text.safetensors")
        tower = fingerprint(load_weights(folder / "text.safetensors")[0])
        sizes = TransformerConfig(
            **SHARED_SIZES, text_dim=16, width=24, layers=2, heads=2, feed_forward=32, pre_norm=True
        )
        for kind, network in (("masked", MaskedTransformer(sizes)), ("residual", ResidualTransformer(sizes))):
            # Untrained logits are all but equal: larger weights make codes that a runtime could get wrong.
            state = {k: v * 3 if v.ndim > 1 else v for k, v in network.state_dict().items()}
            config = {"kind": kind, **sizes.to_dict(), "text_fingerprint": tower}
            save_weights(folder / f"{kind}.safetensors", state, config)
        length = LengthConfig(text_dim=16)
        config = {"kind": "length", **length.to_dict(), "text_fingerprint": tower}
        save_weights(folder / "length.safetensors", LengthEstimator(length).state_dict(), config)
        rvq_sizes = RVQConfig(**SHARED_SIZES, width=16, depth=2)
        rvq = RVQ(rvq_sizes)
        # Something like a body comes out, whatever the codes.
        features = motion_to_features(synthetic_motion(np.random.default_rng(0), 80))
        rvq.mean.copy_(torch.from_numpy(features.mean(0)))
        rvq.std.fill_(0.05)
        for layer in rvq.quantizer.layers:
            layer.codebook.normal_()
        config = {"kind": "rvq", **rvq_sizes.to_dict(), "rotation_channels": "local", "fps": 20}
        save_weights(folder / "rvq.safetensors", rvq.state_dict(), config)
        judge = MotionEncoderConfig(part_width=4, width=16, layers=1, heads=2, embed_dim=16, frame_stride=4)
        config = {"kind": "motion", **judge.to_dict(), "text_fingerprint": tower}
        save_weights(folder / "motion.safetensors", MotionEncoder(judge).state_dict(), config)
        np.save(folder / "familiarity.npy", np.eye(4, 16, dtype=np.float16))
        details = {
            "format": 1, "name": name, "licence": "none", "description": "untrained", "fps": 20,
            "text_fingerprint": tower, "familiarity_threshold": -1.0, "parameters": {}, "metrics": {},
        }  # fmt: skip
        write_description(folder, details)
        export_graphs(load_model(str(folder)), folder)
    return folder
