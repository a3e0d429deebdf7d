# SPDX-License-Identifier: Apache-2.0
"""Captions from the lists that people wrote whole, and of what is done so often or by so much."""

from __future__ import annotations

import numpy as np

from moclip.captions.grammar import chance, conjugate, finite, pick, random_agent, words
from moclip.captions.labels import ActionLabel
from moclip.captions.style_phrases import ALIASES, STYLES
from moclip.captions.written import counts, written

SIDE_SHARE = 0.78
"""Of the captions of a motion with a side that name it."""
STYLED_AS = {("walk", "tired"): "tired_walk", ("walk", "exhausted"): "tired_walk", ("walk", "slow"): "slow_walk"}
"""What an action in some style is called, besides."""

# Verb phrase, noun and its plural of what is counted.
COUNTABLE = {
    "squat": ("squat down", "squat", "squats"),
    "jumping_jack": ("do a jumping jack", "jumping jack", "jumping jacks"),
    "push_up": ("do a push-up", "push-up", "push-ups"),
    "sit_up": ("do a sit-up", "sit-up", "sit-ups"),
    "toe_touch": ("touch {his} toes", "toe touch", "toe touches"),
    "knee_raise": ("raise {his} knee", "knee raise", "knee raises"),
    "elbow_to_knee": ("bring {his} elbow to {his} knee", "elbow-to-knee touch", "elbow-to-knee touches"),
    "arm_circle": ("circle {his} arms", "arm circle", "arm circles"),
    "jump": ("jump", "jump", "jumps"),
    "jump_forward": ("jump forward", "forward jump", "forward jumps"),
    "hop": ("hop", "hop", "hops"),
    "punch": ("punch", "punch", "punches"),
    "kick": ("kick", "kick", "kicks"),
    "front_kick": ("kick forward", "front kick", "front kicks"),
    "side_kick": ("kick to the side", "side kick", "side kicks"),
    "roundhouse_kick": ("do a roundhouse kick", "roundhouse kick", "roundhouse kicks"),
    "clap": ("clap", "clap", "claps"),
    "nod": ("nod", "nod", "nods"),
    "bow": ("bow", "bow", "bows"),
    "cartwheel": ("do a cartwheel", "cartwheel", "cartwheels"),
    "slash": ("slash", "slash", "slashes"),
    "side_step": ("step to the side", "side step", "side steps"),
    "twist_torso": ("twist {his} torso", "torso twist", "torso twists"),
    "side_bend": ("bend to the side", "side bend", "side bends"),
    "spin": ("spin around", "spin", "spins"),
    "grab_high": ("grab something from a high shelf", "grab from above", "grabs from above"),
    "throw": ("throw something", "throw", "throws"),
}
_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_TIMES = {1: ("once", "one time", "a single time"), 2: ("twice", "two times"), 3: ("three times", "thrice", "3 times")}
_COUNTED = words(
    """{a} {verb} {times}|{base} {times}|{a} {verb} {times} in a row|{ing} {times}|{a} does {n} {noun}|do {n} {noun}|
    {n} {noun}|{n} {noun} in a row|{a} is doing {n} {noun}|make {a} do {n} {noun}|{a}, {n} {noun}|{noun} x{digit}|
    {a} performs {n} {noun}|{a} did {n} {noun}|{a} {verb}, {times} in all"""
)
_TURN_ENDS = {
    "quarter": words("by 90 degrees|90 degrees|by ninety degrees|a quarter turn|by a quarter|to the side"),
    "half": words(
        """around|round|by 180 degrees|180 degrees|to face the other way|half a turn|to look behind {his} back|
        to face backwards|halfway round|about|right round"""
    ),
    "full": words(
        """by 360 degrees|360 degrees|all the way round|a full turn|a full circle|once around|a complete turn|
        all the way around"""
    ),
}
_TURN_PLACES = words("on the spot|in place|where {he} stands|standing|without walking||||")
_TURN_VERBS = words("turn|turn|turn|rotate|pivot|swivel|spin slowly")


