# SPDX-License-Identifier: Apache-2.0
"""From features to what the user sees: joints on the floor, feet that stand, rotations of bones."""

from collections.abc import Callable

import numpy as np

from moclip.files.kit import joints_of
from moclip.generate.familiarity import KnownActions
from moclip.generate.plan import Plan
from moclip.generators.base.codec import Codec
from moclip.motion.features import local_rotations
from moclip.motion.feet import hold_feet, toe_contacts
from moclip.motion.floor import on_floor, settled
from moclip.motion.motion import Motion
from moclip.motion.solver import solve_rotations
from moclip.showing.rules import OFF_THE_FLOOR

Place = Callable[[np.ndarray], np.ndarray]
"""Joints (T, 22, 3) -> where they are to be, for what some of is kept."""
_MAY_LEAVE = 0.3
"""Probability of what leaves the floor from which a body that hangs over it is left there."""


class Posing:
    """feet: whether bodies are kept on the floor and standing feet from sliding. actions: how texts are read, None for
    a model that does not tell its actions."""

    def __init__(self, codec: Codec, fps: float, feet: bool, actions: KnownActions | None):
        self._codec, self._fps, self._feet, self._actions = codec, fps, feet, actions

    def motion(self, features: np.ndarray, plan: Plan, place: Place | None = None) -> Motion:
        """Features (T, F) of a plan, or of its first frames."""
        leaves = local_rotations(features) if self._codec.local_rotations else None
        joints = joints_of(features)
        free = place is None and self._feet  # what is kept tells where the floor is
        stays = free and self._stays(plan)
        if free:
            joints = on_floor(joints, self._fps, stays=stays)
        contacts = toe_contacts(joints, self._fps)
        if place is not None:
            joints = place(joints)
        if self._feet:
            joints = hold_feet(joints, self._fps, contacts)
        solved = solve_rotations(joints, leaf_rotations=leaves, fps=self._fps)
        # Bones of one length lead a little elsewhere than joints, and lifted steps may be all that touched the floor.
        return settled(solved, stays=stays) if free else solved

    def joints(self, features: np.ndarray, plan: Plan) -> np.ndarray:
        """(T, 22, 3) of the motion where nothing is kept."""
        return self.motion(features, plan).joints()

    def _stays(self, plan: Plan) -> bool:
        """Whether nothing is asked for that leaves the floor."""
        shares = [p.asks.shares for p in plan.passages if p.asks.shares is not None]
        return self._actions is not None and self._actions.share_of(np.stack(shares), OFF_THE_FLOOR) < _MAY_LEAVE
