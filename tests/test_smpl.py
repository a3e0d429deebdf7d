# SPDX-License-Identifier: Apache-2.0
"""SMPL-H and SMPL-X parameters, with body models in the official layout that are made here."""

import pickle
import sys
from types import ModuleType

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="smplx needs PyTorch")
lbs = pytest.importorskip("smplx.lbs", reason="bodies are smplx's")

from moclip.errors import MoclipError  # noqa: E402
from moclip.files.amass import MEAN_BODY  # noqa: E402
from moclip.files.formats import read_motion, save_motion, save_parameters  # noqa: E402
from moclip.files.smpl import from_smpl, load_body, mean_body, read_parameters, to_smpl  # noqa: E402
from moclip.motion.motion import Motion  # noqa: E402
from moclip.motion.skeleton import PARENTS  # noqa: E402
from moclip_backend.bench.solver import synthetic_motion  # noqa: E402

JOINTS = {"smplh": 52, "smplx": 55}


def body_arrays(kind: str) -> dict[str, np.ndarray]:
    """A model whose vertices are its joints, and whose first shape number makes it taller and the second wider."""
    count = JOINTS[kind]
    parents = np.array([*PARENTS, *([20] * ((count - 22) // 2)), *([21] * (count - 22 - (count - 22) // 2))])
    rest = np.zeros((count, 3))
    for joint in range(1, count):
        offset = MEAN_BODY[joint] if joint < 22 else (0.02 * (joint - 30), 0.01, 0.0)
        rest[joint] = rest[parents[joint]] + offset
    rest += (0.01, -0.24, 0.03)  # an official body's pelvis is not at the origin
    shapes = np.zeros((count, 3, 20))
    shapes[:, 1, 0], shapes[:, 0, 1] = 0.05 * rest[:, 1], 0.1 * rest[:, 0]
    return {
        "v_template": rest, "shapedirs": shapes, "J_regressor": np.eye(count),
        "kintree_table": np.stack([parents.astype(np.uint32), np.arange(count, dtype=np.uint32)]),
        "posedirs": np.zeros((count, 3, 9)), "weights": np.eye(count), "f": np.zeros((1, 3), np.uint32),
    }  # fmt: skip


@pytest.fixture
def model(tmp_path):
    def made(kind: str = "smplh"):
        np.savez(tmp_path / f"{kind}.npz", **body_arrays(kind))
        return tmp_path / f"{kind}.npz"

    return made


def joints_by_smplx(arrays, parameters) -> np.ndarray:
    """(T, J, 3) of the posed body, Z up, by smplx's own functions."""
    used = torch.from_numpy(parameters.betas)[None]
    shaped = torch.from_numpy(arrays["v_template"])[None] + lbs.blend_shapes(
        used, torch.from_numpy(arrays["shapedirs"][..., : used.shape[1]])
    )
    rest = lbs.vertices2joints(torch.from_numpy(arrays["J_regressor"]), shaped).expand(len(parameters.poses), -1, -1)
    turns = lbs.batch_rodrigues(torch.from_numpy(parameters.poses).reshape(-1, 3)).view(*parameters.poses.shape, 3)
    parents = torch.from_numpy(arrays["kintree_table"][0].astype(np.int64))
    posed, _ = lbs.batch_rigid_transform(turns, rest, parents, dtype=torch.float64)
    return posed.numpy() + parameters.trans[:, None]


def walk(frames: int = 30) -> Motion:
    return synthetic_motion(np.random.default_rng(4), frames)


def directions(joints: np.ndarray) -> np.ndarray:
    """Of forearms, upper arms, shins and thighs: (T, 8, 3)."""
    bones = joints[:, [18, 19, 20, 21, 4, 5, 7, 8]] - joints[:, [16, 17, 18, 19, 1, 2, 4, 5]]
    return bones / np.linalg.norm(bones, axis=-1, keepdims=True)


@pytest.mark.parametrize("kind", ["smplh", "smplx"])
def test_limbs_point_where_they_did_and_z_is_up(model, kind):
    motion, body = walk(), load_body(model(kind), np.array([1.5, -0.7]))
    parameters = to_smpl(motion, body)
    assert parameters.poses.shape == (30, JOINTS[kind], 3) and not parameters.poses[:, 22:].any()
    posed = joints_by_smplx(body_arrays(kind), parameters)[:, :22]
    ours = motion.joints() @ np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])  # (x, y, z) -> (x, -z, y)
    assert np.abs(directions(posed) - directions(ours)).max() < 1e-5
    leg = np.linalg.norm(body.offsets[[4, 5, 7, 8]], axis=1).sum()
    scale = leg / np.linalg.norm(motion.offsets[[4, 5, 7, 8]], axis=1).sum()
    assert np.allclose(posed[:, 0], ours[:, 0] * scale, atol=1e-5)


def test_what_comes_back_is_the_body_as_smplx_has_it_and_goes_out_the_same(model):
    body = load_body(model(), np.array([2.0, 1.0]))
    parameters = to_smpl(walk(), body)
    motion = from_smpl(parameters, body)
    posed = joints_by_smplx(body_arrays("smplh"), parameters)[:, :22]
    ours = motion.joints() @ np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])
    assert np.abs(posed - ours).max() < 1e-5
    again = to_smpl(motion, body)
    assert np.abs(again.poses - parameters.poses).max() < 1e-5 and np.abs(again.trans - parameters.trans).max() < 1e-5


