# SPDX-License-Identifier: Apache-2.0
"""`moclip train`: the stages of the recipe, one command each, and `embedded` for all of them in order."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from moclip_backend.commands.options import from_options
from moclip_backend.commands.train_model import EmbeddedOptions, embedded_command, pack_command
from moclip_backend.commands.train_options import Dataset, MachineOptions, Out, Resume, StageOptions, Work, log

app = typer.Typer(
    no_args_is_help=True, help="Train the networks. Example: moclip train rvq --dataset data/mocap --work runs/first"
)


def _stage(name: str, summary: str, recipe: str | None = None) -> None:
    def command(options: StageOptions) -> None:
        options.prepare()
        from moclip.data.folder import DatasetFolder
        from moclip.recipes.recipe import training_of
        from moclip.recipes.stages import EXTRA_STAGES, stages_of

        if options.config is None and recipe:
            options.config = Path(recipe)
        generator = training_of(options.recipe).name
        stages = {**stages_of(generator), **EXTRA_STAGES}
        if name not in stages:
            raise typer.BadParameter(
                f"the generator {generator} of this recipe has no stage {name}, but {', '.join(stages)}.",
                param_hint="--config",
            )
        stage = stages[name]
        stage(DatasetFolder(options.dataset), options.work, options.recipe, resume=options.resume, log=log)

    command.__doc__ = f"{summary} Example: moclip train {name} --dataset data/mocap --work runs/first"
    app.command(name)(from_options(StageOptions)(command))


_stage("tower", "Distil the small text tower from a sentence encoder.")
_stage("rvq", "Train the residual VQ-VAE.")
_stage("decoder", "Tune the decoder of the trained RVQ, codes settled.")


@dataclass(kw_only=True)
class MoclipOptions(StageOptions):
    preset: Annotated[
        str | None, typer.Option(help="paper, authors or recommended, in place of what the recipe says.")
    ] = None


@app.command("moclip")
@from_options(MoclipOptions)
def moclip_command(options: MoclipOptions) -> None:
    """Fine-tune the text tower on motion (MoCLIP). Example: moclip train moclip --dataset data/mocap --work runs/first

    The teacher is the distilled tower in --work, or the one that the recipe names. Several processes, started by
    `accelerate launch -m moclip_backend train moclip ...` or `torchrun -m moclip_backend train moclip ...`, share each
    batch; so they do in every other stage.
    """
    options.prepare()
    from moclip.data.folder import DatasetFolder
    from moclip.recipes.stages import moclip_stage

    folder, recipe = DatasetFolder(options.dataset), options.recipe
    moclip_stage(folder, options.work, recipe, preset=options.preset, resume=options.resume, log=log)


_stage("tokens", "Encode all clips and captions once, for the next three.")
_stage("masked", "Train the masked transformer.")
_stage("residual", "Train the residual transformer.")
_stage("length", "Train the length estimator.")
_stage("bamm", "Train BAMM's transformer, by the recipe `bamm` unless another is given.", recipe="bamm")
_stage("bad", "Train BAD's transformer, by the recipe `bad` unless another is given.", recipe="bad")
_stage("recogniser", "Train what tells which action a motion shows, to try again where it is another one.")
_stage("judge", "Train MoCLIP's motion encoder on, to choose among generated takes.")
_stage("evaluator", "Train the judge that `moclip evaluate text-motion` measures with.")


@app.command("generator")
@from_options(StageOptions)
def generator_command(options: StageOptions) -> None:
    """Train every network that reads text of the recipe's generator, one after the other.

    Example: moclip train generator --dataset data/mocap --work runs/first
    """
    options.prepare()
    from moclip.data.folder import DatasetFolder
    from moclip.recipes.recipe import training_of
    from moclip.recipes.stages import learner_stage

    dataset, recipe = DatasetFolder(options.dataset), options.recipe
    for kind in training_of(recipe).learners:
        log(f"-- {kind}")
        learner_stage(kind)(dataset, options.work, recipe, resume=options.resume, log=log)


@dataclass(kw_only=True)
class DownstreamOptions(MachineOptions):
    dataset: Dataset
    work: Work
    generator: Annotated[str, typer.Option(help="Name or folder of the model to start from.")]
    text_encoder: Annotated[
        str, typer.Option(help="text.safetensors of `moclip train moclip`, or an open_clip model's name.")
    ]
    out: Out
    fine_tune: Annotated[bool, typer.Option("--fine-tune", help="Yes, train the generator to read this tower.")] = False
    judge: Annotated[Path | None, typer.Option(help="moclip.safetensors of this tower, to choose among takes by.")] = (
        None
    )
    rate: Annotated[float, typer.Option(min=0.0, help="Learning rate; the paper's by default.")] = 1e-6
    masked_steps: Annotated[int, typer.Option(min=1, help="Steps of the masked transformer.")] = 2000
    residual_steps: Annotated[int, typer.Option(min=1, help="Steps of the residual transformer.")] = 2000
    batch: Annotated[int, typer.Option(min=1, help="Clips in a step.")] = 64
    seed: Annotated[int, typer.Option(min=0, help="Of clips, captions and masks.")] = 0
    resume: Resume = True


@app.command("downstream")
@from_options(DownstreamOptions)
def downstream_command(options: DownstreamOptions) -> None:
    """Fine-tune a generator to another text tower: masked, then residual transformer.

    Example: moclip train downstream --generator embedded --text-encoder runs/a/text.safetensors --fine-tune
    --dataset data/mocap --work runs/a-generator --out models/a
    """
    if not options.fine_tune:
        raise typer.BadParameter(
            "a generator does not understand a text tower that it was not trained with; add --fine-tune to train it.",
            param_hint="--text-encoder",
        )
    options.prepare()
    from moclip.data.folder import DatasetFolder
    from moclip.recipes.downstream import FineTuneConfig, FineTuning, fine_tune_generator

    config = FineTuneConfig(
        learning_rate=options.rate, masked_steps=options.masked_steps, residual_steps=options.residual_steps,
        batch=options.batch, seed=options.seed,
    )  # fmt: skip
    tuning = FineTuning(options.generator, options.text_encoder, options.work, options.out, options.judge)
    dataset = DatasetFolder(options.dataset)
    fine_tune_generator(tuning, dataset, config, compute=options.compute, resume=options.resume, log=log)


app.command("pack")(pack_command)
app.command("embedded")(from_options(EmbeddedOptions)(embedded_command))
