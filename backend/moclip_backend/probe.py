# SPDX-License-Identifier: Apache-2.0
"""`python -m moclip_backend.probe`: does this environment generate, and on what? One line of JSON says so."""

import argparse
import json
import sys
import time
from typing import Any

from moclip.prompts.requests import Request
from moclip.shipped import DEFAULT_MODEL
from moclip_backend.reporting import run


def probe(model: str = DEFAULT_MODEL, runtime: str = "auto", device: str = "auto") -> dict[str, Any]:
    """Load the model and generate one second; device, its name, and the seconds that each took. Raises MoclipError."""
    from moclip.generate.pipeline import TextToMotion

    started = time.perf_counter()
    engine = TextToMotion.load(model, runtime, device)
    loaded = time.perf_counter()
    engine.generate([Request("a person walks forward", seconds=1.0)])
    return {
        "runtime": engine.runtime,
        "device": engine.device,
        "device_name": _device_name(engine.device),
        "load_seconds": round(loaded - started, 2),
        "generate_seconds": round(time.perf_counter() - loaded, 2),
    }


def _device_name(device: str) -> str:
    if not device.startswith("cuda"):
        return ""
    import torch

    return torch.cuda.get_device_name()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m moclip_backend.probe", description=__doc__)
    parser.add_argument("--model", default=DEFAULT_MODEL, help="name or folder of a model")
    parser.add_argument("--runtime", default="auto", help="auto, onnx or torch")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
    chosen = parser.parse_args()
    return run(lambda: print(json.dumps(probe(**vars(chosen))), flush=True))


if __name__ == "__main__":
    sys.exit(main())
