# SPDX-License-Identifier: Apache-2.0
"""`moclip train pack` and `embedded`: a model folder of trained stages, and the whole way there in one command."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import typer

from moclip_backend.commands.data import Credits, Permissive
from moclip_backend.commands.train_options import Config, Dataset, MachineOptions, Out, Work, log, prepare_torch


def pack_command(
    dataset: Dataset,
    work: Work,
    out: Out,
    name: str = "embedded",
    description: Annotated[str | None, typer.Option(help="Of the model; by default it names the generator.")] = None,
    config: Config = None,
    beside: Annotated[
        Path | None, typer.Option(help="Model folder next to --out whose files serve where both have the same network.")
    ] = None,
) -> None:
    """Pack the trained stages into a model folder with its ONNX graphs, to be sampled as the recipe says.

    Example: moclip train pack --dataset data/mocap --work runs/first --out models/first --name first
    """
    prepare_torch(1)
    from moclip.data.folder import DatasetFolder
    from moclip.generators.base.generator import find_generator
    from moclip.recipes.pack import pack
    from moclip.recipes.recipe import kept_in_int8, load_recipe, publishing, training_of

    recipe = load_recipe(config)
    generator, sampling = training_of(recipe).name, recipe.get("sampling")
    title = find_generator(generator).TITLE
    told = {"name": name, "description": description or f"MoCLIP text tower and {title} generator"}
    pack(
        DatasetFolder(dataset), work, out, generator=generator, sampling=sampling, publish=publishing(recipe),
        in_int8=kept_in_int8(recipe), beside=_sibling(out, beside), log=log, **told,
    )  # fmt: skip


def _sibling(out: Path, beside: Path | None) -> Path | None:
    if beside is not None and beside.resolve().parent != out.resolve().parent:
        from moclip.errors import MoclipError

        raise MoclipError(f"{beside} does not lie beside {out}.", hint="Leave out --beside, or choose another --out.")
    return beside


@dataclass(kw_only=True)
class EmbeddedOptions(MachineOptions):
    data: Annotated[list[Path], typer.Option(help="Folder with BVH files; give it several times for several folders.")]
    work: Work
    out: Out
    config: Config = None
    permissive: Permissive = False
    credits: Credits = None


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
    from moclip.recipes.recipe import (
        kept_in_int8,
        load_recipe,
        publishing,
        settings,
        training_of,
        with_compute,
    )
    from moclip.recipes.stages import stages_in

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
    for name, stage in stages_in(recipe).items():
        log(f"-- {name}")
        stage(dataset, options.work, recipe, log=log)
    described = f"MoCLIP text tower and {title} generator, trained on public motion capture"
    sampling = recipe.get("sampling")
    pack(
        dataset, options.work, options.out, name=made, description=described, generator=generator, sampling=sampling,
        publish=publishing(recipe), in_int8=kept_in_int8(recipe), log=log,
    )  # fmt: skip
