# SPDX-License-Identifier: Apache-2.0
"""BABEL: what people said of AMASS's recordings, and of which seconds of them."""

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from moclip.data.writer import mirrored_words, tagged
from moclip.errors import MoclipError

SPLITS = ("train", "val", "test", "extra_train", "extra_val")
"""Its files, as published. Those of `test` have no labels."""
_NEAR = 0.1
"""Seconds at a clip's ends that a label of all of it may leave out."""
_HINT = "Unpack babel_v1.0_release.zip of https://babel.is.tue.mpg.de and name its folder."


@dataclass(frozen=True)
class Segment:
    """What is done from second `start` to second `end` of a recording; `end` may be infinite."""

    text: str
    categories: tuple[str, ...]
    start: float
    end: float

    def within(self, start: float, end: float) -> "Segment | None":
        """The part of it between two seconds, counted from the first; None where there is none."""
        first, last = max(self.start, start), min(self.end, end)
        return replace(self, start=first - start, end=last - start) if last > first else None

    def slower(self, pace: float) -> "Segment":
        return replace(self, start=self.start * pace, end=self.end * pace)

    def to_dict(self) -> dict[str, Any]:
        return {"text": self.text, "categories": list(self.categories), "start": round(self.start, 3),
                "end": round(self.end, 3)}  # fmt: skip


@dataclass(frozen=True)
class Labelled:
    """A recording: BABEL's number of it, its file below AMASS's folder, its split, and what it shows."""

    name: str
    file: str
    split: str
    segments: tuple[Segment, ...]


def read_babel(folder: Path) -> list[Labelled]:
    """All recordings with labels, in the order of their numbers. Raises MoclipError for a folder without BABEL's files,
    and for a damaged one."""
    paths = [(split, folder / f"{split}.json") for split in SPLITS]
    if not paths[0][1].is_file():
        raise MoclipError(f"The folder {folder} has no train.json of BABEL.", hint=_HINT, code="bad_dataset")
    found: dict[str, Labelled] = {}
    for split, path in paths:
        if not path.is_file():
            continue
        try:
            for number, entry in json.loads(path.read_text(encoding="utf-8")).items():
                segments = tuple(_segments(entry))
                name = f"babel{int(number):05d}"
                if segments and name not in found:
                    found[name] = Labelled(name, str(entry["feat_p"]), split.removeprefix("extra_"), segments)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise MoclipError(f"The file {path} is not one of BABEL's.", hint=_HINT, code="bad_dataset") from error
    return [found[name] for name in sorted(found)]


def text_lines(segments: Sequence[Segment], seconds: float) -> tuple[str, str]:
    """Labels of a clip of so many seconds as a text file of HumanML3D's, and as that of the clip's mirror image."""
    lines: tuple[list[str], list[str]] = ([], [])
    for segment in segments:
        whole = segment.start < _NEAR and segment.end > seconds - _NEAR
        times = "0.0#0.0" if whole else f"{segment.start:.2f}#{segment.end:.2f}"
        for side, caption in zip(lines, (segment.text, mirrored_words(segment.text)), strict=True):
            side.append(f"{caption}#{tagged(caption)}#{times}\n")
    return "".join(lines[0]), "".join(lines[1])


def _segments(entry: Mapping[str, Any]) -> Iterable[Segment]:
    """Of the parts of a recording; where nobody has labelled parts, of all of it."""
    parts = _labels(entry, "frame_ann")
    for label in parts or _labels(entry, "seq_ann"):
        text = re.sub(r"[#\s]+", " ", str(label.get("raw_label") or label.get("proc_label") or "")).strip()
        # Between two actions there is a transition, of which the words say no more.
        if text and label.get("proc_label") != "transition":
            start, end = (float(label[key]) for key in ("start_t", "end_t")) if parts else (0.0, math.inf)
            yield Segment(text, tuple(map(str, label.get("act_cat") or ())), start, end)


def _labels(entry: Mapping[str, Any], kind: str) -> list[Mapping[str, Any]]:
    """All labels of one kind of annotation, by whichever people."""
    annotations = [entry.get(kind), *(entry.get(f"{kind}s") or ())]
    return [label for annotation in annotations if annotation for label in annotation.get("labels") or ()]
