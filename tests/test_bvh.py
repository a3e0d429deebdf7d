# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moclip import rotations as rot
from moclip.data.bvh import euler_zxy, read_bvh, write_bvh
from moclip.data.retarget import load_bvh_motion, load_joint_map
from moclip.errors import MoclipError
from moclip.motion import Motion
from moclip.skeleton import JOINT_INDEX, REST_OFFSETS

ARM = """HIERARCHY
ROOT Base
{
  OFFSET 0 0 0
  CHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation
  JOINT Tip
  {
    OFFSET 0 10 0
    CHANNELS 6 Xposition Yposition Zposition Yrotation Xrotation Zrotation
    End Site
    {
      OFFSET 0 5 0
    }
  }
}
MOTION
Frames: 2
Frame Time: 0.05
1 2 3 90 0 0   0 10 0  0 0 0
1 2 3 0 0 0    0 12 0  0 90 0
"""


def written(tmp_path, text: str, name: str = "clip.bvh"):
    path = tmp_path / name
    path.write_bytes(text.encode())
    return path


def test_positions_on_every_joint_are_read_in_the_files_channel_order(tmp_path):
    bvh = read_bvh(written(tmp_path, ARM))
    rotations, positions = bvh.world()
    assert (bvh.names, bvh.parents, bvh.fps) == (("Base", "Tip"), (-1, 0), 20.0)
    # 90 degrees about Z take the tip from above the base to its -X side.
    assert positions[0, 1] == pytest.approx([1 - 10, 2, 3], abs=1e-9)
    assert positions[1, 1] == pytest.approx([1, 14, 3])  # its own position channel, not its offset
    assert rot.rotate(rotations[1, 1], np.array([0.0, 1, 0])) == pytest.approx([0, 0, 1], abs=1e-9)
    assert bvh.ends[1] == pytest.approx([0, 5, 0])


def test_windows_line_ends_and_a_byte_order_mark_change_nothing(tmp_path):
    plain = read_bvh(written(tmp_path, ARM))
    other = read_bvh(written(tmp_path, "\ufeff" + ARM.replace("\n", "\r\n"), "other.bvh"))
    assert (plain.rotations == other.rotations).all() and (plain.positions == other.positions).all()


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (ARM, "not a motion at all", "not a BVH file"),
        (ARM, "", "not a BVH file"),
        (ARM[ARM.index("MOTION") :], "", "no frames"),
        ("12 0  0 90 0", "", "cut in the middle: it promises 2 frames and holds 1"),
        ("0 12 0  0 90 0", "0 12 0  0 90 zero", "words where numbers belong"),
        ("Frames: 2", "Frames: 0", "no frames"),
        ("Frames: 2", "", "damaged MOTION part"),
        ("Frame Time: 0.05", "Frame Time: 0", "frame time of 0"),
        ("Frame Time: 0.05", "Frame Time: nan", "frame time of nan"),
        ("12 0  0 90 0", "12 0  0 nan 0", "not finite"),
        ("12 0  0 90 0", "12 0  0 inf 0", "not finite"),
        ("OFFSET 0 10 0", "OFFSET 0 nan 0", "damaged HIERARCHY"),
        ("OFFSET 0 10 0", "OFFSET 0 ten 0", "damaged HIERARCHY"),
        ("Zrotation Xrotation Yrotation\n  JOINT", "Zrotation Xrotation Wrotation\n  JOINT", "damaged HIERARCHY"),
        ("  }\n}\nMOTION", "MOTION", "damaged HIERARCHY"),
        (ARM[ARM.index("  JOINT") : ARM.index("}\nMOTION")], "", "a root joint only"),
    ],
)
def test_bad_files_are_refused_with_one_sentence(tmp_path, old, new, says):
    assert old in ARM
    with pytest.raises(MoclipError) as error:
        read_bvh(written(tmp_path, ARM.replace(old, new)))
    assert says in error.value.message and error.value.hint and error.value.code == "bad_bvh"