def test_the_shape_makes_the_joints(model):
    tall, mean = load_body(model(), np.array([2.0])), load_body(model())
    assert np.allclose(tall.joints[:, 1], mean.joints[:, 1] * 1.1) and np.allclose(tall.joints[:, 0], mean.joints[:, 0])
    assert np.allclose(mean.offsets[1:], MEAN_BODY[1:]) and np.allclose(mean_body("smplh").offsets, mean.offsets)


class Csc:
    """Pickles as scipy's sparse matrices and chumpy's arrays do: a class by its name, and a state."""


def official_pickle(path, monkeypatch):
    arrays = body_arrays("smplh")
    for module, name in (("chumpy", ""), ("chumpy.ch", "Ch"), ("scipy.sparse.csc", "csc_matrix")):
        made = ModuleType(module)
        if name:
            kind = type(name, (), {"__module__": module})
            setattr(made, name, kind)
        monkeypatch.setitem(sys.modules, module, made)
    array, matrix = sys.modules["chumpy.ch"].Ch(), sys.modules["scipy.sparse.csc"].csc_matrix()
    array.__dict__.update(x=arrays["shapedirs"], dterms=("x",))
    count = len(arrays["v_template"])
    matrix.__dict__.update(
        data=np.ones(count), indices=np.arange(count), indptr=np.arange(count + 1), _shape=(count, count)
    )
    path.write_bytes(pickle.dumps({**arrays, "shapedirs": array, "J_regressor": matrix}, protocol=2))


def test_the_official_pickle_is_read_without_its_packages_and_runs_nothing(model, tmp_path, monkeypatch):
    official_pickle(tmp_path / "model.pkl", monkeypatch)
    for name in ("chumpy", "chumpy.ch", "scipy.sparse.csc"):
        monkeypatch.delitem(sys.modules, name)
    betas = np.array([1.0, 1.0])
    assert np.allclose(load_body(tmp_path / "model.pkl", betas).joints, load_body(model(), betas).joints)
    (tmp_path / "bad.pkl").write_bytes(pickle.dumps({"v_template": print}))
    with pytest.raises(MoclipError, match="is no model of SMPL-H or SMPL-X: it is damaged"):
        load_body(tmp_path / "bad.pkl")


def test_what_is_no_body_model_is_one_sentence(tmp_path):
    with pytest.raises(MoclipError, match="There is no body model") as caught:
        load_body(tmp_path / "nowhere.npz")
    assert "mano.is.tue.mpg.de" in caught.value.hint
    (tmp_path / "junk.npz").write_bytes(b"PK junk")
    np.savez(tmp_path / "less.npz", v_template=np.zeros((3, 3)))
    arrays = body_arrays("smplh")
    np.savez(tmp_path / "mano.npz", **{**arrays, "kintree_table": arrays["kintree_table"][:, :16]})
    np.savez(tmp_path / "odd.npz", **{**arrays, "J_regressor": np.zeros((52, 3))})
    for name, sentence in (("junk", "damaged"), ("less", "damaged"), ("mano", "16 joints"), ("odd", "does not fit")):
        with pytest.raises(MoclipError, match=sentence) as caught:
            load_body(tmp_path / f"{name}.npz")
        assert "\n" not in str(caught.value)


def test_files_go_there_and_back_from_the_command_line(model, tmp_path, moclip):
    motion, body = walk(), ["--body-model", str(model())]
    save_motion(motion, tmp_path / "walk.npz")
    assert moclip("convert", "walk.npz", "amass.npz", "--smpl", "smplh", *body)[0] == 0
    with np.load(tmp_path / "amass.npz") as held:
        assert held["poses"].shape == (30, 156) and held["trans"].shape == (30, 3) and held["betas"].shape == (16,)
        assert float(held["mocap_framerate"]) == motion.fps and str(held["surface_model_type"]) == "smplh"
    assert moclip("convert", "amass.npz", "back.npz", *body)[0] == 0
    back = read_motion(tmp_path / "back.npz").motion
    assert np.abs(directions(back.joints()) - directions(motion.joints())).max() < 1e-4
    # Our own reader takes it to our body; limbs point where they did.
    read = read_motion(tmp_path / "amass.npz").motion
    assert np.abs(directions(read.joints()) - directions(motion.joints())).max() < 1e-3
    # Without a model file the mean body serves.
    assert moclip("convert", "walk.npz", "amass.npz", "--smpl", "smplx")[0] == 0
    assert read_parameters(tmp_path / "amass.npz").kind == "smplx"
    code, _, told = moclip("convert", "walk.npz", "out.npz", "--smpl", "smplx", *body)
    assert code == 1 and "is a model of SMPL-H, and the motion is one of SMPL-X" in told
    code, _, told = moclip("convert", "walk.npz", "out.npz", *body)
    assert code == 1 and "does not hold AMASS's poses" in told


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda p: p.write_bytes(b"PK"), "does not hold AMASS's poses"),
        (lambda p: np.savez(p, poses=np.zeros((3, 156))), "does not hold AMASS's poses"),
        (
            lambda p: np.savez(p, poses=np.zeros((3, 72)), trans=np.zeros((3, 3)), mocap_framerate=30),
            "no motion of SMPL",
        ),
        (lambda p: np.savez(p, poses=np.zeros((3, 156)), trans=np.ones(3), mocap_framerate=30), "no motion of SMPL"),
    ],
)
def test_parameters_that_are_amiss_are_one_sentence(tmp_path, spoil, sentence):
    save_parameters(to_smpl(walk(3), mean_body("smplh")), tmp_path / "amass.npz")
    spoil(tmp_path / "amass.npz")
    with pytest.raises(MoclipError, match=sentence):
        read_parameters(tmp_path / "amass.npz")
