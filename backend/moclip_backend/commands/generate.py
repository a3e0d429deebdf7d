# SPDX-License-Identifier: Apache-2.0
"""`moclip generate`: sentences to motion files."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from moclip.errors import MoclipError
from moclip.prompts.limits import LONGEST_SECONDS, SHORTEST_SECONDS
from moclip.shipped import DEFAULT_MODEL
from moclip_backend.reporting import report, say
from moclip_backend.terminal import print_json, progress_bar

if TYPE_CHECKING:
    from moclip_backend.batch.run import Workers
    from moclip_backend.engine import Engine

MAX_VARIATIONS = 100


def generate(
    text: Annotated[str | None, typer.Argument(help="What the person does, in English.", show_default=False)] = None,
    seconds: Annotated[
        str, typer.Option(help=f"Length, {SHORTEST_SECONDS} to {LONGEST_SECONDS}; auto lets the model choose.")
    ] = "auto",
    seed: Annotated[int, typer.Option(help="Same prompt, same seed: same motion.", min=0)] = 0,
    variations: Annotated[
        int, typer.Option(help="How many motions, with seeds SEED, SEED+1 ...", min=1, max=MAX_VARIATIONS)
    ] = 1,
    model: Annotated[str, typer.Option(help="Name or folder of a model.")] = DEFAULT_MODEL,
    runtime: Annotated[str, typer.Option(help="auto, onnx or torch.")] = "auto",
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    out: Annotated[
        Path | None,
        typer.Option(help="File, its suffix is the format; with --batch a folder.", show_default="motion.bvh"),
    ] = None,
    batch: Annotated[
        Path | None,
        typer.Option(help='Lines of {"id", "text", "seconds", "seed"}, one prompt each; also {"pins", "poses", "at"}.'),
    ] = None,
    script: Annotated[
        Path | None, typer.Option(help='JSON: [{"text", "seconds"}], done one after the other in one motion.')
    ] = None,
    pins: Annotated[
        Path | None,
        typer.Option(
            help='JSON: [{"effector": "right_hand", "seconds": 2, "place": [x, y, z], "turn": [w, x, y, z]}].'
        ),
    ] = None,
    poses: Annotated[Path | None, typer.Option(help="A motion, of which the poses --at some seconds are met.")] = None,
    at: Annotated[str | None, typer.Option(help="Seconds with commas between them; with --poses.")] = None,
    format: Annotated[str, typer.Option(help="With --batch: npz, bvh, npy, gif, mp4 or png.")] = "npz",
    engine: Annotated[
        str, typer.Option(help="With --batch: local, or ray to spread it over a Ray cluster (RAY_ADDRESS).")
    ] = "local",
    workers: Annotated[
        int | None, typer.Option(help="With --engine ray.", min=1, show_default="what the cluster has room for")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was written as JSON.")] = False,
) -> None:
    """Turn a sentence into a motion file: .bvh, .npz, .npy (263 features), or a preview as .gif, .mp4 or .png.

    Files that are there already are written over. Variations get -1, -2 ... before the suffix. A batch that was broken
    off goes on where it was when the same command is given again.

    Example: moclip generate "a person walks forward, then waves" --seconds 6 --out walk.bvh

    Example: moclip generate --script scene.json --out scene.bvh

    Example: moclip generate "a person walks" --poses blocking.bvh --at 0,1.5,3 --out walk.bvh

    Pins say where a hand, a foot, the head or the hips are at a second: metres from where the motion begins, y up,
    facing +z; a pin may have only a place or only a turn, and "until" another second it stays there.

    Example: moclip generate --batch prompts.jsonl --out motions --format bvh
    """
    from moclip_backend.batch.held import read_pins_file, read_poses, seconds_of
    from moclip_backend.batch.items import Item, read_batch, read_script
    from moclip_backend.batch.ledger import open_ledger
    from moclip_backend.batch.run import generate_batch

    if [text, batch, script].count(None) != 2:
        raise typer.BadParameter("give either a TEXT, --script FILE or --batch FILE.")
    if script is not None and seconds != "auto":
        raise typer.BadParameter("with --script, each line has its own seconds.")
    if batch is not None and (pins or poses):
        raise typer.BadParameter(
            "--pins and --poses are for one motion; a line of --batch has its own pins, poses and at."
        )
    if (poses is None) != (at is None):
        raise typer.BadParameter("--poses FILE and --at SECONDS go together.")
    check_engine(engine, workers, batch)
    length = _seconds(seconds)
    if batch is None:
        from moclip.files.formats import check_writable_suffix
        from moclip.prompts.requests import Line, Request, check_request

        path = out or Path("motion.bvh")
        lines = read_script(script) if script is not None else ()
        text = text if text is not None else "; ".join(str(line) for line, _ in lines)
        pinned = read_pins_file(pins) if pins else ()
        anchors = read_poses(poses, seconds_of(at)) if poses and at else ()
        own = tuple(Line(*line) for line in lines)
        check_request(Request(text, length, seed, own, pins=pinned, anchors=anchors))
        check_writable_suffix(path)
        names = [path] if variations == 1 else [path.with_stem(f"{path.stem}-{k + 1}") for k in range(variations)]
        check_folder(path.parent)
        for name in names:
            check_no_folder(name)
        items = [
            Item(None, str(name), name, text, length, seed + k, lines, pinned, anchors) for k, name in enumerate(names)
        ]
        problems = 0
    else:
        if out is None:
            raise typer.BadParameter("--batch needs --out FOLDER.")
        if seconds != "auto" or seed != 0 or variations != 1:
            raise typer.BadParameter("with --batch, each line has its own seconds and seed, and one motion.")
        items, errors = read_batch(batch, out, format)
        for error in errors:
            report(error)
        problems = len(errors)
        make_folder(out)
    # Loading comes last: whatever can be refused was refused by now.
    written: list[dict[str, Any]] = []
    if items:
        kept_ledger = open_ledger(out, [i.path for i in items]) if batch and out else nullcontext()
        load = partial(_load, model, runtime, device)
        with progress_bar("generating") as progress, kept_ledger as kept:
            progress("loading", 0.0)
            with _workers(engine, load, device, workers) as at_work:
                for outcome in generate_batch(at_work, items, progress, kept.ledger if kept else None):
                    if isinstance(outcome, MoclipError):
                        report(outcome)
                        problems += 1
                        if kept:
                            kept.keep |= outcome.code in ("unwritable_file", "worker_died")
                    else:
                        written.append(outcome)
                        _tell(outcome, as_json)
    if as_json:
        print_json(written)
    if batch is not None:
        say(f"{len(written)} of {len(written) + problems} motions written to {out}.")
    if problems:
        raise typer.Exit(1)


@contextmanager
def _workers(engine: str, load: "Callable[[], Engine]", device: str, workers: int | None) -> "Iterator[Workers]":
    if engine == "ray":
        from moclip_backend.farm.motions import open_farm

        with open_farm(load, device, workers) as farm:
            yield farm
    else:
        from moclip_backend.batch.run import Here

        yield Here(load())


def check_engine(engine: str, workers: int | None, batch: Path | None) -> None:
    """Raise BadParameter for options that do not go together."""
    if engine not in ("local", "ray"):
        raise typer.BadParameter(f"'{engine}' is neither local nor ray.", param_hint="--engine")
    if engine == "ray" and batch is None:
        raise typer.BadParameter("--engine ray is for --batch FILE.")
    if workers is not None and engine != "ray":
        raise typer.BadParameter("--workers is for --engine ray.")


def _load(model: str, runtime: str, device: str) -> "Engine":
    from moclip.generate.pipeline import TextToMotion

    return TextToMotion.load(model, runtime, device)


def _tell(outcome: dict[str, Any], as_json: bool) -> None:
    for warning in outcome["warnings"]:
        say(f"warning: {outcome['name']}: {warning}")
    if not as_json:
        length = f"{outcome['seconds']:.2f} s, {outcome['frames']} frames"
        print(f"{outcome['path']}: {length}, seed {outcome['seed']}", flush=True)


def _seconds(text: str) -> float | None:
    if text == "auto":
        return None
    try:
        return float(text)
    except ValueError:
        raise typer.BadParameter(f"'{text}' is neither auto nor a number of seconds.", param_hint="--seconds") from None


def check_no_folder(path: Path) -> None:
    """Raise MoclipError when `path`, which is to become a file, is a folder."""
    if path.is_dir():
        raise MoclipError(f"'{path}' is a folder.", hint="Give the name of a file.", code="unwritable_file")


def check_folder(folder: Path) -> None:
    """Raise MoclipError unless a file can be made in `folder`: known before the work rather than after it."""
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise MoclipError(
            f"Nothing can be written to the folder '{folder}': {error.strerror or error}.",
            hint="Choose a folder that exists and that you may write to.",
            code="unwritable_file",
        ) from error


def make_folder(folder: Path) -> None:
    """Make `folder` where it is missing, and check that files can be made in it. Raises MoclipError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MoclipError(
            f"The folder '{folder}' cannot be made: {error.strerror or error}.",
            hint="Choose another folder.",
            code="unwritable_file",
        ) from error
    check_folder(folder)
