# SPDX-License-Identifier: Apache-2.0
"""Joints by shape: the same for every turn, size and place of a rig; and what contradicts a table of bones."""

import numpy as np
import pytest
from addon_part import addon_module
from bodies import Body, cube_turns, numbered
from hypothesis import given, settings
from hypothesis import strategies as st

from moclip.motion import rotations as rot
from moclip.motion.skeleton import JOINT_NAMES
from moclip.skeletons import body_shape as guess

joints = addon_module("rig.joints")
odd = addon_module("rig.oddities")

BODIES = {
    "plain": lambda: Body(),
    "in a T-pose": lambda: Body(down_deg=0.0),
    "with arms hanging": lambda: Body(down_deg=80.0),
    "with fingers": lambda: Body().with_fingers(),
    "with fingers and face": lambda: Body().with_fingers().with_face(),
    "with twist bones": lambda: Body().with_halves(),
    "with twist bones and fingers": lambda: Body().with_halves().with_fingers(),
    "with uneven toes": lambda: Body().with_uneven_ends(),
    "without collars": lambda: Body(without=("left_collar", "right_collar")),
    "without collars and neck": lambda: Body(without=("left_collar", "right_collar", "neck")),
    "with two spines": lambda: Body(without=("spine3",)),
    "without toes": lambda: Body(toes=False),
}


def found_in(body: Body, seed: int | None = None) -> dict[str, str]:
    """Joint -> the joint whose bone is found for it."""
    order = None if seed is None else np.random.default_rng(seed)
    names = numbered(body)
    back = {name: bone for bone, name in names.items()}
    return {j: back[b] for j, b in guess.guess_bones(body.renamed(names).shapes(guess.BoneShape, order)).items()}


def right(body: Body) -> dict[str, str]:
    return {bone: bone for bone in body.bones if bone in JOINT_NAMES}


def with_skirt_and_hair(body: Body) -> Body:
    for s in (1, -1):
        for y in (0.12, -0.12):
            hang(body, f"panel {s} {y}", "pelvis", (0.12 * s, y, -0.05), (0.02 * s, 0, -0.11), 8)
        hang(body, f"strand {s}", "head", (0.06 * s, 0.08, 0.15), (0.01 * s, 0.02, -0.12), 6)
        hang(body, f"chest {s}", "spine3", (0.07 * s, -0.1, 0.02), (0.01 * s, -0.05, -0.01), 3)
    hang(body, "behind", "pelvis", (0, 0.1, 0), (0, 0.1, -0.03), 7)
    return body


def with_wings(body: Body) -> Body:
    for s in (1, -1):
        hang(body, f"span {s}", "spine3", (0.05 * s, 0.1, 0.1), (0.3 * s, 0.1, 0.1), 4)
    return body


def hang(body: Body, name: str, parent: str, first: tuple, step: tuple, count: int) -> None:
    for k in range(count):
        body.add(f"{name} {k}", f"{name} {k - 1}" if k else parent, step if k else first)


HALVES = (("hip", "knee"), ("knee", "ankle"), ("shoulder", "elbow"), ("elbow", "wrist"))


def with_twist_ends(body: Body, shares: tuple = (0.33, 0.67)) -> Body:
    """Bones along each half of each limb that carry nothing, and copies of hands and feet on a root, as Unreal has."""
    body.bones = {"floor": (None, np.zeros(3), np.array([0, 0, 0.1])), **body.bones}
    body.bones["pelvis"] = ("floor", *body.bones["pelvis"][1:])
    for side in ("left", "right"):
        for upper, lower in HALVES:
            whole = body.head(f"{side}_{lower}") - body.head(f"{side}_{upper}")
            for k, share in enumerate(shares):
                body.add(f"{side} along {upper} {k}", f"{side}_{upper}", tuple(share * whole))
        for end in ("ankle", "wrist"):
            body.add(f"{side} goal {end}", "floor", tuple(body.head(f"{side}_{end}")))
    return body


