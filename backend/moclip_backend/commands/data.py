# SPDX-License-Identifier: Apache-2.0
"""`moclip data`: build and check dataset folders."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="Build and check dataset folders. Example: moclip data check data/mocap")

Permissive = Annotated[
    bool, typer.Option("--permissive", help="Leave out recordings that are not known to be free for commercial use.")
]
Credits = Annotated[
    Path | None,
    typer.Option(
        help='TOML file that states licences by the name of a folder: ["cmu"] title, licence, credit, keyframed; '
        "`shipped` is the project's own, for the recordings that its models are trained on."
    ),
]
WithoutLicence = Annotated[
    list[str] | None,
    typer.Option(help='Leave out recordings whose licence has this word, as "BY-SA"; may be given several times.'),
]


@app.command("bvh")
def bvh_command(
    sources: Annotated[list[Path], typer.Argument(help="Folders with BVH files (or single files).")],
    out: Annotated[Path, typer.Option(help="Dataset folder to write; a broken-off build is resumed.")],
    joint_map: Annotated[
        Path | None, typer.Option(help='JSON: {"joints": {"pelvis": "Hips", ...}} for other skeletons.')
    ] = None,
    min_frames: Annotated[int, typer.Option(help="Refuse clips of this many frames (at 20 fps) or fewer.")] = 20,
    captions: Annotated[
        int, typer.Option(help="Sentences for each clip; three times as many where an action has few recordings.")
    ] = 10,
    sequences: Annotated[int, typer.Option(help="Two-action sequences for training, before mirroring.")] = 3000,
    mirror: Annotated[bool, typer.Option(help="Add mirrored copies, with left and right swapped.")] = True,
    seed: int = 0,
    rotation_channels: Annotated[
        str, typer.Option(help="Rotations in the features: local (the recordings' own) or humanml3d (without twist).")
    ] = "local",
    permissive: Permissive = False,
    without: Annotated[
        list[str] | None, typer.Option(help="An action to leave out, such as salsa; may be given several times.")
    ] = None,
    without_licence: WithoutLicence = None,
    credits: Credits = None,
    made: Annotated[
        float,
        typer.Option(help="Clips of what no recording shows (circles, stops, two things at once); 1 is usual, 0 none."),
    ] = 1.0,
    processes: Annotated[int, typer.Option(help="How many processes make clips at the same time.")] = 1,
) -> None:
    """Turn folders of BVH files into a dataset folder in HumanML3D layout.

    An `index` or `captions` beside the files (.tsv, .csv or .jsonl; columns file, action, text, licence, credit, title,
    commercial, keyframed, trial) says what they show and whose they are, whatever they are called.

    Example: moclip data bvh mocap/bandai-namco mocap/cmu --credits shipped --out data/mocap
    """
    from rich.progress import Progress, TaskID

    from moclip.data.build import BuildOptions, build_dataset
    from moclip.data.credits import read_credits
    from moclip.data.sources import BvhFolders
    from moclip.files.joint_maps import load_joint_map

    options = BuildOptions(
        min_frames, captions, sequences, mirror, seed, rotation_channels, permissive, without or (),
        without_licence or (), made,
    )  # fmt: skip
    with Progress() as bar:
        tasks: dict[str, TaskID] = {}

        def progress(stage: str, fraction: float) -> None:
            if stage not in tasks:
                tasks[stage] = bar.add_task(stage, total=1.0)
            bar.update(tasks[stage], completed=fraction)

        source = BvhFolders(
            sources, load_joint_map(joint_map) if joint_map else None, read_credits(credits) if credits else {}
        )
        report = build_dataset(source, out, options, progress=progress, processes=processes)
    for kind, count in report.clips.items():
        print(f"{count} {kind} ids")
    for split, minutes in report.minutes.items():
        print(f"{split}: {minutes:.0f} minutes")
    for reason, (files, lost) in report.refused.items():
        print(f"refused, {reason}: {files:.0f} files, {lost:.1f} minutes")


@app.command("check")
def check_command(folder: Annotated[Path, typer.Argument(help="Dataset folder.")]) -> None:
    """Check that a dataset folder is whole: every id has finite features and captions.

    Example: moclip data check data/mocap
    """
    from moclip.data.folder import DatasetFolder

    dataset = DatasetFolder(folder)
    problems = dataset.problems()
    for problem in problems:
        print(problem)
    if problems:
        raise typer.Exit(1)
    print(f"{len(dataset.ids('train'))} training clips, nothing wrong.")
