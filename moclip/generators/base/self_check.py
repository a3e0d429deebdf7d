# SPDX-License-Identifier: Apache-2.0
"""Whether a model's networks still compute what they did: a few numbers that they make of seeded inputs.

The numbers are written when a model is imported. Another machine rounds otherwise, so they are compared with tolerance;
a weight that was changed, or a network that is built otherwise than it was, shows all the same.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from moclip.errors import MoclipError
from moclip.generators.base.generator import Generator
from moclip.generators.base.networks import examples_of, networks_of
from moclip.nn.networks import Network, restore

SEED = 0
TOLERANCE = 1e-3
"""Of each number, relative to 1 or to the number, whichever is larger."""
_FIRST = 4

Arrays = Mapping[str, Mapping[str, np.ndarray]]
Configs = Mapping[str, Mapping[str, Any]]


def check_networks(
    generator: type[Generator], arrays: Arrays, configs: Configs, known: Mapping[str, Any] | None = None
) -> list[str]:
    """What is wrong with a model's networks, one sentence each.

    arrays, configs: by network. known: what `seeded_numbers` made of them once.
    """
    classes, networks, problems = networks_of(generator.NAME), {}, []
    for name, own in arrays.items():
        try:
            networks[name] = restore(classes[name], configs[name], own)
        except MoclipError as error:
            problems.append(f"{name}: {error}")
    if problems:
        return problems
    try:
        found = seeded_numbers(generator, networks, configs)
    except (KeyError, RuntimeError, IndexError) as error:
        return [f"The networks do not fit together: {str(error).splitlines()[0]}."]
    problems += [
        f"{call}: what it makes of seeded inputs is not finite."
        for call, numbers in found.items()
        if not np.isfinite(numbers).all()
    ]
    if problems:
        return problems
    return [
        f"{call}: it does not compute what it did when the model was made."
        for call, numbers in (known or {}).items()
        if call in found and not _alike(numbers, found[call])
    ]


def seeded_numbers(
    generator: type[Generator], networks: Mapping[str, Network], configs: Configs
) -> dict[str, list[float]]:
    """Call -> mean, root mean square and the first numbers of what it makes of seeded inputs; of codes nothing."""
    found = {}
    with torch.random.fork_rng(devices=[]), torch.inference_mode():
        torch.manual_seed(SEED)
        examples = examples_of(generator.NAME, configs)
        for name, call in generator.calls().items():
            if call.network not in networks or name not in examples or (name == "words" and not generator.READS_WORDS):
                continue
            made = getattr(networks[call.network].eval(), call.method)(**examples[name].inputs)
            output: Tensor = made[0] if isinstance(made, tuple) else made
            if output.is_floating_point():
                flat = output.double().flatten()
                numbers = [flat.mean(), flat.pow(2).mean().sqrt(), *flat[:_FIRST]]
                found[name] = [float(number) for number in numbers]
    return found


def _alike(known: Any, found: list[float]) -> bool:
    if not isinstance(known, list) or len(known) != len(found):
        return False
    once, now = np.asarray(known, dtype=np.float64), np.asarray(found)
    return bool((np.abs(once - now) <= TOLERANCE * np.maximum(1.0, np.abs(once))).all())
