# SPDX-License-Identifier: Apache-2.0
"""Folders of BVH files to a dataset folder in HumanML3D's layout."""

import hashlib
import json
import re
import zlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np

from moclip.captions.action_phrases import ACTIONS
from moclip.captions.labels import ActionLabel, label_clip
from moclip.captions.writing import write_captions
from moclip.data.screening import faces_where_it_goes, longest_unbroken, repeated_cycle
from moclip.data.variants import MAX_FRAMES, RARE, Clip, sequences, single_actions, variants, whole
from moclip.errors import MoclipError
from moclip.files.foreign import load_bvh_motion
from moclip.files.retarget import FPS, JointMap
from moclip.motion.features import BLOCKS, motion_to_features
from moclip.motion.motion import Motion

FORMAT = 1
_RULES = 8
"""Raised whenever the same files and options give another data set: finished clips of older rules are not kept."""
RARE_CAPTIONS = 3
"""Times the usual number of captions for a clip of a rare action: few clips would leave most wordings of it unused."""
Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class BuildOptions:
    """min_frames: shorter clips are refused. captions_per_clip: `RARE_CAPTIONS` times as many where an action has few
    recordings. sequences: two-action sequences of the training split, before mirroring;
    the other splits get a twelfth each. mirror: add mirrored copies with left and right swapped in the captions.
    rotation_channels: "local" keeps the recordings' own joint rotations, "humanml3d" has those of HumanML3D.
    permissive: refuse recordings whose licence forbids commercial use, or is unknown here. without: actions to leave
    out, such as one whose captions another action shows better."""

    min_frames: int = 20
    captions_per_clip: int = 10
    sequences: int = 3000
    mirror: bool = True
    seed: int = 0
    rotation_channels: str = "local"
    permissive: bool = False
    without: Sequence[str] = ()


@dataclass
class BuildReport:
    """clips: ids written, by kind. minutes: of motion, by split. refused: reason -> (files, minutes)."""

    clips: Counter = field(default_factory=Counter)
    minutes: Counter = field(default_factory=Counter)
    refused: dict[str, list[float]] = field(default_factory=lambda: defaultdict(lambda: [0, 0.0]))
    messages: list[str] = field(default_factory=list)

    def refuse(self, reason: str, path: Path, seconds: float = 0.0) -> None:
        self.refused[reason][0] += 1
        self.refused[reason][1] += seconds / 60
        self.messages.append(f"{path.name}: {reason}")


@dataclass(frozen=True)
class Recording:
    name: str
    motion: Motion
    label: ActionLabel


