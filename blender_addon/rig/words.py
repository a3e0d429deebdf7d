# SPDX-License-Identifier: GPL-3.0-or-later
"""What users call the bone of a joint: animators know feet and toes, not a joint "ankle" whose bone is the foot."""

_BONES = {
    "pelvis": "hips", "hip": "thigh", "knee": "shin", "ankle": "foot", "foot": "toes", "shoulder": "upper arm",
    "elbow": "forearm", "wrist": "hand", "spine1": "spine 1", "spine2": "spine 2", "spine3": "spine 3",
}  # fmt: skip


def told(joint: str) -> str:
    """`left_ankle` is the left foot."""
    side, _, part = joint.rpartition("_")
    name = _BONES.get(part, part)
    return f"{side} {name}" if side else name
