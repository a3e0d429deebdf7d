# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moclip.errors import MoclipError
from moclip.files.bvh import Bvh, euler_zxy, read_bvh, write_bvh
from moclip.files.foreign import load_bvh_motion
from moclip.files.joint_maps import load_joint_map
from moclip.motion import rotations as rot
from moclip.motion.motion import Motion
from moclip.motion.skeleton import JOINT_INDEX, REST_OFFSETS

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
        ("0 12 0  0 90 0", "0 12 0  0 90 zero", "words where numbers belong"),
        ("0 12 0  0 90 0", "0 12 0  0 90 zero", "'zero' in line 20"),
        ("0 0   0 10 0  0 0 0\n1 2 3 0 0 0", "nan 0   0 10 0  0 0 0\n1 2 3 nan 0 0", "not finite in 2 of its 2 frames"),
        ("0 0   0 10 0  0 0 0\n1 2 3 0 0 0    0 12 0  0 90 0", "", "fewer than 12 numbers"),
        ("ROOT Base\n{", "ROOT Base\nEnd Site\n{", "opens a brace before"),
        ("OFFSET 0 10 0", "OFFSET 0 nan 0", "damaged HIERARCHY part: line 8"),
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


def test_a_file_cut_at_any_place_is_refused_or_read_as_far_as_it_is_whole_and_told_of(tmp_path):
    first = ARM.index("0 0 0\n1 2 3") + 5  # the end of the first of two frames
    for end in range(0, len(ARM.rstrip()) - 1, 3):
        path = written(tmp_path, ARM[:end])
        if end < first:
            with pytest.raises(MoclipError):
                read_bvh(path)
        else:
            bvh = read_bvh(path)
            assert bvh.frames == 1 and "promises 2 frames and holds 1" in " ".join(bvh.notes)


def told(tmp_path, *changes: tuple[str, str]) -> tuple[Bvh, str]:
    text = ARM
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    bvh = read_bvh(written(tmp_path, text))
    return bvh, " ".join(bvh.notes)


@pytest.mark.parametrize(
    "spelled",
    [
        str.upper,
        str.lower,
        str.title,
        lambda text: text.replace("\n", "\r"),
        lambda text: text.replace("\n", "\n\n").replace("  ", "\t\t"),
        lambda text: text.replace("\n", " // said by hand\n").replace("MOTION", "# the frames\nMOTION"),
        lambda text: text.replace("End Site", "End Site tip_end"),
        lambda text: text.replace("End Site\n    {", "EndSite{").replace("Base\n{", "Base {"),
        lambda text: text.replace("MOTION\n", ""),
        lambda text: text.replace("HIERARCHY\n", ""),
        lambda text: text.replace("Frames: 2", "Frames 2").replace("Frame Time: 0.05", "Frame Time 0.05"),
        lambda text: text.replace("Frame Time: 0.05", "FrameTime:.05"),
        lambda text: text.replace("1 2 3 90 0 0   ", "1 2 3 90 0 0\n"),
        lambda text: text.replace("12 0  0 90 0\n", "12 0  0 90 0"),
        lambda text: text.replace(" 0.05", " 5e-2").replace("1 2 3 0 0 0", "1.0 +2 3. 0 -0 0"),
        lambda text: text.replace("Zrotation", "Z_rotation").replace("Yposition", "yPos"),
        lambda text: text.replace("0   0 10", "0, 0, 10").replace("1 2 3 0", "1, 2, 3, 0"),
    ],
)
def test_a_file_spelled_in_another_way_is_the_same_file(tmp_path, spelled):
    plain, other = read_bvh(written(tmp_path, ARM)), read_bvh(written(tmp_path, spelled(ARM), "other.bvh"))
    assert [name.lower() for name in other.names] == ["base", "tip"] and other.parents == plain.parents
    assert (other.rotations == plain.rotations).all() and (other.positions == plain.positions).all()
    assert other.fps == plain.fps and other.notes == () and other.ends[1] == pytest.approx([0, 5, 0])


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig", "cp1252"])
def test_any_usual_encoding_is_read(tmp_path, encoding):
    (tmp_path / "clip.bvh").write_bytes(ARM.replace("Tip", "Fuß").encode(encoding))
    assert read_bvh(tmp_path / "clip.bvh").names == ("Base", "Fuß")


@pytest.mark.parametrize("name", ["Bip01 L Thigh", "Actor:Left Hip", "End Joint", "Root", "Joint", "hüfte", "a,b"])
def test_a_name_is_the_rest_of_its_line(tmp_path, name):
    assert read_bvh(written(tmp_path, ARM.replace("Tip", name))).names == ("Base", name)


