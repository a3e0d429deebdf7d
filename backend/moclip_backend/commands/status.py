# SPDX-License-Identifier: Apache-2.0
"""`moclip status`: the running backend's health."""

from pathlib import Path
from typing import Annotated

import typer


def status(
    address: Annotated[
        str | None, typer.Option(help="tcp://HOST:PORT.", show_default="the backend on this machine")
    ] = None,
    token_file: Annotated[
        Path | None, typer.Option(help="File with its token.", show_default="the announced one")
    ] = None,
    key: Annotated[Path | None, typer.Option(help="Key file of this client, for a backend elsewhere.")] = None,
    stop: Annotated[bool, typer.Option("--stop", help="Ask the backend to end.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show the running backend's model, load and answering time. Exit code 1 when none is running.

    Example: moclip status

    Example: moclip status --address tcp://render:5578 --key client.json
    """
    from moclip_backend.client.running import connect_running
    from moclip_backend.state.credentials import read_client_keys
    from moclip_backend.terminal import print_json, print_table

    with connect_running(address, token_file, read_client_keys(key) if key else None) as client:
        seconds = client.ping()
        shown = {"address": client.address, **client.status(), "answer_ms": round(1000 * seconds, 1)}
        if stop:
            client.shutdown()
            shown["stopped"] = True
    for field in ("type", "id"):
        shown.pop(field, None)
    if as_json:
        print_json(shown)
    else:
        print_table(("what", "value"), list(shown.items()))
