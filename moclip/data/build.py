# SPDX-License-Identifier: Apache-2.0
"""Recordings of a source to a dataset folder in HumanML3D's layout."""

import zlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from moclip.captions.action_phrases import ACTIONS
from moclip.captions.labels import ActionLabel
from moclip.data.options import RARE_CAPTIONS, BuildOptions, BuildReport
from moclip.data.screening import faces_where_it_goes, longest_unbroken, repeated_cycle
from moclip.data.sources import Recording, Source
from moclip.data.variants import RARE, Clip, sequences, single_actions, variants, whole
from moclip.data.writer import DatasetWriter
from moclip.errors import MoclipError
from moclip.motion.motion import Motion

__all__ = ["BuildOptions", "BuildReport", "build_dataset"]

Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class Usable:
    """A recording, as much of it as can be used. name: without a suffix, as its clips are called."""

    name: str
    motion: Motion
    label: ActionLabel
    recording: Recording


def build_dataset(
    source: Source,
    out: Path,
    options: BuildOptions | None = None,
    *,
    progress: Progress | None = None,
) -> BuildReport:
    """Convert all recordings of a source; the same ones and options give the same bytes.

    Finished clips of an earlier run with the same options and recordings are kept. Raises MoclipError when there is no
    recording that can be used.
    """
    options, progress, report = options or BuildOptions(), progress or (lambda stage, fraction: None), BuildReport()
    if options.rotation_channels not in ("local", "humanml3d"):
        raise MoclipError(
            f"There are no rotation channels '{options.rotation_channels}'.",
            hint="Use local or humanml3d.",
            code="bad_dataset",
        )
    if unknown := sorted(set(options.without) - set(ACTIONS)):
        raise MoclipError(
            f"There is no action '{unknown[0]}' to leave out.",
            hint="Known: " + ", ".join(ACTIONS) + ".",
            code="bad_dataset",
        )
    everything = source.recordings()
    writer = DatasetWriter(Path(out), options, [(r.name, r.bytes) for r in everything], report)
    recordings = _read(everything, options, report, progress)
    if not recordings:
        raise MoclipError("None of the recordings could be used.", hint=report.messages[0], code="bad_dataset")
    splits = split_recordings(recordings)
    rare = Counter(r.label.action for r in recordings)
    units: dict[str, list[Clip]] = defaultdict(list)
    for number, recording in enumerate(recordings):
        progress("clips", (number + 1) / len(recordings))
        split = splits[recording.name]
        is_rare = rare[recording.label.action] <= RARE
        captions = options.captions_per_clip * (RARE_CAPTIONS if is_rare else 1)
        for clips, blocks in _clips_of(recording, options, is_rare):
            units[split] += blocks
            for clip in clips:
                clip_id = f"{'M' if clip.mirrored else ''}{recording.name}{clip.suffix}"
                # Sentences of a recording are of all of it.
                own = recording.recording.captions if clip.kind == "clip" else ()
                writer.write(clip_id, clip, split, captions, own)
    for split, count in (
        ("train", options.sequences),
        ("val", options.sequences // 12),
        ("test", options.sequences // 12),
    ):
        rng = np.random.default_rng([options.seed, zlib.crc32(split.encode())])
        for number, clip in enumerate(sequences(units[split], count, rng)):
            progress(f"{split} sequences", (number + 1) / count)
            for version in (clip, clip.mirror()) if options.mirror else (clip,):
                clip_id = f"{'M' if version.mirrored else ''}S{split}{clip.suffix}"
                writer.write(clip_id, version, split, options.captions_per_clip)
    writer.finish([one.recording.credit for one in recordings])
    return report


def _read(
    everything: Sequence[Recording], options: BuildOptions, report: BuildReport, progress: Progress
) -> list[Usable]:
    usable = []
    for number, recording in enumerate(everything):
        progress("reading", (number + 1) / len(everything))
        if options.permissive and not (recording.credit and recording.credit.permissive):
            report.refuse("not known to be free for commercial use", recording.name)
            continue
        try:
            motion = recording.load()
        except MoclipError as error:
            report.refuse("unreadable or unknown skeleton", recording.name)
            report.messages[-1] = str(error)
            continue
        found = _screened(recording, motion, options, report)
        if found is not None:
            usable.append(found)
    return usable


def _screened(recording: Recording, motion: Motion, options: BuildOptions, report: BuildReport) -> Usable | None:
    """What of a motion can be used; says in the report what cannot."""
    name, sound = recording.name, longest_unbroken(motion)
    lost = motion.seconds - (sound.seconds if sound else 0.0)
    if lost > 0:
        report.refuse("the pelvis flips over (the longest sound part is kept)", name, lost)
    label = recording.label(sound) if sound else None
    if sound is None or label is None:
        if sound is not None:
            report.refuse("no action in the file name", name, sound.seconds)
        return None
    if label.action in options.without:
        report.refuse(f"left out, {label.action}", name, sound.seconds)
        return None
    if sound.frames <= options.min_frames:
        # A single cycle of steps can be repeated as often as one likes.
        sound = repeated_cycle(sound, label, frames=60) or sound
    if sound.frames <= options.min_frames:
        report.refuse(f"shorter than {options.min_frames} frames", name, sound.seconds)
    elif not faces_where_it_goes(sound, label):
        report.refuse("faces away from where it goes", name, sound.seconds)
    else:
        return Usable(Path(name).stem, sound, label, recording)
    return None


def split_recordings(recordings: list[Usable]) -> dict[str, str]:
    """name -> train, val or test; by class, so that each has held-out clips where it has at least four recordings."""
    classes: dict[tuple[str, str | None], list[str]] = defaultdict(list)
    for recording in recordings:
        classes[recording.label.action, recording.label.side].append(recording.name)
    splits = {}
    for key, names in classes.items():
        names = list(np.random.default_rng(zlib.crc32(repr(key).encode())).permutation(names))
        val = max(1, round(0.06 * len(names))) if len(names) >= 4 else 0
        test = max(1, round(0.08 * len(names))) if len(names) >= 6 else 0
        for k, name in enumerate(names):
            splits[str(name)] = "val" if k < val else "test" if k < val + test else "train"
    return splits


def _clips_of(recording: Usable, options: BuildOptions, rare: bool) -> Iterable[tuple[list[Clip], list[Clip]]]:
    """(clips to write, building blocks for sequences) of one recording, then of its mirror image."""
    rng = np.random.default_rng([options.seed, zlib.crc32(recording.name.encode())])
    original = Clip(recording.motion, (recording.label,), recording.name, "clip", "")
    for base in (original, original.mirror()) if options.mirror else (original,):
        blocks = single_actions(base)
        clips = [*whole(base), *variants(base, blocks, rng, rare)]
        yield clips, blocks + [clip for clip in clips if clip.labels[0].action == "stand"]
