# SPDX-License-Identifier: Apache-2.0
"""Prompt checks: generate each prompt with several seeds and see whether the motion shows what it asks for."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from moclip.data.folder import DatasetFolder
from moclip.errors import MoclipError
from moclip.evaluation.quality import quality
from moclip.generate.familiarity import is_unfamiliar
from moclip.generate.pipeline import MAX_BATCH, TextToMotion
from moclip.generate.retakes import is_unseen
from moclip.motion.motion import Motion
from moclip.motion.skeleton import JOINT_INDEX
from moclip.nn.config import read_settings, suggestion
from moclip.prompts.requests import Request, Result
from moclip.prompts.together import read_together
from moclip.showing.asked import Asked, shows, wrong_side
from moclip.showing.kinematics import FPS
from moclip.showing.rules import BY_EYE, COUNTS, RULES, TURNS

_FEET = [JOINT_INDEX[f"{side}_{part}"] for side in ("left", "right") for part in ("ankle", "foot")]


@dataclass(frozen=True)
class Prompt:
    """seconds: None for the model's own length. note: what a viewer should see."""

    text: str
    asked: Asked
    seconds: float | None = None
    note: str = ""

    @property
    def actions(self) -> tuple[str, ...]:
        return self.asked.actions

    @property
    def described(self) -> str:
        """What has to be shown, in short: "walk > wave_left", "walk + wave_left", "jump x 2", "spin 360 deg"."""
        asked = self.asked
        words = (" + " if asked.together else " > ").join(asked.actions) or "none of the actions"
        times = f" x {asked.times}" if asked.times else ""
        return words + times + (f" {asked.degrees:.0f} deg" if asked.degrees else "")


@dataclass(frozen=True)
class Sample:
    """passed: by the rules; None where only a viewer can tell. wrong_side: None where the prompt names no side.

    warned: whether the model told that this is none of its actions. motion_key: the same for the same motion. feet_off:
    metres by which feet are elsewhere than without what the arms do at the same time, None where they do nothing.
    """

    prompt: Prompt
    seed: int
    passed: bool | None
    wrong_side: bool | None
    motion: Motion
    warned: bool = False
    motion_key: str = ""
    feet_off: float | None = None


@dataclass(frozen=True)
class _Row:
    """A prompt as the lists hold it. seconds: null asks for the model's own length, and has to be said."""

    text: str
    actions: list[str]
    seconds: float | None
    together: bool = False
    times: int | None = None
    degrees: float | None = None
    note: str = ""