def insert(body: Body, name: str, joint: str, share: float) -> None:
    """A bone between a joint and its parent, at a share of the way."""
    parent, head, tail = body.bones[joint]
    between = (1 - share) * body.head(parent) + share * head
    body.bones[name] = (parent, between, between + (0.0, 0.0, 0.03))
    body.bones[joint] = (name, head, tail)


def with_doubles(body: Body) -> Body:
    """Bones on the heads of collars, arms and legs that carry them, as MikuMikuDance has."""
    for side in ("left", "right"):
        for joint in ("collar", "shoulder", "hip", "ankle"):
            if f"{side}_{joint}" in body.bones:
                insert(body, f"{side} offset {joint}", f"{side}_{joint}", 1.0)
        if not any(parent == f"{side}_wrist" for parent, *_ in body.bones.values()):
            body.add(f"{side} prop", f"{side}_wrist", (0.0, 0.0, 0.0))
    return body


def with_insteps(body: Body) -> Body:
    """Bones in the line from the ankles to the toes, which carry small toes, as Daz has."""
    for side in ("left", "right"):
        insert(body, f"{side} instep", f"{side}_foot", 0.4)
        for k in range(3):
            body.add(f"{side} small toe {k}", f"{side}_foot", (0.01 * k, -0.03, 0.0))
    return body


def in_a_stride(body: Body, degrees: float) -> Body:
    """One leg ahead, the other behind."""
    for side, sign in (("left", 1), ("right", -1)):
        turn = rot.to_matrix(rot.from_axis_angle(np.array([1.0, 0, 0]), np.radians(sign * degrees)))
        swing(body, f"{side}_hip", turn)
    return body


def astride(body: Body, degrees: float) -> Body:
    for side, sign in (("left", -1), ("right", 1)):
        turn = rot.to_matrix(rot.from_axis_angle(np.array([0, 1.0, 0]), np.radians(sign * degrees)))
        swing(body, f"{side}_hip", turn)
    return body


def swing(body: Body, joint: str, turn: np.ndarray) -> None:
    """Turn a bone and all that hangs on it, about its head."""
    around, turned = body.head(joint), {joint}
    while more := {name for name, (parent, *_) in body.bones.items() if parent in turned} - turned:
        turned |= more
    for name in turned:
        parent, head, tail = body.bones[name]
        body.bones[name] = (parent, around + turn @ (head - around), around + turn @ (tail - around))


def with_hundreds_of_hairs(body: Body, count: int, chain: int = 1) -> Body:
    for k in range(count):
        place = (0.1 * np.cos(k), 0.05 + 0.001 * k, 0.1 + 0.05 * np.sin(k))
        hang(body, f"hair {k}", "head", place, (0.0, 0.02, -0.05), chain)
    return body


BODIES |= {
    "with twist ends and goals": lambda: with_twist_ends(Body(down_deg=45.0)),
    "with twist ends and fingers": lambda: with_twist_ends(Body().with_fingers(), (0.2, 0.5, 0.8)),
    "with doubles": lambda: with_doubles(Body()),
    "with doubles, twist bones and fingers": lambda: with_doubles(Body().with_fingers().with_halves()),
    "with insteps": lambda: with_insteps(Body()),
    "in a stride": lambda: in_a_stride(Body(), 12.0),
    "in a long stride, with twist ends": lambda: in_a_stride(with_twist_ends(Body()), 33.0),
    "astride": lambda: astride(Body(), 33.0),
    "with hundreds of hairs": lambda: with_hundreds_of_hairs(Body(), 200),
    "with long hair": lambda: with_hundreds_of_hairs(Body().with_face(), 25, 4),
    "with skirt, hair and tail": lambda: with_skirt_and_hair(Body().with_fingers().with_face()),
    "with wings": lambda: with_wings(Body()),
}


@pytest.mark.parametrize("kind", BODIES)
def test_joints_are_found_by_shape_alone(kind):
    assert found_in(BODIES[kind]()) == right(BODIES[kind]())


