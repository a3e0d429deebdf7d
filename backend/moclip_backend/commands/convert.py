# SPDX-License-Identifier: Apache-2.0
"""`moclip convert`: motion files from one format and skeleton to another."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from moclip.errors import MoclipError
from moclip_backend.commands.generate import check_folder, check_no_folder
from moclip_backend.reporting import say
from moclip_backend.terminal import print_json

if TYPE_CHECKING:
    from moclip.files.reading import Reading

Skeleton = Annotated[str, typer.Option(help="ours, or keep: a BVH file stays on its own skeleton.")]


def convert(
    source: Annotated[Path, typer.Argument(metavar="IN", help="A motion: .bvh, .glb, .gltf, .npz or .npy.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="File; its suffix is the format.")],
    joint_map: Annotated[
        Path | None, typer.Option(help='JSON: {"joints": {"pelvis": "Hips", ...}} for skeletons of other names.')
    ] = None,
    up: Annotated[str | None, typer.Option(help="Which of the file's axes is up: y, z, -y, ...")] = None,
    scale: Annotated[float | None, typer.Option(help="Metres in one of the file's units, such as 0.01.")] = None,
    source_fps: Annotated[float | None, typer.Option(help="The file's frame rate, where it does not say it.")] = None,
    fps: Annotated[float | None, typer.Option(help="Frame rate of what is written; else the file's own.")] = None,
    skeleton: Skeleton = "ours",
    rotations: Annotated[
        str, typer.Option(help="6D channels of .npy: humanml3d (its own), or local (joints relative to parents).")
    ] = "humanml3d",
    smpl: Annotated[
        str | None, typer.Option(help="Write .npz as AMASS has it: smplh or smplx. Default: our own .npz.")
    ] = None,
    body_model: Annotated[
        Path | None,
        typer.Option(help="SMPL-H's or SMPL-X's model file, for its own joints. Default: those of the mean body."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was written as JSON.")] = False,
) -> None:
    """Read a motion file of any common kind and write it as another.

    Read are BVH files and animated glTF skeletons of any body, our .npz, AMASS and other SMPL parameters (.npz),
    joints (frames, 22, 3), features of HumanML3D and KIT-ML and results of motion diffusion models (.npy). What had
    to be guessed is said.

    Example: moclip convert dance.bvh dance.npz --up z --fps 30
    """
    from moclip.files.formats import check_writable_suffix, read_motion
    from moclip.files.joint_maps import load_joint_map
    from moclip.files.reading import Given

    for name, value in (("--scale", scale), ("--fps", fps), ("--source-fps", source_fps)):
        if value is not None and not 0 < value < 1e6:
            raise typer.BadParameter(f"{name} is a number above 0.")
    if rotations not in ("humanml3d", "local"):
        raise typer.BadParameter("--rotations is humanml3d or local.")
    suffix = check_writable_suffix(out)
    check_skeleton(skeleton, suffix)
    check_folder(out.parent)
    check_no_folder(out)
    if smpl is not None or body_model is not None:
        check_smpl(smpl, body_model, source, suffix)
    given = Given(load_joint_map(joint_map) if joint_map else None, up, scale, source_fps)
    reading = _with_body(source, body_model) if body_model and smpl is None else read_motion(source, given)
    tell(source, reading)
    if smpl is not None:
        frames, rate = _write_smpl(reading, out, fps, smpl, body_model)
    else:
        frames, rate = _write(source, reading, out, fps, rotations, keep=skeleton == "keep")
    told = {"path": str(out), "frames": frames, "fps": rate, "seconds": frames / rate, "notes": list(reading.notes)}
    if as_json:
        print_json(told)
    else:
        print(f"{out}: {frames} frames, {rate:g} a second")


def check_smpl(smpl: str | None, body_model: Path | None, source: Path, suffix: str) -> None:
    """Raise for a body that there is not, and for a body model that nothing would be done with."""
    if smpl not in (None, "smplh", "smplx"):
        raise typer.BadParameter("--smpl is smplh or smplx.")
    if smpl is not None and suffix != ".npz":
        raise MoclipError(f"SMPL's parameters are no '{suffix}' file.", hint="Write .npz.", code="bad_suffix")
    if smpl is None and source.suffix.lower() != ".npz":
        raise MoclipError(
            f"'{source.name}' has no SMPL parameters that --body-model could read.",
            hint="Say --smpl smplh or smplx to write them.",
            code="bad_options",
        )


def _with_body(source: Path, body_model: Path) -> "Reading":
    """Parameters as the motion of the body that they are of."""
    from moclip.files.reading import Reading
    from moclip.files.smpl import from_smpl, load_body, read_parameters

    if not source.is_file():
        raise MoclipError(f"There is no file '{source}'.", hint="Check the name and the folder.", code="missing_file")
    parameters = read_parameters(source)
    body = load_body(body_model, parameters.betas)
    if body.kind != parameters.kind:
        raise _other_body(body_model, body.kind, parameters.kind)
    return Reading(from_smpl(parameters, body))


def _write_smpl(
    reading: "Reading", out: Path, fps: float | None, smpl: str, body_model: Path | None
) -> tuple[int, float]:
    from moclip.files.formats import at_rate, save_parameters
    from moclip.files.smpl import load_body, mean_body, to_smpl

    body = load_body(body_model) if body_model else mean_body(smpl)
    if body.kind != smpl and body_model is not None:
        raise _other_body(body_model, body.kind, smpl)
    motion = at_rate(reading.motion, fps) if fps else reading.motion
    save_parameters(to_smpl(motion, body), out)
    return motion.frames, motion.fps


def _other_body(path: Path, has: str, wanted: str) -> MoclipError:
    titles = {"smplh": "SMPL-H", "smplx": "SMPL-X"}
    return MoclipError(
        f"{path.name} is a model of {titles[has]}, and the motion is one of {titles[wanted]}.",
        hint="Give the model of that body.",
        code="bad_body_model",
    )


def check_skeleton(skeleton: str, suffix: str) -> None:
    """Raise for a --skeleton that there is not, or that a file of this suffix cannot have."""
    if skeleton not in ("ours", "keep"):
        raise typer.BadParameter("--skeleton is ours or keep.")
    if skeleton == "keep" and suffix != ".bvh":
        raise MoclipError(
            f"A '{suffix}' file has no skeleton of its own.", hint="--skeleton keep writes .bvh.", code="no_skeleton"
        )


def tell(path: Path, reading: "Reading") -> None:
    for note in reading.notes:
        say(f"{path.name}: {note}")


def _write(
    source: Path, reading: "Reading", out: Path, fps: float | None, rotations: str, *, keep: bool
) -> tuple[int, float]:
    """Frames and frame rate of what is written."""
    from moclip.files.arrays import FeaturesReading
    from moclip.files.foreign import BvhReading
    from moclip.files.formats import FEATURES_FPS, at_rate, features_of, save_features, save_motion, save_values
    from moclip.files.keep import at_other_rate

    if keep:
        if not isinstance(reading, BvhReading) or reading.bvh.written is None:
            raise MoclipError(
                f"'{source.name}' has no skeleton to keep.", hint="--skeleton keep reads .bvh.", code="no_skeleton"
            )
        rate = fps or reading.bvh.fps
        same = abs(rate - reading.bvh.fps) < 1e-6 * rate
        values = reading.bvh.written.values if same else at_other_rate(reading, rate)
        save_values(reading, values, out, rate)
        return len(values), rate
    motion = at_rate(reading.motion, fps) if fps else reading.motion
    if out.suffix.lower() == ".npy":
        # Features are not solved and found again: they are what they were.
        same = abs(motion.fps - FEATURES_FPS) < 1e-3 and rotations == "humanml3d"
        if same and isinstance(reading, FeaturesReading):
            features = reading.features
        else:
            features = features_of(motion, rotations)
        save_features(features, out)
        return len(features), FEATURES_FPS
    save_motion(motion, out)
    return motion.frames, motion.fps
