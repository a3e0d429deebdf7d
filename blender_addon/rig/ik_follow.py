# SPDX-License-Identifier: GPL-3.0-or-later
"""Let the IK controls of a rig of controls go with the limbs that are keyed by FK.

Left behind they would pull long arrows after the character, and a switch to IK would tear its limbs to where it began.
"""

from collections.abc import Mapping

import bpy
import numpy as np

from ..shared import rotations
from .controls import ControlRig
from .pose import BoneCurves, Pose, turn_of

_WHOLE = 0.999


def ik_curves(pose: Pose, kind: ControlRig, bone_of: Mapping[str, str]) -> list[BoneCurves]:
    """Keys of the IK controls that hang on the rig's root or on nothing; others go with the body already."""
    rig, found, shown = pose.rest.rig, [], pose.shown()
    for control, joint in kind.followers(bone_of).items():
        bone = rig.pose.bones.get(control)
        leader = bone_of[joint]
        if bone is None or leader not in shown or not bone.bone.use_local_location:
            continue
        carried = _carried_by(bone)
        if carried not in (None, kind.root):
            continue
        moved = shown[leader] @ np.linalg.inv(pose.rest.matrices[leader])
        over = np.eye(4)
        if carried is not None and carried in shown:
            over = shown[carried] @ np.linalg.inv(pose.rest.matrices[carried])
        rest = np.array(bone.bone.matrix_local, dtype=np.float64)
        own = np.linalg.inv(over @ rest) @ moved @ rest
        found.append(BoneCurves(control, rotations.continuous(turn_of(own)), own[:, :3, 3]))
    return found


def _carried_by(bone: bpy.types.PoseBone) -> str | None:
    """The bone that carries an IK control whole; "" where several do, or it is not known."""
    parent = bone.parent
    if parent is None:
        return None
    switch = next((c for c in parent.constraints if c.type == "ARMATURE" and not c.mute), None)
    if switch is None:
        return parent.name
    pulls = [(target.subtarget, target.weight) for target in switch.targets if target.weight > 1.0 - _WHOLE]
    if not pulls:
        return None if parent.parent is None else ""
    return pulls[0][0] if len(pulls) == 1 and pulls[0][1] > _WHOLE else ""
