# SPDX-License-Identifier: GPL-3.0-or-later
"""What would overrule the keys of a motion: constraints, IK chains, drivers, limits."""

from collections.abc import Callable, Iterator

import bpy

from .channels import bone_of, rotation_channel
from .obstacle import Keyed, Obstacle, and_more

_ONLY_SCALE = {"COPY_SCALE", "LIMIT_SCALE", "MAINTAIN_VOLUME"}
_LIMITS = {"LIMIT_ROTATION", "LIMIT_LOCATION", "LIMIT_DISTANCE", "FLOOR"}
_CARRIES_OBJECT = {"CHILD_OF", "ARMATURE"}
"""Constraints under which an object still moves by its own keys."""


def constrained(rig: bpy.types.Object, keyed: Keyed) -> Iterator[Obstacle]:
    hits = [(bone, c) for bone in keyed.bones.values() for c in bone.constraints if _moves(bone, c)]
    if hits:
        bone, constraint = hits[0]
        yield Obstacle(
            f"The bone '{bone.name}' of '{rig.name}' would follow its constraint '{constraint.name}' instead of its "
            f"keys{and_more(len(hits))}.",
            "Mute it, or choose other bones in the Bones panel.",
            "mute_constraints",
            _mute([constraint for _, constraint in hits]),
        )


def chained(rig: bpy.types.Object, keyed: Keyed) -> Iterator[Obstacle]:
    hits = []
    for owner in rig.pose.bones:
        for constraint in owner.constraints:
            if constraint.type in ("IK", "SPLINE_IK") and _active(constraint):
                taken = [bone.name for bone in _chain(owner, constraint) if bone.name in keyed.bones]
                if taken:
                    hits.append((taken[0], owner.name, constraint))
    if hits:
        bone, owner, constraint = hits[0]
        where = "its" if bone == owner else f"'{owner}' and its"
        yield Obstacle(
            f"The bone '{bone}' of '{rig.name}' would follow {where} constraint '{constraint.name}' instead of its "
            f"keys{and_more(len(hits))}.",
            "Mute it, or choose other bones in the Bones panel.",
            "mute_constraints",
            _mute([constraint for _, _, constraint in hits]),
        )


def _chain(owner: bpy.types.PoseBone, constraint: bpy.types.Constraint) -> list[bpy.types.PoseBone]:
    """The bones that an IK constraint turns, its owner first."""
    up = [owner, *owner.parent_recursive]
    if constraint.type == "IK" and not constraint.use_tail:
        up = up[1:]
    return up[: constraint.chain_count or None]


def driven(rig: bpy.types.Object, keyed: Keyed) -> Iterator[Obstacle]:
    hits = []
    for curve in rig.animation_data.drivers if rig.animation_data else ():
        name, channel = bone_of(curve.data_path)
        bone = keyed.bones.get(name)
        if bone is None or curve.mute:
            continue
        if channel == rotation_channel(bone.rotation_mode) or (channel == "location" and name in keyed.located):
            hits.append((name, channel, curve))
    if hits:
        name, channel, _ = hits[0]
        yield _of_drivers(
            f"A driver sets the {channel.partition('_')[0]} of the bone '{name}' of '{rig.name}', whatever its keys",
            [curve for _, _, curve in hits],
        )


def _of_drivers(told: str, curves: list[bpy.types.FCurve]) -> Obstacle:
    def mute() -> None:
        for curve in curves:
            curve.mute = True

    return Obstacle(
        f"{told}{and_more(len(curves))}.", "Mute it, or choose other bones in the Bones panel.", "mute_drivers", mute
    )


def of_object(rig: bpy.types.Object) -> Iterator[Obstacle]:
    """What keeps the object from carrying the travel."""
    hits = [c for c in rig.constraints if _active(c) and c.type not in _ONLY_SCALE | _CARRIES_OBJECT]
    if hits:
        yield Obstacle(
            f"The object '{rig.name}' would follow its constraint '{hits[0].name}' instead of its "
            f"keys{and_more(len(hits))}.",
            "Mute it, or choose another Root.",
            "mute_constraints",
            _mute(hits),
        )
    channels = ("location", rotation_channel(rig.rotation_mode))
    drivers = [c for c in (rig.animation_data.drivers if rig.animation_data else ()) if c.data_path in channels]
    if drivers := [curve for curve in drivers if not curve.mute]:
        yield _of_drivers(f"A driver moves the object '{rig.name}', whatever its keys", drivers)


def limited(rig: bpy.types.Object, keyed: Keyed) -> Iterator[Obstacle]:
    hits = [
        (bone, c)
        for bone in keyed.bones.values()
        for c in bone.constraints
        if c.type in _LIMITS and _active(c) and (c.type != "LIMIT_LOCATION" or bone.name in keyed.located)
    ]
    if hits:
        bone, constraint = hits[0]
        yield Obstacle(
            f"'{bone.name}' goes no further than its '{constraint.name}' lets it{and_more(len(hits))}.",
            "",
            "mute_constraints",
            _mute([constraint for _, constraint in hits]),
            stops=False,
        )


def _active(constraint: bpy.types.Constraint) -> bool:
    """Does it do anything, now?"""
    if not constraint.enabled or constraint.influence <= 0.0:
        return False
    if constraint.type == "ARMATURE":
        return any(target.target is not None for target in constraint.targets)
    return getattr(constraint, "target", constraint) is not None


def _moves(bone: bpy.types.PoseBone, constraint: bpy.types.Constraint) -> bool:
    """Does a constraint of a bone overrule the bone's keys? IK is looked at by its chain."""
    return _active(constraint) and constraint.type not in _ONLY_SCALE | _LIMITS | {"IK", "SPLINE_IK"}


def _mute(constraints: list[bpy.types.Constraint]) -> Callable[[], None]:
    def mute() -> None:
        for constraint in constraints:
            constraint.enabled = False

    return mute
