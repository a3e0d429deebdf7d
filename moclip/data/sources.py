# SPDX-License-Identifier: Apache-2.0
"""Where recordings come from: what each is called, how it moves, what it shows, and whom to thank for it."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from moclip.captions.label_names import named_action
from moclip.captions.labels import ActionLabel, label_clip, with_side_by_motion
from moclip.data.credits import Credit, credit_from
from moclip.data.index import Entry, read_index
from moclip.errors import MoclipError
from moclip.files.foreign import load_bvh_motion
from moclip.files.joint_maps import JointMap
from moclip.motion.motion import Motion


class Recording(Protocol):
    """One recording of a source; its motion is read when it is asked for.

    name: told apart by it, and in reports. bytes: of its file, by which a build knows whether it has changed. credit:
    None where nobody is known. captions: sentences that came with it, besides those that its label gives. trial: those
    of one trial stay in one split.
    """

    @property
    def name(self) -> str: ...
    @property
    def bytes(self) -> int: ...
    @property
    def credit(self) -> Credit | None: ...
    @property
    def captions(self) -> Sequence[str]: ...
    @property
    def trial(self) -> str: ...
    @property
    def left_out(self) -> str:
        """Why it is of no use, where its makers' words say so; else ""."""
        ...

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


_SEGMENT = re.compile(r"_seg_.*$")
_ASIDE = re.compile(r"\s*\([^()]*\)")


@dataclass(frozen=True)
class BvhFile:
    """A BVH file, and what an index beside it says; without one, its name may tell its action.

    folder_credit: of all files of its folder, as the user states it. shown: its name where another file has the same.
    """

    path: Path
    joint_map: JointMap | None = None
    entry: Entry | None = None
    folder_credit: Credit | None = None
    shown: str = ""

    @property
    def name(self) -> str:
        return self.shown or self.path.name

    @property
    def bytes(self) -> int:
        return self.path.stat().st_size

    @property
    def credit(self) -> Credit | None:
        return credit_from(self.entry.fields if self.entry else {}, self.folder_credit)

    @property
    def captions(self) -> Sequence[str]:
        texts = [_ASIDE.sub("", text).strip() for text in (self.entry.texts if self.entry else ())]
        return [text for text in texts if text]

    @property
    def trial(self) -> str:
        stated = self.entry.fields.get("trial", "") if self.entry else ""
        return stated or _SEGMENT.sub("", self.path.stem)

    @property
    def left_out(self) -> str:
        return named_action(self.entry.action, self._text).left_out if self.entry and self.entry.action else ""

    @property
    def _text(self) -> str:
        return " ".join(self.entry.texts) if self.entry else ""

    def load(self) -> Motion:
        return load_bvh_motion(self.path, self.joint_map)

    def label(self, motion: Motion) -> ActionLabel | None:
        if self.entry is None:
            return label_clip(self.path.stem, motion)
        # A recording with sentences and no action shows what they say, and nothing else is known of it.
        named = named_action(self.entry.action or f"as told {self.path.stem}", self._text).label
        return with_side_by_motion(named, motion) if named else None


@dataclass(frozen=True)
class BvhFolders:
    """All BVH files under some folders, or single ones. joint_map: for skeletons that are not known. credits: by the
    name of a file's folder."""

    places: Sequence[Path]
    joint_map: JointMap | None = None
    credits: Mapping[str, Credit] = field(default_factory=dict)

    def recordings(self) -> Sequence[BvhFile]:
        paths = {path.resolve(): path for place in self.places for path in _bvh_files(Path(place))}
        files = sorted(paths.values(), key=lambda path: (path.name, str(path)))
        if not files:
            raise MoclipError(
                "There is no BVH file in the folders given.",
                hint="Name folders that hold .bvh files.",
                code="bad_dataset",
            )
        names = _names(files)
        indexes = {folder: read_index(folder) for folder in {path.parent for path in files}}
        made = []
        for path in files:
            index = indexes[path.parent]
            entry = index.get(path.name) or index.get(path.stem)
            credit = self.credits.get(path.parent.name)
            made.append(BvhFile(path, self.joint_map, entry, credit, names[path]))
        return made


def _names(files: Sequence[Path]) -> dict[Path, str]:
    """What each file is called: by its name, and where several have the same, by its folder's name, too.

    Raises MoclipError where that does not tell them apart.
    """
    stems = Counter(path.stem for path in files)
    names = {path: path.name if stems[path.stem] == 1 else f"{path.parent.name}-{path.name}" for path in files}
    seen: dict[str, Path] = {}
    for path, name in names.items():
        if (other := seen.setdefault(Path(name).stem, path)) is not path:
            raise MoclipError(
                f"Two recordings are called {Path(name).stem}: {other} and {path}.",
                hint="Rename one, or leave out its folder.",
                code="bad_dataset",
            )
    return names


def _bvh_files(place: Path) -> Iterable[Path]:
    if not place.exists():
        raise MoclipError(f"There is no folder {place}.", hint="Check the path.", code="bad_dataset")
    if place.is_file():
        return [place]
    return (path for path in place.rglob("*") if path.suffix.lower() == ".bvh" and path.is_file())
