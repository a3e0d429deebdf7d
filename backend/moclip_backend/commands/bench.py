# SPDX-License-Identifier: Apache-2.0
"""`moclip bench`: measured figures as JSON."""

import json
from pathlib import Path
from typing import Annotated

import typer

from moclip.shipped import DEFAULT_MODEL

Count = Annotated[int, typer.Option(min=1)]

app = typer.Typer(no_args_is_help=True, help="Measure, and print JSON. Example: moclip bench generate")


@app.command("generate")
def generate_command(model: str = DEFAULT_MODEL, runtime: str = "auto", rounds: Count = 7) -> None:
    """Time generation, process start to file, and the server's start. Example: moclip bench generate --runtime onnx"""
    from moclip_backend.bench.generation import bench_generation

    print(json.dumps(bench_generation(model, runtime, rounds), indent=2))


@app.command("official")
def official_command(
    rounds: Count = 7,
    threads: Annotated[int | None, typer.Option(min=1, help="Of torch. Default: its own choice.")] = None,
) -> None:
    """Time MoMask's stages at the official sizes beside the plain way and the bare forwards. Example: moclip bench
    official --threads 2"""
    from moclip_backend.commands.train_options import prepare_torch

    prepare_torch(threads or 2)
    from moclip_backend.bench.official import bench_official

    print(json.dumps(bench_official(rounds, threads), indent=2))


@app.command("serve")
def serve_command(
    jobs: Annotated[int, typer.Option(min=10, help="Jobs and pings that the overhead is measured by.")] = 500,
    soak: Annotated[float, typer.Option(min=0, metavar="MINUTES", help="How long memory is watched under load.")] = 0,
) -> None:
    """Measure the backend itself, with a model that costs nothing: overhead, fair turns, malformed messages, memory.

    `holds` says which bounds are kept; the exit code is 1 where one is not. On a busy computer the times are not the
    backend's alone.

    Example: moclip bench serve --soak 30
    """
    from moclip_backend.bench.serving import bench_serve

    figures = bench_serve(jobs, soak)
    print(json.dumps(figures, indent=2))
    if not all(figures["holds"].values()):
        raise typer.Exit(1)


@app.command("solver")
def solver_command(
    dataset: Annotated[
        Path | None, typer.Option(help="Dataset folder with true rotations; made-up motions without it.")
    ] = None,
    clips: Count = 100,
    seed: int = 0,
) -> None:
    """Measure the rotation solver on real clips. Example: moclip bench solver --dataset data/mocap"""
    from moclip_backend.bench.solver import bench_solver

    print(json.dumps(bench_solver(dataset, clips, seed), indent=2))


@app.command("rvq")
def rvq_command(
    dataset: Annotated[Path, typer.Option(help="Dataset folder.")],
    model: str = DEFAULT_MODEL,
    split: str = "test",
    clips: Count = 200,
    seed: int = 0,
) -> None:
    """Measure reconstruction by the RVQ on held-out recordings. Example: moclip bench rvq --dataset data/mocap"""
    from moclip_backend.bench.reconstruction import bench_rvq

    print(json.dumps(bench_rvq(dataset, model, split, clips, seed), indent=2))


@app.command("moclip")
def moclip_command(
    dataset: Annotated[Path, typer.Option(help="Dataset folder.")],
    split: str = "val",
    batch: Count = 96,
    rounds: Count = 5,
    seed: int = 0,
) -> None:
    """Time a step of MoCLIP's training on a dataset's own lengths. Example: moclip bench moclip --dataset data/mocap"""
    from moclip_backend.commands.train_options import prepare_torch

    prepare_torch(1)
    from moclip_backend.bench.alignment import bench_alignment

    print(json.dumps(bench_alignment(dataset, split, batch, rounds, seed), indent=2))


@app.command("direction")
def direction_command(
    model: str = DEFAULT_MODEL,
    runtime: str = "auto",
    seeds: Annotated[int, typer.Option(min=1, help="Samples of each edit.")] = 3,
    cases: Annotated[int, typer.Option(min=3, help="Of pins, and of poses that are met.")] = 50,
    only_control: Annotated[bool, typer.Option("--only-control", help="Pins and poses alone.")] = False,
) -> None:
    """Measure edits of a range, continued motions, scripts, pins, poses. Example: moclip bench direction --seeds 5"""
    from moclip_backend.bench.direction import bench_direction

    print(json.dumps(bench_direction(model, runtime, seeds, cases, only_control), indent=2))
