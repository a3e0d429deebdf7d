# SPDX-License-Identifier: Apache-2.0
"""Rules of the first twenty actions: walks and runs, waves and raised hands, bows, kicks, punches, jumps, dances.

Real waves and raised hands are often at shoulder height only, so "up" begins a little below the shoulder. Joints are
(T, 22, 3), T >= 2.
"""

import numpy as np

from moclip.showing.kinematics import SIDES, Kinematics, kinematics_of

_OTHER = {"left": "right", "right": "left"}


def goes_straight(k: Kinematics, least_m: float = 0.8) -> bool:
    """Straight ahead, by so many metres and more."""
    return abs(k.turn) < 45 and abs(k.drift) < 14 and k.forwards > max(least_m, 0.6 * k.path)


def flies(k: Kinematics) -> bool:
    """Both feet are off the floor for a good part of the time."""
    return float(np.percentile(k.air, 85)) > 0.022


def trots(k: Kinematics) -> bool:
    """Flies with quick or with high steps. Some recorded walks seem to fly, too, for their feet were marked high."""
    return flies(k) and (k.cadence > 2.25 or float(k.air.max()) > 0.085)


def walks(joints: np.ndarray) -> bool:
    """Goes forwards, straight ahead, at a walking speed."""
    k = kinematics_of(joints)
    quick = k.top_speed > 1.85 or (k.top_speed > 1.3 and trots(k))
    return goes_straight(k) and k.speed > 0.3 and k.air.max() < 0.12 and not quick


def has_running_speed(k: Kinematics) -> bool:
    """Fast, or not quite so fast but with both feet in the air at times, or trotting with quick steps as the old do."""
    quick_steps = k.cadence * k.top_speed > 3.3 and k.cadence > 2.15
    return k.top_speed > 1.85 or (k.top_speed > 1.3 and (flies(k) or quick_steps))


def runs(joints: np.ndarray) -> bool:
    """Goes straight ahead at a running speed."""
    k = kinematics_of(joints)
    return goes_straight(k) and has_running_speed(k)


def sprints(joints: np.ndarray) -> bool:
    """Goes straight ahead, fast."""
    k = kinematics_of(joints)
    return goes_straight(k) and k.top_speed > 2.4


def walks_backward(joints: np.ndarray) -> bool:
    """Goes against its facing direction."""
    k = kinematics_of(joints)
    return k.forwards < -max(0.6, 0.6 * k.path) and abs(k.drift) > 150 and abs(k.turn) < 60


def walks_diagonally(joints: np.ndarray, side: str) -> bool:
    """Goes forwards and to one side of its facing direction, without turning; or veers to that side a little."""
    k = kinematics_of(joints)
    drift = k.drift if side == "left" else -k.drift
    if _veers(k, 1 if side == "left" else -1):
        return True
    straight = float(np.hypot(*k.displacement)) > max(0.8, 0.6 * k.path)
    onwards = k.forwards > max(0.3, 0.2 * k.path)
    return 14 <= drift < 75 and abs(k.turn) < 40 and onwards and straight and k.top_speed < 1.9


def _veers(k: Kinematics, sign: int) -> bool:
    """The way bends to a side by less than a turn, the body along with it."""
    aside, ahead = sign * float(k.displacement[0]), float(k.displacement[1])
    bends = 25 <= sign * k.turn < 50 and abs(k.drift) < 14 and k.top_speed < 1.9
    return bends and aside > 0.2 * ahead > 0 and k.forwards > max(0.8, 0.6 * k.path)


def turns(joints: np.ndarray, side: str) -> bool:
    """Goes on foot and faces one way by 50 degrees or more in the end, going where it faces."""
    k = kinematics_of(joints)
    turn = k.turn if side == "left" else -k.turn
    return 50 <= turn < 220 and k.path > 1.0 and k.speed > 0.35 and abs(k.drift) < 25 and k.limb_activity("wrist") < 2.6


def _stays(k: Kinematics) -> bool:
    return float(np.hypot(*k.displacement)) < 0.7 and k.top_speed < 0.8


def bows(joints: np.ndarray) -> bool:
    """Leans forwards and lowers the head, standing."""
    k = kinematics_of(joints)
    leaning = k.lean.max() - float(np.percentile(k.lean, 10))
    quiet = max(k.limb_activity("wrist"), k.limb_activity("ankle")) < 1.2
    return _stays(k) and leaning > 18 and k.head_dip > 0.085 and quiet and abs(k.turn) < 40 and k.air.max() < 0.12


def hand_is_up(k: Kinematics, side: str) -> bool:
    return float(np.percentile(k.hand_height(side), 95)) > -0.07


