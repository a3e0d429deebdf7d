# SPDX-License-Identifier: Apache-2.0
"""`moclip train`: the stages of the recipe, one command each, and `embedded` for all of them in order."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from moclip_backend.commands.data import Permissive

app = typer.Typer(
    no_args_is_help=True, help="Train the networks. Example: moclip train rvq --dataset data/mocap --work runs/first"
)

Dataset = Annotated[Path, typer.Option(help="Dataset folder in HumanML3D layout, as `moclip data bvh` writes it.")]
Work = Annotated[Path, typer.Option(help="Folder for weights, logs and resumable state.")]
Config = Annotated[Path | None, typer.Option(help="Recipe: a TOML file, embedded, permissive, paper or ablation.")]
Resume = Annotated[bool, typer.Option(help="Go on from the state in --work.")]
Threads = Annotated[int, typer.Option(help="CPU threads.", min=1)]


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


def _stage(name: str, summary: str) -> None:
    def command(
        dataset: Dataset, work: Work, config: Config = None, resume: Resume = True, threads: Threads = 2
    ) -> None:
        prepare_torch(threads)
        from moclip.data.folder import DatasetFolder
        from moclip.recipes.recipe import EXTRA_STAGES, STAGES, load_recipe

        {**STAGES, **EXTRA_STAGES}[name](DatasetFolder(dataset), work, load_recipe(config), resume=resume, log=_log)

    command.__doc__ = f"{summary} Example: moclip train {name} --dataset data/mocap --work runs/first"
    app.command(name)(command)


_stage("tower", "Distil the small text tower from a sentence encoder.")
_stage("rvq", "Train the residual VQ-VAE.")
_stage("decoder", "Tune the decoder of the trained RVQ, codes settled.")


@app.command("moclip")
def moclip_command(
    dataset: Dataset,
    work: Work,
    config: Config = None,
    preset: Annotated[
        str | None, typer.Option(help="paper, authors or recommended, in place of what the recipe says.")
    ] = None,
    resume: Resume = True,
    threads: Threads = 2,
) -> None:
    """Fine-tune the text tower on motion (MoCLIP). Example: moclip train moclip --dataset data/mocap --work runs/first

    The teacher is the distilled tower in --work, or the one that the recipe names. Several processes, started by
    `accelerate launch -m moclip_backend train moclip ...` or `torchrun -m moclip_backend train moclip ...`, share each
    batch.
    """
    prepare_torch(threads)
    from moclip.data.folder import DatasetFolder
    from moclip.recipes.recipe import load_recipe, moclip_stage

    moclip_stage(DatasetFolder(dataset), work, load_recipe(config), preset=preset, resume=resume, log=_log)


_stage("tokens", "Encode all clips and captions once, for the next three.")
_stage("masked", "Train the masked transformer.")
_stage("residual", "Train the residual transformer.")
_stage("length", "Train the length estimator.")
_stage("judge", "Train MoCLIP's motion encoder on, to choose among generated takes.")
_stage("evaluator", "Train the judge that `moclip evaluate text-motion` measures with.")


@app.command("downstream")
def downstream_command(
    dataset: Dataset,
    work: Work,
    generator: Annotated[str, typer.Option(help="Name or folder of the model to start from.")],
    text_encoder: Annotated[
        str, typer.Option(help="text.safetensors of `moclip train moclip`, or an open_clip model's name.")
    ],
    out: Annotated[Path, typer.Option(help="Model folder to write.")],
    fine_tune: Annotated[
        bool, typer.Option("--fine-tune", help="Yes, train the generator to read this tower.")
    ] = False,
    judge: Annotated[
        Path | None, typer.Option(help="moclip.safetensors of this tower, to choose among takes by.")
    ] = None,
    rate: Annotated[float, typer.Option(min=0.0, help="Learning rate; the paper's by default.")] = 1e-6,
    masked_steps: Annotated[int, typer.Option(min=1, help="Steps of the masked transformer.")] = 2000,
    residual_steps: Annotated[int, typer.Option(min=1, help="Steps of the residual transformer.")] = 2000,
    batch: Annotated[int, typer.Option(min=1, help="Clips in a step.")] = 64,
    seed: Annotated[int, typer.Option(min=0, help="Of clips, captions and masks.")] = 0,
    resume: Resume = True,
    threads: Threads = 2,
) -> None:
    """Fine-tune a generator to another text tower: masked, then residual transformer.

    Example: moclip train downstream --generator embedded --text-encoder runs/a/text.safetensors --fine-tune
    --dataset data/mocap --work runs/a-generator --out models/a
    """
    if not fine_tune:
        raise typer.BadParameter(
            "a generator does not understand a text tower that it was not trained with; add --fine-tune to train it.",
            param_hint="--text-encoder",
        )
    prepare_torch(threads)
    from moclip.data.folder import DatasetFolder
    from moclip.recipes.downstream import FineTuneConfig, fine_tune_generator

    config = FineTuneConfig(
        learning_rate=rate, masked_steps=masked_steps, residual_steps=residual_steps, batch=batch, seed=seed
    )
    folder = DatasetFolder(dataset)
    fine_tune_generator(generator, text_encoder, folder, work, out, config, judge=judge, resume=resume, log=_log)


@app.command("pack")
def pack_command(
    dataset: Dataset,
    work: Work,
    out: Annotated[Path, typer.Option(help="Model folder to write.")],
    name: str = "embedded",
    description: str = "MoCLIP text tower and MoMask generator",
    config: Config = None,
) -> None:
    """Pack the trained stages into a model folder with its ONNX graphs, to be sampled as the recipe says.

    Example: moclip train pack --dataset data/mocap --work runs/first --out models/first --name first
    """
    prepare_torch(1)
    from moclip.data.folder import DatasetFolder
    from moclip.recipes.pack import pack
    from moclip.recipes.recipe import load_recipe

    sampling = load_recipe(config).get("sampling")
    pack(DatasetFolder(dataset), work, out, name=name, description=description, sampling=sampling, log=_log)


@app.command("embedded")
def embedded_command(
    data: Annotated[list[Path], typer.Option(help="Folder with BVH files; give it several times for several folders.")],
    work: Work,
    out: Annotated[Path, typer.Option(help="Model folder to write.")],
    config: Config = None,
    permissive: Permissive = False,
    threads: Threads = 2,
) -> None:
    """Run the whole recipe of the embedded model: dataset, every stage, pack. Takes hours; resumes where it stopped.

    With --permissive and without --config it is the recipe `permissive`, whose sizes are for what is left of the data.

    Example: moclip train embedded --data mocap/bandai-namco --data mocap/cmu --work runs/first --out models/first
    """
    prepare_torch(threads)
    from moclip.data.build import BuildOptions, build_dataset
    from moclip.data.folder import DatasetFolder
    from moclip.recipes.pack import pack
    from moclip.recipes.recipe import STAGES, load_recipe

    recipe = load_recipe(config or (Path("permissive") if permissive else None))
    options = BuildOptions(**recipe.get("dataset", {}))
    options = replace(options, permissive=permissive or options.permissive)
    build_dataset(data, work / "dataset", options)
    dataset = DatasetFolder(work / "dataset")
    for name, stage in STAGES.items():
        _log(f"-- {name}")
        stage(dataset, work, recipe, log=_log)
    pack(
        dataset,
        work,
        out,
        name="permissive" if options.permissive else "embedded",
        description="MoCLIP text tower and MoMask generator, trained on public motion capture",
        sampling=recipe.get("sampling"),
        log=_log,
    )
