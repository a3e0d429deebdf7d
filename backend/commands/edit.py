# SPDX-License-Identifier: Apache-2.0
"""`moclip edit`: make a part of a motion anew, go on from it, or lead to it."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from backend.commands.generate import check_folder, check_no_folder
from backend.reporting import say
from backend.terminal import print_json, progress_bar
from moclip.errors import MoclipError

if TYPE_CHECKING:
    from moclip.motion import Motion

SEEN_SECONDS = 2.0


def edit(
    motion: Annotated[Path, typer.Argument(help="A motion: .npz, .bvh or .npy.")],
    text: Annotated[str, typer.Argument(help="What happens in the new part, in English.")],
    start: Annotated[
        float | None, typer.Option(help="Second at which the new part begins; without it, it leads to the motion.")
    ] = None,
    end: Annotated[
        float | None, typer.Option(help="Second at which it ends; without it, it replaces all that follows.")
    ] = None,
    seconds: Annotated[float | None, typer.Option(help="How long it is, where start or end is open.")] = None,
    seed: Annotated[int, typer.Option(help="Same text, same seed: same motion.", min=0)] = 0,
    model: Annotated[str, typer.Option(help="Name or folder of a model.")] = "embedded",
    runtime: Annotated[str, typer.Option(help="auto, onnx or torch.")] = "auto",
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    out: Annotated[Path, typer.Option(help="File, its suffix is the format.")] = Path("edited.bvh"),
    as_json: Annotated[bool, typer.Option("--json", help="Print what was written as JSON.")] = False,
) -> None:
    """Make a part of a motion anew. The frames before and after it stay as they are, at the model's frame rate.

    With --start and --end, what lies between is replaced; with --start alone the motion goes on from there in another
    way; with neither, the new part leads to where the motion begins.

    Example: moclip edit walk.bvh "a person jumps" --start 2.0 --end 4.5 --out jump.bvh
    """
    from moclip.motion_io import at_rate, check_writable_suffix, load_motion, save_motion
    from moclip.pipeline import Request, TextToMotion
    from moclip.prompts import check_prompt

    check_prompt(text)
    check_writable_suffix(out)
    check_folder(out.parent)
    check_no_folder(out)
    given = load_motion(motion)
    _check_span(start, end, seconds, given.seconds)
    with progress_bar("generating") as progress:
        progress("loading", 0.0)
        engine = TextToMotion.load(model, runtime, device)
        given = at_rate(given, engine.fps)
        before, after, length = _parts(given, start, end, seconds)
        seen = round(SEEN_SECONDS * engine.fps)
        request = Request(
            text, length, seed,
            before=before and _cut(before, before.frames - seen, before.frames), after=after and _cut(after, 0, seen),
        )  # fmt: skip
        result = engine.generate([request], progress=progress)[0]
    new = _cut(result.motion, *result.new)
    whole = [part for part in (before, new, after) if part is not None]
    made = replace(_joined(whole), text=text, seed=seed)
    save_motion(made, out)
    for warning in result.warnings:
        say(f"warning: {warning}")
    first = before.frames / engine.fps if before else 0.0
    told = {"path": str(out), "seconds": made.seconds, "frames": made.frames, "seed": seed,
            "new_seconds": [first, first + new.seconds], "warnings": list(result.warnings)}  # fmt: skip
    if as_json:
        print_json([told])
    else:
        print(f"{out}: {made.seconds:.2f} s, new from {first:.2f} to {first + new.seconds:.2f} s, seed {seed}")


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
    if end is not None and not start < end < length:
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
    from moclip.kept import concatenated

    return concatenated(parts)
