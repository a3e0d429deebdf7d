# SPDX-License-Identifier: Apache-2.0
"""Motions encoded to a model's codes and decoded again, and how far they are then from what they were."""

from collections.abc import Callable

import numpy as np

from moclip.data.folder import DatasetFolder
from moclip.errors import MoclipError
from moclip.models import load_model
from moclip.runtimes import make_runtime


def round_trip(model: str, folder: DatasetFolder) -> Callable[[np.ndarray], np.ndarray]:
    """Features (T, F) of this dataset -> what the model's codes keep of them (T', F), cut to whole tokens.

    Raises MoclipError for a model that reads other features than the dataset has.
    """
    files = load_model(model)
    config = files.configs["rvq"]
    theirs = (config["features"], config.get("rotation_channels", "humanml3d"))
    ours = (len(folder.mean), folder.meta["rotation_channels"])
    if theirs != ours:
        raise MoclipError(
            f"The model '{model}' reads {theirs[0]} features with {theirs[1]} rotations, "
            f"and the dataset {folder.path} has {ours[0]} with {ours[1]} ones.",
            hint="Build the dataset with the model's `--rotation-channels`.",
            code="bad_dataset",
        )
    runtime, stride = make_runtime(files), 2 ** config["down_t"]

    def rebuild(features: np.ndarray) -> np.ndarray:
        whole = features[: min(len(features), 196) // stride * stride]
        return runtime.decode(runtime.encode(whole[None]))[0]

    return rebuild
