# SPDX-License-Identifier: Apache-2.0
"""`moclip demo` and `moclip keyframe`, as a user runs them."""

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from checkout import PYTHONPATH

ROOT = Path(__file__).resolve().parents[2]
MAKE_SCENE = """
import bpy, sys
bpy.ops.wm.read_homefile(use_empty=True)
armature = bpy.data.armatures.new("Robot")
bpy.context.scene.collection.objects.link(bpy.data.objects.new("Robot", armature))
bpy.ops.wm.save_as_mainfile(filepath=sys.argv[-1])
"""
READ_SCENE = """
import bpy, json, sys
bpy.ops.wm.open_mainfile(filepath=sys.argv[-1])
told = {}
for rig in (o for o in bpy.data.objects if o.animation_data):
    data = rig.animation_data
    strips = [[s.name, s.frame_start, s.blend_in] for t in data.nla_tracks for s in t.strips]
    told[rig.name] = [data.action.name if data.action else None, strips]
print("@" + json.dumps(told))
"""

FALL_OVER = f"""
import bpy, sys
sys.path.insert(0, {str(ROOT / "backend/moclip_backend/blender/scripts")!r})
import in_blender
class Broken(bpy.types.Operator):
    bl_idname, bl_label = "object.broken", "Broken"
    def execute(self, context):
        raise ValueError("no bones")
bpy.utils.register_class(Broken)
try:
    in_blender.call(bpy.ops.object.broken)
except in_blender.Failed as error:
    print("a line without an end", end="")
    in_blender.tell(said=str(error))
"""

if importlib.util.find_spec("bpy") is None or importlib.util.find_spec("typer") is None:
    pytest.skip("needs bpy and the command line", allow_module_level=True)


