# SPDX-License-Identifier: Apache-2.0
"""Where recordings come from: what each is called, how it moves, what it shows, and whom to thank for it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from moclip.captions.labels import ActionLabel, label_clip
from moclip.data.credits import Credit, credit_of
from moclip.errors import MoclipError
from moclip.files.foreign import load_bvh_motion
from moclip.files.joint_maps import JointMap
from moclip.motion.motion import Motion


class Recording(Protocol):
    """One recording of a source; its motion is read when it is asked for.

    name: told apart by it, and in reports. bytes: of its file, by which a build knows whether it has changed. credit:
    None where nobody is known. captions: sentences that came with it, besides those that its label gives.
    """

    @property
    def name(self) -> str: ...
    @property
    def bytes(self) -> int: ...
    @property
    def credit(self) -> Credit | None: ...
    @property
    def captions(self) -> Sequence[str]: ...

    def load(self) -> Motion:
        """At 20 fps. Raises MoclipError for what cannot be read."""
        ...

    def label(self, motion: Motion) -> ActionLabel | None:
        """What this motion of it shows, None where that is not known."""
        ...


class Source(Protocol):
    def recordings(self) -> Sequence[Recording]:
        """In an order that does not change. Raises MoclipError where there is nothing."""
        ...


@dataclass(frozen=True)
class BvhFile:
    """A BVH file whose name tells its action and where it is from."""

    path: Path
    joint_map: JointMap | None = None
    captions: Sequence[str] = ()

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def bytes(self) -> int:
        return self.path.stat().st_size

    @property
    def credit(self) -> Credit | None:
        return credit_of(self.path.stem)

    def load(self) -> Motion:
        return load_bvh_motion(self.path, self.joint_map)

    def label(self, motion: Motion) -> ActionLabel | None:
        return label_clip(self.path.stem, motion)


@dataclass(frozen=True)
class BvhFolders:
    """All BVH files under some folders, or single ones. joint_map: for skeletons that are not known."""

    places: Sequence[Path]
    joint_map: JointMap | None = None

    def recordings(self) -> Sequence[BvhFile]:
        files = sorted({path for place in self.places for path in _bvh_files(Path(place))}, key=lambda p: p.name)
        if not files:
            raise MoclipError(
                "There is no BVH file in the folders given.",
                hint="Name folders that hold .bvh files.",
                code="bad_dataset",
            )
        return [BvhFile(path, self.joint_map) for path in files]


def _bvh_files(place: Path) -> Iterable[Path]:
    if not place.exists():
        raise MoclipError(f"There is no folder {place}.", hint="Check the path.", code="bad_dataset")
    return [place] if place.is_file() else place.rglob("*.bvh")
