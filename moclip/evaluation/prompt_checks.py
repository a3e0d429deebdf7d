# SPDX-License-Identifier: Apache-2.0
"""Prompt checks: generate each prompt with several seeds and see whether the motion shows what it asks for."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from moclip.data.folder import DatasetFolder
from moclip.errors import MoclipError
from moclip.evaluation.kinematics import FPS, foot_skating, mean_jerk
from moclip.evaluation.rules import RULES, shows, shows_at_once, wrong_side
from moclip.generate.pipeline import MAX_BATCH, TextToMotion
from moclip.motion.motion import Motion
from moclip.motion.skeleton import JOINT_INDEX
from moclip.prompts.requests import Request
from moclip.prompts.together import read_together

_FEET = [JOINT_INDEX[f"{side}_{part}"] for side in ("left", "right") for part in ("ankle", "foot")]


@dataclass(frozen=True)
class Prompt:
    """actions: one name of RULES, or two that follow one another. seconds: None for the model's own length. at_once:
    the two happen at the same time, the second one with the arms."""

    text: str
    actions: tuple[str, ...]
    seconds: float | None
    at_once: bool = False

    def shown_by(self, joints: np.ndarray) -> bool:
        return shows_at_once(joints, *self.actions) if self.at_once else shows(joints, self.actions)


@dataclass(frozen=True)
class Sample:
    """wrong_side: None where the prompt names no side. feet_off: metres by which feet are elsewhere than without what
    is done at the same time, None where nothing is."""

    prompt: Prompt
    seed: int
    passed: bool
    wrong_side: bool | None
    motion: Motion
    feet_off: float | None = None


def load_prompts(path: Path) -> list[Prompt]:
    """Read {"prompts": [{"text", "actions", "seconds"}, ...]}. Raises MoclipError for what is missing or unknown."""
    hint = 'It holds {"prompts": [{"text": "a man walks", "actions": ["walk"], "seconds": 4.0}]}.'
    try:
        rows = json.loads(Path(path).read_text(encoding="utf-8"))["prompts"]
        prompts = [
            Prompt(row["text"], tuple(row["actions"]), row["seconds"], row.get("at_once", False)) for row in rows
        ]
    except OSError as error:
        raise MoclipError(
            f"The prompts file {path} cannot be read.", hint="Check --prompts.", code="bad_file"
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise MoclipError(f"{path} is not a list of prompts.", hint=hint, code="bad_file") from error
    for prompt in prompts:
        if not 1 <= len(prompt.actions) <= 2 or not set(prompt.actions) <= set(RULES):
            hint = f"Use: {', '.join(RULES)}."
            raise MoclipError(f'"{prompt.text}" does not name one or two known actions.', hint=hint, code="bad_file")
        if prompt.at_once and not (len(prompt.actions) == 2 and prompt.actions[1].startswith(("wave_", "raise_"))):
            told = f'"{prompt.text}" does not name an action and one of the arms that happen at once.'
            raise MoclipError(told, hint='Such as ["walk", "wave_left"].', code="bad_file")
    if not prompts:
        raise MoclipError(f"{path} holds no prompts.", hint=hint, code="bad_file")
    return prompts


def only_actions(prompts: Sequence[Prompt], actions: set[str]) -> list[Prompt]:
    """The prompts all of whose actions are among these, for a model that was taught no others.

    Raises MoclipError for an action that has no rule, and when no prompt is left.
    """
    unknown = sorted(actions - set(RULES))
    if unknown:
        raise MoclipError(f"There is no action '{unknown[0]}'.", hint=f"Use: {', '.join(RULES)}.", code="bad_actions")
    kept = [prompt for prompt in prompts if set(prompt.actions) <= actions]
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
            joints = result.motion.joints()
            wrong = None if prompt.at_once else wrong_side(joints, prompt.actions)
            off = _feet_off(model, prompt, seed, joints) if prompt.at_once else None
            yield Sample(prompt, seed, prompt.shown_by(joints), wrong, result.motion, off)
        progress(min(1.0, (first + MAX_BATCH) / len(work)))


def _feet_off(model: TextToMotion, prompt: Prompt, seed: int, joints: np.ndarray) -> float:
    alone = model.generate([Request(read_together(prompt.text).base, prompt.seconds, seed)])[0].motion.joints()
    if len(alone) != len(joints):
        return float("inf")
    return float(np.linalg.norm(alone[:, _FEET] - joints[:, _FEET], axis=-1).max())


def summarise(samples: Sequence[Sample]) -> dict[str, Any]:
    """Rates from 0 to 1: overall with its deviation over seeds, by action, two actions, sides; failing prompts."""
    by_action, by_prompt, by_seed = defaultdict(list), defaultdict(list), defaultdict(list)
    for sample in samples:
        by_action[_named(sample.prompt)].append(sample.passed)
        by_prompt[sample.prompt.text].append(sample)
        by_seed[sample.seed].append(sample.passed)
    single = {action: float(np.mean(v)) for action, v in by_action.items() if action in RULES}
    feet = [sample.feet_off for sample in samples if sample.feet_off is not None]
    sides = [sample.wrong_side for sample in samples if sample.wrong_side is not None]
    seeds = [float(np.mean(v)) for v in by_seed.values()]
    walks = [sample.motion.joints() for sample in samples if sample.prompt.actions == ("walk",)]
    failing = [_failing(text, group) for text, group in by_prompt.items() if not all(s.passed for s in group)]
    return {
        "samples": len(samples),
        "prompts": len(by_prompt),
        "seeds": len(seeds),
        "pass_rate": float(np.mean([s.passed for s in samples])),
        "pass_rate_sd_over_seeds": float(np.std(seeds, ddof=1)) if len(seeds) > 1 else 0.0,
        "one_action": _mean(s.passed for s in samples if len(s.prompt.actions) == 1),
        "two_actions": _mean(s.passed for s in samples if len(s.prompt.actions) == 2 and not s.prompt.at_once),
        "at_once": _mean(s.passed for s in samples if s.prompt.at_once),
        "feet_off_metres": max(feet) if feet else None,
        "side_error": _mean(sides),
        "side_samples": len(sides),
        "actions": {action: single[action] for action in RULES if action in single},
        "walk_foot_skating": _mean(foot_skating(j) for j in walks),
        "walk_mean_jerk": _mean(mean_jerk(j) for j in walks),
        "failing": sorted(failing, key=lambda row: row["pass_rate"]),
    }


def _mean(values: Iterable[float]) -> float | None:
    values = list(values)
    return float(np.mean(values)) if values else None


def _named(prompt: Prompt) -> str:
    return (" + " if prompt.at_once else " > ").join(prompt.actions)


def _failing(text: str, group: Sequence[Sample]) -> dict[str, Any]:
    return {
        "text": text,
        "actions": list(group[0].prompt.actions),
        "named": _named(group[0].prompt),
        "pass_rate": float(np.mean([s.passed for s in group])),
        "failing_seeds": sorted(s.seed for s in group if not s.passed),
    }