def test_two_roots_and_two_joints_of_one_name_are_read(tmp_path):
    head, rest = ARM.replace("Tip", "Base").split("MOTION")
    again = "ROOT Prop { OFFSET 1 1 1 CHANNELS 3 Xposition Yposition Zposition End Site { OFFSET 0 1 0 } }\n"
    bvh = read_bvh(written(tmp_path, head + again + "MOTION" + rest.replace("0 0 0\n", "0 0 0 7 8 9\n")
                           .replace("0 90 0\n", "0 90 0 7 8 9\n")))  # fmt: skip
    assert bvh.names == ("Base", "Base (2)", "Prop") and bvh.parents == (-1, 0, -1)
    assert bvh.positions[1, 2] == pytest.approx([7, 8, 9]) and "called Base" in " ".join(bvh.notes)


def test_decimal_commas_are_points(tmp_path):
    bvh, notes = told(tmp_path, ("0.05", "0,05"), ("OFFSET 0 10 0", "OFFSET 0,0 10,0 0,0"), ("0 12 0", "0,0 12,5 0,0"))
    assert bvh.fps == 20.0 and bvh.positions[1, 1] == pytest.approx([0, 12.5, 0]) and "decimal commas" in notes


@pytest.mark.parametrize(
    ("said", "fps"),
    [("0", 30), ("-0.05", 30), ("nan", 30), ("", 30), ("30", 30), ("120", 120), ("33.333333", 30), ("1e-9", 30)],
)
def test_a_frame_time_that_is_none_is_guessed_and_told_of(tmp_path, said, fps):
    bvh, notes = told(tmp_path, ("Frame Time: 0.05", f"Frame Time: {said}"))
    assert bvh.fps == pytest.approx(fps, rel=1e-6) and f"{fps} frames a second" in notes and bvh.frames == 2
    assert read_bvh(tmp_path / "clip.bvh", fps=24.0).fps == 24.0 and read_bvh(tmp_path / "clip.bvh", 24.0).notes == ()


@pytest.mark.parametrize("said", ["Frames: 0", "Frames: 1", "Frames: 300", "Frames: many", "", "Frames: -1"])
def test_a_wrong_number_of_frames_is_told_of_and_none_is_lost(tmp_path, said):
    bvh, notes = told(tmp_path, ("Frames: 2", said))
    assert bvh.frames == 2 and "frames" in notes


@pytest.mark.parametrize("word", ["nan", "-NaN", "inf", "1.#QNAN", "-1.#IND00", "null", "1e300"])
def test_numbers_that_are_none_are_made_from_their_neighbours(tmp_path, word):
    first, second = "1 2 3 90 0 0   0 10 0  0 0 0", "1 2 3 0 0 0    0 12 0  0 90 0"
    lines = f"{first}\n1 {word} 3 90 0 0 0 10 0 0 {word} 0\n{second}"
    bvh, notes = told(tmp_path, (f"{first}\n{second}", lines), ("Frames: 2", "Frames: 3"))
    assert bvh.positions[1, 0] == pytest.approx([1, 2, 3]) and "Line 20 (frame 2)" in notes
    half = rot.from_axis_angle(np.array([0.0, 1, 0]), np.radians(0))
    assert np.degrees(rot.angle_between(bvh.rotations[1, 1], half)) < 46


def test_a_line_with_too_few_numbers_between_others_is_made_from_them(tmp_path):
    first = "1 2 3 90 0 0   0 10 0  0 0 0"
    bvh, notes = told(tmp_path, (first, f"{first}\n1 2 3 90\n{first}"), ("Frames: 2", "Frames: 4"))
    assert bvh.frames == 4 and (bvh.positions[1] == bvh.positions[0]).all() and "Line 20 has 4 numbers, not 12" in notes


def test_lines_that_do_not_fit_the_joints_are_refused(tmp_path):
    text = ARM.replace("0 0 0\n1 2 3", "0 0 0 5\n1 2 3").replace("0 90 0\n", "0 90 0 5\n")
    with pytest.raises(MoclipError, match="13 numbers in each line of its frames .from line 19 on., and its joints"):
        read_bvh(written(tmp_path, text))


def test_a_long_file_is_read_quickly(tmp_path):
    import time

    row = "1.12345 2.12345 3.12345 90.1234 0.1234 0.1234 0.1234 10.1234 0.1234 0.1234 0.1234 0.1234\n"
    head = ARM[: ARM.index("1 2 3 90")].replace("Frames: 2", "Frames: 60000")
    path = written(tmp_path, head + row * 60000)
    started = time.process_time()
    assert read_bvh(path).frames == 60000
    assert time.process_time() - started < 2.0


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
    from moclip.files.bvh import BVH_NAMES

    text = (tmp_path / "m.bvh").read_text()
    for name in BVH_NAMES.values():
        text = text.replace(f"JOINT {name}\n", f"JOINT b_{name}\n").replace(f"ROOT {name}\n", f"ROOT b_{name}\n")
    joints = ", ".join(f'"{ours}": "b_{theirs}"' for ours, theirs in BVH_NAMES.items())
    joint_map = load_joint_map(written(tmp_path, f'{{"joints": {{{joints}}}}}', "map.json"))
    other = load_bvh_motion(written(tmp_path, text, "b.bvh"), joint_map)
    assert np.abs(other.joints() - load_bvh_motion(tmp_path / "m.bvh").joints()).max() < 1e-5
