# SPDX-License-Identifier: Apache-2.0
"""Recordings of a source to a dataset folder in HumanML3D's layout."""

import zlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from moclip.captions.action_phrases import ACTIONS
from moclip.data.cutting import pieces, standing_still
from moclip.data.makers.variety import varied, windows
from moclip.data.making import MAKERS, made_clips
from moclip.data.options import RARE_CAPTIONS, BuildOptions, BuildReport
from moclip.data.parallel import each
from moclip.data.pool import Pool
from moclip.data.reading import Progress, Usable, read_recordings, split_recordings
from moclip.data.sources import Source
from moclip.data.variants import RARE, Clip, sequences, single_actions, variants, whole
from moclip.data.writer import DatasetWriter
from moclip.errors import MoclipError

__all__ = ["BuildOptions", "BuildReport", "build_dataset"]

ENOUGH = 40
"""Clips of an action, before mirroring, that its few pieces are varied to."""
MOST_VARIANTS = 24
MOST_PIECES = 16
"""Of one take: an exercise done thirty times is not thirty times as worth learning."""
_CHUNK = 50
"""Sequences that are made in one go."""
Line = dict[str, Any]


@dataclass(frozen=True)
class _Work:
    """All that a process needs to do a part of the work; recordings and their pieces in one order."""

    writer: DatasetWriter
    options: BuildOptions
    recordings: list[Usable]
    bases: dict[str, list[Clip]]
    splits: dict[str, str]
    sizes: Counter[tuple[str, str | None]]
    rare: Counter[str]
    units: dict[str, list[Clip]]
    pools: dict[str, Pool]


