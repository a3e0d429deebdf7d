# SPDX-License-Identifier: Apache-2.0
"""Official MoMask checkpoints to a model folder of ours.

Reads `checkpoints/t2m` as its authors lay it out. Sizes are taken from the tensors themselves; state-dict names are
equal to ours, so nothing is renamed.
"""

from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from moclip.codecs.config import RVQConfig
from moclip.errors import MoclipError
from moclip.generators.base.length import LengthConfig
from moclip.generators.base.released import HEAD_WIDTH, count_parts, read_state, save_exactly
from moclip.generators.momask.config import TransformerConfig
from moclip.generators.momask.sampling import OFFICIAL
from moclip.models import write_description
from moclip.nn.checkpoint import fingerprint, load_weights
from moclip.text.tower import TextTower, load_open_clip_tower, save_tower

LAYOUT = {
    "rvq": ("rvq_*/model/net_best_fid.tar", ("vq_model", "net")),
    "masked": ("t2m_nlayer*/model/*.tar", ("t2m_transformer", "trans")),
    "residual": ("tres_nlayer*/model/net_best_fid.tar", ("res_transformer",)),
    "length": ("length_estimator/model/finest.tar", ("estimator",)),
}
"""Network -> where its file lies under the folder, and the entries that may hold its state dict."""


def recognises(folder: Path) -> bool:
    """Whether this looks like MoMask's `checkpoints/t2m`."""
    return any(folder.glob(LAYOUT["masked"][0]))


def import_official(folder: Path, out: Path, tower: TextTower | None = None) -> None:
    """Write a model folder from an official one, with the text tower that it was trained with (OpenAI's ViT-B/32).

    Raises MoclipError when files are missing or are not MoMask's, or for the 21-joint KIT models.
    """
    states = {network: read_network(folder, network) for network in LAYOUT}
    meta = [read_meta(folder, name) for name in ("mean", "std")]
    if len(meta[0]) != 263:
        raise MoclipError(
            f"This checkpoint has {len(meta[0])} features; models with 263 (HumanML3D) can be imported.",
            hint="Use the checkpoints/t2m folder.",
            code="bad_checkpoint",
        )
    out.mkdir(parents=True, exist_ok=True)
    save_tower(tower or load_open_clip_tower(), out / "text.safetensors", full_precision=True)
    text = fingerprint(load_weights(out / "text.safetensors")[0])
    rvq = rvq_sizes(states["rvq"])
    states["rvq"].update(mean=torch.from_numpy(meta[0]), std=torch.from_numpy(meta[1]))
    save_exactly(
        out / "rvq.safetensors",
        states["rvq"],
        {"kind": "rvq", **rvq.to_dict(), "rotation_channels": "humanml3d", "fps": 20},
    )
    for network in ("masked", "residual"):
        sizes = transformer_sizes(states[network], rvq).to_dict()
        kept = {k: v for k, v in states[network].items() if not k.startswith(("position_enc", "clip_model"))}
        save_exactly(out / f"{network}.safetensors", kept, {"kind": network, **sizes, "text_fingerprint": text})
    length = LengthConfig(
        states["length"]["output.0.weight"].shape[1], states["length"]["output.11.weight"].shape[0]
    ).to_dict()
    save_exactly(out / "length.safetensors", states["length"], {"kind": "length", **length, "text_fingerprint": text})
    write_description(out, {
        "format": 1, "name": out.name, "fps": 20, "text_fingerprint": text, "generator": "momask",
        "sampling": {**asdict(OFFICIAL), "by_clause": False, "takes": 1},
        "licence": "that of the checkpoint's authors and of HumanML3D: research only",
        "description": f"MoMask as released by its authors, from {folder.name}",
        "parameters": {name: sum(v.numel() for v in state.values()) for name, state in states.items()},
    })  # fmt: skip


def read_network(folder: Path, network: str) -> dict[str, Tensor]:
    pattern, entries = LAYOUT[network]
    found = sorted(folder.glob(pattern))
    if not found:
        raise MoclipError(
            f"There is no {pattern} under {folder}.",
            hint="Point to MoMask's checkpoints/t2m folder.",
            code="bad_checkpoint",
        )
    # `latest.tar` of the masked transformer is the released one; sorted() puts it before `net_best_fid.tar`.
    return read_state(found[0], entries, "MoMask's")


def read_meta(folder: Path, name: str) -> np.ndarray:
    found = sorted(folder.glob(f"rvq_*/meta/{name}.npy"))
    if not found:
        raise MoclipError(
            f"There is no rvq_*/meta/{name}.npy under {folder}.",
            hint="Copy the whole rvq folder.",
            code="bad_checkpoint",
        )
    numbers: np.ndarray = np.load(found[0], allow_pickle=False).astype(np.float32)
    return numbers


def rvq_sizes(state: dict[str, Tensor]) -> RVQConfig:
    first, codebook = state["encoder.model.0.weight"], state["quantizer.layers.0.codebook"]
    return RVQConfig(
        features=first.shape[1], width=first.shape[0], codes=codebook.shape[0], code_dim=codebook.shape[1],
        quantizers=count_parts(state, "quantizer.layers.", 2), depth=count_parts(state, "encoder.model.2.1.model.", 5),
        down_t=count_parts((k for k in state if ".0.weight" in k and k.count(".") == 4), "encoder.model.", 2),
    )  # fmt: skip


def transformer_sizes(state: dict[str, Tensor], rvq: RVQConfig) -> TransformerConfig:
    width = state["input_process.poseEmbedding.weight"].shape[0]
    return TransformerConfig(
        codes=rvq.codes, code_dim=rvq.code_dim, quantizers=rvq.quantizers,
        text_dim=state["cond_emb.weight"].shape[1], width=width,
        layers=count_parts(state, "seqTransEncoder.layers.", 2), heads=max(1, width // HEAD_WIDTH),
        feed_forward=state["seqTransEncoder.layers.0.linear1.weight"].shape[0],
    )  # fmt: skip
