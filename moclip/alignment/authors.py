# SPDX-License-Identifier: Apache-2.0
"""MoCLIP in its authors' layout, both ways: one state dict with OpenAI's 302 CLIP tensors and 219 `motion.` ones."""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from moclip.alignment.motion_encoder import KIT_PARTS, MOST_ROWS, MotionEncoder, MotionEncoderConfig
from moclip.alignment.presets import AlignmentConfig, with_preset
from moclip.errors import MoclipError
from moclip.folders import whole_folder
from moclip.nn.checkpoint import load_weights, save_weights
from moclip.nn.layers import sinusoids
from moclip.text.clip_files import HEAD_WIDTH
from moclip.text.tower import CLIP_B32, TextTower, TowerConfig, load_image_side, save_tower

ENCODER = MotionEncoderConfig(**with_preset({}, "authors")["motion"])
"""Their encoder: the paper's sizes, and their habits."""
TOWER = CLIP_B32
POSITIONS, POOL = "motion.position_enc.pe", "motion.temporal_reduction.attention."
REST = "authors_rest.safetensors"
"""What their file holds and ours does not use: the image side and an attention pool that nothing calls."""


def text_names(tower: TowerConfig) -> set[str]:
    """OpenAI's names of the text tensors."""
    with torch.device("meta"):
        return {name.removeprefix("text.") for name in TextTower(tower).state_dict()}


def motion_names(encoder: MotionEncoderConfig) -> set[str]:
    """Their names of the motion encoder's tensors, without positions and the unused pool."""
    with torch.device("meta"):
        return {f"motion.{name}" for name in MotionEncoder(encoder).state_dict()}


def import_authors(path: Path, work: Path) -> None:
    """Write `moclip.safetensors`, `text.safetensors` and `authors_rest.safetensors` from their .pth file.

    The encoder gets their habits as settings (`ENCODER`), so that it computes what theirs does; sizes and the body,
    HumanML3D's or KIT-ML's, are read off the tensors, which are kept as exactly as they come. Raises MoclipError for a
    file that is damaged or holds anything else, and for a folder that holds something; nothing is written then.
    """
    state = _read(path)
    encoder = _encoder_of(state, path)
    sizes = _tower_of(state, encoder, path)
    text, motion = text_names(sizes), motion_names(encoder)
    rest = {name for name in state if name.startswith(("visual.", POOL))}
    missing = (text | motion | {"logit_scale", POSITIONS}) - set(state)
    foreign = set(state) - text - motion - rest - {"logit_scale", POSITIONS}
    if missing or foreign:
        what = f"lacks {min(missing)}" if missing else f"has {min(foreign)}"
        raise _not_theirs(path, f"it {what}")
    table = state[POSITIONS]
    if table.ndim != 3 or not torch.allclose(
        table[:8, 0].float(), sinusoids(8, encoder.width)[: len(table)], atol=1e-4
    ):
        raise _not_theirs(path, "its positions are no sinusoids")
    arrays = {f"student.text.{name}": state[name] for name in text} | {name: state[name] for name in motion}
    _check_tensors(arrays, sizes, encoder, path)
    config = {
        "kind": "moclip", **AlignmentConfig(**with_preset({}, "authors")["alignment"]).to_dict(),
        "motion": encoder.to_dict(), "tower": sizes.to_dict(), "step": 0, "score": 0.0,
    }  # fmt: skip
    tower = TextTower(sizes)
    tower.load_state_dict({f"text.{name}": state[name].float() for name in text})
    with whole_folder(work) as folder:
        save_weights(folder / REST, {name: state[name] for name in rest}, {"kind": "authors' rest"}, kept="float32")
        all_of_it = {**arrays, "log_scale": state["logit_scale"]}
        save_weights(folder / "moclip.safetensors", all_of_it, config, kept="float32")
        save_tower(tower, folder / "text.safetensors", kept="float32")


def _encoder_of(state: Mapping[str, Tensor], path: Path) -> MotionEncoderConfig:
    """Their encoder, at the sizes of these tensors."""
    first, second = (_shape(state, f"motion.encoder.{name}.0.weight", path) for name in ("six_layers", "six_layers_2"))
    torso, embed = _shape(state, "motion.encoder.six_layers.1.weight", path), _shape(state, "motion.embed.weight", path)
    if embed[0] % ENCODER.heads:
        raise _not_theirs(path, f"its width {embed[0]} does not divide among {ENCODER.heads} heads")
    return replace(
        ENCODER,
        part_width=second[0],
        part_hidden=0 if first[0] == second[0] else first[0],
        width=embed[0],
        layers=max(1, len({name.split(".")[2] for name in state if name.startswith("motion.transformer.")})),
        embed_dim=_shape(state, "motion.proj.weight", path)[0],
        parts="kit" if torso[1] == 3 * len(KIT_PARTS[1]) else ENCODER.parts,
    )


