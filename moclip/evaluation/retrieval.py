# SPDX-License-Identifier: Apache-2.0
"""Retrieval in MoCLIP's own space: which motion does a sentence name, which sentence a motion?"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from moclip.alignment.motion_encoder import MotionEncoder
from moclip.alignment.pairs import PairedClips, embed_captions, embed_motions
from moclip.alignment.recall import recall
from moclip.alignment.train import motion_encoder_weights
from moclip.errors import MoclipError
from moclip.models import JUDGE, load_model
from moclip.nn.networks import restore
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
        return text, restore(MotionEncoder, config, arrays)
    files = load_model(model)
    if JUDGE not in files.arrays:
        raise MoclipError(
            f"The model '{model}' comes without MoCLIP's motion encoder.",
            hint="Use another model, or --work with a folder of `moclip train moclip`.",
            code="bad_model",
        )
    text = load_tower(tower or files.info.file("text"))
    return text, restore(MotionEncoder, files.configs[JUDGE], files.arrays[JUDGE])


def retrieval(
    tower: TextTower, encoder: MotionEncoder, clips: PairedClips, seed: int = 0
) -> dict[str, dict[int, float]]:
    """`retrievals` of one seed."""
    return retrievals(tower, encoder, clips, [seed])[0]


@torch.inference_mode()
def retrievals(
    tower: TextTower, encoder: MotionEncoder, clips: PairedClips, seeds: Sequence[int]
) -> list[dict[str, dict[int, float]]]:
    """Recall at 1, 2, 3, 5 and 10 of both directions over the whole split, with one random caption a clip and seed.

    Every clip of the same meaning (actions, styles and sides) is right. "chance" is what a random order would reach at
    1. Raises MoclipError for a tower and an encoder of different spaces.
    """
    if tower.config.embed_dim != encoder.config.embed_dim:
        raise MoclipError(
            f"The text tower makes {tower.config.embed_dim} numbers and the motion encoder {encoder.config.embed_dim}.",
            hint="Use a tower that this motion encoder was trained with.",
            code="bad_weights",
        )
    motion = embed_motions(encoder, clips.joints, BATCH)
    same = clips.meaning[:, None] == clips.meaning[None]
    found = []
    for seed in seeds:
        rng = np.random.default_rng(seed)
        tokens = np.stack([rows[rng.integers(len(rows))] for rows in clips.tokens]).astype(np.int64)
        text = F.normalize(embed_captions(tower, torch.from_numpy(tokens), BATCH), dim=-1)
        similarity = (text @ motion.t()).double().numpy()
        ways = {"text to motion": recall(similarity, same), "motion to text": recall(similarity.T, same)}
        found.append({**ways, "chance": {1: float(same.mean())}})
    return found
