# SPDX-License-Identifier: Apache-2.0
"""`moclip train`: the stages of the recipe, one command each, and `embedded` for all of them in order."""

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from moclip_backend.commands.data import Credits, Permissive
from moclip_backend.commands.options import from_options

if TYPE_CHECKING:
    from moclip.recipes.recipe import Recipe
    from moclip.training.run import Compute

app = typer.Typer(
    no_args_is_help=True, help="Train the networks. Example: moclip train rvq --dataset data/mocap --work runs/first"
)

Dataset = Annotated[Path, typer.Option(help="Dataset folder in HumanML3D layout, as `moclip data bvh` writes it.")]
Work = Annotated[Path, typer.Option(help="Folder for weights, logs and resumable state.")]
Out = Annotated[Path, typer.Option(help="Model folder to write.")]
Config = Annotated[
    Path | None, typer.Option(help="Recipe: TOML file, embedded, open, permissive, paper, ablation, bamm, bad.")
]
Resume = Annotated[bool, typer.Option(help="Go on from the state in --work.")]
Threads = Annotated[int, typer.Option(help="CPU threads.", min=1)]


@dataclass(kw_only=True)
class MachineOptions:
    """Where a command computes, over what the recipe says."""

    device: Annotated[str | None, typer.Option(help="cpu, cuda, mps or auto, in place of what the recipe says.")] = None
    precision: Annotated[str | None, typer.Option(help="float32 or bfloat16, in place of what the recipe says.")] = None
    threads: Threads = 2

    def prepare(self) -> None:
        """Before torch is imported. Raises MoclipError where it is not installed, or has no such device."""
        prepare_torch(self.threads)
        from moclip.nn.networks import pick_device

        if self.device:
            pick_device(self.device)

    @property
    def compute(self) -> "Compute":
        """For what has no recipe."""
        from moclip.nn.config import read_settings
        from moclip.training.run import Compute

        asked = {"device": self.device, "precision": self.precision}
        return read_settings(Compute, {k: v for k, v in asked.items() if v}, "the options")


@dataclass(kw_only=True)
class StageOptions(MachineOptions):
    """What the commands of all stages have."""

    dataset: Dataset
    work: Work
    config: Config = None
    resume: Resume = True

    @property
    def recipe(self) -> "Recipe":
        from moclip.recipes.recipe import load_recipe, with_compute

        return with_compute(load_recipe(self.config), self.device, self.precision)


def prepare_torch(threads: int) -> None:
    """For every command that computes with torch; one sentence where it is not installed."""
    # Set before torch is imported: spinning threads make a shared machine many times slower.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("OMP_NUM_THREADS", str(threads))
    from moclip_backend.packages import require

    require("torch", "train")
    import torch

    torch.set_num_threads(threads)


def _log(message: str) -> None:
    print(message, flush=True)


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
        stage(DatasetFolder(options.dataset), options.work, options.recipe, resume=options.resume, log=_log)

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
    moclip_stage(folder, options.work, recipe, preset=options.preset, resume=options.resume, log=_log)


_stage("tokens", "Encode all clips and captions once, for the next three.")
_stage("masked", "Train the masked transformer.")
_stage("residual", "Train the residual transformer.")
_stage("length", "Train the length estimator.")
_stage("bamm", "Train BAMM's transformer, by the recipe `bamm` unless another is given.", recipe="bamm")
_stage("bad", "Train BAD's transformer, by the recipe `bad` unless another is given.", recipe="bad")
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
        _log(f"-- {kind}")
        learner_stage(kind)(dataset, options.work, recipe, resume=options.resume, log=_log)


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
    fine_tune_generator(tuning, dataset, config, compute=options.compute, resume=options.resume, log=_log)


@app.command("pack")
def pack_command(
    dataset: Dataset,
    work: Work,
    out: Out,
    name: str = "embedded",
    description: Annotated[str | None, typer.Option(help="Of the model; by default it names the generator.")] = None,
    config: Config = None,
) -> None:
    """Pack the trained stages into a model folder with its ONNX graphs, to be sampled as the recipe says.

    Example: moclip train pack --dataset data/mocap --work runs/first --out models/first --name first
    """
    prepare_torch(1)
    from moclip.data.folder import DatasetFolder
    from moclip.generators.base.generator import find_generator
    from moclip.recipes.pack import pack
    from moclip.recipes.recipe import load_recipe, training_of, unpublished

    recipe = load_recipe(config)
    generator, sampling = training_of(recipe).name, recipe.get("sampling")
    title = find_generator(generator).TITLE
    told = {"name": name, "description": description or f"MoCLIP text tower and {title} generator"}
    pack(
        DatasetFolder(dataset), work, out, generator=generator, sampling=sampling, unpublished=unpublished(recipe),
        log=_log, **told,
    )  # fmt: skip


@dataclass(kw_only=True)
class EmbeddedOptions(MachineOptions):
    data: Annotated[list[Path], typer.Option(help="Folder with BVH files; give it several times for several folders.")]
    work: Work
    out: Out
    config: Config = None
    permissive: Permissive = False
    credits: Credits = None


@app.command("embedded")
@from_options(EmbeddedOptions)
def embedded_command(options: EmbeddedOptions) -> None:
    """Run the whole recipe of the embedded model: dataset, every stage, pack. Takes hours; resumes where it stopped.

    With --permissive and without --config it is the recipe `permissive`, whose sizes are for what is left of the data.

    Example: moclip train embedded --data mocap/cmu --credits shipped --work runs/first --out models/first
    """
    options.prepare()
    from moclip.data.build import BuildOptions, build_dataset
    from moclip.data.credits import read_credits
    from moclip.data.folder import DatasetFolder
    from moclip.data.sources import BvhFolders
    from moclip.generators.base.generator import find_generator
    from moclip.recipes.pack import pack
    from moclip.recipes.recipe import load_recipe, settings, training_of, unpublished, with_compute
    from moclip.recipes.stages import stages_of

    recipe = load_recipe(options.config or (Path("permissive") if options.permissive else None))
    recipe = with_compute(recipe, options.device, options.precision)
    build = settings({"dataset": {}, **recipe}, "dataset", BuildOptions)
    build = replace(build, permissive=options.permissive or build.permissive)
    source = BvhFolders(options.data, credits=read_credits(options.credits) if options.credits else {})
    build_dataset(source, options.work / "dataset", build)
    dataset = DatasetFolder(options.work / "dataset")
    generator = training_of(recipe).name
    title = find_generator(generator).TITLE
    usual = "permissive" if build.permissive else "embedded" if generator == "momask" else generator
    made = "open" if str(options.config) == "open" else usual
    for name, stage in stages_of(generator).items():
        _log(f"-- {name}")
        stage(dataset, options.work, recipe, log=_log)
    described = f"MoCLIP text tower and {title} generator, trained on public motion capture"
    sampling = recipe.get("sampling")
    pack(
        dataset, options.work, options.out, name=made, description=described, generator=generator, sampling=sampling,
        unpublished=unpublished(recipe), log=_log,
    )  # fmt: skip
