# SPDX-License-Identifier: Apache-2.0
"""Rules of ways to go, on the spot, round and round, sideways, and of coming to a halt. Joints are (T, 22, 3)."""

import numpy as np

from moclip.motion.skeleton import JOINT_INDEX as J
from moclip.showing.first_rules import flies, goes_straight, has_running_speed, trots
from moclip.showing.kinematics import FPS, SIDES, kinematics_of, swings
from moclip.showing.postures import Postures, postures_of, runs

_IN_PLACE_M = 0.5
_HALT_M_S = 0.16


def steps(joints: np.ndarray, least: float = 0.06) -> int:
    """How often the feet change in being the lower one by so many metres: steps, on the spot too."""
    height = joints[:, J["left_ankle"], 1] - joints[:, J["right_ankle"], 1]
    return swings(height.astype(np.float64), least)


def walks_in_place(joints: np.ndarray) -> bool:
    """Steps on the spot, within half a metre, without hopping."""
    p = postures_of(joints)
    upright = float(p.standing.mean()) > 0.8 and abs(p.k.turn) < 100
    return upright and p.reach_of_travel() < _IN_PLACE_M and steps(joints) / p.k.seconds > 0.8 and not flies(p.k)


def runs_in_place(joints: np.ndarray) -> bool:
    """Runs on the spot, within half a metre."""
    p = postures_of(joints)
    quick = steps(joints) / p.k.seconds > 2.0 or (flies(p.k) and steps(joints) / p.k.seconds > 1.2)
    return p.reach_of_travel() < _IN_PLACE_M and quick and float((p.trunk < 45).mean()) > 0.9


def turned(joints: np.ndarray) -> float:
    """Degrees that the body has turned in the end, positive to the left."""
    return kinematics_of(joints).turn


def way_turned(joints: np.ndarray) -> float:
    """Degrees by which the way over the floor has turned, positive to the left; standing counts nothing."""
    k = kinematics_of(joints)
    pelvis = joints[:, J["pelvis"]][:, [0, 2]].astype(np.float64)
    step = pelvis[8:] - pelvis[:-8]
    moving = np.linalg.norm(step, axis=1) > 0.1
    if moving.sum() < 3:
        return 0.0
    heading = np.unwrap(np.arctan2(step[moving, 0], step[moving, 1]))
    return float(np.degrees(heading[-1] - heading[0])) if k.path > 0.5 else 0.0


def _rounds(joints: np.ndarray, side: str | None, least: float) -> bool:
    """The way and the body turn by about as much, so far or more, on a circle and not on the spot."""
    k = kinematics_of(joints)
    turn, way = k.turn, way_turned(joints)
    if side is not None and (turn > 0) != (side == "left"):
        return False
    wide = k.path / max(np.radians(abs(way)), 1e-6) > 0.3
    return min(abs(turn), abs(way)) >= least and turn * way > 0 and wide and k.path > 1.2


def walks_in_circle(joints: np.ndarray, side: str | None = None) -> bool:
    """The way closes to a circle, or nearly: 290 degrees and more."""
    k = kinematics_of(joints)
    return _rounds(joints, side, 290) and k.top_speed < 2.1


def jogs_in_circle(joints: np.ndarray, side: str | None = None) -> bool:
    k = kinematics_of(joints)
    return _rounds(joints, side, 290) and (has_running_speed(k) or flies(k))


def walks_around(joints: np.ndarray) -> bool:
    """Walks and changes its direction, by 60 degrees or more in all."""
    k = kinematics_of(joints)
    changes = np.abs(np.diff(k.yaw)).sum()
    goes = k.path > 1.5 and k.forwards > 0.35 * k.path and 0.3 < k.speed and k.top_speed < 1.8
    return goes and float(changes) > 90 and k.air.max() < 0.12 and k.limb_activity("wrist") < 1.2


def turns_around(joints: np.ndarray) -> bool:
    """Walks, turns round by about half a turn, and walks on, back the way."""
    k = kinematics_of(joints)
    half = 130 <= abs(k.turn) <= 235
    back = float(np.hypot(*k.displacement)) < 0.75 * k.path
    middle = len(joints) // 4
    goes = min(kinematics_of(joints[: middle + 2]).path, kinematics_of(joints[-middle - 2 :]).path)
    return half and back and k.path > 1.0 and goes > 0.12 and k.forwards > 0.6 * k.path


def turns_on_spot(joints: np.ndarray, side: str | None = None) -> bool:
    """Turns by 60 degrees and more, within half a metre or so."""
    p = postures_of(joints)
    sided = side is None or (p.k.turn > 0) == (side == "left")
    stays = p.reach_of_travel() < 0.6 and p.k.top_speed < 0.8 and float(p.standing.mean()) > 0.8
    return sided and stays and 60 <= abs(p.k.turn) < 560 and p.k.limb_activity("wrist") < 1.6 and p.k.air.max() < 0.15


