# SPDX-License-Identifier: Apache-2.0
"""Rules of actions between standing, a seat and the floor. Joints are (T, 22, 3), T >= 2."""

import numpy as np

from moclip.showing.kinematics import FPS, swings
from moclip.showing.postures import follows, held, postures_of, runs

_SLOWLY = 6.0
"""Seconds that somebody may take from one posture to the next."""


def sits_down(joints: np.ndarray) -> bool:
    """From standing to a seat of a chair's height."""
    p = postures_of(joints)
    return follows(p.standing, p.seated, _SLOWLY, 0.3)


def stands_up(joints: np.ndarray) -> bool:
    """From a seat of a chair's height to standing."""
    p = postures_of(joints)
    return follows(p.seated, p.standing, _SLOWLY, 0.3)


def sits(joints: np.ndarray) -> bool:
    """Is seated on something for most of the time."""
    p = postures_of(joints)
    return float(p.seated.mean()) > 0.75


def sits_on_floor(joints: np.ndarray) -> bool:
    """Is seated on the floor for most of the time."""
    p = postures_of(joints)
    return float(p.on_floor.mean()) > 0.7


def meditates(joints: np.ndarray) -> bool:
    """Sits on the floor upright and keeps still."""
    p = postures_of(joints)
    still = (p.stillness < 0.25) & p.on_floor & (p.trunk < 40)
    return float(still.mean()) > 0.7


def sits_down_on_floor(joints: np.ndarray) -> bool:
    p = postures_of(joints)
    return follows(p.standing, p.on_floor, _SLOWLY, 0.3)


def stands_up_from_floor(joints: np.ndarray) -> bool:
    p = postures_of(joints)
    return follows(p.on_floor, p.standing, _SLOWLY, 0.3)


def lies_down(joints: np.ndarray) -> bool:
    """Lies in the end, was upright before, and gets down without falling."""
    p = postures_of(joints)
    upright = p.standing | p.on_floor | p.seated | p.kneeling
    return held(p.lying[-20:], 0.3) and follows(upright, p.lying, _SLOWLY, 0.25) and not falls_down(joints)


def falls_down(joints: np.ndarray) -> bool:
    """From the feet to the floor as a body falls, and stays down for a moment: the head comes down by 0.8 m in 0.4 s.

    Who lies down in a hurry has taken 0.6 s for that.
    """
    p = postures_of(joints)
    head, span = p.over_floor("head"), 8
    if len(head) <= span or p.upside_down.any():
        return False
    drop = head[:-span] - head[span:]
    fast = np.concatenate([np.diff(head) * FPS < -2.8, [False]])
    falling = [i + span for i in np.flatnonzero(drop > 0.75) if fast[i : i + span].any()]
    return any(held(head[end : end + 30] < 0.8, 0.25) for end in falling)


def lies(joints: np.ndarray) -> bool:
    """Lies for most of the time."""
    return float(postures_of(joints).lying.mean()) > 0.8


def sleeps(joints: np.ndarray) -> bool:
    """Lies and hardly moves."""
    p = postures_of(joints)
    return float((p.lying & (p.stillness < 0.25)).mean()) > 0.75


def gets_up(joints: np.ndarray) -> bool:
    """From lying to standing."""
    p = postures_of(joints)
    return follows(p.lying, p.standing, 8.0, 0.25)


def sits_up(joints: np.ndarray) -> bool:
    """From lying to sitting on the floor."""
    p = postures_of(joints)
    return follows(p.lying, p.on_floor | (p.seated & (p.height < 0.5)), 4.0, 0.25)


def kneels(joints: np.ndarray) -> bool:
    """A knee comes to the floor, or stays there, for half a second and more; no crawling."""
    p = postures_of(joints)
    return held(p.kneeling, 0.5) and p.on_all_fours.mean() < 0.3


def crouches(joints: np.ndarray) -> bool:
    """Stays low over the feet for half a second or more, without going anywhere and without going up and down."""
    p = postures_of(joints)
    deep = p.crouched & (p.height < 0.7)
    return held(deep, 0.6) and count_squats(joints) <= 1 and p.reach_of_travel() < 1.0


def count_squats(joints: np.ndarray) -> int:
    """How often the knees bend deep, with the trunk fairly upright, and straighten again."""
    p = postures_of(joints)
    deep = (p.knee_bend.min(axis=1) > 62) & (p.trunk < 70) & (p.behind_feet < 0.3) & (p.both("knee").min(axis=1) > 0.2)
    up = p.knee_bend.min(axis=1) < 48
    count, low = 0, False
    for now_deep, now_up in zip(deep, up, strict=True):
        if now_deep:
            low = True
        elif low and now_up:
            count, low = count + 1, False
    return count


def squats(joints: np.ndarray) -> bool:
    """Bends both knees deep over the feet and comes up again, staying in place, hands off the floor."""
    p = postures_of(joints)
    deepest = int(p.height.argmin())
    hands_off = p.both("wrist")[deepest].min() > 0.2
    return count_squats(joints) >= 1 and p.reach_of_travel() < 0.7 and bool(hands_off) and p.k.air.max() < 0.08


def count_push_ups(joints: np.ndarray) -> int:
    """How often the shoulders go down and up again in a plank."""
    p = postures_of(joints)
    if p.plank.sum() < 8:
        return 0
    first, end = max(runs(p.plank | p.lying & p.face_down), key=lambda span: span[1] - span[0])
    chest = (p.over_floor("left_shoulder") + p.over_floor("right_shoulder"))[first:end] / 2
    # Down and up again is one; who gets up from the floor goes up only.
    return swings(chest, 0.1) // 2 + swings(chest, 0.1) % 2 if np.ptp(chest) > 0.12 else 0


def pushes_up(joints: np.ndarray) -> bool:
    p = postures_of(joints)
    return count_push_ups(joints) >= 1 and float((p.plank | p.lying & p.face_down).mean()) > 0.6


def crawls(joints: np.ndarray) -> bool:
    """Goes on hands and knees."""
    p = postures_of(joints)
    low = p.on_all_fours | (p.face_down & (p.height < 0.6) & (p.both("wrist").min(axis=1) < 0.25))
    return float(low.mean()) > 0.55 and p.k.path > 0.25 and p.k.path / p.k.seconds > 0.08 and not p.upside_down.any()


def rolls(joints: np.ndarray) -> bool:
    """Turns over on the floor, on the shoulders: the neck is low while the pelvis is over it."""
    p = postures_of(joints)
    return bool((p.upside_down & (p.over_floor("neck") < 0.38)).any())


def cartwheels(joints: np.ndarray) -> bool:
    """Turns over sideways on the hands, feet over the head."""
    p = postures_of(joints)
    over = p.upside_down & (p.both("wrist").min(axis=1) < 0.35)
    if not over.any() or rolls(joints):
        return False
    feet = p.both("ankle").max(axis=1)
    straddled = np.abs(p.both("ankle")[:, 0] - p.both("ankle")[:, 1])
    return bool((feet[over] > 0.95).any()) and float(straddled.max()) > 0.45 and float(p.height[over].max()) > 0.6


def flips_back(joints: np.ndarray) -> bool:
    """Turns over in the air, backwards: neither hands nor feet on the floor."""
    p = postures_of(joints)
    lowest = np.minimum(p.both("wrist").min(axis=1), p.both("ankle").min(axis=1))
    if rolls(joints):
        return False
    in_air = p.upside_down & (p.joints[..., 1].min(axis=1) - p.floor > 0.12) & (lowest > 0.12)
    return held(in_air, 0.1)
