# SPDX-License-Identifier: Apache-2.0
"""Does a motion show the action that was asked for? One kinematic rule for each named action.

Thresholds come from real clips (`moclip evaluate rules` prints how many of them pass). Real waves and raised hands are
often at shoulder height only, so "up" begins a little below the shoulder.
"""

from collections.abc import Callable, Sequence

import numpy as np

from moclip.evaluation.kinematics import SIDES, Kinematics

_OTHER = {"left": "right", "right": "left"}
_SHORTEST_WINDOW = 16  # frames
_WINDOW_STEP = 4

Rule = Callable[[np.ndarray], bool]


def _straight(k: Kinematics) -> bool:
    return abs(k.turn) < 45 and abs(k.drift) < 14 and k.forwards > max(0.8, 0.6 * k.path)


def _flies(k: Kinematics) -> bool:
    """Both feet are off the floor for a good part of the time."""
    return float(np.percentile(k.air, 85)) > 0.022


def walks(joints: np.ndarray) -> bool:
    """Goes forwards, straight ahead, at a walking speed."""
    k = Kinematics(joints)
    quick = k.top_speed > 1.85 or (k.top_speed > 1.3 and _flies(k))
    return _straight(k) and k.speed > 0.3 and k.air.max() < 0.12 and not quick


def _runs(k: Kinematics) -> bool:
    """Fast, or not quite so fast but with both feet in the air at times, or trotting with quick steps as the old do."""
    trots = k.cadence * k.top_speed > 3.3 and k.cadence > 2.15
    return k.top_speed > 1.85 or (k.top_speed > 1.3 and (_flies(k) or trots))


def runs(joints: np.ndarray) -> bool:
    """Goes straight ahead at a running speed."""
    k = Kinematics(joints)
    return _straight(k) and _runs(k)


def sprints(joints: np.ndarray) -> bool:
    """Goes straight ahead, fast."""
    k = Kinematics(joints)
    return _straight(k) and k.top_speed > 2.4


def walks_backward(joints: np.ndarray) -> bool:
    """Goes against its facing direction."""
    k = Kinematics(joints)
    return k.forwards < -max(0.6, 0.6 * k.path) and abs(k.drift) > 150 and abs(k.turn) < 60


def walks_diagonally(joints: np.ndarray, side: str) -> bool:
    """Goes forwards and to one side of its facing direction, without turning."""
    k = Kinematics(joints)
    drift = k.drift if side == "left" else -k.drift
    straight = float(np.hypot(*k.displacement)) > max(0.8, 0.6 * k.path)
    onwards = k.forwards > max(0.3, 0.2 * k.path)
    return 14 <= drift < 75 and abs(k.turn) < 40 and onwards and straight and k.top_speed < 1.9


def turns(joints: np.ndarray, side: str) -> bool:
    """Goes on foot and faces one way by 50 degrees or more in the end, going where it faces."""
    k = Kinematics(joints)
    turn = k.turn if side == "left" else -k.turn
    return 50 <= turn < 220 and k.path > 1.0 and k.speed > 0.35 and abs(k.drift) < 25 and k.limb_activity("wrist") < 2.6


def _stays(k: Kinematics) -> bool:
    return float(np.hypot(*k.displacement)) < 0.7 and k.top_speed < 0.8


def bows(joints: np.ndarray) -> bool:
    """Leans forwards and lowers the head, standing."""
    k = Kinematics(joints)
    leaning = k.lean.max() - float(np.percentile(k.lean, 10))
    quiet = max(k.limb_activity("wrist"), k.limb_activity("ankle")) < 1.2
    return _stays(k) and leaning > 18 and k.head_dip > 0.085 and quiet and abs(k.turn) < 40 and k.air.max() < 0.12


def _hand_is_up(k: Kinematics, side: str) -> bool:
    return float(np.percentile(k.hand_height(side), 95)) > -0.07


def _hand_is_down(k: Kinematics, side: str) -> bool:
    return float(np.percentile(k.hand_height(side), 95)) < -0.25


