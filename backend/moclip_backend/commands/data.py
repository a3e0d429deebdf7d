# SPDX-License-Identifier: Apache-2.0
"""`moclip data`: build and check dataset folders."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from moclip.data.options import BuildReport

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
    from moclip.data.build import BuildOptions, build_dataset
    from moclip.data.credits import read_credits
    from moclip.data.sources import BvhFolders
    from moclip.files.joint_maps import load_joint_map

    options = BuildOptions(
        min_frames, captions, sequences, mirror, seed, rotation_channels, permissive, without or (),
        without_licence or (), made,
    )  # fmt: skip
    source = BvhFolders(
        sources, load_joint_map(joint_map) if joint_map else None, read_credits(credits) if credits else {}
    )
    with _bars() as progress:
        report = build_dataset(source, out, options, progress=progress, processes=processes)
    _tell(report, out)


@app.command("amass")
def amass_command(
    amass: Annotated[Path, typer.Argument(help="Folder of AMASS's collections (KIT, CMU, ...), unpacked.")],
    body_models: Annotated[
        Path, typer.Option(help="Folder of SMPL-H's or SMPL-X's model files, such as smplh/male/model.npz; or one.")
    ],
    out: Annotated[Path, typer.Option(help="Dataset folder to write; a broken-off build is resumed.")],
    humanml3d: Annotated[
        Path | None, typer.Option(help="HumanML3D's repository: its index.csv, splits and unzipped texts.")
    ] = None,
    index: Annotated[Path | None, typer.Option(help="Another index.csv than HumanML3D's own.")] = None,
    babel: Annotated[
        Path | None,
        typer.Option(help="BABEL's folder: labels for clips.jsonl, and the captions where HumanML3D has none."),
    ] = None,
    mirror: Annotated[bool, typer.Option(help="Add mirrored copies, with left and right swapped.")] = True,
    processes: Annotated[int, typer.Option(min=1, help="How many processes make clips at the same time.")] = 1,
) -> None:
    """Turn AMASS into HumanML3D's clips, or into clips by BABEL's labels; needs the extra `smpl`.

    What is left out is named in refused.txt of the dataset folder, with the reason.

    Example: moclip data amass amass --body-models models --humanml3d HumanML3D --out data/humanml3d --processes 8
    """
    from moclip.data.amass import AmassSource, build_amass
    from moclip.data.babel import read_babel
    from moclip.data.humanml3d import read_published
    from moclip.errors import MoclipError

    if index is not None and humanml3d is None:
        raise MoclipError(
            "An index alone says nothing of splits and texts.", hint="Name --humanml3d, too.", code="bad_usage"
        )
    source = AmassSource(
        amass, body_models, read_published(humanml3d, index) if humanml3d else None, read_babel(babel) if babel else ()
    )
    with _bars() as progress:
        report = build_amass(source, out, mirror=mirror, progress=progress, processes=processes)
    _tell(report, out)


@contextmanager
def _bars() -> Iterator[Callable[[str, float], None]]:
    from rich.progress import Progress, TaskID

    with Progress() as bar:
        tasks: dict[str, TaskID] = {}

        def progress(stage: str, fraction: float) -> None:
            if stage not in tasks:
                tasks[stage] = bar.add_task(stage, total=1.0)
            bar.update(tasks[stage], completed=fraction)

        yield progress


def _tell(report: "BuildReport", out: Path) -> None:
    """Print what was made; what was not, file by file, is in refused.txt."""
    for kind, count in report.clips.items():
        print(f"{count} {kind} ids")
    for split, minutes in report.minutes.items():
        print(f"{split}: {minutes:.0f} minutes")
    for reason, (files, lost) in report.refused.items():
        print(f"refused, {reason}: {files:.0f} files, {lost:.1f} minutes")
    named = out / "refused.txt"
    named.write_text("".join(f"{message}\n" for message in report.messages), encoding="utf-8")
    if report.messages:
        print(f"{named} names them.")


@app.command("check")
def check_command(folder: Annotated[Path, typer.Argument(help="Dataset folder.")]) -> None:
    """Check that a dataset folder is whole: splits, mean and deviation, features and captions of every clip, doubles.

    HumanML3D and KIT-ML are checked as they are published.

    Example: moclip data check data/mocap
    """
    from moclip.data.check import SPLITS, problems
    from moclip.data.folder import DatasetFolder

    dataset = DatasetFolder(folder)
    found = problems(dataset, limit := 20)
    for problem in found:
        print(problem)
    if len(found) == limit:
        print("There may be more.")
    for split in SPLITS:
        out = dataset.left_out(split) if (dataset.path / f"{split}.txt").is_file() else {}
        if out:
            print(f"Left out of {split} as in papers: {len(out)}, the first of them {next(iter(out.values()))}")
    if found:
        raise typer.Exit(1)
    print(f"{len(dataset.ids('train'))} training clips, nothing wrong.")
