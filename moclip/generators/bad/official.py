# SPDX-License-Identifier: Apache-2.0
"""Official BAD checkpoints to a model folder of ours.

Reads the repository's folder as its authors lay it out once the released files are in place. Sizes are taken from the
tensors themselves; state-dict names are equal to ours, so nothing is renamed. The number of heads and the two rules of
who sees whom are in no file: they are taken to be the released ones.
"""

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from moclip.codecs.config import VqConfig
from moclip.errors import MoclipError
from moclip.generators.bad.config import BadConfig
from moclip.generators.bad.sampling import OFFICIAL
from moclip.generators.base.length import LengthConfig
from moclip.generators.base.released import HEAD_WIDTH, count_parts, read_state, refusal, save_exactly
from moclip.models import write_description
from moclip.nn.checkpoint import fingerprint, load_weights
from moclip.nn.layers import sinusoids
from moclip.text.tower import TextTower, load_open_clip_tower, save_tower

LAYOUT = {
    "vq": (("output/vq/vq_last.pth",), "net"),
    "bad": (("output/t2m/trans_best_fid.pth", "output/*/CBS_net_best_fid.pth", "output/*/net_last.pth"), "trans"),
    "length": (("**/length_estimator/model/finest.tar",), "estimator"),
}
"""Network -> where its file may lie under the folder, best first, and the entry that holds its state dict."""

META = ("checkpoints/t2m/*/meta/{}.npy", "exit/t2m-{}.npy", "exit/t2m_{}.npy")
_HINT = "Point to the folder of BAD's repository, with its released files in output/, checkpoints/ and exit/."
_VQ = "trans_base.vqvae."
_CODEBOOK = "vqvae.quantizer.codebook"
_POSITIONS = "trans_base.pos_embed.embed"


def recognises(folder: Path) -> bool:
    """Whether BAD's transformer or tokenizer lies here."""
    return any(next(folder.glob(pattern), None) for network in ("vq", "bad") for pattern in LAYOUT[network][0])


def import_official(folder: Path, out: Path, tower: TextTower | None = None) -> None:
    """Write a model folder from an official one, with the text tower that it was trained with (OpenAI's ViT-B/32).

    Raises MoclipError when files are missing, are not BAD's or do not belong together, or for the 21-joint KIT models.
    """
    states = {network: _read(folder, network) for network in LAYOUT}
    meta = [_meta(folder, name) for name in ("mean", "std")]
    if len(meta[0]) != 263:
        raise _not_bads(f"This checkpoint has {len(meta[0])} features; models with 263 (HumanML3D) can be imported.")
    try:
        vq, sizes, kept = (
            vq_sizes(states["vq"]),
            network_sizes(states["bad"]),
            network_state(states["bad"], states["vq"]),
        )
        length = LengthConfig(
            states["length"]["output.0.weight"].shape[1], states["length"]["output.11.weight"].shape[0]
        ).to_dict()
    except KeyError as error:
        raise _not_bads(f"The checkpoints under {folder} have no tensor {error}, so they are not BAD's.") from error
    out.mkdir(parents=True, exist_ok=True)
    save_tower(tower or load_open_clip_tower(), out / "text.safetensors", full_precision=True)
    text = fingerprint(load_weights(out / "text.safetensors")[0])
    weights = {**states["vq"], "mean": torch.from_numpy(meta[0]), "std": torch.from_numpy(meta[1])}
    described = {"kind": "vq", **vq.to_dict(), "rotation_channels": "humanml3d", "fps": 20}
    save_exactly(out / "vq.safetensors", weights, described)
    save_exactly(out / "bad.safetensors", kept, {"kind": "bad", **sizes.to_dict(), "text_fingerprint": text})
    save_exactly(out / "length.safetensors", states["length"], {"kind": "length", **length, "text_fingerprint": text})
    parameters = {"vq": states["vq"], "bad": kept, "length": states["length"]}
    write_description(out, {
        "format": 1, "generator": "bad", "name": out.name, "fps": 20, "text_fingerprint": text,
        # As released but for the counting of steps, which makes a motion depend on what else is in the batch.
        "sampling": asdict(replace(OFFICIAL, stop_as_released=False)),
        "licence": "that of the checkpoint's authors and of HumanML3D: research only",
        "description": f"BAD as released by its authors, from {folder.name}",
        "parameters": {name: sum(v.numel() for v in state.values()) for name, state in parameters.items()},
    })  # fmt: skip


