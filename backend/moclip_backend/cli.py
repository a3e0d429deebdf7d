# SPDX-License-Identifier: Apache-2.0
"""`moclip`: the command line. A command's module is imported when that command runs, so that `--help` stays quick."""

import importlib
import importlib.util
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

COMMANDS = {
    "generate": "Turn sentences into motion files.",
    "edit": "Make a part of a motion file anew, or go on from it.",
    "convert": "Turn motion files of one format and skeleton into another.",
    "demo": "The whole product without a window: backend, add-on, rig, keyframes, preview.",
    "serve": "Run the backend that Blender and other clients talk to.",
    "status": "Show how the running backend fares.",
    "keyframe": "Put many prompts on the armatures of a .blend file.",
    "models": "List, describe, import and verify models.",
    "data": "Build or check a dataset folder.",
    "train": "Train the networks.",
    "evaluate": "Compute the metrics of a model.",
    "ablate": "Compare MoCLIP with one part of its method changed at a time.",
    "bench": "Measure speed and accuracy, as JSON.",
    "doctor": "Show what is installed, what is missing, and how to mend it.",
    "keys": "Make CURVE keys, to serve other machines.",
}
"""One module each in `moclip_backend.commands`, with a typer `app` or a function of the command's name."""


class LazyGroup(TyperGroup):
    """Replaces a command's placeholder by the command once it is called."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args and args[0] in self.commands:
            self.commands[args[0]] = _load(args[0])
        return super().resolve_command(ctx, args)


def _load(name: str) -> Any:
    try:
        module = importlib.import_module(f"moclip_backend.commands.{name}")
    except ModuleNotFoundError as error:
        from moclip_backend.packages import missing

        raise missing(error.name or "?", "`moclip doctor` shows what is missing.") from error
    command = getattr(module, "app", None)
    if command is None:
        command = typer.Typer(add_completion=False)
        command.command(name)(getattr(module, name))
    return typer.main.get_command(command)


def _version(wanted: bool) -> None:
    if wanted:
        from moclip import __version__

        typer.echo(f"moclip {__version__}")
        raise typer.Exit


def _make_app() -> typer.Typer:
    app = typer.Typer(cls=LazyGroup, no_args_is_help=True, add_completion=True)

    @app.callback()
    def moclip(
        version: Annotated[
            bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
        ] = False,
    ) -> None:
        """Text to human motion, for Blender and for files.

        Example: moclip generate "a person walks forward, then waves" --out walk.bvh
        """

    for name, summary in COMMANDS.items():
        if importlib.util.find_spec(f"moclip_backend.commands.{name}"):
            app.command(name, help=summary)(lambda: None)
    return app


def main() -> int:
    """Entry point of the console script: the exit code."""
    from moclip_backend.reporting import run

    # The command itself rather than the app: typer's own call would print tracebacks of what is unexpected.
    command = typer.main.get_command(_make_app())
    return run(lambda: command(prog_name="moclip"))
