# SPDX-License-Identifier: Apache-2.0
"""Which actions show another one, too: a sprint is a run, a squat a crouch, and who lies down may sit on the way."""

from moclip.showing.rules import FIRST_RULES

IMPLIED = {
    ("sprint", "run"): "runs of the data are as fast as its dashes (top speeds 1.4 to 3.9 m/s and 2.6 to 4.6 m/s)",
    ("run", "sprint"): "a sprint is a run",
}
"""(rule, action of the clips) -> why such clips are not counted among the other actions."""
KINDS = (
    *((rule, {"turn_left", "turn_right", "walk_in_circle"}, "some turn no farther than a veer")
      for rule in ("walk_left", "walk_right")),
    ("walk", {"slow_walk", "brisk_walk", "long_strides", "stop", "sneak", "formal_walk", "tired_walk", "march",
              "zombie_walk", "rough_ground"}, "walks, of another manner"),
    ("slow_walk", {"walk", "sneak", "zombie_walk", "tired_walk", "stop", "limp", "crouch_walk"}, "slow walks too"),
    ("brisk_walk", {"walk", "long_strides", "jog"}, "fast walks too"),
    ("walk_around", {"turn_left", "turn_right", "turn_around", "walk_in_circle", "rough_ground", "climb_stairs",
                     "salsa"}, "walks that turn"),
    ("run", {"jog", "run_and_stop", "run_and_turn", "leap", "jump_over", "running_jump", "dodge"}, "run in part"),
    ("sprint", {"jog", "run_and_stop", "run_and_turn", "leap", "jump_over", "running_jump"}, "run in part"),
    ("jog", {"run", "sprint", "run_and_stop", "run_and_turn", "leap", "jump_over", "running_jump"}, "run in part"),
    ("run_and_turn", {"jog_in_circle"}, "runs that turn"),
    ("turn_left", {"jog_in_circle", "run_and_turn", "walk_in_circle"}, "turn on their way"),
    ("turn_right", {"jog_in_circle", "run_and_turn", "walk_in_circle"}, "turn on their way"),
    ("jump", {"high_jump", "jump_forward", "jump_over", "running_jump", "leap", "jump_turn", "hop", "jumping_jack",
              "jump_down", "backflip", "side_flip", "reach_up"}, "jumps, of another manner or in part"),
    ("high_jump", {"jump", "leap", "jump_over", "running_jump", "jump_turn", "jump_forward", "backflip", "side_flip",
                   "reach_up", "jump_down"}, "some of them are high"),
    ("jump_forward", {"hop", "jump_over", "jump_down", "running_jump"}, "jumps that carry on"),
    *((rule, {"leap", "jump_over", "running_jump"}, "flights out of a run, all three")
      for rule in ("leap", "jump_over", "running_jump")),
    ("jump_turn", {"spin_kick", "side_flip", "cartwheel"}, "turn in the air"),
    ("kick", {"front_kick", "side_kick", "roundhouse_kick", "spin_kick", "kick_ball", "karate"}, "kicks"),
    ("kick_ball", {"kick", "front_kick", "side_kick", "roundhouse_kick", "spin_kick"}, "a foot swings as at a ball"),
    ("front_kick", {"kick", "karate"}, "kicks"),
    ("side_kick", {"kick", "roundhouse_kick", "spin_kick"}, "kicks"),
    ("roundhouse_kick", {"kick", "side_kick", "spin_kick"}, "kicks that turn"),
    ("punch", {"boxing", "karate", "taunt"}, "with punches in them"),
    ("boxing", {"karate", "punch"}, "several blows"),
    ("slash", {"sword_fight", "sword_spin"}, "with cuts in them"),
    ("wave", {"wash_windows", "direct_traffic", "call"}, "a raised hand that swings"),
    ("raise_hand", {"grab_high", "reach_up", "use", "drink"}, "a hand goes up"),
    ("raise_hand", {"guide", "respond", "call", "listen", "hold_torch", "direct_traffic"}, "gestures of a raised hand"),
    ("raise_both", {"throw_basketball", "cheer", "reach_up"}, "both hands go up"),
    ("cheer", {"raise_both", "wave_both", "jumping_jack", "throw_basketball", "basketball_shoot", "reach_up"},
     "both hands go up"),
    ("reach_up", {"grab_high", "raise_left", "raise_right", "raise_both", "wave_left", "wave_right", "wave_both",
                  "jumping_jack", "cheer", "reach_up_and_down", "wash_windows", "throw_basketball",
                  "basketball_shoot"}, "a hand is far up"),
    ("grab_high", {"reach_up", "raise_left", "raise_right", "wave_left", "wave_right", "use", "raise_hand",
                   "reach_up_and_down", "drink", "respond", "guide", "call", "listen", "throw"}, "a hand goes up"),
    ("lie", {"sleep"}, "lie"),
    ("sleep", {"lie"}, "lie"),
    ("sit", {"sit_and_talk", "drive"}, "are seated"),
    ("sit_on_floor", {"meditate"}, "sit on the floor"),
    ("meditate", {"sit_on_floor"}, "sit on the floor and keep still"),
    ("sit_down_on_floor", {"lie_down"}, "sit on the floor on their way down"),
    ("stand_up_from_floor", {"get_up"}, "sit on the floor on their way up"),
    ("sit_down", {"stand_up"}, "recorded with both, one after the other"),
    ("stand_up", {"sit_down"}, "recorded with both, one after the other"),
    ("kneel", {"repair_kneeling"}, "kneel"),
    ("crouch", {"squat", "crouch_walk", "repair_kneeling"}, "are low over the feet"),
    ("squat", {"jumping_jack", "crouch"}, "bend the knees deep and come up"),
    ("pick_up", {"put_down", "toe_touch", "reach_up_and_down", "repair_kneeling"}, "reach down, and come up"),
    ("put_down", {"pick_up", "toe_touch", "reach_up_and_down", "repair_kneeling"}, "reach down, and come up"),
    ("toe_touch", {"put_down", "pick_up", "reach_up_and_down"}, "some reach to the feet"),
    ("bow", {"put_down", "pick_up", "toe_touch", "reach_up_and_down"}, "bend down"),
    ("knee_raise", {"elbow_to_knee", "balance_on_one_leg", "march", "run_in_place", "dance", "ballet"},
     "lift a knee"),
    ("elbow_to_knee", {"knee_raise"}, "with an elbow near"),
    ("balance_on_one_leg", {"knee_raise", "elbow_to_knee", "ballet"}, "stand on one leg"),
    ("walk_in_place", {"run_in_place", "elbow_to_knee", "knee_raise", "march"}, "step on the spot"),
    ("march", {"knee_raise", "elbow_to_knee"}, "lift the knees in turns"),
    ("spin", {"whirl", "salsa", "sword_spin", "spin_kick", "breakdance", "jump_turn"}, "turn right round in part"),
    ("whirl", {"spin", "salsa", "breakdance"}, "turn round and round in part"),
    ("turn_on_the_spot", {"jump_turn", "spin"}, "turn on the spot"),
    ("climb_stairs", {"climb", "climb_ladder"}, "go up by the legs"),
    ("throw_basketball", {"basketball_shoot", "raise_both", "cheer"}, "both hands go up"),
    ("climb_ladder", {"climb"}, "go up by hands and feet"),
    ("duck_under", {"put_down", "pick_up"}, "dip on their way"),
    ("dance", {"salsa", "ballet", "indian_dance", "breakdance", "charleston", "whirl", "jumping_jack"},
     "dances, or as lively"),
    ("roll", {"cartwheel"}, "turn over"),
    ("side_flip", {"backflip"}, "flips"),
    ("backflip", {"side_flip"}, "flips"),
    ("cartwheel", {"side_flip"}, "turn over sideways"),
    ("fighting_stance", {"boxing", "block", "sword_stab"}, "on guard in part"),
    ("stand", {"talk", "listen", "nod", "shake_head", "use"}, "hardly move"),
    ("clap", {"sword_fight"}, "two hands on one hilt meet again and again"),
    ("stop", {"run_and_stop"}, "come to a halt"),
    ("run_and_stop", {"jump_forward", "kick_ball"}, "run up, and slow down"),
)  # fmt: skip
"""(rule, actions of clips that show it too, or may, why)."""


def implied(rule: str, action: str) -> bool:
    """Whether clips of an action are left out of the others of a rule: they show it too, in part or as a kind of it."""
    kind, shown = plain(rule), plain(action)
    if (rule, action) in IMPLIED:
        return True
    # An action's clips without a side, or of both, may show either.
    same = kind == shown and (rule == kind or action == shown)
    return same or any(kind == name and ({shown, action} & actions) for name, actions, _ in KINDS)


def plain(rule: str) -> str:
    """A rule's action without the side: hop_left is a hop; walk_left and turn_left are actions of their own."""
    if rule in FIRST_RULES and not rule.startswith(("wave_", "raise_")):
        return rule
    name = rule.removesuffix("_left").removesuffix("_right").removesuffix("_both")
    return "raise_hand" if name == "raise" else name
