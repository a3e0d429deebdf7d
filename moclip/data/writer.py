# SPDX-License-Identifier: Apache-2.0
"""A dataset folder in HumanML3D's layout, as it is written."""

import hashlib
import json
import re
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from moclip.captions.writing import write_captions
from moclip.data.credits import Credit
from moclip.data.options import BuildOptions, BuildReport
from moclip.data.variants import MAX_FRAMES, Clip
from moclip.errors import MoclipError
from moclip.files.bvh_poses import FPS
from moclip.motion.features import BLOCKS, motion_to_features
from moclip.motion.motion import Motion

FORMAT = 1
_RULES = 8
"""Raised whenever the same files and options give another data set: finished clips of older rules are not kept."""


class DatasetWriter:
    """Writes clips, and in the end the files that list them. files: names and sizes of what they are made of."""

    def __init__(self, out: Path, options: BuildOptions, files: Sequence[tuple[str, int]], report: BuildReport):
        self.out, self.options, self.report = out, options, report
        self.lines: dict[str, dict[str, Any]] = {}
        try:
            for part in ("new_joint_vecs", "texts"):
                (out / part).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            hint = "Choose a folder that you may write to."
            raise MoclipError(f"The folder {out} cannot be written.", hint=hint, code="bad_dataset") from error
        key = json.dumps([FORMAT, _RULES, vars(options), list(files)])
        self.key = hashlib.sha256(key.encode()).hexdigest()
        self.resuming = (out / "build.key").is_file() and (out / "build.key").read_text() == self.key
        (out / "build.key").write_text(self.key)

    def write(self, clip_id: str, clip: Clip, split: str, count: int, own: Sequence[str] = ()) -> None:
        """count: of captions that are made from the clip's labels. own: those that its recording came with."""
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
            captions = [mirrored_words(text) for text in own] if clip.mirrored else list(own)
            captions += write_captions(clip.labels, rng, count, frames / FPS)
            text.write_text(
                "".join(f"{caption}#{_tagged(caption)}#0.0#0.0\n" for caption in captions), encoding="utf-8"
            )
        self.report.clips[clip.kind] += 1
        self.report.minutes[split] += frames / FPS / 60
        self.lines[clip_id] = {
            "id": clip_id, "source": clip.source, "kind": clip.kind, "mirrored": clip.mirrored,
            "actions": [label.to_dict() for label in clip.labels], "frames": frames, "split": split,
        }  # fmt: skip

    def finish(self, credits: Iterable[Credit | None]) -> None:
        """credits: of the recordings that clips were made of."""
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
        known = sorted({credit for credit in credits if credit is not None}, key=lambda credit: credit.title)
        licence = "see sources" if all(credit.permissive for credit in known) else "CC BY-NC 4.0"
        meta = {
            "format": FORMAT, "fps": FPS, "joints": 22, "features": len(mean),
            "rotation_channels": self.options.rotation_channels,
            "licence": licence, "sources": {c.title: c.licence for c in known}, "options": vars(self.options),
        }  # fmt: skip
        (self.out / "meta.json").write_text(json.dumps(meta, indent=2) + "\n", encoding="utf-8")

    def _statistics(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation of the training clips, the latter averaged over each block as HumanML3D does."""
        count, total, squares = 0, np.zeros(()), np.zeros(())
        for clip_id, line in self.lines.items():
            if line["split"] == "train":
                rows = np.load(self.out / "new_joint_vecs" / f"{clip_id}.npy").astype(np.float64)
                count, total, squares = count + len(rows), total + rows.sum(0), squares + (rows**2).sum(0)
        mean = total / count
        std = np.sqrt(np.maximum(squares / count - mean**2, 0))
        for block in BLOCKS:
            std[block] = std[block].mean()
        return mean.astype(np.float32), std.astype(np.float32)


_SIDES = {"left": "right", "right": "left", "clockwise": "counterclockwise", "counterclockwise": "clockwise"}
_SIDE = re.compile(rf"\b({'|'.join(_SIDES)})\b", re.I)


def mirrored_words(caption: str) -> str:
    """A caption of the mirror image: "raises the Left hand" -> "raises the Right hand"."""

    def other(match: re.Match[str]) -> str:
        word = _SIDES[match[0].lower()]
        return word.capitalize() if match[0][0].isupper() else word

    return _SIDE.sub(other, caption)


def _tagged(caption: str) -> str:
    """HumanML3D's word/part-of-speech field; our captions know no parts of speech."""
    return " ".join(f"{word}/OTHER" for word in re.findall(r"[a-z]+", caption.lower()))
