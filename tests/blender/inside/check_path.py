# SPDX-License-Identifier: Apache-2.0
"""Motions that follow a curve on the ground."""

import bpy
import numpy as np
import pytest

pytestmark = pytest.mark.usefixtures("by_embedded")

SECONDS, FPS = 6.0, 20


@pytest.fixture(scope="module")
def clips(addon):
    """prompt -> a generated motion, each made once."""
    made = {}

    def make(driver, prompt):
        if prompt not in made:
            driver.generate(prompt, use_auto_seconds=False, seconds=SECONDS, seed=1)
            made[prompt] = driver.session.held[1]
            bpy.ops.wm.read_homefile(use_empty=True)
            bpy.context.scene.render.fps = FPS
        return made[prompt]

    return make


def curve(points, *, closed=False, kind="POLY"):
    data = bpy.data.curves.new("Path", "CURVE")
    data.dimensions = "3D"
    spline = data.splines.new(kind)
    if kind == "BEZIER":
        spline.bezier_points.add(len(points) - 1)
        for point, at in zip(spline.bezier_points, points, strict=True):
            point.co = at
            point.handle_left_type = point.handle_right_type = "AUTO"
    else:
        spline.points.add(len(points) - 1)
        for point, at in zip(spline.points, points, strict=True):
            point.co = (*at, 1.0)
    spline.use_cyclic_u = closed
    obj = bpy.data.objects.new("Path", data)
    bpy.context.collection.objects.link(obj)
    return obj


def arc(radius, degrees=180.0, count=60):
    angles = np.radians(np.linspace(0, degrees, count))
    return [(radius * np.sin(a), radius * (np.cos(a) - 1), 0.0) for a in angles]


def key(driver, clip, path, **how):
    module = driver.module("keying.keyframes")
    bpy.context.view_layer.update()
    return module.apply_clip(driver.settings.target, clip, bpy.context.scene, 1, module.Fit(path=path, **how))


def seen(rig, names=("pelvis", "left_foot", "right_foot", "left_hip", "right_hip")):
    found = []
    for frame in range(1, round(SECONDS * FPS) + 1):
        bpy.context.scene.frame_set(frame)
        found.append([rig.matrix_world @ rig.pose.bones[name].head for name in names])
    return np.array(found)


def smooth(ground, width=17):
    """Without the sway, for as many frames as have neighbours on both sides."""
    kernel = np.hanning(width + 2)[1:-1]
    return np.stack([np.convolve(g, kernel / kernel.sum(), "valid") for g in ground.T], axis=1)


def distance(points, line):
    """(N,) from points to a polyline, both (..., 2)."""
    a, b = line[:-1], line[1:]
    along = np.clip(((points[:, None] - a) * (b - a)).sum(-1) / ((b - a) ** 2).sum(-1), 0, 1)
    return np.linalg.norm(points[:, None] - (a + along[..., None] * (b - a)), axis=-1).min(axis=1)


def skating(toes):
    """Share of the frames near the floor in which toes (T, 2, 3) go faster than 0.3 m/s."""
    speed = np.linalg.norm(np.diff(toes[..., :2], axis=0), axis=-1) * FPS
    low = toes[:-1, :, 2] < toes[..., 2].min() + 0.05
    return (speed[low] > 0.3).mean()


def own_rig(driver, scale=1.0):
    bpy.ops.moclip.create_armature()
    rig = driver.settings.target
    rig.scale = (scale,) * 3
    return rig


@pytest.mark.parametrize("root", ["HIPS", "OBJECT"])
@pytest.mark.parametrize("scale", [1.0, 0.01])
def test_a_walk_follows_an_arc(driver, clips, root, scale):
    clip = clips(driver, "a person walks forward")
    rig = own_rig(driver, scale)
    key(driver, clip, None)
    straight = seen(rig) / scale
    rig.animation_data_clear()
    rig.matrix_world.identity()
    rig.scale = (scale,) * 3
    line = arc(2.0 * scale)
    rig.rotation_euler.z = 0.5
    action = key(driver, clip, curve(line), root=root)
    heads = seen(rig) / scale
    way = smooth(heads[:, 0, :2])
    off = distance(way, np.array(line)[:, :2] / scale)
    ahead = np.diff(way, axis=0)
    across = smooth((heads[:, 3] - heads[:, 4])[:, :2])[:-1]
    facing = np.degrees(np.arctan2(*(across.T)) - np.arctan2(-ahead[:, 1], ahead[:, 0]))
    facing = np.abs((facing + 180) % 360 - 180)
    slides = skating(heads[:, 1:3]), skating(straight[:, 1:3])
    print(
        f"{root} at {scale}: off the arc by {100 * off.mean():.1f} cm in the mean, facing {facing.mean():.1f} degrees "
        f"off, feet skate {slides[0]:.3f} of contacts, straight {slides[1]:.3f}"
    )
    assert off.mean() < 0.05 and facing.mean() < 15
    assert slides[0] <= max(1.3 * slides[1], slides[1] + 0.03)
    assert np.abs(heads[:, 0, 2] - straight[:, 0, 2]).max() < 1e-3
    assert "along 'Path'" in action["moclip"]["path"] or "past the end" in action["moclip"]["path"]


