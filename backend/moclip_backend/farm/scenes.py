# SPDX-License-Identifier: Apache-2.0
"""Scenes of a list on a Ray cluster, whose nodes see the same folders: a worker keys one with a Blender of its own."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from moclip.errors import MoclipError
from moclip_backend.blender.keying import Keyed, Scene, key_scene, prepare
from moclip_backend.farm.cluster import cluster, nodes_of, share_out
from moclip_backend.farm.pool import TRIES, Pool


class SceneWork:
    """In a worker. blender: None is found there."""

    def __init__(self, blender: Path | None):
        self._name = prepare(blender).name

    def about(self) -> str:
        return self._name

    def __call__(self, scene: Scene) -> Keyed | MoclipError:
        return attempt(scene)


def attempt(scene: Scene) -> Keyed | MoclipError:
    try:
        return key_scene(scene)
    except MoclipError as error:
        return error


def key_on_cluster(
    scenes: Sequence[Scene], blender: Path | None, workers: int | None
) -> Iterator[tuple[int, Keyed | MoclipError]]:
    """The place of each scene and what became of it, as they are done. Raises MoclipError as a cluster does."""
    with cluster(workers) as ray:
        make: Any = partial(SceneWork, blender)
        pool = Pool(ray, share_out(nodes_of(ray), workers, gpu=False), make)
        for place, came in pool.run(list(map(_absolute, scenes))):
            if came is None:
                came = MoclipError(
                    f"{TRIES} workers ended while they keyed it.", hint="Is there memory enough?", code="worker_died"
                )
            yield place, came


def _absolute(scene: Scene) -> Scene:
    """As it is called from any folder."""
    return replace(scene, scene=scene.scene.absolute(), prompts=scene.prompts.absolute(), out=scene.out.absolute())
