# SPDX-License-Identifier: Apache-2.0
"""What a clip shows: its action, style and side, by file name and, where that is silent, by the motion."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, replace

import numpy as np

from moclip.motion.motion import Motion


@dataclass(frozen=True)
class ActionLabel:
    """action: a canonical name. style: None for a normal one. side: "left", "right", "both" or None. count: how often
    it is done, where that is known and counts. turn: "quarter", "half" or "full" of a turn on the spot."""

    action: str
    style: str | None
    side: str | None
    count: int | None = None
    turn: str | None = None

    def to_dict(self) -> dict[str, str | int | None]:
        """As it stands in a dataset's list of clips; what is not said of most actions is left out where it is not."""
        told = asdict(self)
        return {k: v for k, v in told.items() if v is not None or k in ("action", "style", "side")}


_ACTIONS = {
    # Bandai-Namco
    "walk": "walk", "run": "run", "dash": "sprint",
    "walk-back": "walk_backward", "walk-left": "walk_left", "walk-right": "walk_right",
    "walk-turn-left": "turn_left", "walk-turn-right": "turn_right", "bow": "bow", "bye": "wave",
    "byebye": "wave", "guide": "guide", "respond": "respond", "call": "call", "kick": "kick",
    "punch": "punch", "slash": "slash", "dance-short": "dance",
    # CMU
    "walking": "walk", "running": "run", "jumping": "jump", "basketball": "basketball_dribble",
    "basketball_signal": "basketball_signals", "directing_traffic": "direct_traffic",
    # humanoid3d
    "backflip": "backflip", "cartwheel": "cartwheel", "crawl": "crawl", "dance_a": "dance", "dance_b": "dance",
    "dance_spin": "dance", "getup_facedown": "get_up", "getup_faceup": "get_up", "jog": "jog",
    "jump": "jump", "roll": "roll", "sideflip": "side_flip", "spin": "spin", "spinkick": "spin_kick",
    "stealthy_walk": "sneak", "zombie_walk": "zombie_walk",
}  # fmt: skip
_STYLES = {"normal": None, "masculinity": "masculine", "old": "elderly"}
_PATTERNS = (
    r"dataset-\d_(?P<action>[a-z-]+)_(?P<style>[a-z-]+)_\d+",
    r"train_(?P<action>[a-z_]+?)_\d+",
    r"humanoid3d_(?P<action>\w+)",
)
_SIDED = re.compile(r"(wave|raise-up)-(left|right|both)-hands?")
SWAPPED = {
    "left": "right",
    "right": "left",
    "walk_left": "walk_right",
    "walk_right": "walk_left",
    "turn_left": "turn_right",
    "turn_right": "turn_left",
}
"""Sides and actions in the mirror."""


def label_of_name(stem: str) -> ActionLabel | None:
    """The label in a file's name, or None for names of no known data set."""
    for pattern in _PATTERNS:
        match = re.fullmatch(pattern, stem)
        if not match:
            continue
        groups = match.groupdict()
        style = _STYLES.get(groups.get("style", "normal"), groups.get("style"))
        sided = _SIDED.fullmatch(groups["action"])
        if sided:
            return ActionLabel("wave" if sided[1] == "wave" else "raise_hand", style, sided[2])
        if groups["action"] in _ACTIONS:
            return ActionLabel(_ACTIONS[groups["action"]], style, None)
    return None


def mirrored(label: ActionLabel) -> ActionLabel:
    """The label of the mirror image."""
    side = label.side and SWAPPED.get(label.side, label.side)
    return replace(label, action=SWAPPED.get(label.action, label.action), side=side)


def waving_side(motion: Motion) -> str | None:
    """Which hand is up for a good part of the clip, where that is clear."""
    joints = motion.joints()
    left, right = (
        (joints[:, wrist, 1] - joints[:, shoulder, 1] > -0.05).mean() for wrist, shoulder in ((20, 16), (21, 17))
    )
    if min(left, right) > 0.3:
        return "both"
    if max(left, right) > 0.25 and min(left, right) < 0.1:
        return "left" if left > right else "right"
    return None


def label_clip(stem: str, motion: Motion) -> ActionLabel | None:
    """Label by name; a wave or strike without a named side gets the one that it is done with, where that is clear."""
    label = label_of_name(stem)
    return with_side_by_motion(label, motion) if label else None


def with_side_by_motion(label: ActionLabel, motion: Motion) -> ActionLabel:
    """The label, with the side by which a wave or strike is done where it names none and the motion is clear."""
    if label.side is not None:
        return label
    if label.action == "wave":
        return replace(label, side=waving_side(motion))
    sides = {sided.side for _, _, sided in strikes(motion, label)}
    return replace(label, side=sides.pop()) if len(sides) == 1 else label


def peaks(values: np.ndarray, threshold: float, gap: int) -> list[int]:
    """Frames of the highest values, largest first taken, at least `gap` apart and all above the threshold; in order."""
    found: list[int] = []
    for frame in np.argsort(-values):
        if values[frame] < threshold:
            break
        if all(abs(frame - other) >= gap for other in found):
            found.append(int(frame))
    return sorted(found)


_TWO_HANDED_M = 0.25
"""Hands that hold one sword are nearer than this: which of them moves faster by a little says nothing."""


_SHOOTS_M, _SHOULDER_M = 0.38, 0.35


def _shoots_out(joints: np.ndarray, frame: int, side: str | None) -> bool:
    """Whether the hand gets far from its shoulder, at its height, around a frame: fast hands may swing or guard."""
    shoulder, wrist = (16, 20) if side == "left" else (17, 21)
    way = (joints[:, wrist] - joints[:, shoulder])[max(0, frame - 4) : frame + 8]
    far = np.linalg.norm(way[:, [0, 2]], axis=1) > _SHOOTS_M
    return bool((far & (np.abs(way[:, 1]) < _SHOULDER_M)).any())


def strikes(motion: Motion, label: ActionLabel) -> list[tuple[int, int, ActionLabel]]:
    """(first frame, end frame, label with side) of the single kicks, punches, slashes or jumps in a recording."""
    joints = motion.joints().astype(np.float64)
    if label.action == "kick":
        height = joints[:, [7, 8], 1] - joints[:, [7, 8], 1].min(axis=0)
        strength, frames, before, after = height, peaks(height.max(axis=1), 0.45, 18), 22, 26
    elif label.action in ("punch", "slash"):
        hands = joints[:, [20, 21]] - joints[:, [9]]
        speed = np.linalg.norm(np.gradient(hands, axis=0), axis=-1)
        strength, frames, before, after = speed, peaks(speed.max(axis=1), 0.55 * speed.max(), 14), 20, 24
    elif label.action == "jump":
        rise = joints[:, 0, 1] - np.median(joints[:, 0, 1])
        strength, frames, before, after = None, peaks(rise, 0.12, 24), 26, 26
    else:
        return []
    found = []
    for frame in frames:
        first, end = max(0, frame - before), min(motion.frames, frame + after)
        side = None if strength is None else ("left", "right")[int(strength[frame].argmax())]
        if label.action == "punch" and not _shoots_out(joints, frame, side):
            continue
        if label.action == "slash" and np.linalg.norm(joints[frame, 20] - joints[frame, 21]) < _TWO_HANDED_M:
            side = None
        if end - first >= 24:
            found.append((first, end, ActionLabel(label.action, label.style, side)))
    return found