def _hand_is_down(k: Kinematics, side: str) -> bool:
    return float(np.percentile(k.hand_height(side), 95)) < -0.25


def _hands(k: Kinematics, side: str) -> bool:
    """The named hand is up and the other is not, or both are."""
    if side == "both":
        return all(hand_is_up(k, s) for s in SIDES)
    return hand_is_up(k, side) and _hand_is_down(k, _OTHER[side])


def waves(joints: np.ndarray, side: str) -> bool:
    """Stands, holds the hand up for a second and swings it to and fro; the other hand stays down."""
    k = kinematics_of(joints)
    named = SIDES if side == "both" else (side,)
    moving = all(k.seconds_up(s) > 1.0 and k.hand_swings(s) >= 3 for s in named)
    return _stays(k) and _hands(k, side) and moving and k.limb_activity("ankle") < 0.3


def raises(joints: np.ndarray, side: str) -> bool:
    """Stands and lifts the hand to the shoulder's height or higher, without waving; the other hand stays down."""
    k = kinematics_of(joints)
    named = SIDES if side == "both" else (side,)
    lifted = all(np.ptp(k.hand_height(s)) > 0.25 and k.hand_swings(s, above=-0.05) <= 4 for s in named)
    return _stays(k) and _hands(k, side) and lifted and k.limb_activity("ankle") < 0.3


_HIGH_M = 0.12
"""Over the shoulder, from where on nobody overlooks a hand that is up."""


def hands_are_high(joints: np.ndarray, side: str) -> bool:
    """The named hand, or both, go well over the shoulder."""
    k = kinematics_of(joints)
    return all(float(np.percentile(k.hand_height(s), 95)) > _HIGH_M for s in (SIDES if side == "both" else (side,)))


def kick_frames(k: Kinematics, side: str) -> np.ndarray:
    """(T,) where this foot is up and out while the other stays near the floor."""
    foot, stands = k.foot(side), k.foot(_OTHER[side])[:, 1] < -0.5
    # Forwards, or so high that no running step swings there: kicks from the hip go sideways.
    out = np.hypot(foot[:, 0], foot[:, 2])
    reaches = (foot[:, 1] > -0.42) & (foot[:, 2] > 0.35) | (foot[:, 1] > -0.15) & (out > 0.4)
    kicking: np.ndarray = reaches & stands
    return kicking


def kicks(joints: np.ndarray, side: str | None = None) -> bool:
    """One foot goes up and out while the other stays near the floor."""
    k = kinematics_of(joints)
    if k.top_speed > 1.5 and k.forwards > 2.0:
        return False
    return any(bool(kick_frames(k, s).any()) for s in ((side,) if side else SIDES))


def punches(joints: np.ndarray, side: str | None = None) -> bool:
    """A fist shoots forwards at the shoulder's height; no kick and no hand over the head."""
    k = kinematics_of(joints)
    if k.forwards > 2.0 or kicks(joints) or max(np.percentile(k.hand_height(s), 95) for s in SIDES) > 0.22:
        return False
    return any(bool(thrusts(k, s)) for s in ((side,) if side else SIDES))


def thrusts(k: Kinematics, side: str) -> list[int]:
    """Frames in which a fist has shot forwards at the shoulder's height."""
    hand, found = k.hand(side), []
    reach = np.hypot(hand[:, 0], hand[:, 2])
    for end in np.flatnonzero((reach > 0.3) & (np.abs(hand[:, 1]) < 0.25)):
        start = max(0, end - 8)
        gained = reach[end] - reach[start : end + 1].min()
        bent = np.linalg.norm(hand[start : end + 1], axis=1).min() < 0.36
        if gained > 0.12 and bent and hand[start, 1] > -0.35 and k.hand_speed(side)[start:end].max(initial=0.0) > 2.2:
            found.append(int(end))
    return found


def jumps(joints: np.ndarray) -> bool:
    """Both feet leave the floor and the pelvis rises."""
    k = kinematics_of(joints)
    return k.air.max() > 0.13 and k.rise > 0.13 and k.top_speed < 1.9


def dances(joints: np.ndarray) -> bool:
    """Arms and legs are busy, but the body goes nowhere."""
    k = kinematics_of(joints)
    going = float(np.hypot(*k.displacement)) / max(k.seconds, 1.5)
    return k.limb_activity("wrist") > 1.15 and k.limb_activity("ankle") > 0.6 and going < 0.8


def slashes(joints: np.ndarray) -> bool:
    """A hand cuts down in front of the body from above the shoulder, with a step."""
    k = kinematics_of(joints)
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