def _tower_of(state: Mapping[str, Tensor], encoder: MotionEncoderConfig, path: Path) -> TowerConfig:
    words, places = _shape(state, "token_embedding.weight", path), _shape(state, "positional_embedding", path)
    blocks = {name.split(".")[2] for name in state if name.startswith("transformer.resblocks.")}
    return replace(
        TOWER,
        vocab_size=words[0],
        context_length=places[0],
        width=words[1],
        heads=TOWER.heads if words[1] == TOWER.width else max(1, words[1] // HEAD_WIDTH),
        layers=max(1, len(blocks)),
        embed_dim=encoder.embed_dim,
    )


def _shape(state: Mapping[str, Tensor], name: str, path: Path) -> tuple[int, int]:
    tensor = state.get(name)
    if tensor is None:
        raise _not_theirs(path, f"it lacks {name}")
    if tensor.ndim != 2:
        raise _not_theirs(path, f"{name} has the shape {tuple(tensor.shape)}")
    return tensor.shape[0], tensor.shape[1]


def export_authors(work: Path, path: Path, image_side: str | None = None) -> list[str]:
    """Write their .pth file from the folder of `moclip train moclip`; returns what their code would do otherwise.

    image_side: an open_clip tag or file of ViT-B/32 for the 152 image tensors; by default those that were imported,
    else "openai". Raises MoclipError for a MoCLIP that their layout has no place for.
    """
    arrays, config = load_weights(work / "moclip.safetensors")
    encoder = MotionEncoderConfig.from_dict(config["motion"])
    _refuse_unless_theirs(config, encoder)
    rest = load_weights(work / REST)[0] if (work / REST).is_file() else None
    if rest is None or image_side:
        rest = {**(rest or {}), **load_image_side("ViT-B-32-quickgelu", image_side or "openai")}
    state = {name.removeprefix("student.text."): a for name, a in arrays.items() if name.startswith("student.")}
    state |= {name: a for name, a in arrays.items() if name.startswith("motion.")}
    state |= {f"{POOL}weight": np.zeros((1, encoder.width), np.float32), f"{POOL}bias": np.zeros(1, np.float32)} | rest
    tensors = {name: torch.from_numpy(np.array(a, dtype=np.float32)) for name, a in state.items()}
    tensors["logit_scale"] = torch.tensor(arrays["log_scale"].item())
    tensors[POSITIONS] = sinusoids(MOST_ROWS, encoder.width)[:, None]
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(tensors, path)
    habits = ("positions", "masked", "parts", "joint_source", "frame_stride")
    return [
        f"Their code uses {name} = {getattr(ENCODER, name)!r}, and this encoder was trained with "
        f"{getattr(encoder, name)!r}: motion vectors will differ, text vectors will not."
        for name in habits
        if getattr(encoder, name) != getattr(ENCODER, name)
    ]


def _refuse_unless_theirs(config: dict[str, Any], encoder: MotionEncoderConfig) -> None:
    sizes = ("part_width", "part_hidden", "width", "layers", "heads", "embed_dim")
    other = None
    if config.get("tower") != TOWER.to_dict():
        other = "a text tower of another size than ViT-B/32"
    elif encoder.cross_limb:
        other = "cross-limb attention"
    elif any(getattr(encoder, name) != getattr(ENCODER, name) for name in sizes):
        other = "a motion encoder of other sizes"
    elif encoder.pool != ENCODER.pool:
        other = "a pool that is in use"
    elif config.get("weight") == "matrix":
        other = "a matrix W"
    if other:
        raise MoclipError(
            f"The authors' layout has no place for {other}.",
            hint="Use `--format open_clip`, or `--format moclip` for the text tower alone.",
            code="bad_format",
        )


def _read(path: Path) -> dict[str, Tensor]:
    if not Path(path).is_file():
        raise MoclipError(f"There is no file {path}.", hint="Check the path.", code="bad_checkpoint")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # noqa: BLE001 (torch raises many kinds for a damaged or unsafe file)
        raise _not_theirs(path, "it is damaged or holds more than tensors") from error
    if not isinstance(content, dict) or not all(isinstance(t, Tensor) for t in content.values()):
        raise _not_theirs(path, "it is no state dict")
    return content


def _check_tensors(arrays: Mapping[str, Tensor], tower: TowerConfig, encoder: MotionEncoderConfig, path: Path) -> None:
    with torch.device("meta"):
        own = {f"student.{n}": t.shape for n, t in TextTower(tower).state_dict().items()}
        own |= {f"motion.{n}": t.shape for n, t in MotionEncoder(encoder).state_dict().items()}
    for name, tensor in arrays.items():
        shown = re.sub(r"^student\.text\.", "", name)
        if tensor.shape != own[name]:
            raise _not_theirs(path, f"{shown} has the shape {tuple(tensor.shape)}")
        if tensor.is_floating_point() and not torch.isfinite(tensor).all():
            raise _not_theirs(path, f"{shown} holds numbers that are not finite")


def _not_theirs(path: Path, why: str) -> MoclipError:
    return MoclipError(
        f"The file {path} is not a MoCLIP checkpoint of the authors: {why}.",
        hint="It is their moCLIP_l04_t2m.pth, or KIT-ML's, that can be imported.",
        code="bad_checkpoint",
    )
