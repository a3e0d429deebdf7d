# SPDX-License-Identifier: Apache-2.0
"""Rules of leaps, hops and exercises on the feet. Joints are (T, 22, 3), T >= 2."""

import numpy as np

from moclip.motion.skeleton import JOINT_INDEX as J
from moclip.showing.kinematics import FPS, SIDES, Kinematics, kinematics_of
from moclip.showing.postures import Postures, held, postures_of, runs

_OFF_FLOOR_M = 0.06


def flights(k: Kinematics, least_m: float = _OFF_FLOOR_M) -> list[tuple[int, int]]:
    """(first frame, end frame) of each time that both feet are off the floor, at the peak by `least_m`."""
    return [(a, b) for a, b in runs(k.air > 0.03, 2) if k.air[a:b].max() > least_m]


def count_jumps(joints: np.ndarray) -> int:
    """Times that both feet leave the floor together, the pelvis rising with them."""
    k = kinematics_of(joints)
    pelvis = joints[:, J["pelvis"], 1]
    return sum(
        bool(pelvis[a:b].max() - min(pelvis[max(0, a - 8) : a + 1].min(), pelvis[b - 1 : b + 8].min()) > 0.1)
        for a, b in flights(k, 0.1)
    )


def _leap_ways(k: Kinematics, least_m: float) -> list[tuple[float, float]]:
    """(metres travelled in the air, m/s over the floor before) of each flight."""
    pelvis = k.joints[:, J["pelvis"]][:, [0, 2]].astype(np.float64)
    speed = np.linalg.norm(k.velocity, axis=1)
    found = []
    for a, b in flights(k, least_m):
        first, last = max(0, a - 2), min(len(pelvis) - 1, b + 1)
        before = speed[max(0, a - 12) : max(1, a - 4)]
        found.append(
            (float(np.linalg.norm(pelvis[last] - pelvis[first])), float(before.mean()) if len(before) else 0.0)
        )
    return found


def jumps_forward(joints: np.ndarray) -> bool:
    """A jump that carries far, from standing."""
    k = kinematics_of(joints)
    return any(way > 0.5 and before < 1.3 for way, before in _leap_ways(k, 0.08)) and k.forwards > 0.4


def leaps(joints: np.ndarray) -> bool:
    """A flight out of a run, longer or higher than the steps of a run."""
    k = kinematics_of(joints)
    return any(way > 0.8 for way, _ in _leap_ways(k, 0.17)) and k.top_speed > 1.0


def jumps_high(joints: np.ndarray) -> bool:
    """Higher than one jumps for nothing: the feet 30 cm over the floor."""
    k = kinematics_of(joints)
    return float(k.air.max()) > 0.3 and k.rise > 0.25


def jumps_turning(joints: np.ndarray) -> bool:
    """Turns by a quarter or more around a jump."""
    k = kinematics_of(joints)
    around = [(max(0, a - 8), min(len(k.yaw), b + 8)) for a, b in flights(k, 0.1)]
    return any(abs(float(k.yaw[b - 1] - k.yaw[a])) > 70 for a, b in around)


def _hop_spans(p: Postures, side: str) -> np.ndarray:
    """(T,) where the other foot is kept up, well over the hopping one."""
    ankles = p.both("ankle")
    own, other = SIDES.index(side), 1 - SIDES.index(side)
    mask: np.ndarray = ankles[:, other] - ankles[:, own] > 0.1
    return mask


def count_hops(joints: np.ndarray, side: str) -> int:
    """Flights from one foot on to the same, while the other is kept up."""
    p = postures_of(joints)
    spans = _hop_spans(p, side)
    toe, ankle = p.over_floor(f"{side}_foot"), p.over_floor(f"{side}_ankle")
    count = 0
    for a, b in runs(spans, 8):
        lift = np.minimum(toe[a:b] - np.percentile(toe[a:b], 15), ankle[a:b] - np.percentile(ankle[a:b], 15))
        count += len(runs(lift > 0.035, 2))
    return count


def hops(joints: np.ndarray, side: str | None = None) -> bool:
    """Hops on one leg, twice or more."""
    return any(count_hops(joints, s) >= 2 for s in ((side,) if side else SIDES))


