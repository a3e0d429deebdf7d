# SPDX-License-Identifier: Apache-2.0
"""`moclip edit`: make a part of a motion anew, go on from it, or lead to it."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from moclip.errors import MoclipError
from moclip.shipped import DEFAULT_MODEL
from moclip_backend.commands.convert import check_skeleton, tell
from moclip_backend.commands.generate import check_folder, check_no_folder
from moclip_backend.commands.options import from_options
from moclip_backend.reporting import say
from moclip_backend.terminal import print_json, progress_bar

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from moclip.files.foreign import BvhReading
    from moclip.files.reading import Reading
    from moclip.motion.motion import Motion

SEEN_SECONDS = 2.0


@dataclass(kw_only=True)
class EditOptions:
    motion: Annotated[Path, typer.Argument(help="A motion: .npz, .bvh or .npy.")]
    text: Annotated[str, typer.Argument(help="What happens in the new part, in English.")]
    start: Annotated[
        float | None, typer.Option(help="Second at which the new part begins; without it, it leads to the motion.")
    ] = None
    end: Annotated[
        float | None, typer.Option(help="Second at which it ends; without it, it replaces all that follows.")
    ] = None
    seconds: Annotated[float | None, typer.Option(help="How long it is, where start or end is open.")] = None
    seed: Annotated[int, typer.Option(help="Same text, same seed: same motion.", min=0)] = 0
    model: Annotated[str, typer.Option(help="Name or folder of a model.")] = DEFAULT_MODEL
    runtime: Annotated[str, typer.Option(help="auto, onnx or torch.")] = "auto"
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto"
    out: Annotated[Path, typer.Option(help="File, its suffix is the format.")] = Path("edited.bvh")
    joint_map: Annotated[
        Path | None, typer.Option(help='JSON: {"joints": {"pelvis": "Hips", ...}} for skeletons of other names.')
    ] = None
    skeleton: Annotated[
        str, typer.Option(help="keep: a BVH file stays on its own skeleton, at its own rate; ours; auto: keep it.")
    ] = "auto"
    as_json: Annotated[bool, typer.Option("--json", help="Print what was written as JSON.")] = False


@from_options(EditOptions)
def edit(options: EditOptions) -> None:
    """Make a part of a motion anew. The frames before and after it stay as they are, at the model's frame rate.

    A BVH file of another skeleton stays on that skeleton, with its own frame rate, names and fingers.

    With --start and --end, what lies between is replaced; with --start alone the motion goes on from there in another
    way; with neither, the new part leads to where the motion begins.

    Example: moclip edit walk.bvh "a person jumps" --start 2.0 --end 4.5 --out jump.bvh
    """
    from moclip.files.arrays import FeaturesReading
    from moclip.files.formats import FEATURES_FPS, at_rate, check_writable_suffix, read_motion, save_motion
    from moclip.files.joint_maps import load_joint_map
    from moclip.files.reading import Given
    from moclip.generate.pipeline import TextToMotion
    from moclip.prompts.checks import check_prompt
    from moclip.prompts.requests import Request

    check_prompt(options.text)
    suffix = check_writable_suffix(options.out)
    if options.skeleton != "auto":
        check_skeleton(options.skeleton, suffix)
    check_folder(options.out.parent)
    check_no_folder(options.out)
    joint_map = load_joint_map(options.joint_map) if options.joint_map else None
    reading = read_motion(options.motion, Given(joint_map), fps=FEATURES_FPS)
    tell(options.motion, reading)
    on_its_own = _kept_skeleton(reading, options.skeleton, suffix, options.motion)
    given = reading.motion
    _check_span(options.start, options.end, options.seconds, given.seconds)
    with progress_bar("generating") as progress:
        progress("loading", 0.0)
        engine = TextToMotion.load(options.model, options.runtime, options.device)
        given = at_rate(given, engine.fps)
        before, after, length = _parts(given, options.start, options.end, options.seconds)
        seen = round(SEEN_SECONDS * engine.fps)
        request = Request(
            options.text, length, options.seed,
            before=before and _cut(before, before.frames - seen, before.frames), after=after and _cut(after, 0, seen),
        )  # fmt: skip
        result = engine.generate([request], progress=progress)[0]
    new = _cut(result.motion, *result.new)
    whole = [part for part in (before, new, after) if part is not None]
    made = replace(_joined(whole), text=options.text, seed=options.seed)
    out, leads = options.out, options.start is None
    if on_its_own:
        _save_on_its_skeleton(on_its_own, made, before, new, follows=after is not None, leads=leads, out=out)
    elif suffix == ".npy" and isinstance(reading, FeaturesReading) and made.fps == reading.motion.fps:
        _save_features(reading.features, made, before, new, leads=leads, out=out)
    else:
        save_motion(made, out)
    for warning in result.warnings:
        say(f"warning: {warning}")
    first = before.frames / engine.fps if before else 0.0
    told = {"path": str(out), "seconds": made.seconds, "frames": made.frames, "seed": options.seed,
            "new_seconds": [first, first + new.seconds], "warnings": list(result.warnings)}  # fmt: skip
    if options.as_json:
        print_json([told])
    else:
        print(f"{out}: {made.seconds:.2f} s, new from {first:.2f} to {first + new.seconds:.2f} s, seed {options.seed}")


def _kept_skeleton(reading: "Reading", skeleton: str, suffix: str, path: Path) -> "BvhReading | None":
    """The file whose skeleton the motion goes back to, if it does."""
    from moclip.files.foreign import BvhReading

    if not isinstance(reading, BvhReading):
        if skeleton == "keep":
            hint = "--skeleton keep reads .bvh."
            raise MoclipError(f"'{path.name}' has no skeleton to keep.", hint=hint, code="no_skeleton")
        return None
    if skeleton == "keep" and reading.fit is None:
        hint = "Leave out --skeleton keep."
        raise MoclipError(f"The joints of '{path.name}' have no rotations to keep.", hint=hint, code="no_skeleton")
    fits = suffix == ".bvh" and not reading.is_ours and reading.fit is not None
    return reading if skeleton == "keep" or skeleton == "auto" and fits else None


def _save_on_its_skeleton(
    reading: "BvhReading",
    made: "Motion",
    before: "Motion | None",
    new: "Motion",
    *,
    follows: bool,
    leads: bool,
    out: Path,
) -> None:
    """Write `made`, at the model's rate, by the skeleton and the rate of the file; its untouched frames are copied.

    follows: whether what came after the new part stays. leads: whether all of the file follows the new part.
    """
    from moclip.files.formats import save_values
    from moclip.files.keep import Kept, written_back

    file, scale = reading.bvh, reading.bvh.fps / made.fps
    if leads:
        at = round(new.frames * scale)
        kept, start = [Kept(at, reading.first, file.frames)], 0.0
    else:
        # A pose that the file begins with stays there.
        begins = reading.first + (round(before.frames * scale) if before else 0)
        at = reading.first + round(((before.frames if before else 0) + new.frames) * scale)
        kept, start = [Kept(0, 0, min(begins, file.frames))] if begins else [], reading.first / file.fps
        if follows and at < file.frames:
            kept.append(Kept(at, at, file.frames))
    frames = kept[-1].stop if leads or follows else at
    save_values(reading, written_back(reading, made, kept, max(frames, at), start), out)


def _save_features(
    features: "NDArray[Any]", made: "Motion", before: "Motion | None", new: "Motion", *, leads: bool, out: Path
) -> None:
    """Write `made` as features; rows of frames of the file that were not touched are the file's own."""
    from moclip.files.features_kept import features_with
    from moclip.files.formats import save_features
    from moclip.files.keep import Kept

    begins = before.frames if before and not leads else 0
    at = begins + new.frames
    kept = [Kept(0, 0, begins)] if begins else []
    if at < made.frames:
        first = 0 if leads else at
        kept.append(Kept(at, first, first + made.frames - at))
    save_features(features_with(features, made, kept), out)