def network_state(state: dict[str, Tensor], vq: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of `BadTransformer` among the official ones; of the VQ-VAE in them only the codebook is kept.

    Raises MoclipError when that VQ-VAE is not `vq`, whose codes the transformer would then misread.
    """
    for name, tensor in vq.items():
        copy = state.get(_VQ + name)
        if copy is not None and not torch.equal(copy.float(), tensor.float()):
            raise _not_bads(
                f"The transformer was trained with another VQ-VAE than the one in the folder ({name} differs)."
            )
    table = state.get(_POSITIONS)
    if table is not None and not torch.allclose(table[:, 0], sinusoids(len(table), table.shape[-1]), atol=1e-4):
        raise _not_bads("The transformer has a table of positions of its own, which BAD's released one does not have.")
    unused = (_VQ, "trans_base.pos_embed")
    kept = {k: v for k, v in state.items() if not k.startswith(unused) and not k.endswith(".attn.mask")}
    return {**kept, _VQ + _CODEBOOK: vq[_CODEBOOK]}


def network_sizes(state: dict[str, Tensor]) -> BadConfig:
    """Sizes of the official transformer with these tensors (of which shapes are read only)."""
    width, code_dim = state["trans_base.to_emb.weight"].shape
    return BadConfig(
        codes=state["trans_head.head.weight"].shape[0],
        code_dim=code_dim,
        width=width,
        heads=max(1, width // HEAD_WIDTH),
        feed_forward=state["trans_head.blocks.0.mlp.0.weight"].shape[0],
        cross_layers=count_parts(state, "trans_base.cross_att.", 2),
        layers=count_parts(state, "trans_base.blocks.", 2),
        head_layers=count_parts(state, "trans_head.blocks.", 2),
        text_dim=state["trans_base.cond_emb.weight"].shape[1],
        word_dim=state["trans_base.word_emb.weight"].shape[1],
        time_cond="trans_base.t_embedder.mlp.0.weight" in state,
        # Besides one mask token a slot there are END and PAD, and the END has a slot.
        most_tokens=state["trans_base.learn_tok_emb.weight"].shape[0] - 3,
    )


def vq_sizes(state: dict[str, Tensor]) -> VqConfig:
    """Sizes of the official VQ-VAE with these tensors (of which shapes are read only)."""
    first, codebook = state["vqvae.encoder.model.0.weight"], state[_CODEBOOK]
    down = (key for key in state if key.endswith(".0.weight") and key.count(".") == 5)
    return VqConfig(
        features=first.shape[1],
        width=first.shape[0],
        codes=codebook.shape[0],
        code_dim=codebook.shape[1],
        depth=count_parts(state, "vqvae.encoder.model.2.1.model.", 6),
        down_t=count_parts(down, "vqvae.encoder.model.", 3),
    )


def _not_bads(message: str) -> MoclipError:
    return refusal(message, _HINT)


def _found(folder: Path, patterns: Sequence[str]) -> Path:
    for pattern in patterns:
        if found := sorted(folder.glob(pattern)):
            return found[0]
    raise _not_bads(f"There is no {patterns[0]} under {folder}.")


def _read(folder: Path, network: str) -> dict[str, Tensor]:
    patterns, entry = LAYOUT[network]
    path = _found(folder, patterns)
    return read_state(path, (entry,), "BAD's")


def _meta(folder: Path, name: str) -> np.ndarray:
    path = _found(folder, [pattern.format(name) for pattern in META])
    moments: np.ndarray = np.load(path, allow_pickle=False).astype(np.float32)
    return moments