def test_a_file_cut_at_any_place_is_refused_or_whole(tmp_path):
    whole = len(ARM.rstrip())
    for end in range(0, whole - 1, 7):
        with pytest.raises(MoclipError):
            read_bvh(written(tmp_path, ARM[:end]))


def test_a_missing_file_is_one_sentence(tmp_path):
    with pytest.raises(MoclipError, match="cannot be read"):
        read_bvh(tmp_path / "no.bvh")


@settings(max_examples=60, deadline=None)
@given(st.tuples(*[st.floats(-1, 1)] * 4).filter(lambda q: sum(x * x for x in q) > 1e-3))
def test_euler_angles_give_the_rotation_back(q):
    q = rot.normalize(np.array(q))
    angles = np.degrees(euler_zxy(q))
    assert np.degrees(rot.angle_between(rot.from_euler_deg(angles, "ZXY"), q)) < 0.01


def test_euler_angles_survive_gimbal_lock():
    q = rot.from_euler_deg(np.array([30.0, 90.0, -50.0]), "ZXY")
    assert np.degrees(rot.angle_between(rot.from_euler_deg(np.degrees(euler_zxy(q)), "ZXY"), q)) < 0.01


def random_motion(frames: int = 30, seed: int = 0) -> Motion:
    rng = np.random.default_rng(seed)
    angles = np.cumsum(rng.normal(size=(frames, 22, 3)) * 6, axis=0)
    root = np.cumsum(rng.normal(size=(frames, 3)) * 0.02, axis=0) + [0, 3, 0]
    return Motion(20.0, rot.continuous(rot.from_euler_deg(angles, "YXZ")), root)


def test_a_written_motion_reads_back_the_same(tmp_path):
    motion = random_motion()
    write_bvh(motion, tmp_path / "m.bvh")
    back = load_bvh_motion(tmp_path / "m.bvh")
    assert back.fps == 20.0 and back.frames == motion.frames
    turned = rot.angle_between(back.rotations.astype(np.float64), motion.rotations.astype(np.float64))
    assert np.degrees(turned).max() < 0.05  # float32 quaternions
    # Importing puts the lowest joint on the floor.
    lowered = motion.root_translation - [0, motion.joints()[..., 1].min(), 0]
    assert np.abs(back.root_translation - lowered).max() < 1e-4


@pytest.mark.parametrize("scale", [0.01, 1 / 2.54, 1.0])
def test_any_unit_gives_the_same_motion(tmp_path, scale):
    motion = random_motion(seed=4)
    write_bvh(motion, tmp_path / "cm.bvh")
    lines, scaled, first = (tmp_path / "cm.bvh").read_text().splitlines(), [], False
    for line in lines:
        words = line.split()
        if words[0] == "OFFSET":
            line = "OFFSET " + " ".join(f"{float(x) * scale:.9f}" for x in words[1:])
        elif first:
            line = " ".join([f"{float(x) * scale:.9f}" for x in words[:3]] + words[3:])
        first = first or words[:2] == ["Frame", "Time:"]
        scaled.append(line)
    other = load_bvh_motion(written(tmp_path, "\n".join(scaled) + "\n", "other.bvh"))
    assert np.abs(other.joints() - load_bvh_motion(tmp_path / "cm.bvh").joints()).max() < 1e-3


def test_mixamo_names_are_known(tmp_path):
    motion = random_motion(seed=1)
    write_bvh(motion, tmp_path / "m.bvh")
    text = (tmp_path / "m.bvh").read_text().replace("ROOT ", "ROOT mixamorig:").replace("JOINT ", "JOINT mixamorig:")
    joints = load_bvh_motion(written(tmp_path, text, "mixamo.bvh")).joints()
    assert np.abs(joints - load_bvh_motion(tmp_path / "m.bvh").joints()).max() < 1e-5