def _check_span(start: float | None, end: float | None, seconds: float | None, length: float) -> None:
    if start is None and end is not None:
        raise typer.BadParameter("--end needs --start.")
    if end is not None and seconds is not None:
        raise typer.BadParameter("with --start and --end the new part is as long as they say; leave out --seconds.")
    if start is not None and not 0 <= start <= length + 1e-6:
        hint = f"The motion lasts {length:.2f} seconds; choose a --start from 0 on."
        raise MoclipError(f"No new part can begin at second {start:g}.", hint=hint, code="bad_range")
    if start == 0 and end is None:
        hint = "Give --end as well, or leave out --start to lead to the motion."
        raise MoclipError("Nothing of the motion would stay.", hint=hint, code="bad_range")
    if start is not None and end is not None and not start < end < length:
        hint = f"The motion lasts {length:.2f} seconds; leave out --end to replace all that follows --start."
        raise MoclipError(f"No new part can last from second {start:g} to {end:g}.", hint=hint, code="bad_range")


def _parts(
    motion: "Motion", start: float | None, end: float | None, seconds: float | None
) -> tuple["Motion | None", "Motion | None", float | None]:
    """The motion before and after the new part, and how long that lasts; None: the model chooses."""
    if start is None:
        return None, motion, seconds
    first = max(1, round(start * motion.fps)) if start else 0
    before = _cut(motion, 0, first) if first else None
    if end is None:
        return before, None, seconds
    last = min(max(first + 1, round(end * motion.fps)), motion.frames - 1)
    return before, _cut(motion, last, motion.frames), (last - first) / motion.fps


def _cut(motion: "Motion", first: int, end: int) -> "Motion":
    span = slice(max(0, first), end)
    return replace(motion, rotations=motion.rotations[span], root_translation=motion.root_translation[span])


def _joined(parts: "list[Motion]") -> "Motion":
    from moclip.generate.context import concatenated

    return concatenated(parts)
