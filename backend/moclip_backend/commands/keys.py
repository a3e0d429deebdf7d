# SPDX-License-Identifier: Apache-2.0
"""`moclip keys`: CURVE keys for a backend that other machines can reach."""

from pathlib import Path
from typing import Annotated

import typer


def keys(
    out: Annotated[Path | None, typer.Option(help="Folder for the keys.", show_default="the usual one")] = None,
    client: Annotated[str, typer.Option(help="Name of the client; run again with another for more.")] = "client",
) -> None:
    """Make the backend's keys, if there are none, and those of one client.

    Move the client's file to its machine over a safe way: who has it can use the backend. To shut a client out, delete
    its file from the folder `authorized` and start the backend again.

    Example: moclip keys --client laptop, then moclip serve --bind tcp://0.0.0.0:5578
    """
    from moclip_backend.state.credentials import make_keys
    from moclip_backend.state.folders import keys_folder

    folder = out or keys_folder()
    file = make_keys(folder, client)
    print(f"Backend: {folder / 'server.json'} (stays here)")
    print(f"Client:  {file} (move it to the client's machine)")
