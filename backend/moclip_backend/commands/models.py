# SPDX-License-Identifier: Apache-2.0
"""`moclip models`: which models are here, what they are, and whether they are whole."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from moclip.shipped import DEFAULT_MODEL

if TYPE_CHECKING:
    from moclip.models import ModelInfo

app = typer.Typer(
    no_args_is_help=True, help="List, describe, import, export and verify models. Example: moclip models list"
)

Name = Annotated[str, typer.Argument(help="Name or folder of a model.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("list")
def list_command(as_json: Json = False) -> None:
    """List the installed models with their licences. Example: moclip models list"""
    from moclip.models import list_models
    from moclip_backend.terminal import print_json, print_table

    models = list_models()
    if as_json:
        print_json([_fields(info) for info in models])
        return
    rows = [(i.name, i.generator_name, _millions(i.parameters), _megabytes(i.sizes), i.licence, i.path) for i in models]
    print_table(("name", "generator", "parameters", "size", "licence", "folder"), rows)


@app.command("info")
def info_command(name: Name = DEFAULT_MODEL, as_json: Json = False) -> None:
    """Describe a model: licence, sizes, metrics, what it can do. Example: moclip models info embedded"""
    from moclip.licences import in_words
    from moclip.models import model_info
    from moclip_backend.terminal import print_json, print_table

    fields = _fields(model_info(name))
    if as_json:
        print_json(fields)
        return
    rows = []
    for key, value in fields.items():
        if isinstance(value, dict):
            rows += [(f"{key}: {inner}", _shown(v)) for inner, v in value.items()]
        else:
            rows.append((key, f"{value}. {in_words(value)}" if key == "licence" else _shown(value)))
    print_table(("what", "value"), rows)


@app.command("verify")
def verify_command(name: Name = DEFAULT_MODEL, as_json: Json = False) -> None:
    """Read all weights of a model and check that they are whole. Example: moclip models verify embedded"""
    from moclip.models import model_info, verify_model
    from moclip_backend.reporting import say
    from moclip_backend.terminal import print_json

    model_info(name)
    problems = verify_model(name)
    if as_json:
        print_json({"name": name, "problems": problems})
    elif not problems:
        print(f"The model '{name}' is whole.")
    for problem in problems:
        say(f"error: {problem}")
    if problems:
        raise typer.Exit(1)


@app.command("import")
def import_command(
    checkpoint: Annotated[Path, typer.Argument(help="Folder of MoMask, BAMM or BAD as released, or MoCLIP's .pth.")],
    out: Annotated[
        Path | None, typer.Option(help="Folder to write. Default: among the installed models, as momask-t2m.")
    ] = None,
    clip: Annotated[
        Path | None,
        typer.Option(help="OpenAI's ViT-B-32.pt or open_clip's file. Default: a cached copy, else the hub's."),
    ] = None,
    text_encoder: Annotated[
        Path | None,
        typer.Option(help="Tower that the generator was fine-tuned to: text.safetensors, its folder, MoCLIP's .pth."),
    ] = None,
    run: Annotated[Path | None, typer.Option(help="The transformer's own folder, where there are several.")] = None,
) -> None:
    """Turn a released checkpoint into ours: a generator's folder into a model, MoCLIP's file into a work folder.

    Example: moclip models import checkpoints/t2m --clip ViT-B-32.pt --out models/momask
    """
    from moclip_backend.packages import require
    from moclip_backend.reporting import say

    require("torch", "torch")
    require("open_clip", "torch")
    if checkpoint.suffix == ".pth":
        _import_moclip(checkpoint, out, clip or text_encoder)
        return
    from moclip.generators.importing import import_released
    from moclip.models import models_folder

    def place(generator: str) -> Path:
        return out or models_folder() / f"{generator}-{checkpoint.resolve().name}"

    made = import_released(checkpoint, place, clip=clip, text_encoder=text_encoder, run=run)
    print(f"{made.title} written to {made.folder}. `moclip models verify {made.folder}` checks it.")
    if made.note:
        say(f"warning: {made.note}")


def _import_moclip(checkpoint: Path, out: Path | None, tower: Path | None) -> None:
    from moclip.alignment.authors import import_authors
    from moclip.errors import MoclipError

    if out is None or tower is not None:
        what = "needs --out FOLDER" if out is None else "brings its own text encoder"
        hint = "Say where to write its work folder." if out is None else "Leave out --clip and --text-encoder."
        raise MoclipError(f"A MoCLIP file {what}.", hint=hint, code="bad_options")
    import_authors(checkpoint, out)
    print(f"Written to {out}: text.safetensors, the text tower, and moclip.safetensors with the motion encoder.")


class Format(StrEnum):
    moclip = "moclip"
    open_clip = "open_clip"
    authors = "authors"


@app.command("export")
def export_command(
    source: Annotated[str, typer.Argument(help="Folder of `moclip train moclip`, or the name or folder of a model.")],
    out: Annotated[Path, typer.Option(help="File to write; for open_clip a folder.")],
    format: Annotated[  # noqa: A002 (the option's name)
        Format, typer.Option(help="moclip: the text tower alone. authors: their .pth file, for ViT-B/32.")
    ] = Format.moclip,
    image_side: Annotated[
        str | None, typer.Option(help="ViT-B/32's image side: an open_clip tag or file. Default: none, or as imported.")
    ] = None,
) -> None:
    """Give a MoCLIP text tower to other programs.

    Example: moclip models export embedded --format open_clip --out moclip-text
    """
    from moclip_backend.packages import require

    require("torch", "torch")
    from moclip.errors import MoclipError

    if out.exists() and out.is_dir() != (format is Format.open_clip):
        kind = "folder" if format is Format.open_clip else "file"
        raise MoclipError(f"{out} exists and is no {kind}.", hint="Choose another --out.", code="bad_file")
    try:
        _export(source, out, format, image_side)
    except OSError as error:
        raise MoclipError(
            f"{out} cannot be written: {error}.", hint="Choose another --out.", code="bad_file"
        ) from error
    print(f"Written to {out}.")


def _export(source: str, out: Path, format: Format, image_side: str | None) -> None:  # noqa: A002
    from moclip.alignment.authors import export_authors
    from moclip.errors import MoclipError
    from moclip.models import model_info
    from moclip.text.open_clip_export import export_open_clip
    from moclip.text.tower import load_tower, save_tower

    own = Path(source) / "text.safetensors"
    tower = own if own.is_file() else model_info(source).file("text")
    folder = tower.parent
    if format is Format.authors:
        for note in export_authors(folder, out, image_side):
            print(note)
    elif format is Format.open_clip:
        export_open_clip(load_tower(tower), out, image_side)
    elif image_side:
        raise MoclipError("The text tower alone has no image side.", hint="Leave out --image-side.", code="bad_format")
    else:
        out.parent.mkdir(parents=True, exist_ok=True)
        save_tower(load_tower(tower), out)


def _fields(info: "ModelInfo") -> dict[str, Any]:
    names = ("name", "path", "licence", "description", "text_fingerprint", "parameters", "sizes", "metrics", "actions")
    return {**{name: getattr(info, name) for name in names}, "generator": info.generator_name}


def _shown(value: object) -> str:
    return f"{value:,}" if type(value) is int else f"{value:.4g}" if isinstance(value, float) else str(value)


def _millions(parameters: dict[str, int]) -> str:
    return f"{sum(parameters.values()) / 1e6:.1f} M"


def _megabytes(sizes: dict[str, int]) -> str:
    return f"{sum(sizes.values()) / 1e6:.1f} MB"
