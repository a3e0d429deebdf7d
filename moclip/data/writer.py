# SPDX-License-Identifier: Apache-2.0
"""A dataset folder in HumanML3D's layout, as it is written."""

import hashlib
import json
import re
import zlib
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from moclip.captions.action_phrases import ACTIONS
from moclip.captions.writing import write_captions
from moclip.data.credits import Credit, joint_licence, share_alike
from moclip.data.options import BuildOptions, BuildReport
from moclip.data.variants import MAX_FRAMES, Clip
from moclip.errors import MoclipError
from moclip.files.bvh_poses import FPS
from moclip.motion.features import BLOCKS, motion_to_features
from moclip.motion.motion import Motion

FORMAT = 1
_RULES = 9
"""Raised whenever the same files and options give another data set: finished clips of older rules are not kept."""


class DatasetWriter:
    """Writes clips, and in the end the files that list them. files: what they are made of: names, sizes,
    sentences."""

    def __init__(self, out: Path, options: BuildOptions, files: Sequence[tuple[object, ...]], report: BuildReport):
        self.out, self.options, self.report = out, options, report
        self.lines: dict[str, dict[str, Any]] = {}
        self.credits: dict[str, Credit | None] = {}
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
        line = self.written(clip_id, clip, split, count, own)
        if line is not None:
            self.list(line)

    def list(self, line: dict[str, Any]) -> None:
        """Enter a clip that is written, once."""
        if line["id"] in self.lines:
            return
        self.report.clips[line["kind"]] += 1
        self.report.minutes[line["split"]] += line["frames"] / FPS / 60
        self.lines[line["id"]] = line

    def written(
        self, clip_id: str, clip: Clip, split: str, count: int, own: Sequence[str] = ()
    ) -> dict[str, Any] | None:
        """The clip's files, and its line for the list; None for one that is too short. May run in any process."""
        frames = min(clip.motion.frames, MAX_FRAMES) - 1
        if frames < self.options.min_frames:
            return None
        features, text = self.out / "new_joint_vecs" / f"{clip_id}.npy", self.out / "texts" / f"{clip_id}.txt"
        # The text is written last, so a clip with a text is whole.
        if not (self.resuming and text.is_file()):
            motion = Motion(
                clip.motion.fps, clip.motion.rotations[:MAX_FRAMES], clip.motion.root_translation[:MAX_FRAMES]
            )
            np.save(features, motion_to_features(motion, self.options.rotation_channels).astype(np.float32))
            rng = np.random.default_rng([self.options.seed, zlib.crc32(clip_id.encode())])
            captions = [mirrored_words(text) for text in own] if clip.mirrored else list(own)
            if all(label.action in ACTIONS for label in clip.labels):
                captions += write_captions(clip.labels, rng, count, frames / FPS, clip.relation)
            text.write_text("".join(f"{caption}#{tagged(caption)}#0.0#0.0\n" for caption in captions), encoding="utf-8")
        return {
            "id": clip_id, "source": clip.source, "kind": clip.kind, "mirrored": clip.mirrored,
            "actions": [label.to_dict() for label in clip.labels], "frames": frames, "split": split,
            **({"relation": clip.relation} if clip.relation != "then" else {}), **self._whose(clip),
        }  # fmt: skip

    def _whose(self, clip: Clip) -> dict[str, Any]:
        """Under which licence the clip's recordings are together, and whether any of them is drawn."""
        whose = [self.credits.get(source) for source in clip.source.split("+")]
        drawn = clip.drawn or any(credit is not None and credit.keyframed for credit in whose)
        return {"licence": joint_licence(whose), **({"keyframed": True} if drawn else {})}

    def finish(self) -> None:
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
        used = {source for line in self.lines.values() for source in line["source"].split("+")}
        whose = [self.credits.get(source) for source in sorted(used)]
        known = sorted({credit for credit in whose if credit is not None})
        meta = {
            "format": FORMAT, "fps": FPS, "joints": 22, "features": len(mean),
            "rotation_channels": self.options.rotation_channels,
            "licence": joint_licence(whose), "sources": {c.title: c.told for c in known},
            "keyframed": sorted({c.title for c in known if c.keyframed}),
            "share_alike": sorted({c.title for c in known if share_alike(c.licence)}),
            "actions": self._actions(), "options": vars(self.options),
        }  # fmt: skip
        (self.out / "meta.json").write_text(json.dumps(meta, indent=2) + "\n", encoding="utf-8")

    def _actions(self) -> dict[str, dict[str, int]]:
        """Action -> its clips in training, and how many recordings they are of."""
        clips: Counter[str] = Counter()
        sources: dict[str, set[str]] = defaultdict(set)
        for line in self.lines.values():
            if line["split"] == "train" and len(line["actions"]) == 1:
                action = line["actions"][0]["action"]
                clips[action] += 1
                sources[action].update(line["source"].split("+"))
        return {action: {"clips": clips[action], "recordings": len(sources[action])} for action in sorted(clips)}

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


_SIDES = {
    "left": "right", "right": "left", "leftward": "rightward", "rightward": "leftward", "leftwards": "rightwards",
    "rightwards": "leftwards", "clockwise": "counterclockwise", "counterclockwise": "clockwise",
    "anticlockwise": "clockwise",
}  # fmt: skip
_SIDE = re.compile(rf"\b({'|'.join(_SIDES)})\b", re.I)


def mirrored_words(caption: str) -> str:
    """A caption of the mirror image: "raises the Left hand" -> "raises the Right hand"."""

    def other(match: re.Match[str]) -> str:
        word = _SIDES[match[0].lower()]
        return word.capitalize() if match[0][0].isupper() else word

    return _SIDE.sub(other, caption)


def tagged(caption: str) -> str:
    """HumanML3D's word/part-of-speech field; our captions know no parts of speech."""
    return " ".join(f"{word}/OTHER" for word in re.findall(r"[a-z]+", caption.lower()))
