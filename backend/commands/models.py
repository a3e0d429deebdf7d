# SPDX-License-Identifier: Apache-2.0
"""`moclip models`: which models are here, what they are, and whether they are whole."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="List, describe, import and verify models. Example: moclip models list")

Name = Annotated[str, typer.Argument(help="Name or folder of a model.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("list")
def list_command(as_json: Json = False) -> None:
    """List the installed models with their licences. Example: moclip models list"""
    from backend.terminal import print_json, print_table
    from moclip.models import list_models

    models = list_models()
    if as_json:
        print_json([_fields(info) for info in models])
        return
    rows = [(i.name, _millions(i.parameters), _megabytes(i.sizes), i.licence, i.path) for i in models]
    print_table(("name", "parameters", "size", "licence", "folder"), rows)


@app.command("info")
def info_command(name: Name = "embedded", as_json: Json = False) -> None:
    """Describe a model: licence, sizes, text tower, metrics. Example: moclip models info embedded"""
    from backend.terminal import print_json, print_table
    from moclip.models import model_info

    fields = _fields(model_info(name))
    if as_json:
        print_json(fields)
        return
    rows = []
    for key, value in fields.items():
        if isinstance(value, dict):
            rows += [(f"{key}: {inner}", _shown(v)) for inner, v in value.items()]
        else:
            rows.append((key, _shown(value)))
    print_table(("what", "value"), rows)


@app.command("verify")
def verify_command(name: Name = "embedded", as_json: Json = False) -> None:
    """Read all weights of a model and check that they are whole. Example: moclip models verify embedded"""
    from backend.reporting import say
    from backend.terminal import print_json
    from moclip.models import model_info, verify_model

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
    checkpoint: Annotated[Path, typer.Argument(help="MoMask's checkpoints/t2m folder.")],
    out: Annotated[Path, typer.Option(help="Model folder to write.")],
) -> None:
    """Turn an official MoMask checkpoint into a model folder.

    Example: moclip models import checkpoints/t2m --out models/momask
    """
    from backend.cli import require
    from backend.commands.generate import make_folder

    require("torch", "torch")
    from moclip.models import import_checkpoint

    make_folder(out)
    import_checkpoint(checkpoint, out)
    print(f"Written to {out}. `moclip models verify {out}` checks it.")


def _fields(info) -> dict:  # noqa: ANN001
    names = ("name", "path", "licence", "description", "text_fingerprint", "parameters", "sizes", "metrics")
    return {name: getattr(info, name) for name in names}


def _shown(value: object) -> str:
    return f"{value:,}" if type(value) is int else f"{value:.4g}" if isinstance(value, float) else str(value)


def _millions(parameters: dict[str, int]) -> str:
    return f"{sum(parameters.values()) / 1e6:.1f} M"


def _megabytes(sizes: dict[str, int]) -> str:
    return f"{sum(sizes.values()) / 1e6:.1f} MB"