@settings(max_examples=150, deadline=None)
@given(
    kind=st.sampled_from(sorted(BODIES)),
    turn=st.sampled_from(cube_turns()),
    scale=st.sampled_from([0.01, 1.0, 100.0]),
    offset=st.tuples(*[st.floats(-300, 300)] * 3),
    seed=st.integers(0, 1000),
)
def test_turns_sizes_places_and_orders_change_nothing(kind, turn, scale, offset, seed):
    body = BODIES[kind]().moved(turn, scale, scale * np.array(offset) / 100)
    assert found_in(body, seed) == right(BODIES[kind]())


@settings(max_examples=60, deadline=None)
@given(kind=st.sampled_from(sorted(BODIES)), turn=st.tuples(*[st.floats(-1, 1)] * 4))
def test_any_turn_will_do(kind, turn):
    quaternion = np.array(turn) + (1e-3, 0, 0, 0)
    matrix = rot.to_matrix(rot.normalize(quaternion))
    assert found_in(BODIES[kind]().moved(matrix)) == right(BODIES[kind]())


@settings(max_examples=40, deadline=None)
@given(kind=st.sampled_from(sorted(kind for kind in BODIES if "doubles" not in kind)), seed=st.integers(0, 1000))
def test_tails_at_random_and_small_unevenness_change_nothing(kind, seed):
    rng, body = np.random.default_rng(seed), BODIES[kind]()
    for name, (parent, head, _) in body.bones.items():
        body.bones[name] = (parent, head + rng.uniform(-0.004, 0.004, 3), head + rng.normal(size=3) * 0.1)
    wanted = right(body)
    assert found_in(body) == wanted


def sided(body: Body, left: str, right_: str) -> dict[str, str]:
    """Names that tell the side alone."""
    names = numbered(body)
    for bone, name in names.items():
        for side, mark in (("left", left), ("right", right_)):
            if bone.startswith(side):
                names[bone] = f"{name.replace('.', 'b')}{mark}"
    return names


@pytest.mark.parametrize("marks", [(".L", ".R"), ("_l", "_r"), ("Left", "Right"), ("左", "右"), (" izq", " der")])
@pytest.mark.parametrize("turn", [np.eye(3), np.diag([-1.0, -1.0, 1.0])])
def test_names_tell_the_sides_where_the_shape_does_not(marks, turn):
    def straight() -> Body:
        body = Body(toes=False, down_deg=0.0)
        for name, (parent, head, _) in body.bones.items():
            flat = head * (1, 0, 1)
            body.bones[name] = (parent, flat, flat + (0, 0, 0.05))
        return body

    assert guess.guess_bones(straight().renamed(numbered(straight())).shapes(guess.BoneShape)) == {}
    names = sided(straight(), *marks)
    found = guess.guess_bones(straight().renamed(names).moved(turn).shapes(guess.BoneShape))
    assert found == {joint: names[joint] for joint in right(straight())}


# -- what is no body ---------------------------------------------------------------------------------------------------


def chain(count: int, step: tuple[float, float, float], name: str = "b", start=(0, 0, 0), parent: str | None = None):
    places = {}
    for k in range(count):
        head = np.array(start, dtype=float) + k * np.array(step, dtype=float)
        places[f"{name}{k}"] = (parent, head, head + np.array(step))
        parent = f"{name}{k}"
    return places


def animal(upright: float = 0.0) -> Body:
    """Four legs under a level trunk, with a tail and a raised head."""
    body = Body(down_deg=90.0)
    hips = body.head("pelvis")
    turn = rot.to_matrix(rot.from_axis_angle(np.array([1.0, 0, 0]), np.radians(90.0)))
    for name, (parent, head, tail) in body.bones.items():
        if not any(part in name for part in ("hip", "knee", "ankle", "foot", "pelvis")):
            body.bones[name] = (parent, hips + turn @ (head - hips), hips + turn @ (tail - hips))
    for side in ("left", "right"):
        shoulder = body.head(f"{side}_shoulder")
        for k, part in enumerate(("elbow", "wrist"), 1):
            head = shoulder + (0.0, 0.03 * k, -0.42 * k)
            body.bones[f"{side}_{part}"] = (*body.bones[f"{side}_{part}"][:1], head, head + (0, 0, -0.05))
    return body


