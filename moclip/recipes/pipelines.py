# SPDX-License-Identifier: Apache-2.0
"""The same comparison under several generators: each is trained to the teacher's tower, then tuned to every arm's.

Their bases share one work folder, `pipelines/`: the codes that two of them read, and their residual transformer, are
made once. All have the batches, steps and draws of their recipes, whose steps may be set for all.
"""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from moclip.models import model_info
from moclip.recipes.ablation import Ablation
from moclip.recipes.generator_trials import GeneratorTrial, run_generators
from moclip.recipes.generators import generator_training
from moclip.recipes.pack import pack
from moclip.recipes.recipe import DEFAULT_RECIPE, Recipe, kept_in_int8, load_recipe
from moclip.recipes.stages import stages_of

FOLDER = "pipelines"
RECIPES: dict[str, Path] = {"momask": DEFAULT_RECIPE}
"""Of the generators whose recipe does not have their name."""


@dataclass(frozen=True)
class Bases:
    """How the generators are made that are tuned afterwards. steps: of each of their networks, None for those of their
    recipes; codec_steps: the same of the codecs. codecs: a model whose codec serves where it is of the kind wanted."""

    steps: int | None = None
    codec_steps: int | None = None
    codecs: str | None = None


def run_pipelines(
    ablation: Ablation,
    pipelines: Sequence[str],
    arms: Sequence[str],
    seeds: Sequence[int],
    bases: Bases,
    trial: GeneratorTrial,
) -> dict[str, dict[str, Any]]:
    """What `run_generators` finds under each generator: its name -> report. What is done is not done again.

    trial.generator is not looked at. The arms must have been trained. Raises MoclipError, before any training, for an
    unknown generator.
    """
    for name in pipelines:
        generator_training(name)
    found = {}
    for name in pipelines:
        base = train_base(ablation, name, bases)
        found[name] = run_generators(ablation, arms, seeds, replace(trial, generator=str(base), label=name))
    return found


def train_base(ablation: Ablation, generator: str, bases: Bases) -> Path:
    """The model folder of a generator that reads the teacher's tower, trained where it is not there yet."""
    work = ablation.work / FOLDER
    out = work / f"base-{generator}"
    if (out / "model.json").is_file():
        return out
    work.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(ablation.work / "tower.safetensors", work / "text.safetensors")
    recipe = _with_steps(load_recipe(RECIPES.get(generator, Path(generator))), generator, bases)
    training = generator_training(generator)
    codec_is_given = _take_codec(work, training.vq.KIND, bases.codecs)
    stages = stages_of(generator)
    for stage in ("rvq", "tokens", *training.learners):
        if stage == "rvq" and codec_is_given:
            continue
        ablation.log(f"-- {stage} of {generator}")
        stages[stage](ablation.dataset, work, recipe, log=ablation.log)
    unfinished = work / f"unfinished-{generator}"
    described = f"{generator} that reads the teacher's tower"
    pack(
        ablation.dataset, work, unfinished, name=f"base-{generator}", description=described, generator=generator,
        sampling=recipe.get("sampling"), in_int8=kept_in_int8(recipe), log=ablation.log,
    )  # fmt: skip
    unfinished.rename(out)
    return out


def _take_codec(work: Path, kind: str, model: str | None) -> bool:
    """Whether the codec lies in the work folder without having been trained there."""
    path = work / f"{kind}.safetensors"
    if model is not None and not path.is_file() and (source := model_info(model).file(kind)).is_file():
        shutil.copyfile(source, path)
    return path.is_file() and not (work / f"{kind}.state.pt").is_file()


def _with_steps(recipe: Recipe, generator: str, bases: Bases) -> Recipe:
    changed = dict(recipe)
    learners = generator_training(generator).learners
    for stage, steps in (("rvq", bases.codec_steps), *((name, bases.steps) for name in learners)):
        if steps is not None and stage in recipe:
            changed[stage] = {**recipe[stage], "schedule": {**recipe[stage]["schedule"], "steps": steps}}
    return changed