def written_sentence(label: ActionLabel, rng: np.random.Generator) -> str:
    """A sentence that somebody wrote of the action, its style behind it; "" where nobody did.

    Sentences that name a number are left out: of what is done so often others tell (`counted_sentence`).
    """
    action = STYLED_AS.get((label.action, label.style or ""), label.action)
    renamed = action != label.action and chance(rng, 0.5)
    lists = written().get(action if renamed else label.action)
    if lists is None:
        return ""
    of_side = lists.of_side(label.side)
    # What names no hand is said of one.
    chosen = of_side if label.side == "both" or (of_side and chance(rng, SIDE_SHARE)) else lists.any
    if label.action in COUNTABLE:
        chosen = tuple(sentence for sentence in chosen if not counts(sentence))
    if not chosen:
        return ""
    sentence = pick(rng, chosen)
    style = STYLES.get(ALIASES.get(label.style or "", label.style or ""))
    if style is None or renamed or chance(rng, 0.14):
        return sentence
    bare = sentence.rstrip(".!")
    return f"{bare}, {pick(rng, style.adverbs)}" if chance(rng, 0.5) else f"{bare} {pick(rng, style.manners)}"


def counted_sentence(label: ActionLabel, rng: np.random.Generator) -> str:
    """A sentence that says how often it is done. Raises KeyError for an action that is not `COUNTABLE`."""
    phrase, one, several = COUNTABLE[label.action]
    count = label.count or 1
    side = label.side if label.side in ("left", "right") else ""
    if side and label.action in ("side_step", "side_bend"):
        phrase = phrase.replace("the side", f"the {side}")
    elif side and label.action in ("kick", "front_kick", "side_kick", "roundhouse_kick", "punch", "throw", "slash"):
        phrase = f"{phrase} with {{his}} {side} {'hand' if label.action in ('punch', 'throw', 'slash') else 'leg'}"
        one, several = f"{side} {one}", f"{side} {several}"
    elif side and label.action in ("hop", "knee_raise"):
        phrase = f"hop on {{his}} {side} foot" if label.action == "hop" else f"raise {{his}} {side} knee"
        several = f"{several} on the {side} foot" if label.action == "hop" else f"{side} {several}"
        one = f"{one} on the {side} foot" if label.action == "hop" else f"{side} {one}"
    agent = random_agent(rng)
    digit = str(count)
    values = {
        "{a}": agent.text,
        "{verb}": conjugate(phrase, "s" if agent.number == "s" else "base", agent, side, rng),
        "{base}": conjugate(phrase, "base", agent, side, rng),
        "{ing}": conjugate(phrase, "ing", agent, side, rng),
        "{times}": pick(rng, _TIMES.get(count, (f"{_NUMBERS[min(count, 10)]} times", f"{count} times"))),
        "{n}": _NUMBERS[min(count, 10)] if chance(rng, 0.6) else digit,
        "{noun}": one if count == 1 else several,
        "{digit}": digit,
    }
    sentence = pick(rng, _COUNTED)
    for slot, value in values.items():
        sentence = sentence.replace(slot, value)
    if agent.number == "p":
        for one_does, they_do in (("does", "do"), ("is", "are"), ("performs", "perform")):
            sentence = sentence.replace(f"{agent.text} {one_does} ", f"{agent.text} {they_do} ")
    return sentence


def turned_sentence(label: ActionLabel, rng: np.random.Generator) -> str:
    """A sentence that says how far somebody turns on the spot: label.turn is "quarter", "half" or "full"."""
    end = pick(rng, _TURN_ENDS[label.turn or "half"])
    side = label.side if label.side in ("left", "right") and chance(rng, SIDE_SHARE) else ""
    if end == "to the side":
        end = f"to the {side}" if side else end
    elif side:
        end = f"{end} to the {side}" if chance(rng, 0.6) else f"to the {side} {end}"
    phrase = f"{pick(rng, _TURN_VERBS)} {end} {pick(rng, _TURN_PLACES)}".strip()
    agent, form = random_agent(rng), rng.random()
    if form < 0.25:
        return conjugate(phrase, "base", agent, side)
    if form < 0.4:
        return conjugate(phrase, "ing", agent, side)
    return finite(phrase, agent, side, rng)