def test_an_a_pose_skeleton_keeps_its_limb_directions(tmp_path):
    """A skeleton whose zero pose has the arms 40 degrees down, standing in that pose: ours must hang 40 degrees too."""
    write_bvh(Motion(20.0, np.tile(rot.IDENTITY, (5, 22, 1)), np.full((5, 3), 1.0)), tmp_path / "t.bvh")
    lines = (tmp_path / "t.bvh").read_text().splitlines()
    down = {"Left": np.radians(-40), "Right": np.radians(180 + 40)}
    for k, line in enumerate(lines):
        name = line.split()[-1]
        for side, angle in down.items():
            if name in (f"{side}ForeArm", f"{side}Hand"):
                lines[k + 2] = f"OFFSET {26 * np.cos(angle):.6f} {26 * np.sin(angle):.6f} 0"
    motion = load_bvh_motion(written(tmp_path, "\n".join(lines) + "\n", "a.bvh"))
    joints = motion.joints()[0]
    for side, x in (("left", 1), ("right", -1)):
        shoulder, elbow, wrist = (joints[JOINT_INDEX[f"{side}_{part}"]] for part in ("shoulder", "elbow", "wrist"))
        for bone in (elbow - shoulder, wrist - elbow):
            expected = [x * np.cos(np.radians(40)), -np.sin(np.radians(40)), 0]
            assert bone / np.linalg.norm(bone) == pytest.approx(expected, abs=1e-3)
    assert (motion.offsets == REST_OFFSETS).all()


def test_sixty_frames_a_second_become_twenty(tmp_path):
    motion = random_motion(61, seed=2)
    write_bvh(Motion(60.0, motion.rotations, motion.root_translation), tmp_path / "fast.bvh")
    slow = load_bvh_motion(tmp_path / "fast.bvh")
    assert (slow.fps, slow.frames) == (20.0, 21)  # one second, both ends
    turned = rot.angle_between(slow.rotations.astype(np.float64), motion.rotations[::3].astype(np.float64))
    assert np.degrees(turned).max() < 0.05


def test_unknown_skeletons_and_joint_maps(tmp_path):
    with pytest.raises(MoclipError, match="is not known") as error:
        load_bvh_motion(written(tmp_path, ARM))
    assert "--joint-map" in error.value.hint
    for text in ("[", '{"joints": 3}', "{}", '{"joints": {"pelvis": "Base"}, "reference": "first"}'):
        with pytest.raises(MoclipError, match="cannot be read"):
            load_joint_map(written(tmp_path, text, "map.json"))
    with pytest.raises(MoclipError, match="joints that we do not have: tail"):
        load_joint_map(written(tmp_path, '{"joints": {"tail": "Tip"}}', "map.json"))
    joint_map = load_joint_map(written(tmp_path, '{"joints": {"pelvis": "Base"}}', "map.json"))
    with pytest.raises(MoclipError, match="has no joint for left_hip"):
        load_bvh_motion(tmp_path / "clip.bvh", joint_map)


def test_a_joint_map_serves_a_skeleton_of_other_names(tmp_path):
    motion = random_motion(seed=6)
    write_bvh(motion, tmp_path / "m.bvh")
    from moclip.data.bvh import BVH_NAMES

    text = (tmp_path / "m.bvh").read_text()
    for name in BVH_NAMES.values():
        text = text.replace(f"JOINT {name}\n", f"JOINT b_{name}\n").replace(f"ROOT {name}\n", f"ROOT b_{name}\n")
    joints = ", ".join(f'"{ours}": "b_{theirs}"' for ours, theirs in BVH_NAMES.items())
    joint_map = load_joint_map(written(tmp_path, f'{{"joints": {{{joints}}}}}', "map.json"))
    other = load_bvh_motion(written(tmp_path, text, "b.bvh"), joint_map)
    assert np.abs(other.joints() - load_bvh_motion(tmp_path / "m.bvh").joints()).max() < 1e-5
