# SPDX-License-Identifier: Apache-2.0
"""Does a motion show the action that was asked for? One kinematic rule for each named action.

Thresholds come from real clips (`moclip evaluate rules` prints how many of them pass). An action of which joints say
too little (an object in the hand, a face, a game's spell) has no rule: it is told by eye.
"""

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np

from moclip.showing import first_rules as first
from moclip.showing import floor_rules as floor
from moclip.showing import going_rules as going
from moclip.showing import hand_rules as hand
from moclip.showing import leaping_rules as leaping
from moclip.showing import strike_rules as strike
from moclip.showing.kinematics import SIDES
from moclip.showing.postures import stands_upright

Rule = Callable[[np.ndarray], bool]

FIRST_RULES: dict[str, Rule] = {
    "walk": first.walks,
    "run": first.runs,
    "sprint": first.sprints,
    "walk_backward": first.walks_backward,
    "walk_left": partial(first.walks_diagonally, side="left"),
    "walk_right": partial(first.walks_diagonally, side="right"),
    "turn_left": partial(first.turns, side="left"),
    "turn_right": partial(first.turns, side="right"),
    "bow": first.bows,
    "wave_left": partial(first.waves, side="left"),
    "wave_right": partial(first.waves, side="right"),
    "wave_both": partial(first.waves, side="both"),
    "raise_left": partial(first.raises, side="left"),
    "raise_right": partial(first.raises, side="right"),
    "raise_both": partial(first.raises, side="both"),
    "kick": first.kicks,
    "punch": first.punches,
    "jump": first.jumps,
    "dance": first.dances,
    "slash": first.slashes,
}
"""The first twenty actions: joints (T, 22, 3), T >= 2 -> does the motion show it?"""

_SIDED: dict[str, Callable[..., bool]] = {
    "kick": first.kicks,
    "punch": first.punches,
    "front_kick": strike.kicks_forward,
    "side_kick": strike.kicks_aside,
    "roundhouse_kick": strike.kicks_turning,
    "kick_ball": strike.swings_foot,
    "throw": strike.throws,
    "hop": leaping.hops,
    "knee_raise": leaping.raises_knee,
    "balance_on_one_leg": leaping.balances,
    "side_step": going.side_steps,
    "strafe": going.side_steps,
    "dodge": going.dodges,
    "walk_in_circle": going.walks_in_circle,
    "jog_in_circle": going.jogs_in_circle,
    "turn_on_the_spot": going.turns_on_spot,
}
"""Rules that take a side, None for either."""


def _with_sides() -> Iterator[tuple[str, Rule]]:
    for action, rule in _SIDED.items():
        yield action, rule
        for side in SIDES:
            yield f"{action}_{side}", partial(rule, side=side)


RULES: dict[str, Rule] = {
    **FIRST_RULES,
    "wave": lambda joints: any(first.waves(joints, side) for side in (*SIDES, "both")),
    "raise_hand": lambda joints: any(first.raises(joints, side) for side in (*SIDES, "both")),
    **dict(_with_sides()),
    "slow_walk": going.walks_slowly,
    "brisk_walk": going.walks_briskly,
    "long_strides": going.takes_long_strides,
    "march": going.marches,
    "walk_in_place": going.walks_in_place,
    "walk_around": going.walks_around,
    "turn_around": going.turns_around,
    "stop": going.stops,
    "sneak": going.sneaks,
    "crouch_walk": going.walks_crouched,
    "limp": going.limps,
    "jog": first.runs,
    "run_in_place": going.runs_in_place,
    "run_and_turn": going.runs_and_turns,
    "run_and_stop": going.runs_and_stops,
    "jump_forward": leaping.jumps_forward,
    "running_jump": leaping.leaps,
    "jump_over": leaping.leaps,
    "leap": leaping.leaps,
    "high_jump": leaping.jumps_high,
    "jump_down": leaping.jumps_down,
    "jump_turn": leaping.jumps_turning,
    "jumping_jack": leaping.does_jumping_jacks,
    "crawl": floor.crawls,
    "climb_stairs": going.climbs_stairs,
    "climb_ladder": going.climbs_ladder,
    "duck_under": going.ducks_under,
    "roll": floor.rolls,
    "cartwheel": floor.cartwheels,
    "backflip": floor.flips_back,
    "side_flip": floor.flips_back,
    "fall_down": floor.falls_down,
    "get_up": floor.gets_up,
    "sit_down": floor.sits_down,
    "stand_up": floor.stands_up,
    "sit": floor.sits,
    "sit_on_floor": floor.sits_on_floor,
    "sit_down_on_floor": floor.sits_down_on_floor,
    "stand_up_from_floor": floor.stands_up_from_floor,
    "lie_down": floor.lies_down,
    "lie": floor.lies,
    "sleep": floor.sleeps,
    "sit_up": floor.sits_up,
    "kneel": floor.kneels,
    "crouch": floor.crouches,
    "squat": floor.squats,
    "push_up": floor.pushes_up,
    "meditate": floor.meditates,
    "spin_kick": strike.kicks_spinning,
    "boxing": strike.boxes,
    "fighting_stance": strike.stands_on_guard,
    "clap": hand.claps,
    "cheer": hand.cheers,
    "shrug": hand.shrugs,
    "stand": leaping.stands,
    "drink": hand.drinks,
    "throw_basketball": strike.throws_with_both,
    "basketball_dribble": hand.dribbles,
    "pick_up": hand.picks_up,
    "put_down": hand.puts_down,
    "reach_up": hand.reaches_up,
    "grab_high": hand.grabs_high,
    "push": hand.pushes,
    "mop_floor": hand.uses_both_hands_low,
    "wash_windows": hand.wipes_high,
    "arm_circle": hand.circles_arms,
    "twist_torso": hand.twists,
    "side_bend": hand.bends_sideways,
    "toe_touch": hand.touches_toes,
    "elbow_to_knee": leaping.knees_to_elbows,
    "spin": going.spins,
    "whirl": going.whirls,
}
"""All actions that joints can tell: joints (T, 22, 3), T >= 2 -> does the motion show it?"""