def test_corners_are_rounded_and_ends_gone_past(driver, clips):
    clip = clips(driver, "a person walks forward")
    rig = own_rig(driver)
    path = curve([(0, 0, 0), (1.5, 0, 0), (1.5, 1.5, 0)])
    action = key(driver, clip, path)
    way = smooth(seen(rig)[:, 0, :2])
    turn = np.unwrap(np.arctan2(*np.diff(way, axis=0).T[::-1]))
    assert np.abs(np.diff(turn)).max() * FPS < np.radians(270)  # a quarter turn takes a third of a second or more
    assert "past the end of 'Path'" in action["moclip"]["path"]
    assert abs(way[-1][0] - 1.5) < 0.15 and way[-1][1] > 1.5


def test_a_turned_and_scaled_curve_counts_as_it_is_seen(driver, clips):
    clip = clips(driver, "a person walks forward")
    rig = own_rig(driver)
    path = curve([(0, 0, 0), (1, 0, 0)], kind="BEZIER")
    path.location, path.rotation_euler.z, path.scale = (2, 1, 5), np.radians(90), (6, 6, 6)
    path.data.bevel_depth = 0.1
    action = key(driver, clip, path)
    way = smooth(seen(rig)[:, 0, :2])
    assert np.abs(way[:, 0] - 2).max() < 0.1 and abs(way[0, 1] - 1) < 0.6 and way[-1, 1] > 3
    assert " of 6.0 m along 'Path'" in action["moclip"]["path"]


def test_modifiers_of_a_curve_count(driver, clips):
    clip = clips(driver, "a person walks forward")
    rig = own_rig(driver)
    path = curve([(x, 0, 0) for x in np.linspace(0, 8, 30)])
    bend = path.modifiers.new("Bend", "SIMPLE_DEFORM")
    bend.deform_method, bend.deform_axis, bend.angle = "BEND", "Z", np.radians(90)
    bpy.context.view_layer.update()
    mesh = path.evaluated_get(bpy.context.evaluated_depsgraph_get()).to_mesh()
    shown = np.array([tuple(vertex.co)[:2] for vertex in mesh.vertices])
    assert shown[-1, 1] > 3  # it is bent indeed
    count = len(bpy.data.objects), len(bpy.data.curves)
    key(driver, clip, path)
    off = distance(smooth(seen(rig)[:, 0, :2]), shown)
    print(f"off a bent curve by {100 * off.mean():.1f} cm in the mean")
    assert off.mean() < 0.05 and (len(bpy.data.objects), len(bpy.data.curves)) == count


def test_a_curve_that_modifiers_make_a_wall_is_refused(driver, clips):
    clip, path = clips(driver, "a person walks forward"), curve(arc(2.0))
    rig = own_rig(driver)
    path.modifiers.new("Many", "ARRAY").relative_offset_displace = (0, 2, 0)
    with pytest.raises(driver.module("shared.errors").MoclipError, match="make more of it than a line"):
        key(driver, clip, path)
    assert rig.animation_data is None and [obj.name for obj in bpy.data.objects].count("Path") == 1


def test_a_closed_curve_goes_round(driver, clips):
    clip, ring = clips(driver, "a person walks forward"), arc(0.5, 360.0, 40)[:-1]
    rig = own_rig(driver)
    key(driver, clip, curve(ring, closed=True))
    way = smooth(seen(rig)[:, 0, :2])
    radius = np.linalg.norm(way - [0, -0.5], axis=1)
    turned = np.unwrap(np.arctan2(*(way - [0, -0.5]).T))
    assert np.abs(radius - 0.5).max() < 0.2 and abs(turned[-1] - turned[0]) > 2 * np.pi  # more than once


def test_who_walks_backwards_does_so_along_the_line(driver, clips):
    clip = clips(driver, "a person walks backwards")
    rig = own_rig(driver)
    key(driver, clip, curve(arc(3.0)))
    heads = seen(rig)
    way = smooth(heads[:, 0, :2])
    ahead = np.diff(way, axis=0)
    across = smooth((heads[:, 3] - heads[:, 4])[:, :2])[:-1]
    facing = np.stack([across[:, 1], -across[:, 0]], axis=1)  # left of it is `across`
    cosine = (facing * ahead).sum(1) / np.linalg.norm(facing, axis=1) / np.linalg.norm(ahead, axis=1)
    assert np.median(cosine) < -0.7


def test_who_stands_keeps_the_place_where_the_line_begins(driver, clips):
    clip = clips(driver, "a person waves with the right hand")
    rig = own_rig(driver)
    key(driver, clip, curve([(1, 1, 0), (5, 1, 0)]))
    ground = seen(rig)[:, 0, :2]
    assert np.linalg.norm(ground - [1, 1], axis=1).max() < 0.5