NO_BODIES = {
    "snake": chain(30, (0.0, 0.1, 0.0)),
    "robot arm": chain(8, (0.0, 0.0, 0.3)) | chain(4, (0.1, 0, 0), "f", (0, 0, 2.4), "b7")
    | chain(4, (-0.1, 0, 0), "g", (0, 0, 2.4), "b7"),
    "car": {"chassis": (None, np.zeros(3), np.array([0, 1.0, 0]))} | {
        f"{part} {x} {y}": ("chassis", np.array([x, y, 0.3]), np.array([x, y, 0.6]))
        for part in ("wheel", "brake", "tyre", "spring") for x in (-0.8, 0.8) for y in (-1.5, 1.5)},
    "hand": {"palm": (None, np.zeros(3), np.array([0, 0, 0.1]))} | {
        name: place for k in range(5)
        for name, place in chain(4, (0.0, 0.0, 0.03), f"finger{k}.", (0.02 * k - 0.04, 0, 0.1), "palm").items()},
    "four-legged animal": animal().renamed(numbered(animal())).bones,
}  # fmt: skip


@pytest.mark.parametrize("kind", NO_BODIES)
@pytest.mark.parametrize("turn", [np.eye(3), rot.to_matrix(rot.from_axis_angle(np.array([1.0, 0, 0]), np.pi / 2))])
def test_what_is_no_upright_body_is_not_taken_for_one(kind, turn):
    body = Body()
    body.bones = dict(NO_BODIES[kind])
    assert joints.find_joints(body.moved(turn).shapes(guess.BoneShape)) == {}


# -- names and shape together ------------------------------------------------------------------------------------------


def mixamo(body: Body) -> dict[str, str]:
    parts = {
        "pelvis": "Hips", "spine1": "Spine", "spine2": "Spine1", "spine3": "Spine2", "neck": "Neck", "head": "Head",
    }  # fmt: skip
    limbs = {
        "hip": "UpLeg", "knee": "Leg", "ankle": "Foot", "foot": "ToeBase", "collar": "Shoulder", "shoulder": "Arm",
        "elbow": "ForeArm", "wrist": "Hand",
    }  # fmt: skip
    parts |= {f"{s}_{j}": f"mixamorig:{s.title()}{b}" for s in ("left", "right") for j, b in limbs.items()}
    return {joint: bone for joint, bone in parts.items() if joint in body.bones}


def shapes_of(body: Body, names: dict[str, str]) -> list:
    return body.renamed(names).shapes(guess.BoneShape)


@pytest.mark.parametrize("strange", [("left_shoulder",), ("pelvis", "head"), ("left_knee", "right_knee", "spine1")])
def test_joints_that_names_do_not_tell_are_taken_from_the_shape(strange):
    names = mixamo(Body()) | {joint: f"x{k}" for k, joint in enumerate(strange)}
    assert joints.find_joints(shapes_of(Body(), names)) == {joint: names[joint] for joint in right(Body())}


def test_half_a_match_by_name_does_not_stop_the_search_by_shape():
    names = mixamo(Body())
    names = {j: (n if k % 2 else f"x{k}") for k, (j, n) in enumerate(names.items())}
    assert joints.find_joints(shapes_of(Body(), names)) == {joint: names[joint] for joint in right(Body())}


def test_the_pelvis_is_the_bone_from_which_legs_and_spine_descend():
    body = Body()
    body.bones = {"Root": (None, np.zeros(3), np.array([0, 0, 0.1])), **body.bones}
    body.bones["pelvis"] = ("Root", *body.bones["pelvis"][1:])
    for side in ("left", "right"):
        body.bones[f"{side}_hip"] = ("Root", *body.bones[f"{side}_hip"][1:])
    names = mixamo(body)
    found = joints.find_joints(shapes_of(body, names))
    assert found["pelvis"] == "Root" and found["spine1"] == "Hips" and found["left_hip"] == names["left_hip"]