def _is_up(joints: np.ndarray, side: str) -> bool:
    return first.hands_are_high(joints, side) and stands_upright(joints)


_UP = {f"{action}_{side}": side for action in ("wave", "raise") for side in (*SIDES, "both")}
CLEARLY: dict[str, Rule] = {
    **dict.fromkeys(("clap", "shrug", "arm_circle", "drink", "stand", "bow", "side_bend"), stands_upright),
    **{name: partial(_is_up, side=side) for name, side in _UP.items()},
    **dict.fromkeys(("wave", "raise_hand"), lambda joints: any(_is_up(joints, side) for side in SIDES)),
    # A foot that swings low on the run is a shot, and seen as a step.
    "kick_ball": first.kicks,
    **{f"kick_ball_{side}": partial(first.kicks, side=side) for side in SIDES},
}
"""What makes an action that its rule finds in a motion one that nobody overlooks, nor frowns at. Takes are chosen by
it; no figure is counted by it, for many recorded waves are at the shoulder's height."""

BY_EYE = (
    "formal_walk", "rough_ground", "zombie_walk", "tired_walk", "climb", "swim", "tread_water", "fly", "karate",
    "block", "sword_stab", "sword_spin", "sword_fight", "shoot_bow", "aim_and_shoot", "reload", "hit_reaction",
    "cast_spell", "taunt", "power_up", "nod", "shake_head", "laugh", "talk", "sit_and_talk", "angry_gesture",
    "call", "guide", "respond", "direct_traffic", "dab", "dizzy", "tired", "listen", "basketball_shoot",
    "basketball_signals", "reach_up_and_down", "use", "wash_self", "repair_kneeling", "hold_torch", "drive",
    "side_reach", "salsa", "ballet", "indian_dance", "breakdance", "charleston", "teapot_song",
)  # fmt: skip
"""Actions of which joints say too little for a rule."""

OFF_THE_FLOOR = frozenset({
    "climb", "climb_stairs", "climb_ladder", "fly", "swim", "tread_water", "jump_down", "backflip",
})  # fmt: skip
"""Actions whose feet leave the floor for longer than a jump lasts, or stand on something else."""

COUNTS: dict[str, Callable[[np.ndarray], int]] = {
    "jump": leaping.count_jumps,
    "squat": floor.count_squats,
    "push_up": floor.count_push_ups,
    "jumping_jack": leaping.count_jumping_jacks,
    "hop_left": partial(leaping.count_hops, side="left"),
    "hop_right": partial(leaping.count_hops, side="right"),
    "hop": lambda joints: max(leaping.count_hops(joints, side) for side in SIDES),
    "clap": hand.count_claps,
    "punch": strike.count_thrusts,
    "knee_raise": leaping.count_knee_raises,
    "throw": lambda joints: max(strike.count_throws(joints, side) for side in SIDES),
}
"""Actions that can be counted: joints (T, 22, 3) -> how often."""

TURNS: dict[str, Callable[[np.ndarray], float]] = {
    "turn_left": going.turned,
    "turn_right": going.turned,
    "turn_around": going.turned,
    **{f"{action}{side}": going.turned for action in ("turn_on_the_spot", "spin") for side in ("", "_left", "_right")},
    **{f"{a}{side}": going.way_turned for a in ("walk_in_circle", "jog_in_circle") for side in ("", "_left", "_right")},
    "jump_turn": going.turned,
}
"""Actions that turn by so much: joints (T, 22, 3) -> degrees, positive to the left."""


def named_action(action: str, side: str | None) -> str | None:
    """The name in RULES of a label of the dataset; None for actions without a rule."""
    if side is not None and (action in _SIDED or action in ("wave", "raise_hand")):
        sided = f"raise_{side}" if action == "raise_hand" else f"{action}_{side}"
        if sided in RULES:
            return sided
    return action if action in RULES else None


def asked_side(action: str) -> str | None:
    """left, right or both, when the action's name says so."""
    side = action.rsplit("_", 1)[-1]
    return side if side in ("left", "right", "both") else None
