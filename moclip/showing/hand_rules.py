# SPDX-License-Identifier: Apache-2.0
"""Rules of what arms, hands, trunk and head do. Joints are (T, 22, 3), T >= 2."""

import numpy as np

from moclip.showing.kinematics import SIDES, kinematics_of, swings
from moclip.showing.postures import Postures, held, postures_of, runs

_UPRIGHT_M = 0.75


def _down_and_up(p: Postures, hand_m: float) -> bool:
    """A hand comes down to so many metres over the floor, and the body stands before or after."""
    low = p.both("wrist").min(axis=1) < hand_m
    low &= (p.trunk < 120) & (p.both("ankle").max(axis=1) < 0.75)
    spans = runs(low, 2)
    return any((p.height[:a] > _UPRIGHT_M).any() or (p.height[b:] > _UPRIGHT_M).any() for a, b in spans)


def picks_up(joints: np.ndarray) -> bool:
    """Not from a seat on the floor, reaches down to it and comes up again; what the hand holds, joints do not say."""
    p = postures_of(joints)
    if p.on_floor[0]:
        return False
    low = p.both("wrist").min(axis=1) < 0.36
    ends = [b for _, b in runs(low, 2)]
    rises = any((p.height[b:] > _UPRIGHT_M).any() and (p.trunk[b:] < 40).any() for b in ends)
    return rises and _down_and_up(p, 0.36) and low.mean() < 0.75 and not p.lying.any() and not p.upside_down.any()


def puts_down(joints: np.ndarray) -> bool:
    """Comes down from standing to reach to the floor; what the hand leaves there, joints do not say."""
    p = postures_of(joints)
    low = p.both("wrist").min(axis=1) < 0.36
    comes_down = any((p.height[:a] > _UPRIGHT_M).any() for a, _ in runs(low, 2))
    return comes_down and low.mean() < 0.75 and not p.lying.any() and not p.upside_down.any() and p.k.air.max() < 0.15


def touches_toes(joints: np.ndarray) -> bool:
    """A hand comes to a foot, the legs nearly straight."""
    p = postures_of(joints)
    near = [
        np.minimum(p.distance(f"{hand}_wrist", f"{foot}_ankle"), p.distance(f"{hand}_wrist", f"{foot}_foot"))
        for hand in SIDES for foot in SIDES
    ]  # fmt: skip
    bent = p.knee_bend.mean(axis=1)
    mask = (np.min(near, axis=0) < 0.4) & (bent < 55) & (p.trunk > 45) & (p.both("ankle").max(axis=1) < 0.35)
    return bool(mask.any()) and p.reach_of_travel() < 1.2 and not p.upside_down[p.height < 0.4].any()


def bends_sideways(joints: np.ndarray) -> bool:
    """The trunk leans to a side by 18 degrees and more, standing, and less to the front."""
    p = postures_of(joints)
    spine = p.k._in_body(p._bone("pelvis", "neck"))
    aside = np.degrees(np.arctan2(spine[:, 0], spine[:, 1]))
    mask = (np.abs(aside) > 18) & (np.abs(p.k.lean) < 35) & p.standing
    return held(mask, 0.2) and p.reach_of_travel() < 0.8 and p.k.air.max() < 0.1


def twists(joints: np.ndarray) -> bool:
    """The shoulders turn against the hips to both sides, standing."""
    p = postures_of(joints)
    angle = []
    for part in ("shoulder", "hip"):
        across = p._bone(f"right_{part}", f"left_{part}")
        angle.append(np.unwrap(np.arctan2(-across[:, 2], across[:, 0])))
    twist = np.degrees(angle[0] - angle[1])
    twist -= 360 * np.round(np.median(twist) / 360)
    upright = float((p.trunk < 40).mean()) > 0.9 and p.reach_of_travel() < 0.6
    return upright and swings(twist, 28) >= 2 and p.k.air.max() < 0.12


def count_claps(joints: np.ndarray) -> int:
    """Times that the hands meet, having been apart."""
    p = postures_of(joints)
    apart = p.distance("left_wrist", "right_wrist")
    count, open_now = 0, False
    nearest = float(apart.min())
    for gap in apart:
        if gap > nearest + 0.12:
            open_now = True
        elif open_now and gap < nearest + 0.06:
            count, open_now = count + 1, False
    return count if nearest < 0.26 else 0


def claps(joints: np.ndarray) -> bool:
    """The hands meet before the body twice and more, quickly."""
    p = postures_of(joints)
    apart = p.distance("left_wrist", "right_wrist")
    together = runs(apart < apart.min() + 0.06, 1)
    quick = any(b[0] - a[1] < 22 for a, b in zip(together, together[1:], strict=False))
    ahead = max(float(np.median(p.k.hand(s)[:, 2])) for s in SIDES) > 0.08
    return count_claps(joints) >= 2 and quick and ahead


def drinks(joints: np.ndarray) -> bool:
    """A hand comes up to the mouth, stays there for a moment; the arm is bent and the other hand is not up."""
    p = postures_of(joints)
    for side, other in (SIDES, SIDES[::-1]):
        mouth = p.distance(f"{side}_wrist", "head") < 0.35
        hand = p.k.hand(side)
        before = hand[:, 2] > 0.02
        low = p.k.hand_height(other) < -0.1
        came = np.ptp(p.k.hand_height(side)) > 0.12
        if held(mouth & before & low & (p.k.hand_height(side) < 0.25), 0.3) and came:
            return True
    return False