def _hands(k: Kinematics, side: str) -> bool:
    """The named hand is up and the other is not, or both are."""
    if side == "both":
        return all(_hand_is_up(k, s) for s in SIDES)
    return _hand_is_up(k, side) and _hand_is_down(k, _OTHER[side])


def _waving(k: Kinematics, side: str) -> bool:
    """Holds the hand up for a second and swings it to and fro; the other hand stays down."""
    named = SIDES if side == "both" else (side,)
    return _hands(k, side) and all(k.seconds_up(s) > 1.0 and k.hand_swings(s) >= 3 for s in named)


def _raising(k: Kinematics, side: str) -> bool:
    """Lifts the hand to the shoulder's height or higher, without waving; the other hand stays down."""
    named = SIDES if side == "both" else (side,)
    lifted = all(np.ptp(k.hand_height(s)) > 0.25 and k.hand_swings(s, above=-0.05) <= 4 for s in named)
    return _hands(k, side) and lifted


def waves(joints: np.ndarray, side: str) -> bool:
    """Stands and waves."""
    k = Kinematics(joints)
    return _stays(k) and _waving(k, side) and k.limb_activity("ankle") < 0.3


def raises(joints: np.ndarray, side: str) -> bool:
    """Stands and lifts the hand."""
    k = Kinematics(joints)
    return _stays(k) and _raising(k, side) and k.limb_activity("ankle") < 0.3


def kicks(joints: np.ndarray) -> bool:
    """One foot goes up and out while the other stays near the floor."""
    k = Kinematics(joints)
    if k.top_speed > 1.5 and k.forwards > 2.0:
        return False
    for side in SIDES:
        foot, stands = k.foot(side), k.foot(_OTHER[side])[:, 1] < -0.5
        # Forwards, or so high that no running step swings there: kicks from the hip go sideways.
        out = np.hypot(foot[:, 0], foot[:, 2])
        reaches = (foot[:, 1] > -0.42) & (foot[:, 2] > 0.35) | (foot[:, 1] > -0.15) & (out > 0.4)
        if (reaches & stands).any():
            return True
    return False


def punches(joints: np.ndarray) -> bool:
    """A fist shoots forwards at the shoulder's height; no kick and no hand over the head."""
    k = Kinematics(joints)
    if k.forwards > 2.0 or kicks(joints) or max(np.percentile(k.hand_height(s), 95) for s in SIDES) > 0.22:
        return False
    return any(_thrust(k, side) for side in SIDES)


def _thrust(k: Kinematics, side: str) -> bool:
    hand = k.hand(side)
    reach = np.hypot(hand[:, 0], hand[:, 2])
    for end in np.flatnonzero((reach > 0.3) & (np.abs(hand[:, 1]) < 0.25)):
        start = max(0, end - 8)
        gained = reach[end] - reach[start : end + 1].min()
        bent = np.linalg.norm(hand[start : end + 1], axis=1).min() < 0.36
        if gained > 0.12 and bent and hand[start, 1] > -0.35 and k.hand_speed(side)[start:end].max(initial=0.0) > 2.2:
            return True
    return False


def jumps(joints: np.ndarray) -> bool:
    """Both feet leave the floor and the pelvis rises."""
    k = Kinematics(joints)
    return k.air.max() > 0.13 and k.rise > 0.13 and k.top_speed < 1.9


def dances(joints: np.ndarray) -> bool:
    """Arms and legs are busy, but the body goes nowhere."""
    k = Kinematics(joints)
    going = float(np.hypot(*k.displacement)) / max(k.seconds, 1.5)
    return k.limb_activity("wrist") > 1.15 and k.limb_activity("ankle") > 0.6 and going < 0.8


def slashes(joints: np.ndarray) -> bool:
    """A hand cuts down in front of the body from above the shoulder, with a step."""
    k = Kinematics(joints)
    if k.forwards > 2.0 or k.limb_activity("ankle") < 0.1:
        return False
    return any(_cut(k, side) for side in SIDES)