def build_dataset(
    source: Source,
    out: Path,
    options: BuildOptions | None = None,
    *,
    progress: Progress | None = None,
    processes: int = 1,
) -> BuildReport:
    """Convert all recordings of a source; the same ones and options give the same bytes, in however many processes.

    Finished clips of an earlier run with the same options and recordings are kept. Raises MoclipError when there is no
    recording that can be used.
    """
    options, progress, report = options or BuildOptions(), progress or (lambda stage, fraction: None), BuildReport()
    _check(options)
    everything = source.recordings()
    writer = DatasetWriter(Path(out), options, [(r.name, r.bytes, list(r.captions)) for r in everything], report)
    recordings = read_recordings(everything, options, report, progress, processes)
    if not recordings:
        raise MoclipError("None of the recordings could be used.", hint=report.messages[0], code="bad_dataset")
    writer.credits = {recording.name: recording.recording.credit for recording in recordings}
    cut = each(_pieces, range(len(recordings)), recordings, processes)
    bases = {recording.name: clips for recording, clips in zip(recordings, cut, strict=True)}
    splits = split_recordings(recordings)
    pools = {split: Pool([clip for name, clips in bases.items() if splits[name] == split for clip in clips])
             for split in ("train", "val", "test")}  # fmt: skip
    work = _Work(
        writer, options, recordings, bases, splits,
        Counter(_class_of(clip) for clips in bases.values() for clip in clips),
        Counter(r.label.action for r in recordings), defaultdict(list), pools,
    )  # fmt: skip
    for number, (lines, units) in enumerate(each(_clips_of_recording, range(len(recordings)), work, processes)):
        progress("clips", (number + 1) / len(recordings))
        work.units[splits[recordings[number].name]].extend(units)
        _enter(writer, lines)
    shares = {"train": 1.0, "val": 1 / 12, "test": 1 / 12}
    needed = [k for k, maker in enumerate(MAKERS) if options.made > 0 and maker.is_needed(pools.values())]
    asked = [(split, share, k) for split, share in shares.items() for k in needed]
    for number, (lines, units) in enumerate(each(_made, asked, work, processes)):
        progress("makers", (number + 1) / len(asked))
        work.units[asked[number][0]].extend(units)
        _enter(writer, lines)
    counts = {"train": options.sequences, "val": options.sequences // 12, "test": options.sequences // 12}
    chunks = [(split, first, min(_CHUNK, count - first)) for split, count in counts.items()
              for first in range(0, count, _CHUNK)]  # fmt: skip
    for number, (lines, _) in enumerate(each(_sequences, chunks, work, processes)):
        progress("sequences", (number + 1) / len(chunks))
        _enter(writer, lines)
    writer.finish()
    return report


def _enter(writer: DatasetWriter, lines: Sequence[Line | None]) -> None:
    for line in lines:
        if line is not None:
            writer.list(line)


Done = tuple[list[Line | None], list[Clip]]


def _clips_of_recording(work: _Work, number: int) -> Done:
    """A recording's clips, and its building blocks for sequences."""
    recording, options = work.recordings[number], work.options
    split = work.splits[recording.name]
    is_rare = work.rare[recording.label.action] <= RARE
    captions = options.captions_per_clip * (RARE_CAPTIONS if is_rare else 1)
    own = recording.recording.captions
    lines: list[Line | None] = []
    units = []
    seen: set[tuple[bytes, bytes]] = set()
    for clips, blocks in _clips_of(recording, work.bases[recording.name], options, is_rare, work.sizes):
        units += blocks
        for clip in clips:
            # Two paces of a short clip may come to the same frames.
            same = (clip.motion.rotations.tobytes(), clip.motion.root_translation.tobytes())
            if same in seen:
                continue
            seen.add(same)
            clip_id = f"{'M' if clip.mirrored else ''}{recording.name}{clip.suffix}"
            # Sentences of a recording are of all of it.
            told = own if clip.whole and clip.kind == "clip" else ()
            lines.append(work.writer.written(clip_id, clip, split, captions, told))
    return lines, units


def _made(work: _Work, asked: tuple[str, float, int]) -> Done:
    """What one maker makes of one split's pieces, each followed by its mirror image."""
    split, share, place = asked
    options = work.options
    lines: list[Line | None] = []
    units = []
    for clip_id, clip in made_clips(work.pools[split], split, MAKERS[place], share * options.made, options.seed):
        captions = options.captions_per_clip * (1 if clip.relation == "while" else 2)
        for version in (clip, clip.mirror()) if options.mirror else (clip,):
            name = f"{'M' if version.mirrored else ''}{clip_id}"
            lines.append(work.writer.written(name, version, split, captions))
        if clip.relation != "while":
            units.append(clip)
    return lines, units


def _sequences(work: _Work, chunk: tuple[str, int, int]) -> Done:
    split, first, count = chunk
    options = work.options
    rng = np.random.default_rng([options.seed, zlib.crc32(split.encode()), first])
    lines: list[Line | None] = []
    for clip in sequences(work.units[split], count, rng):
        for version in (clip, clip.mirror()) if options.mirror else (clip,):
            number = first + int(clip.suffix)
            clip_id = f"{'M' if version.mirrored else ''}S{split}{number:05d}"
            lines.append(work.writer.written(clip_id, version, split, options.captions_per_clip))
    return lines, []


def _check(options: BuildOptions) -> None:
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


def _class_of(clip: Clip) -> tuple[str, str | None]:
    return clip.labels[0].action, clip.labels[0].side


def _pieces(recordings: Sequence[Usable], number: int) -> list[Clip]:
    return list(_pieces_of(recordings[number]))


def _pieces_of(recording: Usable) -> Iterator[Clip]:
    """What a recording shows, as it is cut; not yet mirrored."""
    if recording.short_and_many:
        yield Clip(recording.motion, (recording.label,), recording.name, "clip", "", whole=recording.complete)
        return
    found = pieces(recording.motion, recording.label)
    if not recording.drawn:
        found += standing_still(recording.motion, recording.label)
    rng = np.random.default_rng(zlib.crc32(recording.name.encode()))
    by_action: dict[str, list[int]] = defaultdict(list)
    for number, piece in enumerate(found):
        by_action[piece.label.action].append(number)
    for numbers in by_action.values():
        for number in sorted(rng.permutation(numbers)[:MOST_PIECES]):
            piece = found[number]
            whole_one = piece.whole and recording.complete
            clip = Clip(piece.motion, (piece.label,), recording.name, "clip", piece.suffix, whole=whole_one)
            for part in windows(clip):
                yield replace(part, whole=whole_one and part.motion.frames == piece.motion.frames)


def _clips_of(
    recording: Usable, bases: list[Clip], options: BuildOptions, rare: bool, sizes: Counter[tuple[str, str | None]]
) -> Iterator[tuple[list[Clip], list[Clip]]]:
    """(clips to write, building blocks for sequences) of one recording, then of its mirror image."""
    rng = np.random.default_rng([options.seed, zlib.crc32(recording.name.encode())])
    if recording.short_and_many:
        for base in (bases[0], bases[0].mirror()) if options.mirror else bases:
            blocks = single_actions(base)
            clips = [*whole(base), *variants(base, blocks, rng, rare)]
            yield clips, blocks + [clip for clip in clips if clip.labels[0].action == "stand"]
        return
    for base in bases:
        wanted = int(np.ceil((ENOUGH - sizes[_class_of(base)]) / sizes[_class_of(base)]))
        clips = [base, *varied(base, int(np.clip(wanted, 1, MOST_VARIANTS)), rng)]
        yield clips, [base]
        if options.mirror:
            yield [clip.mirror() for clip in clips], [base.mirror()]