def test_a_path_is_taken_from_the_panel_and_told(driver, clips):
    own_rig(driver)
    driver.settings.path = curve(arc(2.0))
    driver.generate("a person walks forward", use_auto_seconds=False, seconds=3.0)
    assert "along 'Path'" in driver.session.message


@pytest.mark.parametrize(
    ("make", "how", "sentence"),
    [
        (lambda: curve([(0, 0, 0), (0, 0, 3)]), {}, "has no length on the ground"),
        (lambda: curve([(1, 1, 0)]), {}, "has no length on the ground"),
        (lambda: curve(arc(2.0)), {"loop": True}, "A motion that repeats cannot follow 'Path'"),
        (lambda: curve(arc(2.0)), {"root": "IN_PLACE"}, "A motion that stays in place cannot follow 'Path'"),
        (lambda: bpy.data.objects.new("Path", bpy.data.curves.new("Path", "CURVE")), {}, "was deleted"),
    ],
)
def test_paths_that_cannot_be_are_told(driver, clips, make, how, sentence):
    clip = clips(driver, "a person walks forward")
    rig = own_rig(driver)
    with pytest.raises(driver.module("shared.errors").MoclipError, match=sentence):
        key(driver, clip, make(), **how)
    assert rig.animation_data is None and not bpy.data.actions


LONG_WAY = [(0.0, 0.0, 0.0), (0.0, -2.0, 0.0), (2.0, -2.0, 0.0), (2.0, -12.0, 0.0)]


def at_frame(rig, frame):
    bpy.context.scene.frame_set(frame)
    return np.array(rig.matrix_world @ rig.pose.bones["pelvis"].head)[:2]


def test_points_of_a_path_are_reached_when_markers_say_and_feet_do_not_slide(driver, clips):
    clip = clips(driver, "a person walks forward")
    rig = own_rig(driver)
    way = curve(LONG_WAY)
    key(driver, clip, way)
    as_made = skating(seen(rig)[:, 1:3])
    scene = bpy.context.scene
    for number, frame in ((2, 31), (3, 101)):
        scene.timeline_markers.new(f"Path {number}", frame=frame)
    scene.timeline_markers.new("Pathos 4", frame=5)
    action = key(driver, clip, way, pace="MARKERS")
    # A corner is rounded by a stride, and hips sway.
    for number, frame in ((2, 31), (3, 101)):
        assert np.linalg.norm(at_frame(rig, frame) - LONG_WAY[number - 1][:2]) < 0.45, number
    assert "along 'Path'" in action["moclip"]["path"] and action.frame_range[1] > SECONDS * FPS + 8
    assert skating(seen(rig)[:, 1:3]) < max(0.1, 2.0 * as_made)


def test_radii_say_how_fast_a_path_is_gone_along(driver, clips):
    clip = clips(driver, "a person walks forward")
    own_rig(driver)
    way = curve([(0.0, 0.0, 0.0), (0.0, -20.0, 0.0)])
    lengths = {}
    for radius in (1.0, 2.0, 0.5):
        for point in way.data.splines[0].points:
            point.radius = radius
        lengths[radius] = key(driver, clip, way, pace="RADIUS").frame_range[1]
    assert lengths[1.0] == pytest.approx(SECONDS * FPS, abs=1)
    assert lengths[2.0] < 0.65 * lengths[1.0] and lengths[0.5] > 1.6 * lengths[1.0]


def test_markers_that_cannot_be_are_told(driver, clips):
    clip = clips(driver, "a person walks forward")
    rig = own_rig(driver)
    way, scene = curve(LONG_WAY), bpy.context.scene
    errors = driver.module("shared.errors")
    with pytest.raises(errors.MoclipError, match="No marker says when a point of 'Path' is reached"):
        key(driver, clip, way, pace="MARKERS")
    two, three = scene.timeline_markers.new("Path 2", frame=40), scene.timeline_markers.new("Path.3", frame=30)
    three.name = "Path 3"
    with pytest.raises(errors.MoclipError, match="'Path 3' at frame 30 is no later"):
        key(driver, clip, way, pace="MARKERS")
    three.frame = 60
    two.name = "Path 9"
    with pytest.raises(errors.MoclipError, match="has 4 points, and none called 9"):
        key(driver, clip, way, pace="MARKERS")
    assert rig.animation_data is None or rig.animation_data.action is None
    two.name, two.frame = "Path 4", 100
    action = key(driver, clip, way, pace="MARKERS")
    assert "too short to reach point 4" in action["moclip"]["path"]


def test_who_faces_as_the_path_begins_does_so_round_corners(driver, clips):
    clip = clips(driver, "a person walks forward")
    rig = own_rig(driver)
    way = curve(arc(2.0))

    def turned():
        across = smooth((lambda heads: heads[:, 3] - heads[:, 4])(seen(rig))[:, :2])
        angles = np.unwrap(np.arctan2(across[:, 1], across[:, 0]))
        return np.degrees(abs(angles[-1] - angles[0]))

    key(driver, clip, way)
    assert turned() > 60
    key(driver, clip, way, facing="HELD")
    assert turned() < 20