def _cut(k: Kinematics, side: str) -> bool:
    hand, span = k.hand(side), 12
    for start in np.flatnonzero(hand[:, 1] > 0.1):
        part = hand[start : start + span]
        falls = part[0, 1] - part[:, 1].min() > 0.35 and part[:, 2].max() > 0.38
        if falls and k.hand_speed(side)[start : start + span].max(initial=0.0) > 2.2:
            return True
    return False


def _sided(rule: Callable[[np.ndarray, str], bool], side: str) -> Rule:
    return lambda joints: rule(joints, side)


RULES: dict[str, Rule] = {
    "walk": walks,
    "run": runs,
    "sprint": sprints,
    "walk_backward": walks_backward,
    "walk_left": _sided(walks_diagonally, "left"),
    "walk_right": _sided(walks_diagonally, "right"),
    "turn_left": _sided(turns, "left"),
    "turn_right": _sided(turns, "right"),
    "bow": bows,
    "wave_left": _sided(waves, "left"),
    "wave_right": _sided(waves, "right"),
    "wave_both": _sided(waves, "both"),
    "raise_left": _sided(raises, "left"),
    "raise_right": _sided(raises, "right"),
    "raise_both": _sided(raises, "both"),
    "kick": kicks,
    "punch": punches,
    "jump": jumps,
    "dance": dances,
    "slash": slashes,
}
"""The 20 named actions: joints (T, 22, 3), T >= 2 -> does the motion show it?"""


_ARMS = {"wave": _waving, "raise": _raising}


def shows_at_once(joints: np.ndarray, going: str, doing: str) -> bool:
    """The rule of an action on foot, and at the same time a wave or a raised hand, whatever the feet do."""
    kind, _, side = doing.partition("_")
    return RULES[going](joints) and _ARMS[kind](Kinematics(joints), side)


def named_action(action: str, side: str | None) -> str | None:
    """The name in RULES of a label of the dataset; None for actions without a rule."""
    name = {"wave": f"wave_{side}", "raise_hand": f"raise_{side}"}.get(action, action)
    return name if name in RULES else None


def asked_side(action: str) -> str | None:
    """left, right or both, when the action's name says so."""
    side = action.rsplit("_", 1)[-1]
    return side if side in ("left", "right", "both") else None


def side_of(joints: np.ndarray, action: str) -> str | None:
    """The side that a motion shows, for an action that has sides: left, right, both, or None when it shows none."""
    k = Kinematics(joints)
    if action.startswith("turn_"):
        return None if abs(k.turn) < 30 else "left" if k.turn > 0 else "right"
    if action.startswith("walk_"):
        return None if not 10 < abs(k.drift) < 120 or k.path < 0.5 else "left" if k.drift > 0 else "right"
    up = [side for side in SIDES if _hand_is_up(k, side)]
    return "both" if len(up) == 2 else up[0] if up else None


def shows_in_order(joints: np.ndarray, first: str, second: str) -> bool:
    """The first action's rule holds up to some frame, the second one's from that frame or a later one to the end."""
    ends = range(_SHORTEST_WINDOW, len(joints) - _SHORTEST_WINDOW + 1, _WINDOW_STEP)
    end = next((e for e in ends if RULES[first](joints[:e])), None)
    # Once the first rule has held, every later start is allowed: only the earliest end matters.
    return end is not None and any(RULES[second](joints[s:]) for s in ends if s >= end)


def shows(joints: np.ndarray, actions: Sequence[str]) -> bool:
    """The rule of one action, or of two that follow one another."""
    return RULES[actions[0]](joints) if len(actions) == 1 else shows_in_order(joints, actions[0], actions[1])


def wrong_side(joints: np.ndarray, actions: Sequence[str]) -> bool | None:
    """Left for right or right for left; None where neither was asked for, or two sides were."""
    sides = [(a, side) for a in actions if (side := asked_side(a)) in SIDES]
    if len(sides) != 1:
        return None
    action, side = sides[0]
    if len(actions) == 1:
        return side_of(joints, action) == _OTHER[side]
    swapped = [_swap(a, side) for a in actions]
    return not shows(joints, actions) and shows(joints, swapped)


def _swap(action: str, side: str) -> str:
    return action.replace(f"_{side}", f"_{_OTHER[side]}")
