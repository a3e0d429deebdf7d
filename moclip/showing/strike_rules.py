# SPDX-License-Identifier: Apache-2.0
"""Rules of throws, blows and kicks, and of standing on guard. Joints are (T, 22, 3), T >= 2."""

from collections.abc import Callable

import numpy as np

from moclip.showing.first_rules import kick_frames, kicks, thrusts
from moclip.showing.hand_rules import circles_arms
from moclip.showing.kinematics import FPS, SIDES, kinematics_of
from moclip.showing.postures import postures_of


def count_throws(joints: np.ndarray, side: str) -> int:
    """Times that a hand, drawn back or held high, flies forward fast to a stretched arm."""
    k = kinematics_of(joints)
    hand = k.hand(side)
    speed = k.hand_speed(side)
    count, last = 0, -30
    for end in np.flatnonzero((hand[:, 2] > 0.2) & (hand[:, 1] > -0.5)):
        start = max(0, end - 9)
        way = hand[start : end + 1]
        ahead = float(hand[end, 2] - way[:, 2].min())
        drawn = bool(way[:, 1].max() > -0.12)
        if ahead > 0.3 and drawn and speed[start:end].max(initial=0.0) > 3.6 and end - last > 12:
            count, last = count + 1, int(end)
    return count


def throws(joints: np.ndarray, side: str | None = None) -> bool:
    """A hand flies forward, from behind or from above, once or twice; a fist fight is none."""
    counts = {s: count_throws(joints, s) for s in SIDES}
    p = postures_of(joints)
    asked = counts[side] if side else max(counts.values())
    calm = float(p.standing.mean()) > 0.5 and p.k.limb_activity("ankle") < 1.5 and float(np.ptp(p.k.yaw)) < 130
    # Winding up for an overarm throw is a circle by itself.
    calm &= p.k.air.max() < 0.25 and not circles_arms(joints, 500)
    return asked >= 1 and sum(counts.values()) <= 3 * max(1.0, p.k.seconds / 4) and calm


def throws_with_both(joints: np.ndarray) -> bool:
    """Both hands, near one another, fly up or forward to before the shoulders, by 40 cm in 0.7 s."""
    p = postures_of(joints)
    near = p.distance("left_wrist", "right_wrist") < 0.7
    middle = (p.k.hand("left") + p.k.hand("right")) / 2
    reach = np.linalg.norm(middle, axis=1)
    for end in np.flatnonzero((middle[:, 1] > -0.1) & (middle[:, 2] > 0.12) & (reach > 0.32)):
        start = max(0, end - 14)
        way = middle[start : end + 1]
        pushed = max(middle[end, 1] - way[:, 1].min(), middle[end, 2] - way[:, 2].min()) > 0.4
        if pushed and near[start:end].all():
            return p.k.limb_activity("ankle") < 1.6
    return False


def count_thrusts(joints: np.ndarray, side: str | None = None) -> int:
    """Times that a fist shoots forward."""
    k = kinematics_of(joints)
    count = 0
    for s in (side,) if side else SIDES:
        ends = thrusts(k, s)
        count += sum(1 for n, end in enumerate(ends) if n == 0 or end - ends[n - 1] > 5)
    return count


def boxes(joints: np.ndarray) -> bool:
    """Three fists or more shoot forward, from a guard."""
    k = kinematics_of(joints)
    guard = float(np.mean([(k.hand_height(s) > -0.32).mean() for s in SIDES])) > 0.5
    return count_thrusts(joints) >= 3 and guard


def stands_on_guard(joints: np.ndarray) -> bool:
    """Both fists up before the chest for most of the time, standing, without a blow."""
    p = postures_of(joints)
    up = np.ones(len(joints), bool)
    for side in SIDES:
        hand = p.k.hand(side)
        up &= (hand[:, 1] > -0.34) & (hand[:, 1] < 0.2) & (hand[:, 2] > 0.12)
    quiet = p.k.limb_activity("wrist") < 1.0 and p.reach_of_travel() < 0.7
    bent = max(float(np.median(p.distance(f"{s}_wrist", f"{s}_shoulder"))) for s in SIDES) < 0.46
    return float(up.mean()) > 0.7 and quiet and bent and float(p.standing.mean()) > 0.6 and count_thrusts(joints) == 0


def kicks_forward(joints: np.ndarray, side: str | None = None) -> bool:
    """A kick whose foot is rather ahead than aside where it is highest."""
    return _kicks_where(joints, side, lambda foot: bool(foot[2] > 1.2 * abs(foot[0])))


def kicks_aside(joints: np.ndarray, side: str | None = None) -> bool:
    """A kick whose foot is rather aside than ahead where it is highest."""
    return _kicks_where(joints, side, lambda foot: bool(abs(foot[0]) > 0.8 * foot[2]))


def _kicks_where(joints: np.ndarray, side: str | None, suits: Callable[[np.ndarray], bool]) -> bool:
    k = kinematics_of(joints)
    for s in (side,) if side else SIDES:
        frames = np.flatnonzero(kick_frames(k, s))
        if len(frames) and kicks(joints, s):
            foot = k.foot(s)
            if suits(foot[frames[int(foot[frames, 1].argmax())]]):
                return True
    return False


def kicks_turning(joints: np.ndarray, side: str | None = None) -> bool:
    """A kick with a turn of the body by 90 degrees and more."""
    k = kinematics_of(joints)
    return kicks(joints, side) and float(np.ptp(k.yaw)) > 90


def kicks_spinning(joints: np.ndarray) -> bool:
    """A foot up and out, and a turn right round, or nearly."""
    k = kinematics_of(joints)
    high = max(float(k.foot(s)[:, 1].max()) for s in SIDES) > -0.35
    return high and float(np.ptp(k.yaw)) > 230 and k.path < 4.0


def swings_foot(joints: np.ndarray, side: str | None = None) -> bool:
    """One foot swings forward fast, as at a ball, from behind the body, and farther than the other ever does."""
    k = kinematics_of(joints)
    farthest = {s: float(k.foot(s)[:, 2].max()) for s in SIDES}
    for s, other in (SIDES, SIDES[::-1]):
        if side not in (None, s) or farthest[s] < farthest[other] + 0.08:
            continue
        foot = k.foot(s)
        speed = np.linalg.norm(np.diff(foot, axis=0), axis=1) * FPS
        for end in np.flatnonzero(foot[:, 2] > 0.3):
            way = foot[max(0, end - 10) : end + 1, 2]
            if foot[end, 2] - way.min() > 0.55 and speed[max(0, end - 10) : end].max(initial=0.0) > 4.0:
                return k.top_speed < 2.2 and k.air.max() < 0.2
    return False
