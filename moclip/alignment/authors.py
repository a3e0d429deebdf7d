# SPDX-License-Identifier: Apache-2.0
"""MoCLIP in its authors' layout, both ways: one state dict with OpenAI's 302 CLIP tensors and 219 `motion.` ones."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from moclip.alignment.motion_encoder import MOST_ROWS, MotionEncoder, MotionEncoderConfig
from moclip.alignment.presets import AlignmentConfig, with_preset
from moclip.errors import MoclipError
from moclip.nn.checkpoint import load_weights, save_weights
from moclip.nn.layers import sinusoids
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

    The encoder gets their habits as settings (`ENCODER`), so that it computes what theirs does. On disk tensors become
    float16, as all of ours. Raises MoclipError for a file that is damaged or holds anything else.
    """
    state = _read(path)
    text, motion = text_names(TOWER), motion_names(ENCODER)
    rest = {name for name in state if name.startswith(("visual.", POOL))}
    missing = (text | motion | {"logit_scale", POSITIONS}) - set(state)
    foreign = set(state) - text - motion - rest - {"logit_scale", POSITIONS}
    if missing or foreign:
        what = f"lacks {min(missing)}" if missing else f"has {min(foreign)}"
        raise _not_theirs(path, f"it {what}")
    if not torch.allclose(state[POSITIONS][:8, 0], sinusoids(8, ENCODER.width), atol=1e-4):
        raise _not_theirs(path, "its positions are no sinusoids")
    arrays = {f"student.text.{name}": state[name] for name in text} | {name: state[name] for name in motion}
    _check_shapes(arrays, path)
    config = {
        "kind": "moclip", **AlignmentConfig(**with_preset({}, "authors")["alignment"]).to_dict(),
        "motion": ENCODER.to_dict(), "tower": TOWER.to_dict(), "step": 0, "score": 0.0,
    }  # fmt: skip
    work.mkdir(parents=True, exist_ok=True)
    save_weights(work / REST, {name: state[name] for name in rest}, {"kind": "authors' rest"})
    save_weights(work / "moclip.safetensors", {**arrays, "log_scale": state["logit_scale"]}, config)
    tower = TextTower(TOWER)
    tower.load_state_dict({f"text.{name}": state[name].float() for name in text})
    save_tower(tower, work / "text.safetensors")


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
    sizes = ("part_width", "width", "layers", "heads", "embed_dim")
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


def _check_shapes(arrays: dict[str, Tensor], path: Path) -> None:
    with torch.device("meta"):
        own = {f"student.{n}": t.shape for n, t in TextTower(TOWER).state_dict().items()}
        own |= {f"motion.{n}": t.shape for n, t in MotionEncoder(ENCODER).state_dict().items()}
    for name, tensor in arrays.items():
        if tensor.shape != own[name]:
            name = re.sub(r"^student\.text\.", "", name)
            raise _not_theirs(path, f"{name} has the shape {tuple(tensor.shape)}")


def _not_theirs(path: Path, why: str) -> MoclipError:
    return MoclipError(
        f"The file {path} is not a MoCLIP checkpoint of the authors: {why}.",
        hint="It is their moCLIP_l04_t2m.pth that can be imported, for ViT-B/32 and HumanML3D.",
        code="bad_checkpoint",
    )