# -- contradictions ----------------------------------------------------------------------------------------------------


def told(body: Body, bone_of: dict[str, str]) -> list:
    return odd.oddities({bone.name: bone for bone in body.shapes(guess.BoneShape)}, bone_of)


@pytest.mark.parametrize("kind", BODIES)
def test_nothing_speaks_against_right_tables(kind):
    body = BODIES[kind]()
    assert told(body, right(body)) == []


@pytest.mark.parametrize(
    ("changed", "joint", "says"),
    [
        ({"left_elbow": "left_collar"}, "left_elbow", "is the left collar already"),
        ({"left_elbow": "left_collar", "left_collar": "left_elbow"}, "left_elbow", "carries the left upper arm"),
        ({"left_wrist": "right_wrist", "right_wrist": "left_wrist"}, "left_wrist", "does not hang on"),
        ({"head": "left_ankle", "left_ankle": "head"}, "head", "does not hang on"),
        ({"pelvis": "spine2", "spine2": "pelvis"}, "pelvis", "spine"),
        ({"left_knee": "left_wrist", "left_wrist": "left_knee"}, "left_knee", "does not hang on"),
    ],
)
def test_tables_that_do_not_hang_together_are_told(changed, joint, says):
    found = told(Body(), right(Body()) | changed)
    assert found and all(oddity.grave for oddity in found)
    assert any(says in oddity.what for oddity in found) and joint in {o.joint for o in found} | {"pelvis"}


def test_sides_against_the_toes_are_told():
    table = right(Body())
    other = {"left": "right", "right": "left"}
    swapped = {j: "_".join([other.get(j.split("_")[0], j.split("_")[0]), *j.split("_")[1:]]) for j in table}
    found = told(Body(), swapped)
    assert [oddity.joint for oddity in found] == ["left_hip", "right_hip"] and not found[0].grave
    arms = {j: b for j, b in swapped.items() if any(p in j for p in ("collar", "shoulder", "elbow", "wrist"))}
    assert any("other side" in oddity.what for oddity in told(Body(), table | arms))


def test_limbs_of_unlike_length_are_told_and_may_be_meant():
    body = Body()
    parent, head, tail = body.bones["left_wrist"]
    body.bones["left_wrist"] = (parent, head + 1.2 * (head - body.head("left_elbow")), tail)
    found = told(body, right(body))
    assert [(o.joint, o.grave) for o in found] == [("left_wrist", False)] and "2.2 times" in found[0].what


def test_a_body_upside_down_and_one_on_all_fours_are_told():
    body = Body()
    for side in ("left", "right"):
        for part in ("knee", "ankle", "foot"):
            parent, head, tail = body.bones[f"{side}_{part}"]
            up = body.head(f"{side}_hip")[2]
            body.bones[f"{side}_{part}"] = (parent, head * (1, 1, -1) + (0, 0, 2 * up), tail)
    assert {o.joint for o in told(body, right(body))} == {"left_ankle", "right_ankle"}
    beast = animal()
    assert any("foreleg" in o.what for o in told(beast, right(beast)))


def test_a_second_body_is_told():
    one, two = Body(), Body().moved(np.eye(3), 1.0, np.array([1.5, 0.0, 0.0]))
    names = mixamo(one)
    both = one.renamed(names)
    both.bones |= two.renamed({j: f"B_{n}" for j, n in names.items()}).bones
    shapes = both.shapes(guess.BoneShape)
    found = joints.find_joints(shapes)
    assert joints.other_body(shapes, found) is not None
    layered = Body().renamed({j: f"DEF-{n}" for j, n in names.items()})
    layered.bones |= Body().renamed({j: f"ORG-{n}" for j, n in names.items()}).bones
    shapes = layered.shapes(guess.BoneShape)
    found = joints.find_joints(shapes)
    assert all(bone.startswith("DEF-") for bone in found.values())
    assert joints.other_body(shapes, found) is None