def spins(joints: np.ndarray) -> bool:
    """Turns right round, once or more, about itself."""
    k = kinematics_of(joints)
    pelvis = joints[:, J["pelvis"]][:, [0, 2]]
    yaw = k.yaw
    for first, end in ((a, min(a + 80, len(yaw) - 1)) for a in range(0, max(1, len(yaw) - 10), 5)):
        part = np.abs(yaw[first : end + 1] - yaw[first])
        if part.max() > 300:
            stop = first + int(part.argmax())
            travelled = float(np.linalg.norm(np.ptp(pelvis[first : stop + 1], axis=0)))
            if travelled < 1.2:
                return True
    return False


def whirls(joints: np.ndarray) -> bool:
    """Turns round and round: more than once and a half."""
    return float(np.ptp(kinematics_of(joints).yaw)) > 560 and spins(joints)


def _halts(joints: np.ndarray, before_m_s: float) -> bool:
    """Goes at this speed first, then stands still to the end for half a second and more."""
    p = postures_of(joints)
    if len(joints) < 30:
        return False
    still = p.speed < _HALT_M_S
    rest = runs(still, 9)
    if not rest or rest[-1][1] < len(p.speed) - 2:
        return False
    first = rest[-1][0]
    going = p.speed[:first]
    standing = float(p.standing[first:].mean()) > 0.7
    return standing and len(going) >= 8 and float(np.percentile(going, 80)) > before_m_s and going.sum() / FPS > 0.5


def stops(joints: np.ndarray) -> bool:
    """Walks and comes to a halt: stands still in the end."""
    return _halts(joints, 0.45)


