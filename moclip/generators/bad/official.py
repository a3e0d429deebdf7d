# SPDX-License-Identifier: Apache-2.0
"""Official BAD checkpoints to a model folder of ours.

Reads the repository's folder as its authors lay it out once the released files are in place. Sizes are taken from the
tensors themselves; state-dict names are equal to ours, so nothing is renamed. The number of heads and the two rules of
who sees whom are in no file: they are taken to be the released ones.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import torch
from torch import Tensor

from moclip.codecs.config import VqConfig
from moclip.errors import MoclipError
from moclip.generators.bad.config import BadConfig
from moclip.generators.bad.sampling import OFFICIAL
from moclip.generators.base.length import LengthConfig
from moclip.generators.base.released import (
    HEAD_WIDTH,
    body_of,
    count_parts,
    read_moments,
    read_state,
    refusal,
    sized,
)
from moclip.nn.layers import sinusoids
from moclip.releases import Part, Release, Towers, write_model

LAYOUT = {
    "vq": (("output/vq/vq_last.pth", "output/vq/*/net_last.pth"), "net"),
    "bad": (
        (
            "output/t2m/trans_best_fid.pth", "output/kit/trans_best_fid.pth", "output/*/CBS_net_best_fid.pth",
            "output/*/net_last.pth",
        ),
        "trans",
    ),
    "length": (("**/length_estimator/model/finest.tar",), "estimator"),
}  # fmt: skip
"""Network -> where its file may lie under the folder, best first, and the entry that holds its state dict."""

META = (
    "checkpoints/{set}/VQVAE*/meta/{name}.npy", "checkpoints/{set}/*/meta/{name}.npy", "exit/{set}-{name}.npy",
    "exit/{set}_{name}.npy",
)  # fmt: skip
_HINT = "Point to the folder of BAD's repository, with its released files in output/, checkpoints/ and exit/."
_VQ = "trans_base.vqvae."
_CODEBOOK = "vqvae.quantizer.codebook"
_POSITIONS = "trans_base.pos_embed.embed"


def recognises(folder: Path) -> bool:
    """Whether BAD's transformer or tokenizer lies here."""
    return any(next(folder.glob(pattern), None) for network in ("vq", "bad") for pattern in LAYOUT[network][0])


def import_official(folder: Path, out: Path, towers: Callable[[], Towers], run: Path | None = None) -> None:
    """Write a model folder from an official one.

    towers: text encoders that it was trained with; asked for when all files are there. run: the transformer's folder,
    such as output/t2m, where there are several. Raises MoclipError when files are missing, damaged, not BAD's or do not
    belong together; nothing is written then.
    """
    paths = {network: _found(folder, LAYOUT[network][0]) for network in LAYOUT if network != "bad" or run is None}
    if run is not None:
        paths["bad"] = _found(run, [pattern.rpartition("/")[2] for pattern in LAYOUT["bad"][0]])
    if not any(_present(folder, "mean", body) for body in ("t2m", "kit")):
        _meta(folder, "mean", "t2m")
    own = towers()
    states = {network: read_state(path, (LAYOUT[network][1],), "BAD's") for network, path in paths.items()}
    try:
        vq, sizes = vq_sizes(states["vq"]), network_sizes(states["bad"])
        kept = network_state(states["bad"], states["vq"])
    except KeyError as error:
        raise _not_bads(f"The checkpoints under {folder} have no tensor {error}, so they are not BAD's.") from error
    except (IndexError, ValueError) as error:
        raise _not_bads(f"The checkpoints under {folder} have tensors of other shapes than BAD's.") from error
    body = body_of(vq.features)
    vq = replace(vq, joints=body.joints)
    mean, std = read_moments(_meta(folder, "mean", body.folder), _meta(folder, "std", body.folder), vq.features)
    length = [sized(states["length"], f"output.{k}.weight", 2, paths["length"]) for k in (0, 11)]
    weights = {**states["vq"], "mean": torch.from_numpy(mean), "std": torch.from_numpy(std)}
    parts = {
        "vq": Part(vq, weights, paths["vq"], {"rotation_channels": "humanml3d", "fps": body.fps}),
        "bad": Part(sizes, kept, paths["bad"]),
        "length": Part(LengthConfig(length[0][1], length[1][0]), states["length"], paths["length"]),
    }
    # As released but for the counting of steps, which makes a motion depend on what else is in the batch.
    sampling = asdict(replace(OFFICIAL, stop_as_released=False))
    told = f"BAD as released by its authors, from {folder.name}"
    write_model(out, Release("bad", parts, sampling, told, body.fps), own)


def network_state(state: Mapping[str, Tensor], vq: Mapping[str, Tensor]) -> dict[str, Tensor]:
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


def network_sizes(state: Mapping[str, Tensor]) -> BadConfig:
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


def vq_sizes(state: Mapping[str, Tensor]) -> VqConfig:
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


def _present(folder: Path, name: str, body: str) -> list[Path]:
    patterns = [pattern.format(set=body, name=name) for pattern in META]
    return [path for pattern in patterns for path in sorted(folder.glob(pattern))]


def _meta(folder: Path, name: str, body: str) -> Path:
    found = _present(folder, name, body) or _present(folder, name, {"t2m": "kit", "kit": "t2m"}[body])
    if not found:
        raise _not_bads(f"There is no {META[0].format(set=body, name=name)} under {folder}.")
    return found[0]
