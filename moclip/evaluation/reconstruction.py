# SPDX-License-Identifier: Apache-2.0
"""Motions encoded to a model's codes and decoded again, and how far they are then from what they were."""

from collections.abc import Callable

import numpy as np

from moclip.data.folder import DatasetFolder
from moclip.errors import MoclipError
from moclip.generators.base.codec import Codec
from moclip.models import load_model
from moclip.runtimes import make_runtime


def round_trip(model: str, folder: DatasetFolder) -> Callable[[np.ndarray], np.ndarray]:
    """Features (T, F) of this dataset -> what the model's codes keep of them (T', F), cut to whole tokens.

    Raises MoclipError for a model that reads other features than the dataset has.
    """
    files = load_model(model)
    config = files.configs[files.generator.CODEC]
    theirs = (config["features"], config.get("rotation_channels", "humanml3d"))
    ours = (len(folder.mean), folder.meta["rotation_channels"])
    if theirs != ours:
        raise MoclipError(
            f"The model '{model}' reads {theirs[0]} features with {theirs[1]} rotations, "
            f"and the dataset {folder.path} has {ours[0]} with {ours[1]} ones.",
            hint="Build the dataset with the model's `--rotation-channels`.",
            code="bad_dataset",
        )
    codec = Codec(make_runtime(files), config)

    def rebuild(features: np.ndarray) -> np.ndarray:
        whole = features[: min(len(features), 196) // codec.stride * codec.stride]
        rebuilt: np.ndarray = codec.decode(codec.encode(whole[None]))[0]
        return rebuilt

    return rebuild
