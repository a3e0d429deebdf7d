# SPDX-License-Identifier: Apache-2.0
"""`moclip serve`: the backend."""

from pathlib import Path
from typing import Annotated

import typer

from moclip_backend.address import DEFAULT_BIND


def serve(
    bind: Annotated[str, typer.Option(help="tcp://HOST:PORT; port 0 is any free one.")] = DEFAULT_BIND,
    runtime: Annotated[str, typer.Option(help="auto, onnx or torch.")] = "auto",
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    model: Annotated[str, typer.Option(help="Name or folder of a model.")] = "embedded",
    token_file: Annotated[
        Path | None,
        typer.Option(help="File with the token for clients; made (0600) when missing.", show_default="a new one"),
    ] = None,
    keys: Annotated[
        Path | None, typer.Option(help="Folder of CURVE keys, see `moclip keys`.", show_default="the usual one")
    ] = None,
    parent_stdin: Annotated[
        bool, typer.Option("--parent-stdin", help="End when standard input ends, even if it is no pipe.")
    ] = False,
    models: Annotated[
        int, typer.Option(min=1, help="How many models may be in memory at once: over 1, requests may name others.")
    ] = 1,
) -> None:
    """Run the backend; one line of JSON on stdout says when it is ready.

    Only this machine can reach it, and only with the token: from the environment variable MOCLIP_TOKEN, else from the
    file that the ready line names. An address that other machines can reach needs CURVE keys (`moclip keys`).

    It ends with Ctrl+C, with a client's shutdown, and, when standard input is a pipe that somebody holds open, once
    that closes: so it never outlives the program that started it. From a terminal, under nohup or as a service it
    keeps running.

    Example: moclip serve --bind tcp://127.0.0.1:0
    """
    from moclip_backend.server.serving import ServeOptions
    from moclip_backend.server.serving import serve as run

    code = run(ServeOptions(bind, model, runtime, device, token_file, keys, parent_stdin or None, models))
    raise typer.Exit(code)
