# SPDX-License-Identifier: Apache-2.0
"""AMASS's recordings to a dataset folder in HumanML3D's layout: by HumanML3D's index, or by BABEL's labels."""

import hashlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from moclip.data.amass_recording import AmassRecording
from moclip.data.babel import Labelled, Segment, text_lines
from moclip.data.folder import PROTOCOL
from moclip.data.humanml3d import (
    FPS,
    WHOLE,
    ClipError,
    Published,
    Row,
    block_statistics,
    cut,
    file_key,
    mirrored,
    to_y_up,
)
from moclip.data.options import BuildReport
from moclip.data.parallel import each
from moclip.data.reading import Progress
from moclip.errors import MoclipError
from moclip.motion.features import BLOCKS, HUMANML3D, joints_to_features
from moclip.motion.skeleton import BONE_LENGTHS, RAW_OFFSETS

LICENCE = "AMASS: for non-commercial scientific research only"
LEAST, MOST = 20, 196
"""Frames of a clip that is cut by BABEL's labels."""
_FORMAT = 1
_OFFSETS = RAW_OFFSETS * BONE_LENGTHS[:, None]
"""HumanML3D's body, whose bones all clips get."""


@dataclass(frozen=True)
class AmassSource:
    """amass: the folder of its collections. bodies: of model files, or one of them. published: HumanML3D's index and
    texts. babel: BABEL's labels. One of the last two must be there."""

    amass: Path
    bodies: Path
    published: Published | None = None
    babel: Sequence[Labelled] = ()


@dataclass(frozen=True)
class _Clip:
    """frames: of the recording, after what `row` leaves out. lines: of its text file, and of that of its mirror
    image."""

    name: str
    frames: tuple[int, int]
    split: str
    lines: tuple[str, str]
    row: Row | None = None

    @property
    def head(self) -> float:
        return self.row.head if self.row else 0.0


@dataclass(frozen=True)
class _Work:
    source: AmassSource
    out: Path
    resuming: bool
    mirror: bool
    files: Mapping[str, Path]
    labels: Mapping[str, Labelled]
    rows: Mapping[str, list[Row]]
    splits: Mapping[str, str]


Refused = tuple[str, str, str]
"""A recording or a clip, the kind of reason, and what is told: a sentence."""
Done = tuple[list[dict[str, Any]], list[Refused]]
"""Lines of clips.jsonl, and what is left out."""


def build_amass(
    source: AmassSource, out: Path, *, mirror: bool = True, progress: Progress | None = None, processes: int = 1
) -> BuildReport:
    """Write the dataset; clips that an earlier run of the same files finished are kept.

    The report names every file and clip that is left out, and why. Raises MoclipError where a body model is missing
    (what is finished stays), and where there is nothing to make clips of.
    """
    progress, report = progress or (lambda stage, fraction: None), BuildReport()
    if source.published is None and not source.babel:
        raise MoclipError(
            "Nothing says what AMASS's recordings show.",
            hint="Name HumanML3D's folder (--humanml3d) or BABEL's (--babel).",
            code="bad_dataset",
        )
    files = _files(source.amass)
    published = source.published
    rows: dict[str, list[Row]] = {}
    for row in published.rows if published else ():
        rows.setdefault(row.source, []).append(row)
    units = sorted(rows) if published else [one.name for one in source.babel]
    work = _Work(
        source, out, _begin(out, source, mirror, files), mirror, files,
        {(file_key(one.file) if published else one.name): one for one in source.babel}, rows,
        {name: split for split, names in (published.splits if published else {}).items() for name in names},
    )  # fmt: skip
    lines: list[dict[str, Any]] = []
    for number, (made, refused) in enumerate(each(_of_recording, units, work, processes)):
        progress("recordings", (number + 1) / len(units))
        lines += made
        for name, reason, told in refused:
            report.refuse(reason, name)
            report.messages[-1] = told
    if not lines:
        why = report.messages[0] if report.messages else "There is no recording."
        raise MoclipError("None of AMASS's recordings could be used.", hint=why, code="bad_dataset")
    _finish(out, lines, published)
    for line in lines:
        report.clips["mirrored" if line["mirrored"] else "clip"] += 1
        report.minutes[line["split"]] += line["frames"] / FPS / 60
    return report


