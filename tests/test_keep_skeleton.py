# SPDX-License-Identifier: Apache-2.0
"""Motions given back to the skeletons that they came from."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from foreign import BIPED, MIXAMO, NUMBERED, UNREAL, clip_of, with_joint, write
from gaits import walk

from moclip.files.bvh import read_bvh
from moclip.files.formats import at_rate, read_motion, save_values
from moclip.files.keep import Kept, written_back
from moclip.motion import rotations as rot
from moclip.motion.skeleton import JOINT_INDEX

DATA = Path(os.environ.get("MOCLIP_SHARED", Path(__file__).resolve().parents[2] / "shared")) / "data"
X, Y, Z = np.eye(3)
Z_UP = rot.from_axis_angle(X, np.radians(90.0))
DOWN = {f"{s}_{p}": rot.from_axis_angle(Z, np.radians(a)) for s, a in (("left", -50), ("right", 50))
        for p in ("shoulder", "elbow", "wrist")}  # fmt: skip


def foreign(tmp_path: Path, kind: str, motion=None) -> Path:
    """A walk of 61 frames at 60 a second on somebody's skeleton, with a thumb that turns."""
    motion = replace(motion or walk(61, 1.0), fps=60.0)
    names, options, moving = {
        "mixamo": (MIXAMO, {"zero": DOWN}, False),
        "biped with Z up": (BIPED, {"world": Z_UP, "scale": 39.37}, False),
        "unreal in metres": (UNREAL, {"scale": 1.0, "zero": DOWN}, False),
        "numbered, all joints moving": (NUMBERED, {}, True),
        "x up": (MIXAMO, {"world": rot.between(Y, X), "scale": 7.0}, False),
    }[kind]
    turns = rot.from_axis_angle(Z, np.radians(np.linspace(0, 60, motion.frames)))
    clip = clip_of(motion, names, **options)
    clip = with_joint(clip, "Thumb of the left", names["left_wrist"], tuple(clip.offsets[20] * 0.2), turns)
    return write(clip, tmp_path / f"{kind}.bvh", moving=moving)


KINDS = ["mixamo", "biped with Z up", "unreal in metres", "numbered, all joints moving", "x up"]


def apart(one, other) -> tuple[float, float]:
    """Degrees and the files' units between two clips of one skeleton, at most."""
    turned = rot.angle_between(one.rotations, other.rotations).max()
    return float(np.degrees(turned)), float(np.abs(one.positions - other.positions).max())


@pytest.mark.parametrize("kind", KINDS)
def test_frames_made_anew_from_our_motion_are_the_files_own(tmp_path, kind):
    """All of our motion put back on the file's skeleton, but for the thumb, which has no joint of ours."""
    path = foreign(tmp_path, kind)
    reading = read_motion(path)
    last = reading.bvh.frames - 1
    values = written_back(reading, reading.motion, [Kept(0, 0, 1), Kept(last, last, last + 1)], reading.bvh.frames)
    save_values(reading, values, tmp_path / "back.bvh")
    one, other = read_bvh(path), read_bvh(tmp_path / "back.bvh")
    degrees, units = apart(one, other)
    assert other.names == one.names and other.fps == pytest.approx(one.fps, rel=1e-7)
    assert degrees < 0.2 and units * reading.fit.scale < 2e-4
    thumb = one.names.index("Thumb of the left")
    assert np.degrees(rot.angle_between(one.rotations[:, thumb], other.rotations[:, thumb])).max() < 0.01


@pytest.mark.parametrize("kind", KINDS)
def test_untouched_frames_are_the_files_own_numbers(tmp_path, kind):
    path = foreign(tmp_path, kind)
    reading = read_motion(path, fps=20.0)
    # Another motion in the middle, longer by ten frames.
    kept = [Kept(0, 0, 20), Kept(50, 40, 61)]
    turned = reading.motion.rotations.copy()
    turned[:, JOINT_INDEX["left_shoulder"]] = rot.from_axis_angle(X, np.radians(40.0))
    other = at_rate(replace(reading.motion, rotations=turned), 20.0)
    save_values(reading, written_back(reading, other, kept, 71), tmp_path / "back.bvh")
    one, back = read_bvh(path), read_bvh(tmp_path / "back.bvh")
    assert back.frames == 71 and back.written.channels == one.written.channels
    for stretch in kept:
        was, now = one.written.values[stretch.first : stretch.end], back.written.values[stretch.at : stretch.stop]
        assert np.abs(was - now).max() <= 1e-6
    limbs = [k for k, name in enumerate(one.names) if "Thumb" not in name]
    assert np.degrees(rot.angle_between(back.rotations[30, limbs], one.rotations[30, limbs])).max() > 5
    steps = np.abs(np.diff(back.written.values[:, 3:6], axis=0))
    assert steps.max() < 300  # angles go on from those before, whole turns left out


def test_hips_that_are_turned_back_are_turned_back_in_new_frames(tmp_path):
    from test_retarget import with_hip_joints

    motion = walk(40)
    turns = rot.from_axis_angle(Z, np.radians(np.full(40, 85.0)))
    path = write(with_hip_joints(clip_of(motion), turns), tmp_path / "m.bvh")
    reading = read_motion(path)
    assert reading.fit.pelvis.ndim == 2
    values = written_back(reading, reading.motion, [Kept(0, 0, 1)], 40)
    save_values(reading, values, tmp_path / "back.bvh")
    assert np.abs(read_motion(tmp_path / "back.bvh").motion.joints() - reading.motion.joints()).max() < 1e-3


@pytest.mark.shared
def test_skeletons_of_published_recordings_are_given_back(tmp_path):
    import tarfile

    archives = [
        DATA / "humanoid3d.tar.xz",
        DATA / "cmu-8-actions.tar.xz",
        DATA / "more" / "kaykit.tar.xz",
        DATA / "more" / "gdquest.tar.xz",
        DATA / "more" / "mesh2motion.tar.xz",
        DATA / "more" / "mass.tar.xz",
    ]
    if not DATA.is_dir():
        pytest.skip("the recordings are not here")
    for archive in archives:
        with tarfile.open(archive) as tar:
            member = next(m for m in tar if m.name.endswith(".bvh"))
            path = tmp_path / "source.bvh"
            path.write_bytes(tar.extractfile(member).read())
        reading = read_motion(path)
        last = reading.bvh.frames - 1
        kept = [Kept(0, 0, last // 3 + 1), Kept(2 * last // 3, 2 * last // 3, last + 1)]
        values = written_back(reading, reading.motion, kept, last + 1, reading.first / reading.bvh.fps)
        save_values(reading, values, tmp_path / "back.bvh")
        one, other = read_bvh(path), read_bvh(tmp_path / "back.bvh")
        own = [k for stretch in kept for k in range(stretch.at, stretch.stop)]
        degrees, units = apart(
            *(replace(b, rotations=b.rotations[own], positions=b.positions[own]) for b in (one, other))
        )
        assert degrees < 0.01 and units * reading.fit.scale < 1e-5, archive.name
        back = read_motion(tmp_path / "back.bvh").motion
        assert np.abs(back.joints() - reading.motion.joints()).max() < 0.01, archive.name