def load_prompts(path: Path) -> list[Prompt]:
    """Read {"prompts": [{"text", "actions", "seconds"}, ...]}; `together`, `times`, `degrees` and `note` may be there.

    Raises MoclipError for what is missing or unknown.
    """
    hint = 'It holds {"prompts": [{"text": "a man walks", "actions": ["walk"], "seconds": 4.0}]}.'
    try:
        rows = json.loads(Path(path).read_text(encoding="utf-8"))["prompts"]
        prompts = [_prompt(path, row) for row in rows]
    except OSError as error:
        raise MoclipError(
            f"The prompts file {path} cannot be read.", hint="Check --prompts.", code="bad_file"
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise MoclipError(f"{path} is not a list of prompts.", hint=hint, code="bad_file") from error
    if not prompts:
        raise MoclipError(f"{path} holds no prompts.", hint=hint, code="bad_file")
    return prompts


def _prompt(path: Path, row: dict[str, Any]) -> Prompt:
    told = read_settings(_Row, row, f"a prompt of {path}", hint="See the other prompts of the list.")
    asked = Asked(tuple(told.actions), told.together, told.times, told.degrees)
    _refuse_unknown(asked.actions, f' of "{told.text}"', "bad_file")
    if len(asked.actions) > 2 or not (asked.actions or told.note):
        hint = "Give one or two actions; none with a note for what has no name."
        raise MoclipError(f'"{told.text}" does not name one or two known actions.', hint=hint, code="bad_file")
    countable = told.times is None or asked.actions[:1] and asked.actions[0] in COUNTS
    turning = told.degrees is None or asked.actions[:1] and asked.actions[0] in TURNS
    alone = len(asked.actions) == 1 or told.times is None and told.degrees is None
    if not (countable and turning and alone) or told.together and len(asked.actions) != 2:
        raise MoclipError(
            f'"{told.text}" asks for what no rule measures.',
            hint=f"`times` goes with one of {', '.join(COUNTS)}, `degrees` with one of {', '.join(TURNS)}, "
            "`together` with two actions.",
            code="bad_file",
        )
    return Prompt(told.text, asked, told.seconds, told.note)


def _refuse_unknown(actions: Iterable[str], where: str, code: str) -> None:
    known = {*RULES, *BY_EYE}
    for action in actions:
        if action not in known:
            hint = "Name actions as the lists of prompts do."
            raise MoclipError(f"There is no action '{action}'{where}{suggestion(action, known)}.", hint=hint, code=code)


def only_actions(prompts: Sequence[Prompt], actions: set[str]) -> list[Prompt]:
    """The prompts all of whose actions are among these, for a model that was taught no others.

    Raises MoclipError for an action that has no rule, and when no prompt is left.
    """
    _refuse_unknown(sorted(actions), "", "bad_actions")
    kept = [prompt for prompt in prompts if prompt.actions and set(prompt.actions) <= actions]
    if not kept:
        raise MoclipError(
            f"No prompt of the list shows only {', '.join(sorted(actions))}.",
            hint="Name more actions.",
            code="bad_actions",
        )
    return kept


def known_prompts(prompts: Sequence[Prompt], dataset: DatasetFolder) -> list[str]:
    """The prompts that are captions of the training split, but for case and punctuation."""
    captions = {bare_words(c) for clip in dataset.ids("train") for c in dataset.captions(clip)}
    return [prompt.text for prompt in prompts if bare_words(prompt.text) in captions]


def bare_words(text: str) -> str:
    """The words of a sentence in lower case, without punctuation."""
    return " ".join("".join(char if char.isalpha() else " " for char in text.lower()).split())


def run_checks(
    model: TextToMotion,
    prompts: Sequence[Prompt],
    seeds: Sequence[int],
    progress: Callable[[float], None] = lambda fraction: None,
) -> Iterator[Sample]:
    """One sample for each prompt and seed, in batches of like length. Raises MoclipError for a model not at 20 fps."""
    if model.fps != FPS:
        raise MoclipError(
            f"The prompt checks measure motion at {FPS:g} frames a second, and this model makes {model.fps:g}.",
            hint="Use a HumanML3D-like model.",
            code="bad_model",
        )
    # Batches are padded to their longest motion, so like lengths go together.
    work = sorted(((p, s) for p in prompts for s in seeds), key=lambda item: item[0].seconds or 0.0)
    for first in range(0, len(work), MAX_BATCH):
        batch = work[first : first + MAX_BATCH]
        results = model.generate([Request(p.text, p.seconds, s) for p, s in batch])
        for (prompt, seed), result in zip(batch, results, strict=True):
            sample = _judged(prompt, seed, result)
            off = _feet_off(model, prompt, seed, result) if read_together(prompt.text).layers else None
            yield replace(sample, feet_off=off)
        progress(min(1.0, (first + MAX_BATCH) / len(work)))


def _judged(prompt: Prompt, seed: int, result: Result) -> Sample:
    joints = result.motion.joints()
    passed = None if prompt.asked.by_eye else shows(joints, prompt.asked)
    warned = any(is_unfamiliar(warning) or is_unseen(warning) for warning in result.warnings)
    key = hashlib.sha256(np.ascontiguousarray(result.tokens, dtype="<i8").tobytes()).hexdigest()[:12]
    return Sample(prompt, seed, passed, wrong_side(joints, prompt.asked), result.motion, warned, key)


def _feet_off(model: TextToMotion, prompt: Prompt, seed: int, result: Result) -> float:
    base = Request(read_together(prompt.text).base, prompt.seconds, seed)
    alone, own = model.generate([base])[0].motion.joints(), result.motion.joints()
    if len(alone) != len(own):
        return float("inf")
    return float(np.linalg.norm(alone[:, _FEET] - own[:, _FEET], axis=-1).max())


def summarise(samples: Sequence[Sample]) -> dict[str, Any]:
    """Rates from 0 to 1: overall with its deviation over seeds, by action, two actions, sides; failing prompts.

    What only a viewer can tell is counted in `by_eye` and nowhere else.
    """
    told = [sample for sample in samples if sample.passed is not None]
    by_action, by_prompt, by_seed = defaultdict(list), defaultdict(list), defaultdict(list)
    for sample in told:
        by_action[sample.prompt.actions].append(sample.passed)
        by_prompt[sample.prompt.text].append(sample)
        by_seed[sample.seed].append(bool(sample.passed))
    single = {actions[0]: _mean(v) for actions, v in by_action.items() if len(actions) == 1}
    sides = [sample.wrong_side for sample in told if sample.wrong_side is not None]
    seeds = [float(np.mean(v)) for v in by_seed.values()]
    failing = [_failing(text, group) for text, group in by_prompt.items() if not all(s.passed for s in group)]
    together = [s.passed for s in told if s.prompt.asked.together]
    return {
        "samples": len(samples),
        "prompts": len({sample.prompt.text for sample in samples}),
        "seeds": len({sample.seed for sample in samples}),
        "by_eye": len(samples) - len(told),
        "pass_rate": _mean(s.passed for s in told),
        "pass_rate_sd_over_seeds": float(np.std(seeds, ddof=1)) if len(seeds) > 1 else 0.0,
        "one_action": _mean(s.passed for s in told if len(s.prompt.actions) == 1),
        "two_actions": _mean(s.passed for s in told if len(s.prompt.actions) == 2 and not s.prompt.asked.together),
        "at_once": _mean(together),
        "feet_off_metres": max((s.feet_off for s in samples if s.feet_off is not None), default=None),
        "side_error": _mean(sides),
        "side_samples": len(sides),
        "actions": {action: single[action] for action in RULES if action in single},
        **quality([sample.motion.joints() for sample in samples], [sample.prompt.actions for sample in samples]),
        "failing": sorted(failing, key=lambda row: row["pass_rate"]),
    }


def _mean(values: Iterable[float | bool | None]) -> float | None:
    known = [float(value) for value in values if value is not None]
    return float(np.mean(known)) if known else None


def _failing(text: str, group: Sequence[Sample]) -> dict[str, Any]:
    return {
        "text": text,
        "actions": list(group[0].prompt.actions),
        "asked": group[0].prompt.described,
        "pass_rate": float(np.mean([bool(s.passed) for s in group])),
        "failing_seeds": sorted(s.seed for s in group if not s.passed),
    }