def build_dataset(
    folders: Sequence[Path],
    out: Path,
    options: BuildOptions | None = None,
    *,
    joint_map: JointMap | None = None,
    progress: Progress | None = None,
) -> BuildReport:
    """Convert all BVH files under `folders`; the same files and options give the same bytes.

    Finished clips of an earlier run with the same options and files are kept. Raises MoclipError when the folders hold
    no BVH file that can be used.
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
    files = sorted({p for folder in folders for p in _bvh_files(folder)}, key=lambda p: p.name)
    if not files:
        raise MoclipError(
            "There is no BVH file in the folders given.", hint="Name folders that hold .bvh files.", code="bad_dataset"
        )
    writer = _Writer(Path(out), options, files, report)
    recordings = _read(files, options, joint_map, report, progress)
    if not recordings:
        raise MoclipError("None of the BVH files could be used.", hint=report.messages[0], code="bad_dataset")
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
                writer.write(clip_id, clip, split, captions)
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
    writer.finish(folders)
    return report


def _bvh_files(folder: Path) -> Iterable[Path]:
    folder = Path(folder)
    if not folder.exists():
        raise MoclipError(f"There is no folder {folder}.", hint="Check the path.", code="bad_dataset")
    return [folder] if folder.is_file() else folder.rglob("*.bvh")


def _read(
    files: list[Path], options: BuildOptions, joint_map: JointMap | None, report: BuildReport, progress: Progress
) -> list[Recording]:
    recordings = []
    for number, path in enumerate(files):
        progress("reading", (number + 1) / len(files))
        if options.permissive and not is_permissive(path.stem):
            report.refuse("not known to be free for commercial use", path)
            continue
        try:
            motion = load_bvh_motion(path, joint_map)
        except MoclipError as error:
            report.refuse("unreadable or unknown skeleton", path)
            report.messages[-1] = str(error)
            continue
        recording = _screened(path, motion, options, report)
        if recording is not None:
            recordings.append(recording)
    return recordings


def _screened(path: Path, motion: Motion, options: BuildOptions, report: BuildReport) -> Recording | None:
    """What of a motion can be used; says in the report what cannot."""
    sound = longest_unbroken(motion)
    lost = motion.seconds - (sound.seconds if sound else 0.0)
    if lost > 0:
        report.refuse("the pelvis flips over (the longest sound part is kept)", path, lost)
    label = label_clip(path.stem, sound) if sound else None
    if sound is None or label is None:
        if sound is not None:
            report.refuse("no action in the file name", path, sound.seconds)
        return None
    if label.action in options.without:
        report.refuse(f"left out, {label.action}", path, sound.seconds)
        return None
    if sound.frames <= options.min_frames:
        # A single cycle of steps can be repeated as often as one likes.
        sound = repeated_cycle(sound, label, frames=60) or sound
    if sound.frames <= options.min_frames:
        report.refuse(f"shorter than {options.min_frames} frames", path, sound.seconds)
    elif not faces_where_it_goes(sound, label):
        report.refuse("faces away from where it goes", path, sound.seconds)
    else:
        return Recording(path.stem, sound, label)
    return None


def split_recordings(recordings: list[Recording]) -> dict[str, str]:
    """name -> train, val or test; by class, so that each has held-out clips where it has at least four recordings."""
    classes: dict[tuple, list[str]] = defaultdict(list)
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


def _clips_of(recording: Recording, options: BuildOptions, rare: bool) -> Iterable[tuple[list[Clip], list[Clip]]]:
    """(clips to write, building blocks for sequences) of one recording, then of its mirror image."""
    rng = np.random.default_rng([options.seed, zlib.crc32(recording.name.encode())])
    original = Clip(recording.motion, (recording.label,), recording.name, "clip", "")
    for base in (original, original.mirror()) if options.mirror else (original,):
        blocks = single_actions(base)
        clips = [*whole(base), *variants(base, blocks, rng, rare)]
        yield clips, blocks + [clip for clip in clips if clip.labels[0].action == "stand"]


class _Writer:
    """Writes clips, and in the end the files that list them."""

    def __init__(self, out: Path, options: BuildOptions, files: list[Path], report: BuildReport):
        self.out, self.options, self.report = out, options, report
        self.lines: dict[str, dict] = {}
        try:
            for part in ("new_joint_vecs", "texts"):
                (out / part).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            hint = "Choose a folder that you may write to."
            raise MoclipError(f"The folder {out} cannot be written.", hint=hint, code="bad_dataset") from error
        key = json.dumps([FORMAT, _RULES, vars(options), [(p.name, p.stat().st_size) for p in files]])
        self.key = hashlib.sha256(key.encode()).hexdigest()
        self.resuming = (out / "build.key").is_file() and (out / "build.key").read_text() == self.key
        (out / "build.key").write_text(self.key)

    def write(self, clip_id: str, clip: Clip, split: str, count: int) -> None:
        frames = min(clip.motion.frames, MAX_FRAMES) - 1
        if frames < self.options.min_frames or clip_id in self.lines:
            return
        features, text = self.out / "new_joint_vecs" / f"{clip_id}.npy", self.out / "texts" / f"{clip_id}.txt"
        # The text is written last, so a clip with a text is whole.
        if not (self.resuming and text.is_file()):
            motion = Motion(
                clip.motion.fps, clip.motion.rotations[:MAX_FRAMES], clip.motion.root_translation[:MAX_FRAMES]
            )
            np.save(features, motion_to_features(motion, self.options.rotation_channels).astype(np.float32))
            rng = np.random.default_rng([self.options.seed, zlib.crc32(clip_id.encode())])
            captions = write_captions(clip.labels, rng, count, frames / FPS)
            text.write_text(
                "".join(f"{caption}#{_tagged(caption)}#0.0#0.0\n" for caption in captions), encoding="utf-8"
            )
        self.report.clips[clip.kind] += 1
        self.report.minutes[split] += frames / FPS / 60
        self.lines[clip_id] = {
            "id": clip_id, "source": clip.source, "kind": clip.kind, "mirrored": clip.mirrored,
            "actions": [label.to_dict() for label in clip.labels], "frames": frames, "split": split,
        }  # fmt: skip

    def finish(self, folders: Sequence[Path]) -> None:
        for split in ("train", "val", "test"):
            ids = [i for i, line in self.lines.items() if line["split"] == split]
            (self.out / f"{split}.txt").write_text("".join(f"{i}\n" for i in ids), encoding="utf-8")
        (self.out / "all.txt").write_text("".join(f"{i}\n" for i in self.lines), encoding="utf-8")
        (self.out / "clips.jsonl").write_text(
            "".join(json.dumps(line) + "\n" for line in self.lines.values()), encoding="utf-8"
        )
        mean, std = self._statistics()
        np.save(self.out / "Mean.npy", mean)
        np.save(self.out / "Std.npy", std)
        credits = _credits(self.lines.values())
        licence = "see sources" if all(credit.permissive for credit in credits) else "CC BY-NC 4.0"
        meta = {
            "format": FORMAT, "fps": FPS, "joints": 22, "features": len(mean),
            "rotation_channels": self.options.rotation_channels,
            "licence": licence, "sources": {c.title: c.licence for c in credits}, "options": vars(self.options),
        }  # fmt: skip
        (self.out / "meta.json").write_text(json.dumps(meta, indent=2) + "\n", encoding="utf-8")

    def _statistics(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation of the training clips, the latter averaged over each block as HumanML3D does."""
        count, total, squares = 0, 0.0, 0.0
        for clip_id, line in self.lines.items():
            if line["split"] == "train":
                rows = np.load(self.out / "new_joint_vecs" / f"{clip_id}.npy").astype(np.float64)
                count, total, squares = count + len(rows), total + rows.sum(0), squares + (rows**2).sum(0)
        mean = total / count
        std = np.sqrt(np.maximum(squares / count - mean**2, 0))
        for block in BLOCKS:
            std[block] = std[block].mean()
        return mean.astype(np.float32), std.astype(np.float32)