def count_jumping_jacks(joints: np.ndarray) -> int:
    """Times that hands go up together while the feet go apart."""
    p = postures_of(joints)
    feet = p.distance("left_ankle", "right_ankle")
    hands = np.minimum(p.k.hand_height("left"), p.k.hand_height("right"))
    wide = feet > feet.min() + 0.5 * np.ptp(feet)
    spread = np.maximum(p.k.hand("left")[:, 0], -p.k.hand("right")[:, 0])
    if np.ptp(feet) < 0.25 or hands.min() > -0.2 or spread.max() < 0.15:
        return 0
    return len([1 for a, b in runs(hands > 0.0, 2) if wide[max(0, a - 4) : b + 4].any()])


def does_jumping_jacks(joints: np.ndarray) -> bool:
    return count_jumping_jacks(joints) >= 2 and postures_of(joints).reach_of_travel() < 1.0


def _knee_up(p: Postures, side: str) -> np.ndarray:
    """(T,) where the thigh is nearly level while the other leg stands."""
    own, other = SIDES.index(side), 1 - SIDES.index(side)
    mask: np.ndarray = (p.thighs[:, own] > 58) & (p.thighs[:, other] < 40) & (p.trunk < 50) & (p.height > 0.72)
    return mask


def count_knee_raises(joints: np.ndarray, side: str | None = None) -> int:
    p = postures_of(joints)
    return sum(len(runs(_knee_up(p, s), 2)) for s in ((side,) if side else SIDES))


def raises_knee(joints: np.ndarray, side: str | None = None) -> bool:
    """Lifts a knee to about the hip, standing, the shin not thrown forward."""
    p = postures_of(joints)
    kicked = max(float((p.over_floor(f"{s}_ankle") - p.over_floor(f"{s}_knee")).max()) for s in SIDES) > 0.0
    return count_knee_raises(joints, side) >= 1 and p.k.path < 2.0 and not kicked and p.k.air.max() < 0.15


def knees_to_elbows(joints: np.ndarray) -> bool:
    """An elbow meets the knee of the other side, or nearly."""
    p = postures_of(joints)
    near = [p.distance(f"{a}_elbow", f"{b}_knee") < 0.28 for a, b in (SIDES, SIDES[::-1])]
    up = [_knee_up(p, side) | (p.thighs[:, n] > 50) for n, side in enumerate(SIDES)]
    return bool((near[0] & up[1]).any() or (near[1] & up[0]).any()) and float(np.median(p.height)) > 0.75


def balances(joints: np.ndarray, side: str | None = None) -> bool:
    """Stands on one leg, the other foot up, for a second and more; hops are none."""
    p = postures_of(joints)
    ankles = p.both("ankle")
    for s in (side,) if side else SIDES:
        own, other = SIDES.index(s), 1 - SIDES.index(s)
        slow = np.concatenate([p.speed, p.speed[-1:]]) < 0.5
        alone = (ankles[:, other] - ankles[:, own] > 0.12) & (p.height > 0.7) & slow & (p.k.air < 0.05)
        if held(alone, 1.0) and count_hops(joints, s) < 2:
            return True
    return False


def stands(joints: np.ndarray) -> bool:
    """Stands, moves little and goes nowhere, the hands down."""
    p = postures_of(joints)
    hands_down = max(float(np.percentile(p.k.hand_height(s), 90)) for s in SIDES) < -0.15
    still = float(np.percentile(p.stillness, 80)) < 0.3
    return p.reach_of_travel() < 0.25 and float(p.standing.mean()) > 0.9 and still and hands_down


def jumps_down(joints: np.ndarray) -> bool:
    """Stands, flies, and stands 25 cm lower, within a second and a half; the top of a jump is no standing."""
    feet = np.minimum(joints[:, J["left_ankle"], 1], joints[:, J["right_ankle"], 1]).astype(np.float64)
    pelvis = joints[:, J["pelvis"], 1].astype(np.float64)
    rests = np.concatenate([[False], np.abs(np.diff(feet)) * FPS < 0.35])
    before = [(end - 1, feet[end - 1], pelvis[end - 1]) for _, end in runs(rests, 5)]
    after = [(first, feet[first], pelvis[min(first + 12, len(feet) - 1)]) for first, _ in runs(rests, 5)]
    return any(
        0 < b - a <= 1.5 * FPS and high - low > 0.25 and top - bottom > 0.2
        for a, high, top in before for b, low, bottom in after
    )  # fmt: skip