def runs_and_stops(joints: np.ndarray) -> bool:
    """Runs, and walks or stands in the end, far slower."""
    p = postures_of(joints)
    fast = float(np.percentile(p.speed, 85))
    slowest = float(p.speed[len(p.speed) // 3 :].min())
    return p.k.forwards > 1.0 and fast > 1.5 and slowest < 0.45 * fast and slowest < 0.9


def runs_and_turns(joints: np.ndarray) -> bool:
    """Runs and changes its direction."""
    k = kinematics_of(joints)
    return has_running_speed(k) and (np.ptp(k.yaw) > 28 or abs(way_turned(joints)) > 22) and k.path > 0.8


def side_steps(joints: np.ndarray, side: str | None = None) -> bool:
    """Goes sideways by a step or more, looking ahead."""
    k = kinematics_of(joints)
    left, ahead = float(k.velocity[:, 0].sum() / FPS), float(k.velocity[:, 1].sum() / FPS)
    sided = side is None or (left > 0) == (side == "left")
    return sided and abs(left) > 0.3 and abs(ahead) < 0.7 * abs(left) and abs(k.turn) < 50 and k.path < 2.2 * abs(left)


def dodges(joints: np.ndarray, side: str | None = None) -> bool:
    """One quick hop or step aside or back, of 30 cm or more, from standing."""
    k = kinematics_of(joints)
    quick = [k.velocity[a : a + 12].sum(axis=0) / FPS for a in range(0, max(1, len(k.velocity) - 10), 2)]
    left, ahead = max(quick, key=lambda way: abs(way[0]) if way[1] > -0.3 else max(abs(way[0]), -way[1]))
    aside = abs(left) > 0.33 and abs(left) > 0.8 * abs(ahead) or ahead < -0.33
    sided = side is None or (abs(left) > 0.33 and (left > 0) == (side == "left"))
    return bool(sided and aside and abs(k.turn) < 60 and np.hypot(*k.displacement) < 3.0)


def _legs_bent(p: Postures) -> float:
    return float(np.median(p.knee_bend.mean(axis=1)))


def walks_crouched(joints: np.ndarray) -> bool:
    """Goes on foot with the pelvis low, knees bent all the time."""
    p = postures_of(joints)
    low = float(np.percentile(p.height, 80)) < 0.82 and float(np.median(p.height)) < 0.78
    on_feet = float(((p.trunk < 75) & (p.both("knee").min(axis=1) > 0.12)).mean()) > 0.85
    return low and on_feet and p.k.path > 0.6 and p.k.speed > 0.2 and _legs_bent(p) > 55


def sneaks(joints: np.ndarray) -> bool:
    """Goes slowly, bent, with steps that are lifted with care."""
    p = postures_of(joints)
    bent = float(np.median(p.height)) < 0.88 or float(np.median(p.trunk)) > 13
    slow = 0.12 < p.k.speed < 1.25 and p.k.path > 0.5
    careful = 0.4 < p.k.cadence < 1.9 and p.k.forwards > 0.7 * p.k.path
    return bent and slow and careful and float(np.median(p.height)) > 0.5 and p.k.air.max() < 0.12


def walks_slowly(joints: np.ndarray) -> bool:
    k = kinematics_of(joints)
    return goes_straight(k, 0.5) and 0.15 < k.speed < 1.06 and k.air.max() < 0.12


def walks_briskly(joints: np.ndarray) -> bool:
    """Goes straight ahead fast, without flying."""
    k = kinematics_of(joints)
    return goes_straight(k, 0.8) and 1.3 < k.top_speed < 2.3 and not trots(k)


def step_length(joints: np.ndarray) -> float:
    """Metres from ankle to ankle where a step is longest, the median over the steps."""
    k = kinematics_of(joints)
    apart = np.abs(k.foot("left")[:, 2] - k.foot("right")[:, 2])
    peaks = [apart[a] for a in range(1, len(apart) - 1) if apart[a] >= apart[a - 1] and apart[a] > apart[a + 1]]
    long = [peak for peak in peaks if peak > 0.2]
    return float(np.median(long)) if long else 0.0


def takes_long_strides(joints: np.ndarray) -> bool:
    k = kinematics_of(joints)
    return goes_straight(k, 0.8) and step_length(joints) > 0.8 and k.top_speed < 2.0 and k.air.max() < 0.15


def marches(joints: np.ndarray) -> bool:
    """Steps with the knees lifted high, one after the other, or with stiff swinging legs and arms."""
    p = postures_of(joints)
    lifted = np.percentile(p.thighs, 92, axis=0).min() > 48
    return bool(lifted) and steps(joints, 0.1) / p.k.seconds > 0.9 and float(p.standing.mean()) > 0.6 and not flies(p.k)


def unevenness(joints: np.ndarray) -> float:
    """0 to 1: how much the left leg's steps differ from the right one's, in length, in time and in lift."""
    p = postures_of(joints)
    k = p.k
    apart = k.foot("left")[:, 2] - k.foot("right")[:, 2]
    front = [float(np.percentile(apart, 95)), float(-np.percentile(apart, 5))]
    lift = [float(np.ptp(p.over_floor(f"{s}_ankle"))) for s in SIDES]
    bend = [float(np.percentile(p.knee_bend[:, n], 95)) - float(np.percentile(p.knee_bend[:, n], 5)) for n in (0, 1)]

    def differ(pair: list[float]) -> float:
        low, high = max(min(pair), 0.0), max(max(pair), 1e-6)
        return (high - low) / (high + low) if high + low > 1e-6 else 0.0

    return max(differ(front), differ(lift), differ(bend))


def limps(joints: np.ndarray) -> bool:
    """Walks with two unlike legs."""
    k = kinematics_of(joints)
    goes = k.path > 0.7 and 0.12 < k.speed < 1.6 and k.cadence * k.seconds >= 3 and k.air.max() < 0.15
    return goes and abs(k.turn) < 70 and unevenness(joints) > 0.25


def _lowest_of(values: np.ndarray, frames: int = 9) -> np.ndarray:
    """(T,) the lowest value around each frame: what a jump does not raise."""
    padded = np.pad(values.astype(np.float64), frames // 2, mode="edge")
    lowest: np.ndarray = np.lib.stride_tricks.sliding_window_view(padded, frames).min(axis=1)
    return lowest


def climbs_stairs(joints: np.ndarray) -> bool:
    """Goes forwards and up, step by step, by 30 cm and more, with the trunk upright."""
    p = postures_of(joints)
    feet = _lowest_of(np.minimum(joints[:, J["left_ankle"], 1], joints[:, J["right_ankle"], 1]))
    pelvis = _lowest_of(joints[:, J["pelvis"], 1])
    if min(np.ptp(feet), np.ptp(pelvis)) < 0.28:
        return False
    for first in range(0, max(1, len(joints) - 20), 5):
        for end in range(first + 20, min(first + 120, len(joints)), 5):
            up = min(pelvis[end] - pelvis[first], feet[end] - feet[first])
            ahead = float(p.k.velocity[first:end, 1].sum() / FPS)
            hands_low = np.median(np.maximum(p.k.hand_height("left"), p.k.hand_height("right"))[first:end]) < 0.05
            if up > 0.28 and ahead > 0.3 * up and ahead > 0.2 and hands_low and p.trunk[first:end].max() < 50:
                return True
    return False


def climbs_ladder(joints: np.ndarray) -> bool:
    """Both hands are before the chest or higher and reach up in turns, feet come up in turns, and hardly go ahead."""
    p = postures_of(joints)
    hands = [p.k.hand_height(side) for side in SIDES]
    up = float(np.median(np.maximum(*hands))) > -0.3 and float(np.median(np.minimum(*hands))) > -0.45
    ahead = min(float(np.median(p.k.hand(side)[:, 2])) for side in SIDES) > 0.12
    in_turns = swings(hands[0] - hands[1], 0.12) >= 2 and 2 <= steps(joints, 0.12) < 1.6 * p.k.seconds
    return up and ahead and in_turns and p.k.path / p.k.seconds < 0.5 and p.trunk.max() < 60


def ducks_under(joints: np.ndarray) -> bool:
    """Goes on while the head dips low and comes up again."""
    p = postures_of(joints)
    head = p.over_floor("head")
    low = int(head.argmin())
    before, after = head[: low + 1].max(), head[low:].max()
    goes = float(np.hypot(*p.k.displacement)) > 0.5 and float(p.speed[max(0, low - 6) : low + 6].mean()) > 0.4
    return goes and min(before, after) - float(head[low]) > 0.3 and float(head[low]) > 0.45 and p.trunk[low] < 110
