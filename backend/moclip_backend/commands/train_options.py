# SPDX-License-Identifier: Apache-2.0
"""Options that the commands of `moclip train` share, and what they do before torch is imported."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from moclip.recipes.recipe import Recipe
    from moclip.training.run import Compute

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


def log(message: str) -> None:
    print(message, flush=True)
