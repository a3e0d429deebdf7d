# SPDX-License-Identifier: Apache-2.0
"""One recording of AMASS, at about 20 frames a second, and where the joints of its body are."""

from dataclasses import replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from moclip.data.humanml3d import FPS
from moclip.errors import MoclipError
from moclip.files.body_models import find_model, read_model
from moclip.files.smpl import Parameters, posed_joints, read_parameters, shaped

SHAPE = 10
"""Numbers of a body's shape that HumanML3D uses."""


class AmassRecording:
    """A file of AMASS, or with `joints_alone` one of joints; it is read when something of it is asked for.

    bodies: a folder of body models, or one of them. Whatever is asked for raises MoclipError for a damaged file, the
    joints for a body model that is missing, too.
    """

    def __init__(self, path: Path, bodies: Path, *, joints_alone: bool = False):
        self.path, self.bodies, self.joints_alone = path, bodies, joints_alone

    @cached_property
    def _given(self) -> Parameters:
        return read_parameters(self.path)

    @property
    def _step(self) -> int:
        # HumanML3D takes every n-th frame and calls them 20 a second: of 150 it takes every seventh.
        return max(1, int(self._given.fps / FPS))

    @property
    def seconds_a_frame(self) -> float:
        return 1 / FPS if self.joints_alone else self._step / self._given.fps

    @property
    def frames(self) -> int:
        return len(self.joints) if self.joints_alone else -(-len(self._given.poses) // self._step)

    @cached_property
    def joints(self) -> np.ndarray:
        """(T, 22, 3) metres; Z up, but for those that came as joints."""
        if self.joints_alone:
            return _joints_of(self.path)
        given = self._given
        # HumanML3D takes every body of SMPL-H that is not a man's for a woman's.
        gender = "female" if given.kind == "smplh" and given.gender == "neutral" else given.gender
        model = find_model(self.bodies, given.kind, gender)
        body = shaped(_model(model), model, given.betas[:SHAPE])
        if body.kind != given.kind:
            raise MoclipError(
                f"The body model {model} is one of {body.kind.upper()}, and {self.path} is of {given.kind.upper()}.",
                hint="Name a folder that holds both.",
                code="missing_file",
            )
        step = slice(None, None, self._step)
        return posed_joints(replace(given, poses=given.poses[step], trans=given.trans[step]), body)


@lru_cache(maxsize=4)
def _model(path: Path) -> dict[str, Any]:
    return read_model(path)


def _joints_of(path: Path) -> np.ndarray:
    try:
        joints: np.ndarray = np.load(path, allow_pickle=False).astype(np.float64)
    except (OSError, ValueError, EOFError, AttributeError) as error:
        raise MoclipError(f"{path.name}: it is no .npy file of joints.", code="bad_dataset") from error
    if joints.ndim != 3 or joints.shape[1] < 22 or joints.shape[2] != 3 or not np.isfinite(joints).all():
        told = f"{path.name}: its joints have shape {joints.shape}, not (frames, 22, 3), or are not finite."
        raise MoclipError(told, code="bad_dataset")
    return joints[:, :22]
