# SPDX-License-Identifier: Apache-2.0
"""`python -m moclip_backend.builtin`: `moclip serve` without typer and rich, for Blender's own Python."""

import argparse
import sys
from pathlib import Path

from moclip.shipped import DEFAULT_MODEL
from moclip_backend.address import DEFAULT_BIND
from moclip_backend.reporting import run
from moclip_backend.server.serving import ServeOptions, serve


def options(arguments: list[str]) -> ServeOptions:
    parser = argparse.ArgumentParser(
        prog="python -m moclip_backend.builtin",
        description="Serve a text-to-motion model over ZeroMQ. Example: python -m moclip_backend.builtin --bind tcp://127.0.0.1:0",
    )
    parser.add_argument("--bind", default=DEFAULT_BIND, help="tcp://HOST:PORT, port 0 for any free one")
    parser.add_argument("--model", default=DEFAULT_MODEL, help="name or folder of a model")
    parser.add_argument("--runtime", default="auto", help="auto, onnx or torch")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
    parser.add_argument("--token-file", type=Path, help="file with the token; made when missing")
    parser.add_argument("--keys", type=Path, help="folder of CURVE keys")
    parser.add_argument("--parent-stdin", action="store_true", default=None, help="end at the end of standard input")
    parser.add_argument("--models", type=int, default=1, help="how many models may be in memory at once")
    return ServeOptions(**vars(parser.parse_args(arguments)))


def main() -> int:
    chosen = options(sys.argv[1:])
    return run(lambda: serve(chosen))


if __name__ == "__main__":
    sys.exit(main())
