# SPDX-License-Identifier: Apache-2.0
"""Rest poses of characters for tests: bones by joint, with what else rigs have, turned and moved at will."""

from dataclasses import dataclass, field
from itertools import permutations, product

import numpy as np

from moclip.motion.skeleton import JOINT_INDEX, JOINT_NAMES, PARENTS, REST_OFFSETS

Places = dict[str, tuple[str | None, np.ndarray, np.ndarray]]
"""Bone -> (parent, head, tail)."""


def cube_turns() -> list[np.ndarray]:
    """The 24 rotations that take axes to axes."""
    turns = []
    for order, signs in product(permutations(range(3)), product((1.0, -1.0), repeat=3)):
        turn = np.eye(3)[list(order)] * np.array(signs)[:, None]
        if np.linalg.det(turn) > 0:
            turns.append(turn)
    return turns


@dataclass
class Body:
    """Z up, facing -Y, left +X, metres; feet on the floor. down_deg: arms below the horizontal."""

    down_deg: float = 40.0
    without: tuple[str, ...] = ()
    toes: bool = True
    bones: Places = field(init=False)

    def __post_init__(self) -> None:
        heads = np.zeros((22, 3))
        for j in range(1, 22):
            heads[j] = heads[PARENTS[j]] + REST_OFFSETS[j]
        for side, sign in (("left", 1.0), ("right", -1.0)):
            along = np.array([sign * np.cos(np.radians(self.down_deg)), -np.sin(np.radians(self.down_deg)), -0.03])
            shoulder = heads[JOINT_INDEX[f"{side}_shoulder"]]
            heads[JOINT_INDEX[f"{side}_elbow"]] = shoulder + 0.27 * along
            heads[JOINT_INDEX[f"{side}_wrist"]] = shoulder + 0.52 * along * (1, 1, 0)
            heads[JOINT_INDEX[f"{side}_foot"]] += (0.0, -0.07, 0.0)
            heads[JOINT_INDEX[f"{side}_knee"]] += (0.0, 0.0, 0.015)
        heads = np.stack([heads[:, 0], -heads[:, 2], heads[:, 1]], axis=1)
        heads -= (0, 0, heads[:, 2].min())
        self.bones = {}
        for j, name in enumerate(JOINT_NAMES):
            if name in self.without or not self.toes and name.endswith("foot"):
                continue
            above = PARENTS[j]
            while above >= 0 and JOINT_NAMES[above] not in self.bones:
                above = PARENTS[above]
            parent = JOINT_NAMES[above] if above >= 0 else None
            self.bones[name] = (parent, heads[j], heads[j] + (0.0, 0.0, 0.05))

    def head(self, bone: str) -> np.ndarray:
        return self.bones[bone][1]

    def add(self, name: str, parent: str, at: tuple[float, float, float]) -> None:
        """at: relative to the parent's head."""
        head = self.head(parent) + at
        self.bones[name] = (parent, head, head + (0.0, 0.0, 0.03))

    def with_fingers(self) -> "Body":
        for side, sign in (("left", 1), ("right", -1)):
            for k in range(5):
                self.add(f"{side} digit {k}", f"{side}_wrist", (sign * 0.08, 0.02 * (k - 2), -0.04))
                self.add(f"{side} digit {k}b", f"{side} digit {k}", (sign * 0.03, 0.0, -0.02))
        return self

    def with_face(self) -> "Body":
        for name, at in (("eye a", (0.04, -0.1, 0.1)), ("eye b", (-0.04, -0.1, 0.1)), ("jaw", (0.0, -0.03, 0.02))):
            self.add(name, "head", at)
        return self

    def with_halves(self) -> "Body":
        """A second bone in each half of each limb, on which the next joint hangs."""
        for side in ("left", "right"):
            for upper, lower in (("hip", "knee"), ("knee", "ankle"), ("shoulder", "elbow"), ("elbow", "wrist")):
                above, below = f"{side}_{upper}", f"{side}_{lower}"
                middle = (self.head(above) + self.head(below)) / 2
                name = f"{side} half {upper}"
                self.bones[name] = (above, middle, middle + (0.0, 0.0, 0.03))
                self.bones[below] = (name, *self.bones[below][1:])
        return self

    def with_uneven_ends(self) -> "Body":
        self.add("end of left toes", "left_foot", (0.0, -0.06, 0.0))
        self.add("end of right toes", "right_foot", (0.03, -0.02, 0.01))
        self.add("another end", "right_foot", (-0.05, -0.05, 0.0))
        return self

    def renamed(self, name_of: dict[str, str]) -> "Body":
        self.bones = {
            name_of.get(n, n): (name_of.get(parent, parent), head, tail)
            for n, (parent, head, tail) in self.bones.items()
        }
        return self

    def moved(self, turn: np.ndarray, scale: float = 1.0, offset: np.ndarray | float = 0.0) -> "Body":
        self.bones = {
            n: (p, scale * turn @ h + offset, scale * turn @ t + offset) for n, (p, h, t) in self.bones.items()
        }
        return self

    def shapes(self, kind: type, order: np.random.Generator | None = None) -> list:
        """As the add-on's BoneShape, parents first, siblings as they come or shuffled."""
        names = list(self.bones)
        if order is not None:
            order.shuffle(names)

        def depth(name: str) -> int:
            parent = self.bones[name][0]
            return 0 if parent is None else 1 + depth(parent)

        return [kind(n, *self.bones[n]) for n in sorted(names, key=depth)]


def numbered(body: Body) -> dict[str, str]:
    """Names that tell nothing, in an order that mirrors none: joint or bone -> name."""
    return {name: f"bone.{k:03d}" for k, name in enumerate(sorted(body.bones, key=lambda n: (n[::-1], n)))}
