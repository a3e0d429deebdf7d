# SPDX-License-Identifier: Apache-2.0
"""Actions that a viewer takes for another one that was asked for: a formal walk is a walk."""

_KIN = """
walk: formal_walk slow_walk brisk_walk long_strides stop rough_ground
slow_walk: walk tired_walk sneak
brisk_walk: walk long_strides formal_walk
walk_around: walk_in_circle turn_left turn_right turn_around walk_zigzag walk_figure_eight
run: jog sprint run_and_stop run_and_turn run_zigzag
sprint: run
jog: run jog_in_circle
run_and_turn: run_zigzag run_u_turn jog_in_circle
jump: high_jump jump_forward
high_jump: jump
jump_over: leap running_jump jump_forward
leap: jump_over running_jump jump_forward
running_jump: leap jump_over jump_forward
kick: front_kick side_kick roundhouse_kick spin_kick kick_ball
front_kick: kick
side_kick: kick
kick_ball: kick front_kick
roundhouse_kick: spin_kick
punch: boxing
boxing: punch
fighting_stance: boxing block
slash: sword_fight sword_spin
sword_fight: slash sword_spin
dance: salsa charleston indian_dance ballet breakdance
raise_hand: hold_torch grab_high reach_up
grab_high: raise_hand reach_up
reach_up: raise_hand grab_high
cheer: raise_hand
throw_basketball: basketball_shoot
basketball_shoot: throw_basketball
pick_up: put_down
put_down: pick_up
lie: sleep
sleep: lie
sit: sit_and_talk drive
sit_on_floor: meditate
meditate: sit_on_floor
get_up: stand_up_from_floor
stand_up_from_floor: get_up
stand: listen talk
spin: whirl
whirl: spin
side_flip: backflip
sneak: crouch_walk
crouch_walk: sneak
climb_stairs: climb
climb_ladder: climb
"""
KIN = {
    asked: frozenset(shown.split()) for asked, _, shown in (line.partition(":") for line in _KIN.split("\n") if line)
}