def _files(amass: Path) -> dict[str, Path]:
    """Key of a recording -> its file. Raises MoclipError for a folder without any."""
    found = {}
    if amass.is_dir():
        for path in sorted(path for path in amass.rglob("*.np[yz]") if path.is_file()):
            found.setdefault(file_key(path.relative_to(amass).as_posix()), path)
    if not found:
        raise MoclipError(
            f"The folder {amass} holds no .npz file of AMASS.",
            hint="Get its collections (SMPL+H G) at https://amass.is.tue.mpg.de and unpack them there.",
            code="bad_dataset",
        )
    return found


def _begin(out: Path, source: AmassSource, mirror: bool, files: Mapping[str, Path]) -> bool:
    """Make the folder; whether it holds clips of a run that was broken off."""
    try:
        for part in ("new_joint_vecs", "texts"):
            (out / part).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        hint = "Choose a folder that you may write to."
        raise MoclipError(f"The folder {out} cannot be written.", hint=hint, code="bad_dataset") from error
    sizes = [(key, path.stat().st_size) for key, path in files.items()]
    told = [_FORMAT, mirror, sizes, [vars(row) for row in source.published.rows] if source.published else None]
    told += [str(source.bodies.resolve()), [repr(one) for one in source.babel]]
    key = hashlib.sha256(json.dumps(told).encode()).hexdigest()
    resuming = (out / "build.key").is_file() and (out / "build.key").read_text() == key
    (out / "build.key").write_text(key)
    return resuming


def _of_recording(work: _Work, unit: str) -> Done:
    """All clips of one recording, and of its mirror image."""
    label = work.labels.get(file_key(unit) if work.source.published else unit)
    name = unit if work.source.published or label is None else label.file
    path = work.files.get(file_key(name))
    if path is None:
        return [], [(name, "not among AMASS's files", f"{name}: it is not among AMASS's files.")]
    recording = AmassRecording(path, work.source.bodies, joints_alone=name.split("/")[0] == WHOLE)
    made: list[dict[str, Any]] = []
    refused: list[Refused] = []
    try:
        clips, refused = _clips(work, unit, label, recording)
        for clip in clips:
            try:
                made += _written(work, clip, name, label, recording)
            except ClipError as error:
                refused.append((clip.name, "other frames than are asked for", error.message))
    except MoclipError as error:
        if error.code in ("missing_file", "missing_package"):
            raise
        refused.append((name, "unreadable", error.message))
    return made, refused


def _clips(
    work: _Work, unit: str, label: Labelled | None, recording: AmassRecording
) -> tuple[list[_Clip], list[Refused]]:
    """What is cut of a recording, and what has no words."""
    published = work.source.published
    if published is None:
        assert label is not None
        return list(_labelled(label, recording)), []
    found: list[_Clip] = []
    refused: list[Refused] = []
    for row in work.rows[unit]:
        if row.name not in work.splits:
            continue  # two of the index are in none
        lines = _text(published.texts / f"{row.name}.txt"), _text(published.texts / f"M{row.name}.txt")
        frames = row.first, row.last
        if not lines[0] and label is not None:
            lines = text_lines(_shown(label, recording, row.head, frames), (row.last - row.first) / FPS)
        if lines[0]:
            found.append(_Clip(row.name, frames, work.splits[row.name], lines, row))
        else:
            refused.append((row.name, "no caption", f"{row.name}: it has no caption in {published.texts}."))
    return found, refused


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return ""


def _labelled(label: Labelled, recording: AmassRecording) -> Iterator[_Clip]:
    """A clip of each of BABEL's segments, and several of a long one."""
    split = label.split
    if split == "val" and int(label.name.removeprefix("babel")) % 2:
        split = "test"  # of its own nobody has the labels
    for number, segment in enumerate(label.segments):
        first = int(segment.start / recording.seconds_a_frame)
        last = recording.frames if math.isinf(segment.end) else int(segment.end / recording.seconds_a_frame)
        last = min(last, recording.frames)
        for part, start in enumerate(range(first, last, MOST + 1)):
            end = min(start + MOST + 1, last)
            if end - start > LEAST:
                whole = Segment(segment.text, segment.categories, 0.0, math.inf)
                lines = text_lines([whole], (end - start) / FPS)
                yield _Clip(f"{label.name}_{number}_{part}", (start, end), split, lines)