def _tagged(caption: str) -> str:
    """HumanML3D's word/part-of-speech field; our captions know no parts of speech."""
    return " ".join(f"{word}/OTHER" for word in re.findall(r"[a-z]+", caption.lower()))


class Credit(NamedTuple):
    """A source of recordings; permissive: what is made of them may be sold."""

    title: str
    licence: str
    permissive: bool = True


_CREDITS = {
    "dataset-": Credit(
        "Bandai-Namco-Research-Motiondataset", "CC BY-NC 4.0, Bandai Namco Research Inc., arXiv 2306.08861", False
    ),
    "train_": Credit(
        "CMU Graphics Lab Motion Capture Database",
        "free for all uses. The data used in this project was obtained from mocap.cs.cmu.edu. The database was created "
        "with funding from NSF EIA-0196217.",
    ),
    "humanoid3d_": Credit("DeepMimic reference motions", "MIT, Xue Bin Peng 2018"),
}
"""By how the names of a source's files begin."""


def is_permissive(name: str) -> bool:
    """Whether a recording of this name is from a source that is known to allow commercial use."""
    return any(credit.permissive for prefix, credit in _CREDITS.items() if name.startswith(prefix))


def _credits(lines: Iterable[dict]) -> list[Credit]:
    names = {line["source"] for line in lines}
    return [credit for prefix, credit in _CREDITS.items() if any(n.startswith(prefix) for n in names)]
