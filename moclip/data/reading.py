# SPDX-License-Identifier: Apache-2.0
"""The recordings of a source that can be used, as much of each as can be, and to which split it goes."""

import zlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from moclip.captions.labels import ActionLabel
from moclip.data.options import BuildOptions, BuildReport
from moclip.data.parallel import each
from moclip.data.preparing import prepared
from moclip.data.screening import faces_where_it_goes, repeated_cycle, sound_parts
from moclip.data.sources import Recording
from moclip.data.variants import LOCOMOTION
from moclip.errors import MoclipError
from moclip.motion.motion import Motion

Progress = Callable[[str, float], None]
OUTNUMBERED = 8
"""Recordings of an action beside which drawn motion of it is left out: it is a seed for what nobody has recorded."""
ONE_PART = 40
"""Frames of a part of a broken take, at the least."""
SHORT_BUT_WHOLE = 7
"""Frames that a hop aside or a punch may have: it is led in and settles."""
SHORT_AND_MANY = LOCOMOTION | {"kick", "punch", "slash", "bow", "raise_hand", "wave", "turn_left", "turn_right"}
"""Actions whose recordings are short and many, and have variants of their own (`moclip.data.variants`)."""


@dataclass(frozen=True)
class Usable:
    """A recording, as much of it as can be used. name: without a suffix, as its clips are called."""

    name: str
    motion: Motion
    label: ActionLabel
    recording: Recording
    complete: bool = True

    @property
    def drawn(self) -> bool:
        return is_drawn(self.recording)

    @property
    def short_and_many(self) -> bool:
        return self.label.action in SHORT_AND_MANY and not self.drawn


def is_drawn(recording: Recording) -> bool:
    return bool(recording.credit and recording.credit.keyframed)


def read_recordings(
    everything: Sequence[Recording],
    options: BuildOptions,
    report: BuildReport,
    progress: Progress,
    processes: int = 1,
) -> list[Usable]:
    """All that can be used; the report says what cannot, and why."""
    usable: list[Usable] = []
    read = each(_read, range(len(everything)), (everything, options), processes)
    for number, (found, told) in enumerate(read):
        progress("reading", (number + 1) / len(everything))
        usable += found
        report.add(told)
    return _without_outnumbered(usable, report)


def _read(given: tuple[Sequence[Recording], BuildOptions], number: int) -> tuple[list[Usable], BuildReport]:
    everything, options = given
    recording, report = everything[number], BuildReport()
    if reason := _refusal(recording, options):
        report.refuse(reason, recording.name)
        return [], report
    try:
        motion = recording.load()
    except MoclipError as error:
        report.refuse("unreadable or unknown skeleton", recording.name)
        report.messages[-1] = str(error)
        return [], report
    return list(_screened(recording, motion, options, report)), report


def _refusal(recording: Recording, options: BuildOptions) -> str:
    """Why a recording is not even read; "" for none."""
    credit = recording.credit
    if options.permissive and not (credit and credit.permissive):
        return "not known to be free for commercial use"
    words = [word for word in options.without_licences if word.lower() in (credit.licence.lower() if credit else "")]
    if words:
        return f"left out, licence {words[0]}"
    return f"left out, {recording.left_out}" if recording.left_out else ""


def _screened(recording: Recording, motion: Motion, options: BuildOptions, report: BuildReport) -> Iterator[Usable]:
    """What of a motion can be used, most often all of it; says in the report what cannot."""
    name, label = recording.name, None
    parts = sound_parts(motion, min(ONE_PART, motion.frames))
    lost = motion.seconds - sum(part.seconds for part in parts)
    if lost > 0:
        report.refuse("the pelvis flips over or joints leap (the sound parts are kept)", name, lost)
    stem = Path(name).stem
    for number, sound in enumerate(parts):
        label = recording.label(sound)
        if label is None:
            report.refuse("no action in the file name", name, sound.seconds)
            continue
        if label.action in options.without:
            report.refuse(f"left out, {label.action}", name, sound.seconds)
            continue
        if is_drawn(recording):
            sound = prepared(sound, label)
        if sound.frames <= options.min_frames:
            # A single cycle of steps can be repeated as often as one likes.
            sound = repeated_cycle(sound, label, frames=60) or sound
        many = label.action in SHORT_AND_MANY and not is_drawn(recording)
        whole_at = options.min_frames if many else SHORT_BUT_WHOLE
        if sound.frames <= min(options.min_frames, whole_at):
            report.refuse(f"shorter than {options.min_frames} frames", name, sound.seconds)
        elif not faces_where_it_goes(sound, label):
            report.refuse("faces away from where it goes", name, sound.seconds)
        else:
            yield Usable(f"{stem}_p{number}" if len(parts) > 1 else stem, sound, label, recording, len(parts) == 1)


def _without_outnumbered(recordings: list[Usable], report: BuildReport) -> list[Usable]:
    """Without the drawn ones of actions that enough people were recorded in."""
    recorded = Counter(r.label.action for r in recordings if not r.drawn)
    kept = []
    for recording in recordings:
        if recording.drawn and recorded[recording.label.action] >= OUTNUMBERED:
            report.refuse("drawn, and recorded often enough", recording.name, recording.motion.seconds)
        else:
            kept.append(recording)
    return kept


def split_recordings(recordings: list[Usable]) -> dict[str, str]:
    """name -> train, val or test; by class, so that each has held-out clips where it has at least four trials.

    All that is of one trial goes the same way, whichever class it is of.
    """
    classes: dict[tuple[str, str | None], list[str]] = defaultdict(list)
    trial_of = {recording.name: recording.recording.trial for recording in recordings}
    for recording in recordings:
        trials = classes[recording.label.action, recording.label.side]
        if (trial := trial_of[recording.name]) not in trials:
            trials.append(trial)
    splits: dict[str, str] = {}
    for key, names in classes.items():
        names = list(np.random.default_rng(zlib.crc32(repr(key).encode())).permutation(names))
        val = max(1, round(0.06 * len(names))) if len(names) >= 4 else 0
        test = max(1, round(0.08 * len(names))) if len(names) >= 6 else 0
        for k, name in enumerate(names):
            splits.setdefault(str(name), "val" if k < val else "test" if k < val + test else "train")
    return {name: splits[trial] for name, trial in trial_of.items()}
