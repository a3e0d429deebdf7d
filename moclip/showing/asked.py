# SPDX-License-Identifier: Apache-2.0
"""Does a motion show what a prompt asks for: one action, two in order or two at once, so often, turned so far?"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from moclip.showing.first_rules import hand_is_up
from moclip.showing.kinematics import SIDES, kinematics_of
from moclip.showing.postures import postures_of
from moclip.showing.rules import BY_EYE, CLEARLY, COUNTS, RULES, TURNS, Rule, asked_side

_OTHER = {"left": "right", "right": "left"}
_SHORTEST_WINDOW = 16  # frames
_WINDOW_STEP = 4
_AT_ONCE, _AT_ONCE_STEP = 50, 5
"""Frames in which both of two actions have to be seen to go on at once."""
_GOING = {
    "walk", "slow_walk", "brisk_walk", "walk_backward", "run", "jog", "sprint", "walk_around", "walk_in_circle",
    "march", "limp", "sneak", "crouch_walk", "walk_left", "walk_right", "turn_left", "turn_right",
}  # fmt: skip
_GOING_M_S, _ALL_THE_TIME = 0.2, 0.85
_MOST_OFF, _LEAST_OFF_DEG = 0.2, 30.0
_COUNTED_EXACTLY = 3
_ROUND = ("spin", "walk_in_circle", "jog_in_circle")
"""What is done once when it has come full circle."""


@dataclass(frozen=True)
class Asked:
    """What a motion has to show.

    actions: one name of RULES or BY_EYE, or two that follow one another or, `together`, go on at once; none for what no
    catalogue knows. times: how often. degrees: how far round.
    """

    actions: tuple[str, ...]
    together: bool = False
    times: int | None = None
    degrees: float | None = None

    @property
    def by_eye(self) -> bool:
        """Whether only a viewer can tell."""
        return not self.actions or any(action in BY_EYE for action in self.actions)


def _raises(joints: np.ndarray, side: str) -> bool:
    """The named hand is up for most of the time, whatever the legs do."""
    k = kinematics_of(joints)
    named = SIDES if side == "both" else (side,)
    return all(float((k.hand_height(s) > -0.1).mean()) > 0.4 and hand_is_up(k, s) for s in named)


def _waves(joints: np.ndarray, side: str) -> bool:
    """The named hand is up and swings, whatever the legs do."""
    k = kinematics_of(joints)
    named = SIDES if side == "both" else (side,)
    return all(k.seconds_up(s) > 0.8 and hand_is_up(k, s) and k.hand_swings(s) >= 2 for s in named)


MEANWHILE: dict[str, Rule] = {
    **{f"wave_{side}": partial(_waves, side=side) for side in (*SIDES, "both")},
    **{f"raise_{side}": partial(_raises, side=side) for side in (*SIDES, "both")},
    "wave": lambda joints: any(_waves(joints, side) for side in SIDES),
    "raise_hand": lambda joints: any(_raises(joints, side) for side in SIDES),
}
"""Rules of actions that leave the legs free for another, where the rule of the action alone wants them still."""


def shows_in_order(joints: np.ndarray, earlier: str, later: str) -> bool:
    """The first action's rule holds up to some frame, the second one's from that frame or a later one to the end."""
    ends = range(_SHORTEST_WINDOW, len(joints) - _SHORTEST_WINDOW + 1, _WINDOW_STEP)
    end = next((e for e in ends if RULES[earlier](joints[:e])), None)
    # Once the first rule has held, every later start is allowed: only the earliest end matters.
    return end is not None and any(RULES[later](joints[s:]) for s in ends if s >= end)


def shows_at_once(joints: np.ndarray, one: str, other: str) -> bool:
    """Both rules hold in the same two and a half seconds, and who goes does so all the time."""
    last = max(1, len(joints) - _AT_ONCE + 1)
    parts = [joints[start : start + _AT_ONCE] for start in range(0, last, _AT_ONCE_STEP)]
    rules = [MEANWHILE.get(action, RULES[action]) for action in (one, other)]
    goes = any(action in _GOING for action in (one, other))
    return any(all(rule(part) for rule in rules) and (not goes or _keeps_going(part)) for part in parts)


def _keeps_going(joints: np.ndarray) -> bool:
    return float((postures_of(joints).speed > _GOING_M_S).mean()) >= _ALL_THE_TIME


def shows(joints: np.ndarray, asked: Asked | Sequence[str]) -> bool:
    """Whether the rules hold. Raises KeyError for what is told by eye."""
    if not isinstance(asked, Asked):
        asked = Asked(tuple(asked))
    actions = asked.actions
    if len(actions) == 2:
        return (shows_at_once if asked.together else shows_in_order)(joints, actions[0], actions[1])
    held = RULES[actions[0]](joints) if asked.degrees is None else _turns(joints, actions[0], asked.degrees)
    return held and (asked.times is None or _often(joints, actions[0], asked.times))


def measures(action: str, amounts: tuple[int | None, float | None]) -> bool:
    """Whether an action can be counted or measured as somebody asks: times and degrees, None for what is not said."""
    return _amounts(action, amounts) != (None, None)


def off_by(joints: np.ndarray, action: str, amounts: tuple[int | None, float | None]) -> float:
    """How far a motion is from showing an action so often or turned so far, as a share of that; 0 where it shows it, 1
    where it shows nothing of it. amounts: times and degrees, that `measures` the action."""
    times, degrees = _amounts(action, amounts)
    if shows(joints, Asked((action,), times=times, degrees=degrees)):
        return 0.0
    if degrees is not None:
        return abs(abs(TURNS[action](joints)) - degrees) / max(degrees, 1.0)
    if times is None or not RULES[action](joints):
        return 1.0
    return abs(COUNTS[action](joints) - times) / max(times, 1)


def _amounts(action: str, amounts: tuple[int | None, float | None]) -> tuple[int | None, float | None]:
    times, degrees = amounts
    if degrees is None and times is not None and action.startswith(_ROUND):
        degrees = 360.0 * times
    return times if action in COUNTS else None, degrees if action in TURNS else None


def shows_clearly(joints: np.ndarray, asked: Asked) -> bool:
    """Whether of what a motion shows nothing can be overlooked; where the rules of `shows` hold."""
    return all(CLEARLY[action](joints) for action in asked.actions if action in CLEARLY)


def _turns(joints: np.ndarray, action: str, degrees: float) -> bool:
    """As far round as asked, by a fifth or 30 degrees."""
    off = abs(abs(TURNS[action](joints)) - degrees)
    sided = asked_side(action)
    right_way = sided is None or (TURNS[action](joints) > 0) == (sided == "left")
    return right_way and off <= max(_LEAST_OFF_DEG, _MOST_OFF * degrees)


def _often(joints: np.ndarray, action: str, times: int) -> bool:
    """As often as asked; one more or less is allowed where nobody counts along."""
    return abs(COUNTS[action](joints) - times) <= (0 if times <= _COUNTED_EXACTLY else 1)


def side_of(joints: np.ndarray, action: str) -> str | None:
    """The side that a motion shows, for an action that has sides: left, right, both, or None when it shows none."""
    k = kinematics_of(joints)
    if action in ("turn_left", "turn_right"):
        return None if abs(k.turn) < 30 else "left" if k.turn > 0 else "right"
    if action in ("walk_left", "walk_right"):
        return None if not 10 < abs(k.drift) < 120 or k.path < 0.5 else "left" if k.drift > 0 else "right"
    if action.startswith(("wave_", "raise_")):
        up = [side for side in SIDES if hand_is_up(k, side)]
        return "both" if len(up) == 2 else up[0] if up else None
    own = asked_side(action)
    shown = [side for side in SIDES if own in SIDES and RULES[action.replace(f"_{own}", f"_{side}")](joints)]
    return "both" if len(shown) == 2 else shown[0] if shown else None


def wrong_side(joints: np.ndarray, asked: Asked | Sequence[str]) -> bool | None:
    """Left for right or right for left; None where neither or both were asked for, or only a viewer can tell."""
    if not isinstance(asked, Asked):
        asked = Asked(tuple(asked))
    sides = [(a, side) for a in asked.actions if (side := asked_side(a)) in SIDES]
    if len(sides) != 1 or asked.by_eye:
        return None
    action, side = sides[0]
    if len(asked.actions) == 1:
        return side_of(joints, action) == _OTHER[side]
    swapped = Asked(tuple(a.replace(f"_{side}", f"_{_OTHER[side]}") for a in asked.actions), asked.together)
    return not shows(joints, asked) and shows(joints, swapped)