def moclip(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    env = os.environ | {"PYTHONPATH": PYTHONPATH, "MOCLIP_STATE": str(cwd / "state")}
    command = [sys.executable, "-m", "moclip_backend", *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=600)


def in_blender(code: str, argument: Path | str, folder: Path) -> str:
    env = os.environ | {"BLENDER_USER_RESOURCES": str(folder / "user"), "XDG_CACHE_HOME": str(folder / "cache")}
    done = subprocess.run([sys.executable, "-c", code, str(argument)], env=env, capture_output=True, text=True)
    print(done.stderr)
    return done.stdout


def test_demo_writes_a_scene_a_bvh_and_a_preview(tmp_path):
    done = moclip("demo", "a person waves with the left hand", "--seconds", "1", "--out", "shown", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for name in ("demo.blend", "demo.bvh", "demo.png", "demo.gif"):
        assert (tmp_path / "shown" / name).stat().st_size > 1000, name
    for stage in ("build add-on", "install add-on", "start backend", "generate and keyframe", "render preview"):
        assert stage in done.stderr
    bvh = (tmp_path / "shown/demo.bvh").read_text()
    assert "Frames: 20" in bvh

    import numpy as np
    from PIL import Image

    with Image.open(tmp_path / "shown/demo.png") as picture:
        red, _, blue = np.moveaxis(np.asarray(picture.convert("RGB"), dtype=int), -1, 0)
    # The figure's two sides are in the picture, each more than a speck.
    assert (blue > red + 60).sum() > 2000 and (red > blue + 60).sum() > 2000
    scene = in_blender(READ_SCENE, tmp_path / "shown/demo.blend", tmp_path)
    assert '"MoCLIP": ["a person waves with the left hand", []]' in scene


MAKE_CAST = f"""
import bpy, sys
sys.path[:0] = [{str(ROOT / "backend/moclip_backend/blender/scripts")!r}, {str(ROOT / "tests/blender")!r}]
import figures, math
from mathutils import Matrix
from pathlib import Path
folder = Path(sys.argv[-1])
bpy.ops.wm.read_homefile(use_empty=True)
bpy.ops.preferences.addon_enable(module="io_scene_gltf2")
bpy.ops.preferences.addon_enable(module="io_anim_bvh")

def export(name):
    bpy.ops.export_scene.gltf(filepath=str(folder / name))
    for obj in list(bpy.data.objects):
        bpy.data.objects.remove(obj)

# Ten times as large, turned half round, in a pose of an action of its own.
giant = figures.make_mixamo(size=10.0)
giant.rotation_euler.z = math.pi
head = giant.pose.bones["mixamorig:Head"]
head.rotation_mode = "XYZ"
for frame, turn in ((1, 0.9), (9, 1.0)):
    head.rotation_euler.x = turn
    head.keyframe_insert("rotation_euler", frame=frame)
giant.animation_data.action.name = "Nodding"
export("giant.glb")
# Bones alone, Y up as in that format.
rig = figures.make_mixamo(prefix="")
rig.data.transform(Matrix.Rotation(-math.pi / 2, 4, "X"))
bpy.data.objects.remove(next(o for o in bpy.data.objects if o.type == "MESH"))
bpy.context.view_layer.objects.active = rig
bpy.ops.export_anim.bvh(filepath=str(folder / "bones.bvh"), frame_start=1, frame_end=2)
bpy.data.objects.remove(rig)
# No person.
rig = figures.make_mixamo()
bpy.ops.object.mode_set(mode="EDIT")
for bone in list(rig.data.edit_bones):
    if "Arm" in bone.name or "Hand" in bone.name or "Head" in bone.name:
        rig.data.edit_bones.remove(bone)
bpy.ops.object.mode_set(mode="OBJECT")
export("no arms.glb")
# A scene with more than its character.
figures.make_mixamo("Person")
scene = bpy.context.scene
for kind, data in (("Eye", bpy.data.cameras.new("Eye")), ("Lamp", bpy.data.lights.new("Lamp", "SUN"))):
    scene.collection.objects.link(bpy.data.objects.new(kind, data))
bpy.ops.wm.save_as_mainfile(filepath=str(folder / "scene.blend"))
for obj in list(bpy.data.objects):
    bpy.data.objects.remove(obj)
bpy.ops.mesh.primitive_cube_add()
export("cube.glb")
bpy.ops.wm.save_as_mainfile(filepath=str(folder / "empty.blend"))
"""
READ_CAST = """
import bpy, json, sys
import numpy as np
from mathutils import Vector
from bpy_extras.object_utils import world_to_camera_view
bpy.ops.wm.open_mainfile(filepath=sys.argv[-1])
scene = bpy.context.scene
told = {"actions": sorted(a.name for a in bpy.data.actions), "fps": scene.render.fps}
told["objects"] = sorted(o.type for o in bpy.data.objects)
shown = told["shown"] = {}

def points(mesh):
    mesh = mesh.evaluated_get(bpy.context.evaluated_depsgraph_get())
    return [mesh.matrix_world @ v.co for v in mesh.data.vertices]

rigs = [o for o in bpy.data.objects if o.type == "ARMATURE"]
for rig in rigs:
    own = shown[rig.users_collection[0].name] = {"places": [], "seen": []}
    meshes = [o for o in rig.users_collection[0].objects if o.type == "MESH"]
    bone = next((b for b in rig.pose.bones if b.name.endswith("RightForeArm")), None)
    rig.data.pose_position = "REST"
    bpy.context.view_layer.update()
    rest = np.array([p for m in meshes for p in points(m)])
    own["height"], own["lowest"] = float(np.ptp(rest[:, 2])), float(rest[:, 2].min())
    rig.data.pose_position = "POSE"
    for frame in range(scene.frame_start, scene.frame_end + 1, 6):
        scene.frame_set(frame)
        spread = np.array([p for m in meshes for p in points(m)])
        own["places"].append([float(spread[:, 0].min()), float(spread[:, 0].max())])
        if bone:
            along = (rig.matrix_world.to_3x3() @ (bone.tail - bone.head)).normalized()
            own.setdefault("arm", []).append(list(along))
        view = np.array([world_to_camera_view(scene, scene.camera, p) for p in map(Vector, spread[::5].tolist())])
        own["seen"].append([float(view[:, :2].min()), float(view[:, :2].max())])
told["length"] = scene.frame_end
print("@" + json.dumps(told))
"""


@pytest.fixture(scope="session")
def cast(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with files of characters."""
    folder = tmp_path_factory.mktemp("cast")
    in_blender(MAKE_CAST, folder, folder)
    (folder / "damaged.glb").write_bytes((folder / "giant.glb").read_bytes()[:-4000])
    return folder


def read_cast(blend: Path, folder: Path) -> dict:
    told = in_blender(READ_CAST, blend, folder)
    return json.loads(next(line for line in told.splitlines() if line.startswith("@"))[1:])


def test_demo_shows_characters_of_ones_own(tmp_path, cast):
    names = ("giant.glb", "no arms.glb", "bones.bvh", "damaged.glb", "scene.blend")
    given = [part for name in names for part in ("--character", cast / name)]
    done = moclip(
        "demo", "a person waves with the right hand", "--seconds", "2", *given, "--view", "front", cwd=tmp_path
    )
    assert done.returncode == 1 and "Traceback" not in done.stderr, done.stderr
    left_out = [line for line in done.stderr.splitlines() if line.startswith("left out: ")]
    assert len(left_out) == 2, done.stderr
    assert left_out[0].startswith("left out: damaged.glb: 'damaged.glb' cannot be imported: ")
    assert left_out[1].startswith("left out: no arms.glb: ")
    for name in ("demo.blend", "demo.bvh", "demo.png", "demo.gif"):
        assert (tmp_path / "demo" / name).stat().st_size > 1000, name

    import numpy as np

    told = read_cast(tmp_path / "demo/demo.blend", tmp_path)
    assert set(told["shown"]) == {"giant", "bones", "scene"} and told["length"] == 40 and told["fps"] == 20
    prompt = "a person waves with the right hand"
    assert [name for name in told["actions"] if not name.startswith("Camera")] == [
        prompt,
        f"{prompt}.001",
        f"{prompt}.002",
    ]
    # One camera and one light: none came along with a file.
    assert told["objects"].count("CAMERA") == 1 and told["objects"].count("LIGHT") == 1
    arms = np.array([one["arm"] for one in told["shown"].values()])
    apart = np.degrees(np.arccos(np.clip((arms * arms[:1]).sum(axis=-1), -1, 1)))
    assert apart.max() < 3.0  # the same motion, though one of them was turned round in its file
    assert arms[0, :, 2].max() > 0.5  # and the forearm is up
    for name, one in told["shown"].items():
        assert 1.6 < one["height"] < 1.8 and abs(one["lowest"]) < 1e-3, (name, one)
        low, high = zip(*one["seen"], strict=True)
        assert min(low) >= 0.0 and max(high) <= 1.0, name
    # Side by side in the order given, never in each other's way.
    rows = [np.array(told["shown"][name]["places"]) for name in ("giant", "bones", "scene")]
    for left, right in zip(rows, rows[1:], strict=False):
        assert (left[:, 1] < right[:, 0]).all()


def test_demo_shows_feet_on_the_floors_line(tmp_path, cast):
    given = ("--character", cast / "giant.glb", "--character", cast / "scene.blend")
    asked = ("a person stands still", "--seconds", "1", "--view", "side", "--sheet", "feet")
    done = moclip("demo", *asked, *given, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "demo/demo.gif").exists()

    import numpy as np
    from PIL import Image

    with Image.open(tmp_path / "demo/demo.png") as picture:
        grey = np.asarray(picture.convert("L"), dtype=int)
    width, height = 420, 200
    top = grey.shape[0] - 2 * height
    assert grey.shape[1] == 6 * width and top > 30
    for row in range(2):
        for column in range(6):
            tile = grey[top + row * height : top + (row + 1) * height, column * width : (column + 1) * width]
            edge = tile[:, -3]  # beside the feet
            line = int(np.abs(np.diff(edge)).argmax())
            assert 0.84 < line / height < 0.92  # 12 % of the picture lie below the floor
            dark = tile < edge[line] - 60
            lowest = np.nonzero(dark[:, 60:-60].any(axis=1))[0].max()
            assert abs(lowest - line) < 0.05 * height * 3, (row, column, lowest, line)


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("none.glb", "There is no file"),
        ("walk.mp4", "no character file"),
        ("cube.glb", "no armature in 'cube.glb'"),
        ("empty.blend", "no armature in 'empty.blend'"),
        ("text.fbx", "not a binary FBX"),
        ("text.glb", "damaged"),
        ("text.bvh", "damaged"),
        ("text.blend", "damaged"),
        ("text.gltf", "damaged"),
    ],
)
def test_demo_refuses_files_without_a_character(tmp_path, cast, name, part):
    for suffix in ("fbx", "glb", "bvh", "blend", "gltf"):
        (cast / f"text.{suffix}").write_text("; FBX 7.3.0 project file")
    (cast / "walk.mp4").write_bytes(b"")
    done = moclip("demo", "--character", cast / "giant.glb", "--character", cast / name, cwd=tmp_path)
    told = " ".join(done.stderr.replace("\u2502", " ").split())
    assert done.returncode == 2 and part in told and "Traceback" not in told, told
    assert "start backend" not in told and not list(tmp_path.glob("demo/*"))


SHARED = Path(os.environ.get("MOCLIP_SHARED", ROOT.parent / "shared")) / "rigs"


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.is_dir(), reason="the files of real characters are not here")
def test_demo_shows_real_characters(tmp_path):
    files = sorted(path for path in SHARED.iterdir() if path.suffix in (".glb", ".gltf", ".vrm", ".fbx"))
    given = [part for path in files for part in ("--character", path)]
    done = moclip("demo", "a person waves with the right hand", "--seconds", "1", *given, cwd=tmp_path)
    assert "Traceback" not in done.stderr, done.stderr
    assert done.returncode == 0 and "left out" not in done.stderr, done.stderr
    told = read_cast(tmp_path / "demo/demo.blend", tmp_path)
    assert set(told["shown"]) == {path.stem for path in files}
    for name, one in told["shown"].items():
        assert 1.2 <= one["height"] <= 2.5 and abs(one["lowest"]) < 1e-3, (name, one)
        low, high = zip(*one["seen"], strict=True)
        assert min(low) >= 0.0 and max(high) <= 1.0, name


@pytest.mark.parametrize(("text", "part"), [("", "empty"), ("一个人向前走", "English")])
def test_demo_refuses_bad_prompts_before_it_builds(tmp_path, text, part):
    done = moclip("demo", text, cwd=tmp_path)
    assert done.returncode == 1 and part in done.stderr and "Traceback" not in done.stderr
    assert "build add-on" not in done.stderr


def test_demo_with_a_blender_that_is_none(tmp_path):
    done = moclip("demo", "--blender", "/no/blender", cwd=tmp_path)
    assert done.returncode == 1 and "cannot be run as Blender" in done.stderr and "Traceback" not in done.stderr


def test_an_operator_that_falls_over_is_told_in_one_line_of_its_own(tmp_path):
    said = in_blender(FALL_OVER, tmp_path, tmp_path).splitlines()
    assert '@moclip {"said": "The add-on went wrong (ValueError: no bones)."}' in said


def test_keyframe_goes_on_after_a_bad_row(tmp_path):
    in_blender(MAKE_SCENE, tmp_path / "scene.blend", tmp_path)
    before = (tmp_path / "scene.blend").read_bytes()
    (tmp_path / "prompts.csv").write_text(
        "armature,prompt,start,seconds,seed\n"
        ",a person walks forward,11,1.5,3\n"
        "Nobody,a person walks,1,1,0\n"
        "Robot,a person walks,1,1,0\n"
        ",,1,1,0\n"
        ",a person jumps,1,99,0\n"
        "MoCLIP,a person waves,61,1,0\n"
        "MoCLIP,a person bows,71,1,0\n"
    )
    done = moclip("keyframe", "scene.blend", "prompts.csv", "--out", "out.blend", cwd=tmp_path)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    lines = done.stdout.splitlines()
    assert any(line.startswith("row 1: done: MoCLIP: 'a person walks forward', 1.5 s") for line in lines), done.stdout
    assert "row 2: failed: The scene has no armature named 'Nobody'." in lines
    assert any(line.startswith("row 3: failed: The bones of 'Robot'") for line in lines), done.stdout
    assert any(line.startswith("row 4: failed: The prompt is empty") for line in lines)
    assert any(line.startswith("row 5: failed:") and "99" in line for line in lines)
    assert any(line.startswith("row 6: done: MoCLIP") for line in lines)
    assert lines[-1].startswith("3 of 7 rows keyed")
    scene = in_blender(READ_SCENE, tmp_path / "out.blend", tmp_path)
    told = json.loads(scene.split("@")[-1].splitlines()[0])["MoCLIP"]
    assert told[0] is None
    assert [strip[:2] for strip in told[1]] == [
        ["a person walks forward", 11.0], ["a person waves", 61.0], ["a person bows", 71.0]
    ]  # fmt: skip
    blended = [strip[2] for strip in told[1]]
    assert blended[0] == 0 and blended[2] > 5  # the bow begins before the wave has ended
    assert (tmp_path / "scene.blend").read_bytes() == before


def test_keyframe_refuses_what_cannot_be_meant(tmp_path):
    in_blender(MAKE_SCENE, tmp_path / "scene.blend", tmp_path)
    (tmp_path / "prompts.csv").write_text("armature,prompt,start,seconds,seed\n,a person walks,1,1,0\n")
    (tmp_path / "other.csv").write_text("name,text\nx,y\n")
    (tmp_path / "fake.blend").write_text("not a scene")
    (tmp_path / "latin.csv").write_bytes("armature,prompt\n,café".encode("latin-1"))
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "link.blend").symlink_to("scene.blend")
    (tmp_path / "sub").mkdir()
    (tmp_path / "folder.blend").mkdir()
    before = (tmp_path / "scene.blend").read_bytes()
    cases = [
        (("scene.blend", "prompts.csv", "--out", "scene.blend"), "overwrite"),
        (("scene.blend", "prompts.csv", "--out", "sub/.././scene.blend"), "overwrite"),
        (("scene.blend", "prompts.csv", "--out", tmp_path / "scene.blend"), "overwrite"),
        (("scene.blend", "prompts.csv", "--out", "link.blend"), "overwrite"),
        (("link.blend", "prompts.csv", "--out", "scene.blend"), "overwrite"),
        (("scene.blend", "prompts.csv", "--out", "folder.blend"), "is a folder"),
        (("scene.blend", "latin.csv", "--out", "out.blend"), "cannot be read"),
        (("scene.blend", "empty.csv", "--out", "out.blend"), "no column 'armature'"),
        (("scene.blend", "prompts.csv", "--out", "none/out.blend"), "Nothing can be written"),
        (("scene.blend", "other.csv", "--out", "out.blend"), "no column 'armature'"),
        (("scene.blend", "none.csv", "--out", "out.blend"), "cannot be read"),
        (("none.blend", "prompts.csv", "--out", "out.blend"), "There is no file"),
        (("fake.blend", "prompts.csv", "--out", "out.blend"), "not a .blend file"),
        (("scene.blend", "prompts.csv", "--out", "out.fbx"), "must end in .blend"),
    ]
    for arguments, part in cases:
        done = moclip("keyframe", *arguments, cwd=tmp_path)
        assert done.returncode == 1 and part in done.stderr and "Traceback" not in done.stderr, (arguments, done.stderr)
    assert (tmp_path / "scene.blend").read_bytes() == before and not (tmp_path / "out.blend").exists()


READ_KEYS = """
import bpy, json, sys
bpy.ops.wm.open_mainfile(filepath=sys.argv[-1])
rig = bpy.data.objects["MoCLIP"]
told = []
for frame in (1, 10, 20):
    bpy.context.scene.frame_set(frame)
    told.append([list(bone.head) for bone in rig.pose.bones])
print("@" + json.dumps(told))
"""


@pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="needs Ray (pip install 'moclip[ray]')")
def test_many_scenes_on_a_cluster_are_keyed_as_one_is_here(tmp_path):
    for name, prompt in (("a", "a person walks forward"), ("b", "a person bows")):
        in_blender(MAKE_SCENE, tmp_path / f"{name}.blend", tmp_path)
        (tmp_path / f"{name}.csv").write_text(f"armature,prompt,start,seconds,seed\n,{prompt},1,1,3\n")
    lines = [{"scene": f"{name}.blend", "prompts": f"{name}.csv"} for name in ("a", "b", "none")]
    (tmp_path / "scenes.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    options = ("--batch", "scenes.jsonl", "--engine", "ray", "--workers", "2", "--out", "many")
    done = moclip("keyframe", *options, cwd=tmp_path)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1] == "2 of 3 scenes written to many.", done.stderr
    assert "line 3: There is no file" in done.stderr
    assert sorted(done.stdout.splitlines()) == [f"many/{name}.blend: 1 of 1 rows keyed" for name in ("a", "b")]
    assert moclip("keyframe", "a.blend", "a.csv", "--out", "one.blend", cwd=tmp_path).returncode == 0
    keyed = [in_blender(READ_KEYS, tmp_path / name, tmp_path).split("@")[-1] for name in ("one.blend", "many/a.blend")]
    heads = np.array([json.loads(text.splitlines()[0]) for text in keyed])
    assert heads.shape[2] > 20 and np.abs(heads[0] - heads[1]).max() < 1e-4


SAVE_PLAINLY = """
import bpy, sys
bpy.context.preferences.filepaths.use_file_compression = False
bpy.ops.wm.save_as_mainfile(filepath=sys.argv[-1], compress=False)
"""


@pytest.mark.parametrize("spoil", ["newer", "damaged"])
def test_a_scene_of_a_newer_blender_is_told_and_nothing_written(tmp_path, spoil):
    in_blender(SAVE_PLAINLY, tmp_path / "scene.blend", tmp_path)
    content = (tmp_path / "scene.blend").read_bytes()
    header = re.match(rb"BLENDER(?:17-01v\d{4}|[-_][vV]\d{3})", content).group()
    changed = header[:-2] + b"99" if spoil == "newer" else header[:-4] + b"zzzz"
    (tmp_path / "scene.blend").write_bytes(content.replace(header, changed, 1))
    (tmp_path / "prompts.csv").write_text("armature,prompt,start,seconds,seed\n,a person walks,1,1,0\n")
    done = moclip("keyframe", "scene.blend", "prompts.csv", "--out", "out.blend", cwd=tmp_path)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert "newer Blender" in done.stderr or "was saved by Blender" in done.stderr, done.stderr
    assert "--blender PATH" in done.stderr and not (tmp_path / "out.blend").exists()


MAKE_HERO = f"""
import bpy, sys
from pathlib import Path
sys.path.insert(0, {str(ROOT / "backend/moclip_backend/blender/scripts")!r})
import in_blender
zip_path, out = sys.argv[-1].split("|")
addon = in_blender.Addon(zip_path)
bpy.ops.wm.read_homefile(use_empty=True)
bpy.ops.moclip.create_armature()
collection = bpy.data.collections.new("Hero")
collection.objects.link(bpy.context.scene.moclip.target)
library = str(Path(out).with_name("hero.blend"))
bpy.data.libraries.write(library, {{collection}})
bpy.ops.wm.read_homefile(use_empty=True)
with bpy.data.libraries.load(library, link=True) as (_, into):
    into.collections = ["Hero"]
scene, linked = bpy.context.scene, into.collections[0]
scene.collection.children.link(linked)
points = bpy.data.curves.new("Path", "CURVE")
points.splines.new("POLY").points.add(1)
points.splines[0].points[0].co, points.splines[0].points[1].co = (10, 0, 0, 1), (30, 0, 0, 1)
scene.moclip.path = bpy.data.objects.new("Path", points)
scene.collection.objects.link(scene.moclip.path)
bpy.ops.wm.save_as_mainfile(filepath=str(Path(out).with_name("linked.blend")))
linked.override_hierarchy_create(scene, bpy.context.view_layer, do_fully_editable=True)
bpy.ops.wm.save_as_mainfile(filepath=out)
addon.close()
"""
READ_HERO = """
import bpy, json, sys
bpy.ops.wm.open_mainfile(filepath=sys.argv[-1])
own = next(o for o in bpy.data.objects if o.type == "ARMATURE" and o.library is None)
bpy.context.scene.frame_set(1)
far = max(abs(x) for x in own.pose.bones["pelvis"].head)
print("@" + json.dumps([far, [s.name for t in own.animation_data.nla_tracks for s in t.strips]]))
"""


def test_a_linked_rig_is_refused_and_its_override_keyed_where_it_stands(tmp_path, addon_zip):
    in_blender(MAKE_HERO, f"{addon_zip}|{tmp_path / 'override.blend'}", tmp_path)
    (tmp_path / "prompts.csv").write_text("armature;prompt;seconds\nMoCLIP;a person walks;1,5\n", "utf-8-sig")
    done = moclip("keyframe", "linked.blend", "prompts.csv", "--out", "a.blend", cwd=tmp_path)
    assert done.returncode == 1 and "row 1: failed: 'MoCLIP' is linked from another file" in done.stdout
    assert "Traceback" not in done.stderr
    (tmp_path / "prompts.csv").write_text(
        "armature,prompt,start,seconds\nMoCLIP,a person walks,1,1.5\nMoCLIP,a person bows,21,1.5\n"
    )
    done = moclip("keyframe", "override.blend", "prompts.csv", "--out", "b.blend", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    far, strips = json.loads(in_blender(READ_HERO, tmp_path / "b.blend", tmp_path).split("@")[-1].splitlines()[0])
    assert strips == ["a person walks", "a person bows"]
    assert far < 2.0  # not at the start of the Path, 10 m away, which is for the panel's own motions
