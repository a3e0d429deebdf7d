# SPDX-License-Identifier: Apache-2.0
"""Other protocols, spoken by their own packages' clients to a real process of ours."""

import asyncio
import http.client
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from checkout import PYTHONPATH, ROOT

from moclip.errors import MoclipError
from moclip.files.formats import load_motion
from moclip.motion.motion import Motion, forward_kinematics
from moclip.motion.skeleton import JOINT_NAMES, PARENTS
from moclip_backend.interop.motions import requests_of, sampled, skeleton

SCRIPT = Path(__file__).with_name("serve_other.py")


def needs(*packages: str):
    missing = [name for name in packages if importlib.util.find_spec(name) is None]
    return pytest.mark.skipif(bool(missing), reason=f"needs {', '.join(missing)} (pip install 'moclip[mmcp,mcp]')")


def environment(folder: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": PYTHONPATH, "MOCLIP_STATE": str(folder / "state")}


# -- motions -----------------------------------------------------------------------------------------------------------


def turning(frames: int, fps: float = 20.0) -> Motion:
    """Turns about Y by 0.1 rad a frame while it goes along X by 0.05 m a frame."""
    turns = np.zeros((frames, 22, 4), np.float32)
    turns[..., 0] = 1.0
    turns[:, 0] = [[np.cos(0.05 * f), 0.0, np.sin(0.05 * f), 0.0] for f in range(frames)]
    root = np.zeros((frames, 3), np.float32)
    root[:, 0] = 0.05 * np.arange(frames)
    return Motion(fps, turns, root)


def test_a_motion_is_given_at_the_rate_that_is_asked_for():
    turns, root = sampled(turning(20), 30, 30.0)
    assert turns.shape == (30, 22, 4) and root.shape == (30, 3)
    # Frame 15 at 30 a second is frame 10 at 20: xyzw of a turn by 1 rad.
    np.testing.assert_allclose(turns[15, 0], [0.0, np.sin(0.5), 0.0, np.cos(0.5)], atol=1e-6)
    np.testing.assert_allclose(root[1, 0], 0.05 * 20 / 30, atol=1e-6)
    # The motion's last frame is at 0.95 s: what is after it is held.
    np.testing.assert_allclose(root[-2:, 0], 0.05 * 20 * 28 / 30, atol=1e-6)


def test_the_same_rate_changes_nothing():
    motion = turning(8)
    turns, root = sampled(motion, 8, 20.0)
    assert np.array_equal(turns[..., [3, 0, 1, 2]], motion.rotations) and np.array_equal(root, motion.root_translation)


def test_the_skeleton_stands_on_the_floor():
    joints = skeleton()
    assert [joint["name"] for joint in joints] == list(JOINT_NAMES) and joints[0]["parent"] is None
    height = np.array(joints[0]["rest_translation"])
    rest = np.zeros((1, 22, 4))
    rest[..., 0] = 1.0
    placed = forward_kinematics(rest, height[None], np.array([joint["rest_translation"] for joint in joints]))
    assert abs(placed[..., 1].min()) < 1e-6 and 0.8 < height[1] < 1.1
    assert all(joint["parent"] == JOINT_NAMES[PARENTS[k]] for k, joint in enumerate(joints) if k)


def asked(*segments: tuple[str, int], fps: float | None = None, **options):
    options = {"seed": None, "num_samples": 1, **options}
    return SimpleNamespace(
        segments=[SimpleNamespace(prompt=prompt, duration_frames=frames) for prompt, frames in segments],
        fps=lambda own: fps or own,
        options=SimpleNamespace(**options),
        constraints=[],
    )


def test_segments_are_a_script_and_samples_have_seeds_of_their_own():
    requests = requests_of(asked(("walk", 60), ("bow", 45), fps=30.0, seed=7, num_samples=2), 20.0)
    assert [request.seed for request in requests] == [7, 8]
    assert [(line.text, line.seconds) for line in requests[0].script] == [("walk", 2.0), ("bow", 1.5)]
    assert requests_of(asked(("walk", 60)), 20.0)[0].seconds == 3.0
    with pytest.raises(MoclipError, match="seconds"):
        requests_of(asked(("walk", 2)), 20.0)


# -- the Motion Model Context Protocol ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def mmcp(tmp_path_factory):
    process = subprocess.Popen(
        [sys.executable, str(SCRIPT), "mmcp"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env=environment(tmp_path_factory.mktemp("mmcp")),
    )  # fmt: skip
    ready = json.loads(process.stdout.readline())
    assert ready["ready"] is True and ready["model"] == "slow" and ready["url"].startswith("http://127.0.0.1:")
    yield ready["url"]
    process.stdin.close()  # as the end of its parent
    assert process.wait(60) == 0
    process.stdout.close()


def body(capabilities: dict, *segments: tuple[str, int], **more) -> dict:
    model = capabilities["models"][0]
    return {
        "protocol_version": capabilities["protocol_version"], "model": model["id"],
        "skeleton": model["canonical_skeleton"],
        "segments": [{"type": "text", "prompt": text, "duration_frames": frames} for text, frames in segments], **more,
    }  # fmt: skip


@needs("motionmcp", "fastapi", "uvicorn")
def test_the_sdks_client_gets_motions(mmcp):
    from motionmcp import client

    capabilities = client.get_capabilities(mmcp)
    assert client.pick_model(capabilities)["id"] == "slow"
    options = {"seed": 3, "num_samples": 2}
    document = client.generate(mmcp, body(capabilities, ("a person walks", 45), options=options, timing={"fps": 30.0}))
    samples = client.parse_gltf_samples(document)
    assert len(samples) == 2 and samples[0]["num_frames"] == 45 and samples[0]["fps"] == 30.0
    assert samples[0]["joint_names"] == list(JOINT_NAMES)
    # The engine's motions have their seed as height.
    for seed, sample in zip((3, 4), samples, strict=True):
        np.testing.assert_allclose(sample["posed_joints"][:, 0], seed, atol=1e-5)
        np.testing.assert_allclose(sample["local_rot_mats"], np.broadcast_to(np.eye(3), (45, 22, 3, 3)), atol=1e-6)


def posed(capabilities, prompt, frames, *constraints, fps=20.0):
    """Joints (T, 22, 3) and rotations (T, 22, 3, 3) that the SDK's client reads of a motion with constraints."""
    from motionmcp import client

    more = {"constraints": list(constraints), "timing": {"fps": fps}}
    sample = client.parse_gltf(client.generate(capabilities.url, body(capabilities.told, (prompt, frames), **more)))
    assert sample["num_frames"] == frames
    turns, offsets = np.array(sample["local_rot_mats"]), [joint["rest_translation"] for joint in skeleton()]
    joints, world = np.array(sample["posed_joints"]), turns.copy()
    for k, parent in list(enumerate(PARENTS))[1:]:
        joints[:, k] = joints[:, parent] + world[:, parent] @ np.array(offsets[k])
        world[:, k] = world[:, parent] @ turns[:, k]
    return joints, turns


@pytest.fixture
def capabilities(mmcp):
    from motionmcp import client

    return SimpleNamespace(url=mmcp, told=client.get_capabilities(mmcp))


JOINT = {name: k for k, name in enumerate(JOINT_NAMES)}


@needs("motionmcp", "fastapi", "uvicorn")
def test_all_that_the_models_can_meet_is_offered(capabilities):
    from motionmcp import protocol

    assert set(capabilities.told["models"][0]["supported_constraints"]) == set(protocol.SUPPORTED_CONSTRAINTS)


@needs("motionmcp", "fastapi", "uvicorn")
def test_joints_are_where_effector_targets_say(capabilities):
    """At another rate than the model's: frame 30 of 30 a second is between none of its 20."""
    quarter = [0.0, np.sin(np.pi / 8), 0.0, np.cos(np.pi / 8)]  # xyzw, a turn of 45 degrees about Y
    hand, head = [-0.35, 1.2, 0.3], [0.05, 1.55, 0.08]
    joints, _ = posed(
        capabilities, "stand", 60,
        {"type": "effector_target", "joint": "right_wrist", "frames": [30, 31, 32, 33], "positions": [hand] * 4},
        {"type": "effector_target", "joint": "head", "frames": [45], "positions": [head], "rotations": [quarter]},
        fps=30.0,
    )  # fmt: skip
    assert np.linalg.norm(joints[30:34, JOINT["right_wrist"]] - hand, axis=-1).max() < 0.01
    assert np.linalg.norm(joints[45, JOINT["head"]] - head) < 0.01
    assert np.linalg.norm(joints[0, JOINT["right_wrist"]] - hand) > 0.3
    # Feet stay.
    assert np.linalg.norm(np.diff(joints[:, JOINT["left_ankle"]], axis=0), axis=-1).max() < 0.01


@needs("motionmcp", "fastapi", "uvicorn")
def test_a_pose_keyframe_is_met(capabilities):
    from motionmcp import client

    turns = {name: [0.0, 0.0, 0.0, 1.0] for name in JOINT_NAMES}
    turns["left_shoulder"] = [0.0, 0.0, np.sin(0.4), np.cos(0.4)]
    root = [0.0, 0.95, 0.1]
    pose = {"type": "pose_keyframe", "frame": 20, "joint_rotations": turns, "root_position": root}
    joints, rotations = posed(capabilities, "stand", 60, pose)
    np.testing.assert_allclose(joints[20, 0], root, atol=1e-4)
    # Its left arm rises by 0.8 rad about +Z.
    wanted = np.array([[np.cos(0.8), -np.sin(0.8), 0], [np.sin(0.8), np.cos(0.8), 0], [0, 0, 1]])
    np.testing.assert_allclose(rotations[20, JOINT["left_shoulder"]], wanted, atol=1e-4)
    np.testing.assert_allclose(rotations[59, JOINT["left_shoulder"]], np.eye(3), atol=1e-4)
    alone = {"joint_rotations": {"head": [0.0, 0.0, 0.0, 1.0]}}
    for lacks, part in (({"root_position": None}, "where its root is"), (alone, "how 'pelvis'")):
        with pytest.raises(client.MmcpError, match=part):
            posed(capabilities, "stand", 60, pose | lacks)
    posed(capabilities, "stand", 60, pose | alone | {"fill_mode": "rest"})


@needs("motionmcp", "fastapi", "uvicorn")
def test_a_root_path_is_gone_along_facing_as_it_says_or_goes(capabilities):
    """A quarter of a circle of 1.5 m to the left; at its end the body faces along it, or as it is told to."""
    angle = np.linspace(0, np.pi / 2, 13)
    places = [[1.5 * (1 - np.cos(a)), 1.5 * np.sin(a)] for a in angle]
    frames = [5 * k for k in range(13)]
    path = {"type": "root_path", "frames": frames, "positions_xz": places}
    joints, _ = posed(capabilities, "go", 61, path)
    np.testing.assert_allclose(joints[frames, 0][:, [0, 2]], places, atol=0.01)
    across = joints[60, JOINT["left_hip"]] - joints[60, JOINT["right_hip"]]
    assert np.degrees(np.arctan2(-across[2], across[0])) == pytest.approx(90, abs=8)  # from +Z to +X, its left
    joints, _ = posed(capabilities, "go", 61, path | {"heading_radians": [0.0] * 13})
    across = joints[60, JOINT["left_hip"]] - joints[60, JOINT["right_hip"]]
    assert np.degrees(np.arctan2(-across[2], across[0])) == pytest.approx(0, abs=2)
    # With a hand that is held beside, both are met.
    hand = {"type": "effector_target", "joint": "left_wrist", "frames": [60], "positions": [[1.9, 1.3, 1.4]]}
    joints, _ = posed(capabilities, "go", 61, path, hand)
    assert np.linalg.norm(joints[60, JOINT["left_wrist"]] - [1.9, 1.3, 1.4]) < 0.01
    np.testing.assert_allclose(joints[30, 0][[0, 2]], places[6], atol=0.03)


@needs("motionmcp", "fastapi", "uvicorn")
def test_a_constraint_that_nobody_can_meet_is_a_sentence(capabilities):
    from motionmcp import client

    place = {"frames": [5], "positions": [[0.0, 1.0, 0.0]]}
    for constraint, part in (
        ({"type": "effector_target", "joint": "left_knee", **place}, "'left_knee' cannot be held"),
        ({"type": "ground_height", "points": [[0.0, 0.0, 1.0]]}, "ground_height"),
    ):
        with pytest.raises(client.MmcpError, match=part):
            posed(capabilities, "stand", 40, constraint)


@needs("motionmcp", "fastapi", "uvicorn")
def test_what_cannot_be_done_is_a_sentence(mmcp):
    from motionmcp import client

    capabilities = client.get_capabilities(mmcp)
    for segments, part in (
        ((("a person walks", 4),), "seconds"),
        ((("一个人向前走", 40),), "English"),
        ((("refuse", 40),), "Ask for something else."),
    ):
        with pytest.raises(client.MmcpError, match=part) as caught:
            client.generate(mmcp, body(capabilities, *segments))
        assert caught.value.code == "invalid_options"
    # And it goes on.
    document = client.generate(mmcp, body(capabilities, ("walk", 40), ("bow", 40)))
    assert client.parse_gltf(document)["num_frames"] == 80


@needs("motionmcp", "fastapi", "uvicorn")
@pytest.mark.parametrize("header", [{"Origin": "https://example.org"}, {"Host": "example.org"}])
def test_a_page_in_a_browser_gets_nothing(mmcp, header):
    connection = http.client.HTTPConnection(mmcp.removeprefix("http://"), timeout=60)
    connection.request("GET", "/capabilities", headers=header)
    answer = connection.getresponse()
    assert answer.status == 403 and json.loads(answer.read())["error"]["code"] == "forbidden"
    connection.close()


@needs("motionmcp", "uvicorn")
def test_other_computers_cannot_reach_it(moclip):
    code, out, err = moclip("serve", "--mmcp", "--bind", "tcp://0.0.0.0:0")
    assert code == 1 and out == "" and err.startswith("error: MMCP has no encryption") and len(err.splitlines()) == 1


@pytest.mark.parametrize(("option", "package"), [("--mmcp", "motionmcp"), ("--mcp", "mcp")])
def test_without_its_package_the_extra_is_named(moclip, monkeypatch, tmp_path, option, package):
    there = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *a: None if name == package else there(name, *a))
    code, out, err = moclip("serve", option, *([str(tmp_path)] if option == "--mcp" else []))
    assert code == 1 and out == "" and len(err.splitlines()) == 1
    assert f'`pip install "moclip[{option.removeprefix("--")}]"`' in err


# -- the Model Context Protocol ----------------------------------------------------------------------------------------


@needs("mcp")
def test_an_assistant_lists_models_and_saves_motions_into_the_folder_alone(tmp_path):
    from mcp import Client, StdioServerParameters, stdio_client

    folder = tmp_path / "motions"
    folder.mkdir()
    (folder / "there.bvh").write_text("the user's")
    server = StdioServerParameters(
        command=sys.executable, args=[str(SCRIPT), "mcp", str(folder)], env=environment(tmp_path), cwd=ROOT
    )

    async def talk() -> None:
        async with Client(stdio_client(server)) as client:
            tools = (await client.list_tools()).tools
            assert sorted(tool.name for tool in tools) == ["generate_motion", "list_models"]
            listed = (await client.call_tool("list_models", {})).structured_content["models"]
            assert "embedded" in [model["name"] for model in listed] and all(model["licence"] for model in listed)
            made = await client.call_tool(
                "generate_motion",
                {"text": "a person walks", "name": "walk", "seconds": 2.0, "seed": 5, "format": "npz"},
            )
            assert not made.is_error and made.structured_content["frames"] == 40
            assert made.structured_content["path"] == str(folder / "walk.npz")
            for wrong, part in (
                ({"name": "../out"}, "cannot name a file"),
                ({"name": "/tmp/out"}, "cannot name a file"),
                ({"name": "there"}, "already"),
                ({"format": "png"}, "no format"),
                ({"text": ""}, "empty"),
                ({"model": str(tmp_path)}, "no model"),
            ):
                arguments = {"text": "a person walks", "name": "x", "format": "bvh", **wrong}
                refused = await client.call_tool("generate_motion", arguments)
                assert refused.is_error and part in refused.content[0].text, (wrong, refused.content[0].text)

    asyncio.run(talk())
    assert sorted(path.name for path in folder.iterdir()) == ["there.bvh", "walk.npz"]
    assert (folder / "there.bvh").read_text() == "the user's"
    motion = load_motion(folder / "walk.npz")
    assert (motion.frames, motion.seed, motion.text) == (40, 5, "a person walks")


@needs("mcp")
def test_a_folder_that_is_not_there_is_told(moclip, tmp_path):
    code, out, err = moclip("serve", "--mcp", str(tmp_path / "none"))
    assert code == 1 and out == "" and err.startswith("error: There is no folder") and len(err.splitlines()) == 1