def _winding(hand: np.ndarray, axes: tuple[int, int]) -> float:
    """Degrees by which a hand has gone round its shoulder in the plane of two axes of the body, at a wide radius."""
    part = hand[:, list(axes)]
    wide = np.linalg.norm(part, axis=1) > 0.22
    if wide.mean() < 0.6:
        return 0.0
    angle = np.degrees(np.unwrap(np.arctan2(part[:, 0], part[:, 1])))
    return float(np.ptp(angle))


def circles_arms(joints: np.ndarray, degrees: float = 340) -> bool:
    """An arm goes right round its shoulder, stretched, by so many degrees."""
    k = kinematics_of(joints)
    most = max(_winding(k.hand(s), axes) for s in SIDES for axes in ((1, 2), (0, 1)))
    return most > degrees and k.path < 2.0


def reaches_up(joints: np.ndarray) -> bool:
    """A hand goes far over the head's height, standing, and stays for a moment."""
    p = postures_of(joints)
    high = np.maximum(p.k.hand_height("left"), p.k.hand_height("right")) > 0.3
    return held(high & (p.trunk < 50), 0.3) and p.reach_of_travel() < 2.0 and float(p.standing.mean()) > 0.6


def grabs_high(joints: np.ndarray) -> bool:
    """One hand goes over its shoulder, before the body, and stays for a moment; the other stays down."""
    p = postures_of(joints)
    for side, other in (SIDES, SIDES[::-1]):
        hand = p.k.hand(side)
        high = (hand[:, 1] > 0.04) & (hand[:, 2] > 0.05) & (p.k.hand_height(other) < -0.15)
        if held(high, 0.25) and np.ptp(hand[:, 1]) > 0.3 and p.k.hand_swings(side, above=-0.05) <= 4:
            return p.k.path < 3.0 and float(p.standing.mean()) > 0.6
    return False


def pushes(joints: np.ndarray) -> bool:
    """Both hands are kept ahead at the chest's height, arms forward, the trunk leaning on."""
    p = postures_of(joints)
    hands = [p.k.hand(s) for s in SIDES]
    ahead = np.minimum(hands[0][:, 2], hands[1][:, 2]) > 0.22
    level = (np.abs(hands[0][:, 1] + 0.1) < 0.35) & (np.abs(hands[1][:, 1] + 0.1) < 0.35)
    return held(ahead & level & (p.k.lean > 8) & (p.height > 0.6), 0.8) and p.k.limb_activity("wrist") < 1.5


def cheers(joints: np.ndarray) -> bool:
    """Both hands go over the shoulders and stay there for a moment."""
    k = kinematics_of(joints)
    up = np.minimum(k.hand_height("left"), k.hand_height("right")) > 0.08
    return held(up, 0.3) and k.path < 3.0


def shrugs(joints: np.ndarray) -> bool:
    """Both shoulders rise and fall, or both hands open out at the height of the hips, standing."""
    p = postures_of(joints)
    lift = [p.over_floor(f"{s}_shoulder") - p.over_floor("neck") for s in SIDES]
    risen = np.minimum(*(part - np.percentile(part, 15) for part in lift)) > 0.03
    hands = [p.k.hand(s) for s in SIDES]
    low = (hands[0][:, 1] < -0.08) & (hands[1][:, 1] < -0.08)
    bent = (p.distance("left_wrist", "left_shoulder") < 0.46) & (p.distance("right_wrist", "right_shoulder") < 0.46)
    out = (hands[0][:, 0] > 0.12) & (-hands[1][:, 0] > 0.12) & bent
    standing = float(p.standing.mean()) > 0.9 and p.reach_of_travel() < 0.5 and p.k.limb_activity("ankle") < 0.3
    return standing and (held(risen & low, 0.15) or held(out & low, 0.25))


def dribbles(joints: np.ndarray) -> bool:
    """A hand goes down and up at the hip's height, again and again, the arm before or beside the body."""
    p = postures_of(joints)
    for side, other in (SIDES, SIDES[::-1]):
        height = p.k.hand_height(side)
        low = float(np.median(height)) < -0.18 and float(height.max()) < 0.15
        bent = float(np.median(p.distance(f"{side}_wrist", f"{side}_shoulder"))) < 0.5
        alone = float(height.std()) > 1.4 * float(p.k.hand_height(other).std())
        if low and bent and alone and swings(height.astype(np.float64), 0.07) / p.k.seconds > 1.2:
            return True
    return False


def wipes_high(joints: np.ndarray) -> bool:
    """A hand swings to and fro before the body at the shoulder's height, again and again."""
    k = kinematics_of(joints)
    for side in SIDES:
        hand = k.hand(side)
        up = (hand[:, 1] > -0.3) & (hand[:, 2] > 0.15)
        if up.mean() > 0.5 and max(swings(hand[up][:, axis], 0.15) for axis in (0, 1)) / k.seconds > 0.8:
            return k.limb_activity("ankle") < 0.4
    return False


def uses_both_hands_low(joints: np.ndarray) -> bool:
    """Both hands go to and fro together before the hips, as with a mop."""
    p = postures_of(joints)
    hands = [p.k.hand(s) for s in SIDES]
    ahead = float(np.median(np.minimum(hands[0][:, 2], hands[1][:, 2]))) > -0.04
    ahead &= float(np.median(p.distance("left_wrist", "right_wrist"))) < 0.65
    low = float(np.median(np.maximum(hands[0][:, 1], hands[1][:, 1]))) < -0.1
    middle = (hands[0] + hands[1]) / 2
    ahead &= float(np.median(p.k.lean)) > 15
    return ahead and low and max(swings(middle[:, axis], 0.1) for axis in (0, 2)) / p.k.seconds > 0.8