def _shown(label: Labelled, recording: AmassRecording, head: float, frames: tuple[int, int]) -> list[Segment]:
    """BABEL's labels of a clip, in its own seconds."""
    first, last = ((int(head * FPS) + frame) * recording.seconds_a_frame for frame in frames)
    pace = 1 / FPS / recording.seconds_a_frame
    return [one.slower(pace) for segment in label.segments if (one := segment.within(first, last))]


def _written(
    work: _Work, clip: _Clip, source: str, label: Labelled | None, recording: AmassRecording
) -> Iterator[dict[str, Any]]:
    """Write a clip and its mirror image; their lines for the list."""
    shown = [one.to_dict() for one in _shown(label, recording, clip.head, clip.frames)] if label else []
    for name, lines, turned in ((clip.name, clip.lines[0], False), (f"M{clip.name}", clip.lines[1], True)):
        split = work.splits.get(name, "") if clip.row else clip.split
        if not (lines and split) or turned and not work.mirror:
            continue
        vectors, text = work.out / "new_joint_vecs" / f"{name}.npy", work.out / "texts" / f"{name}.txt"
        # The text is written last, so a clip with a text is whole.
        if work.resuming and text.is_file():
            frames = len(np.load(vectors, mmap_mode="r"))
        else:
            frames = _write_features(vectors, clip, recording, turned)
        if _text(text) != lines:
            text.write_text(lines, encoding="utf-8")
        yield {
            "id": name, "source": source, "kind": "clip", "mirrored": turned, "actions": [], "frames": frames,
            "split": split, **({"babel": shown} if shown else {}),
        }  # fmt: skip


def _write_features(path: Path, clip: _Clip, recording: AmassRecording, turned: bool) -> int:
    """How many rows a clip has."""
    every = recording.joints
    joints = cut(every, clip.row) if clip.row else to_y_up(every[slice(*clip.frames)])
    features = joints_to_features(mirrored(joints) if turned else joints, target_offsets=_OFFSETS)
    if not np.isfinite(features).all():
        raise ClipError(f"{clip.name}: some of its numbers are not finite.", code="bad_dataset")
    np.save(path, features)
    return len(features)


def _finish(out: Path, lines: Sequence[Mapping[str, Any]], published: Published | None) -> None:
    """The lists, Mean.npy and Std.npy, as HumanML3D has them: of all clips, not of those to train on alone."""
    made = {line["id"]: line for line in lines}
    order = [name for names in published.splits.values() for name in names if name in made] if published else list(made)
    for split in ("train", "val", "test"):
        ids = [name for name in order if made[name]["split"] == split]
        (out / f"{split}.txt").write_text("".join(f"{name}\n" for name in ids), encoding="utf-8")
    (out / "all.txt").write_text("".join(f"{name}\n" for name in order), encoding="utf-8")
    listed = "".join(json.dumps(made[name]) + "\n" for name in order)
    (out / "clips.jsonl").write_text(listed, encoding="utf-8")
    count, total, squares = 0, np.zeros(HUMANML3D.width), np.zeros(HUMANML3D.width)
    for name in order:
        rows = np.load(out / "new_joint_vecs" / f"{name}.npy").astype(np.float64)
        count, total, squares = count + len(rows), total + rows.sum(0), squares + (rows**2).sum(0)
    mean, std = block_statistics((np.array(count), total, squares), BLOCKS)
    np.save(out / "Mean.npy", mean)
    np.save(out / "Std.npy", std)
    sources = {line["source"].split("/")[0] for line in lines}
    meta = {
        "format": _FORMAT, "fps": FPS, "joints": HUMANML3D.joints, "features": HUMANML3D.width,
        "rotation_channels": "humanml3d", "protocol": PROTOCOL if published else "", "licence": LICENCE,
        "sources": {f"AMASS, {name}": LICENCE for name in sorted(sources)},
    }  # fmt: skip
    (out / "meta.json").write_text(json.dumps(meta, indent=2) + "\n", encoding="utf-8")
