# SPDX-License-Identifier: Apache-2.0
"""Retrieval in MoCLIP's own space: which motion does a sentence name, which sentence a motion?"""

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from moclip.alignment.motion_encoder import MotionEncoder
from moclip.alignment.train import PairedClips, motion_encoder_weights
from moclip.errors import MoclipError
from moclip.evaluation.metrics import recall
from moclip.models import JUDGE, load_model
from moclip.runtimes.torch_runtime import restore_network
from moclip.text.tower import TextTower, load_tower

BATCH = 64


def load_spaces(model: str, work: Path | None = None, tower: Path | None = None) -> tuple[TextTower, MotionEncoder]:
    """Text tower and motion encoder of a model, or of a work folder that `moclip train moclip` wrote.

    tower: the file of another text tower. Raises MoclipError for what is missing or damaged, and for a model without a
    motion encoder.
    """
    if work is not None:
        arrays, config = motion_encoder_weights(work / "moclip.safetensors")
        text = load_tower(tower or work / "text.safetensors")
        return text, restore_network(JUDGE, config, arrays)
    files = load_model(model)
    if JUDGE not in files.arrays:
        raise MoclipError(
            f"The model '{model}' comes without MoCLIP's motion encoder.",
            hint="Use another model, or --work with a folder of `moclip train moclip`.",
            code="bad_model",
        )
    text = load_tower(tower or files.info.path / "text.safetensors")
    return text, restore_network(JUDGE, files.configs[JUDGE], files.arrays[JUDGE])


@torch.inference_mode()
def retrieval(
    tower: TextTower, encoder: MotionEncoder, clips: PairedClips, seed: int = 0
) -> dict[str, dict[int, float]]:
    """Recall at 1, 2, 3, 5 and 10 of both directions over the whole split, with one random caption a clip.

    Every clip of the same meaning (actions, styles and sides) is right. "chance" is what a random order would reach at
    1. Raises MoclipError for a tower and an encoder of different spaces.
    """
    if tower.config.embed_dim != encoder.config.embed_dim:
        raise MoclipError(
            f"The text tower makes {tower.config.embed_dim} numbers and the motion encoder {encoder.config.embed_dim}.",
            hint="Use a tower that this motion encoder was trained with.",
            code="bad_weights",
        )
    rng = np.random.default_rng(seed)
    tokens = np.stack([rows[rng.integers(len(rows))] for rows in clips.tokens])
    parts = [tower(torch.from_numpy(tokens[k : k + BATCH])) for k in range(0, len(tokens), BATCH)]
    text = F.normalize(torch.cat(parts), dim=-1)
    motion = _embed(encoder, clips)
    same = clips.meaning[:, None] == clips.meaning[None]
    similarity = (text @ motion.t()).double().numpy()
    return {
        "text to motion": recall(similarity, same),
        "motion to text": recall(similarity.T, same),
        "chance": {1: float(same.mean())},
    }


def _embed(encoder: MotionEncoder, clips: PairedClips) -> Tensor:
    """(N, D) unit vectors, in batches of like length."""
    order = np.argsort([len(j) for j in clips.joints], kind="stable")
    vectors = torch.empty(len(order), encoder.config.embed_dim)
    for start in range(0, len(order), BATCH):
        chunk = order[start : start + BATCH]
        longest = max(len(clips.joints[k]) for k in chunk)
        joints, valid = np.zeros((len(chunk), longest, 22, 3), np.float32), np.zeros((len(chunk), longest), bool)
        for row, k in enumerate(chunk):
            joints[row, : len(clips.joints[k])], valid[row, : len(clips.joints[k])] = clips.joints[k], True
        vectors[torch.from_numpy(chunk)] = encoder(torch.from_numpy(joints), torch.from_numpy(valid))
    return F.normalize(vectors, dim=-1)
