# SPDX-License-Identifier: Apache-2.0
"""What there is to train of each generator: its package says so in its module `train`."""

from collections.abc import Mapping
from dataclasses import dataclass

from moclip.codecs.network import CodecNetwork
from moclip.errors import MoclipError
from moclip.generators.base.generator import DEFAULT, find_generator, generator_names, generator_part, has_part
from moclip.generators.base.learners import Learner
from moclip.nn.config import suggestion


@dataclass(frozen=True)
class GeneratorTraining:
    """learners: `LEARNERS`, the networks that read codes and text, by their stages and in order. vq: its codec's
    network, which makes the codes.
    """

    name: str
    learners: Mapping[str, Learner]
    vq: type[CodecNetwork]


def trainable_generators() -> list[str]:
    return [name for name in generator_names() if has_part(name, "train")]


def generator_training(name: str = DEFAULT) -> GeneratorTraining:
    """Raises MoclipError(code="bad_settings") for a generator that is not there."""
    known = trainable_generators()
    if name not in known:
        raise MoclipError(f"There is no generator '{name}'{suggestion(str(name), known)}.", code="bad_settings")
    module = generator_part(name, "train")
    vq = generator_part(name, "networks").NETWORKS[find_generator(name).CODEC]
    return GeneratorTraining(name, module.LEARNERS, vq)
