# SPDX-License-Identifier: Apache-2.0
"""`moclip serve`: the backend."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from moclip.shipped import DEFAULT_MODEL
from moclip_backend.address import DEFAULT_BIND


def serve(
    bind: Annotated[
        str | None,
        typer.Option(help="tcp://HOST:PORT; port 0 is any free one.", show_default=f"{DEFAULT_BIND}, :8000 for MMCP"),
    ] = None,
    runtime: Annotated[str, typer.Option(help="auto, onnx or torch.")] = "auto",
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    model: Annotated[str, typer.Option(help="Name or folder of a model.")] = DEFAULT_MODEL,
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
    log_json: Annotated[
        bool, typer.Option("--log-json", help="Log to standard error, a JSON object a line, instead of to a file.")
    ] = False,
    mmcp: Annotated[
        bool, typer.Option("--mmcp", help="Serve the Motion Model Context Protocol (HTTP) instead, to this computer.")
    ] = False,
    mcp: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help="Serve an assistant instead, over standard input and output: motions go to FOLDER."
        ),
    ] = None,
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

    Example: moclip serve --mmcp

    Example: moclip serve --mcp ~/motions
    """
    from moclip_backend.server.serving import ServeOptions
    from moclip_backend.server.serving import serve as run

    if mmcp and mcp is not None:
        raise typer.BadParameter("--mmcp and --mcp are two ways to serve.")
    if (mmcp or mcp is not None) and (token_file or keys):
        raise typer.BadParameter("--token-file and --keys are for neither --mmcp nor --mcp.")
    if mcp is not None:
        from moclip_backend.interop.assistant import load_by_name, serve_mcp

        raise typer.Exit(serve_mcp(mcp, model, load_by_name(runtime, device)))
    options = ServeOptions(
        bind or DEFAULT_BIND, model, runtime, device, token_file, keys, parent_stdin or None, log_json, models
    )
    if mmcp:
        from moclip_backend.interop.mmcp import DEFAULT_BIND as MMCP_BIND
        from moclip_backend.interop.mmcp import serve_mmcp

        raise typer.Exit(serve_mmcp(replace(options, bind=bind or MMCP_BIND)))
    raise typer.Exit(run(options))
