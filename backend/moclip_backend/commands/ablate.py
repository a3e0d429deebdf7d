# SPDX-License-Identifier: Apache-2.0
"""`moclip ablate`: what each part of MoCLIP's method is worth, on the dataset in use."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from moclip_backend.commands.options import from_options
from moclip_backend.commands.train_options import MachineOptions


@dataclass(kw_only=True)
class AblateOptions(MachineOptions):
    dataset: Annotated[Path, typer.Option(help="Dataset folder, as `moclip data bvh` writes it.")]
    work: Annotated[Path, typer.Option(help="Folder of the arms, with the teacher's tower.safetensors in it.")]
    out: Annotated[Path, typer.Option(help="Folder for ablation.json, ablation.md and ablation.png.")]
    config: Annotated[
        Path | None, typer.Option(help="Recipe (a file, embedded or ablation): its \\[moclip] and \\[start].")
    ] = None
    arms: Annotated[str, typer.Option(help="Names with commas between them, or all.")] = "all"
    seeds: Annotated[int, typer.Option(min=1, help="Trainings of each arm, from seed 0 on.")] = 3
    steps: Annotated[int | None, typer.Option(min=2, help="Steps of each training, if not the recipe's.")] = None
    batch: Annotated[int | None, typer.Option(min=2, help="Pairs in a step, if not the recipe's.")] = None
    start: Annotated[
        Path | None,
        typer.Option(help="moclip.safetensors whose motion encoder all arms go on from, if not that of \\[start]."),
    ] = None
    generator: Annotated[
        str | None,
        typer.Option(help="Also fine-tune this model to some arms' towers: teacher, paper ..."),
    ] = None
    pipelines: Annotated[
        str | None, typer.Option(help="Also train these generators to the teacher and tune them: momask,bamm,bad.")
    ] = None
    base_steps: Annotated[
        int | None, typer.Option(min=1, help="Steps of each of their networks, if not their recipes'.")
    ] = None
    codec_steps: Annotated[int | None, typer.Option(min=1, help="Steps of their codecs, if not the recipes'.")] = None
    codecs: Annotated[
        str | None, typer.Option(help="Model whose codec serves for generators that have one of its kind.")
    ] = None
    evaluator: Annotated[Path | None, typer.Option(help="evaluator.safetensors, to measure generators with.")] = None
    rate: Annotated[float, typer.Option(min=0.0, help="Learning rate of the fine-tuning.")] = 1e-6
    fine_tune_steps: Annotated[int, typer.Option(min=1, help="Steps of masked and of residual transformer.")] = 2000
    captions: Annotated[int, typer.Option(min=1, help="Captions of a clip that fine-tuning draws from.")] = 10
    clips: Annotated[int, typer.Option(min=32, help="Test clips that generators are measured on, at most.")] = 100_000
    repeats: Annotated[int, typer.Option(min=1, help="Repeats of that measurement.")] = 5


@from_options(AblateOptions)
def ablate(options: AblateOptions) -> None:
    """Train MoCLIP with one thing changed at a time and compare. What is done is kept: a broken run goes on.

    Example: moclip ablate --dataset data/mocap --work runs/ablation --out reports/ablation --generator models/base
    --evaluator runs/first/evaluator.safetensors
    """
    if (options.generator or options.pipelines) and options.evaluator is None:
        raise typer.BadParameter("generators are measured with an evaluator; give one.", param_hint="--evaluator")
    options.prepare()
    from moclip.data.folder import DatasetFolder
    from moclip.recipes.ablation import Ablation, run_alignment
    from moclip.recipes.ablation_report import markdown, write_report
    from moclip.recipes.arms import ARMS, find_arm
    from moclip.recipes.downstream import FineTuneConfig
    from moclip.recipes.generator_trials import GeneratorTrial, run_generators
    from moclip.recipes.generators import generator_training
    from moclip.recipes.pipelines import Bases, run_pipelines
    from moclip.recipes.recipe import MoclipTable, load_recipe, settings, with_compute

    names = list(ARMS) if options.arms == "all" else [name.strip() for name in options.arms.split(",")]
    for name in names:
        find_arm(name)
    recipe = with_compute(load_recipe(options.config), options.device, options.precision)
    part = settings(recipe, "moclip", MoclipTable)
    schedule = {**recipe["moclip"]["schedule"], "steps": options.steps or part.schedule.steps}
    recipe["moclip"] = {**recipe["moclip"], "batch": options.batch or part.batch, "schedule": schedule}
    dataset, seeds = DatasetFolder(options.dataset), range(options.seeds)
    ablation = Ablation(dataset, options.work, recipe, start=options.start, log=lambda line: print(line, flush=True))
    pipelines = [name.strip() for name in (options.pipelines or "").split(",") if name.strip()]
    for name in pipelines:
        generator_training(name)
    report: dict[str, Any] = {
        "seeds": list(seeds), "retrieval": run_alignment(ablation, names, seeds), "generators": None, "pipelines": None,
    }  # fmt: skip
    if options.evaluator:
        steps = options.fine_tune_steps
        tune = FineTuneConfig(options.rate, masked_steps=steps, residual_steps=steps, captions=options.captions)
        trial = GeneratorTrial(options.generator or "", options.evaluator, tune, options.clips, options.repeats)
        compared = [name for name in names if ARMS[name].generator]
        if options.generator:
            report["generators"] = run_generators(ablation, compared, seeds, trial)
        if pipelines:
            bases = Bases(options.base_steps, options.codec_steps, options.codecs)
            report["pipelines"] = run_pipelines(ablation, pipelines, compared, seeds, bases, trial)
    paths = write_report(report, options.out)
    print(markdown(report))
    print("wrote " + ", ".join(map(str, paths)))
