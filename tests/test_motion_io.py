# SPDX-License-Identifier: Apache-2.0
"""Motions in files: what goes out comes back, and nothing is lost when something fails."""

import builtins
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from moclip.errors import MoclipError
from moclip.files import formats as motion_io
from moclip.files.formats import load_motion, save_motion
from moclip.files.stick_figure import draw_frames
from moclip.motion import rotations
from moclip.motion.motion import Motion
from moclip.motion.skeleton import REST_OFFSETS
from moclip_backend.bench.solver import synthetic_motion


@pytest.fixture(scope="module")
def motion() -> Motion:
    return replace(synthetic_motion(np.random.default_rng(0), 40), text="a person waves, then walks", seed=7)


def test_npz_keeps_everything(motion, tmp_path):
    save_motion(motion, tmp_path / "walk.npz")
    again = load_motion(tmp_path / "walk.npz")
    for name in ("rotations", "root_translation", "offsets"):
        assert getattr(again, name).tobytes() == getattr(motion, name).tobytes()
    assert (again.fps, again.text, again.seed) == (20.0, "a person waves, then walks", 7)
    with np.load(tmp_path / "walk.npz", allow_pickle=False) as arrays:
        assert set(arrays) == {"rotations", "root_translation", "offsets", "joints", "fps", "text", "seed"}
        assert np.array_equal(arrays["joints"], motion.joints())


def test_bvh_keeps_the_poses(motion, tmp_path):
    save_motion(motion, tmp_path / "walk.bvh")
    again = load_motion(tmp_path / "walk.bvh")
    assert again.frames == motion.frames
    assert again.fps == pytest.approx(20)
    assert np.abs(again.joints() - motion.joints()).max() < 1e-3
    assert np.degrees(rotations.angle_between(again.rotations, motion.rotations)).max() < 0.1


def test_features_keep_the_shape_of_the_motion(motion, tmp_path):
    save_motion(motion, tmp_path / "walk.npy")
    features = np.load(tmp_path / "walk.npy")
    assert features.shape == (39, 263) and features.dtype == np.float32
    again = load_motion(tmp_path / "walk.npy")
    assert again.offsets.tobytes() == REST_OFFSETS.tobytes()
    # Features start at the origin facing +Z, so distances between joints are what both share.
    ours, theirs = motion.joints()[:-1], again.joints()
    for a, b in ((20, 7), (21, 8), (15, 0), (4, 19)):
        assert np.linalg.norm(ours[:, a] - ours[:, b], axis=-1) == pytest.approx(
            np.linalg.norm(theirs[:, a] - theirs[:, b], axis=-1), abs=5e-3
        )


def test_features_are_written_at_20_fps(motion, tmp_path):
    fast = replace(motion, fps=40.0)
    save_motion(fast, tmp_path / "fast.npy")
    # 40 frames at 40 fps last 39/40 s: 20 samples at 20 fps, every other frame, make 19 rows.
    features = np.load(tmp_path / "fast.npy")
    assert len(features) == 19
    height = motion.joints()[:, 0, 1] - motion.joints()[::2, :, 1].min()
    assert features[:, 3] == pytest.approx(height[0:38:2], abs=1e-4)


@pytest.mark.parametrize(
    ("name", "code"), [("walk.fbx", "bad_suffix"), ("walk", "bad_suffix"), ("no/walk.npz", "unwritable_file")]
)
def test_what_cannot_be_written_is_one_sentence(motion, tmp_path, name, code):
    with pytest.raises(MoclipError) as caught:
        save_motion(motion, tmp_path / name)
    assert caught.value.code == code
    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_not_overwritten(motion, tmp_path):
    (tmp_path / "walk.npz").mkdir()
    with pytest.raises(MoclipError, match="folder"):
        save_motion(motion, tmp_path / "walk.npz")


def test_a_failed_write_keeps_the_old_file_and_leaves_no_litter(motion, tmp_path, monkeypatch):
    target = tmp_path / "walk.npz"
    save_motion(motion, target)
    before = target.read_bytes()

    def full(*_args, **_kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(motion_io.np, "savez_compressed", full)
    with pytest.raises(MoclipError, match="No space left"):
        save_motion(motion, target)
    assert target.read_bytes() == before
    assert list(tmp_path.iterdir()) == [target]


def test_new_files_have_the_usual_permissions(motion, tmp_path):
    save_motion(motion, tmp_path / "walk.npz")
    (tmp_path / "plain").touch()
    assert (tmp_path / "walk.npz").stat().st_mode == (tmp_path / "plain").stat().st_mode


def _truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:200])


def _not_finite(path: Path) -> None:
    with np.load(path) as arrays:
        fields = dict(arrays)
    fields["rotations"][3, 2, 1] = np.nan
    np.savez(path, **fields)


def _without_rotations(path: Path) -> None:
    with np.load(path) as arrays:
        fields = {k: v for k, v in arrays.items() if k != "rotations"}
    np.savez(path, **fields)


def _wrong_joints(path: Path) -> None:
    with np.load(path) as arrays:
        fields = dict(arrays)
    np.savez(path, **{**fields, "rotations": fields["rotations"][:, :21]})


def _text_instead(path: Path) -> None:
    path.write_text("not an archive")


@pytest.mark.parametrize("damage", [_truncated, _not_finite, _without_rotations, _wrong_joints, _text_instead])
def test_damaged_npz_is_one_sentence(motion, tmp_path, damage):
    save_motion(motion, tmp_path / "walk.npz")
    damage(tmp_path / "walk.npz")
    with pytest.raises(MoclipError) as caught:
        load_motion(tmp_path / "walk.npz")
    assert caught.value.code == "damaged_file"
    assert "walk.npz" in caught.value.message


@pytest.mark.parametrize(
    "features", [np.zeros((4, 251)), np.zeros(263), np.zeros((0, 263)), np.full((5, 263), np.inf), np.array(["a"])]
)
def test_foreign_npy_is_one_sentence(tmp_path, features):
    np.save(tmp_path / "walk.npy", features)
    with pytest.raises(MoclipError) as caught:
        load_motion(tmp_path / "walk.npy")
    assert caught.value.code == "damaged_file"


def test_pickles_are_never_loaded(tmp_path):
    np.save(tmp_path / "walk.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(MoclipError):
        load_motion(tmp_path / "walk.npy")


def test_missing_and_unknown_files_are_one_sentence(tmp_path):
    with pytest.raises(MoclipError, match="no file"):
        load_motion(tmp_path / "nothing.npz")
    with pytest.raises(MoclipError) as caught:
        load_motion(tmp_path / "walk.gif")
    assert caught.value.code == "bad_suffix"


# -- previews ----------------------------------------------------------------------------------------------------------


def _colours(picture) -> set[tuple[int, int, int]]:
    return {colour for _, colour in picture.getcolors(1 << 20)}


def test_gif_has_a_picture_for_each_frame_at_the_right_speed(motion, tmp_path):
    image = pytest.importorskip("PIL.Image")
    save_motion(motion, tmp_path / "walk.gif")
    with image.open(tmp_path / "walk.gif") as gif:
        assert gif.n_frames == motion.frames
        assert gif.info["duration"] == 50
    fast = replace(motion, fps=60.0)
    save_motion(fast, tmp_path / "fast.gif")
    with image.open(tmp_path / "fast.gif") as gif:
        assert gif.n_frames == 14  # every third of 40
        assert gif.info["duration"] == 50


def test_sheet_shows_left_and_right_in_different_colours(motion, tmp_path):
    image = pytest.importorskip("PIL.Image")
    save_motion(motion, tmp_path / "walk.png")
    with image.open(tmp_path / "walk.png") as sheet:
        assert {(226, 104, 32), (38, 110, 180), (84, 88, 96)} <= _colours(sheet.convert("RGB"))


def test_left_side_is_drawn_on_the_right_of_a_figure_that_faces_us():
    pytest.importorskip("PIL")
    still = Motion(20.0, np.tile([1.0, 0, 0, 0], (1, 22, 1)), np.array([[0, 0.95, 0]]))
    (picture,) = draw_frames(still, np.array([0]), (200, 200))
    pixels = np.asarray(picture)
    left = np.argwhere((pixels == (226, 104, 32)).all(axis=-1))[:, 1].mean()
    right = np.argwhere((pixels == (38, 110, 180)).all(axis=-1))[:, 1].mean()
    assert left > 100 > right


@pytest.mark.parametrize("text", ["", "word " * 200, "走る ☃ é", "a" * 500])
def test_any_caption_and_a_single_frame_can_be_drawn(motion, tmp_path, text):
    pytest.importorskip("PIL")
    one = Motion(20.0, motion.rotations[:1], motion.root_translation[:1], text=text)
    for suffix in ("png", "gif"):
        save_motion(one, tmp_path / f"one.{suffix}")
        assert (tmp_path / f"one.{suffix}").stat().st_size > 500


def test_a_missing_package_is_named(motion, tmp_path, monkeypatch):
    pytest.importorskip("PIL")
    from importlib import util

    found = util.find_spec
    monkeypatch.setattr(util, "find_spec", lambda name, *rest: None if name == "imageio_ffmpeg" else found(name, *rest))
    with pytest.raises(MoclipError) as caught:
        save_motion(motion, tmp_path / "walk.mp4")
    assert caught.value.code == "missing_package"
    assert "moclip[preview]" in caught.value.hint
    assert list(tmp_path.iterdir()) == []


def test_saving_npz_needs_no_pillow(motion, tmp_path, monkeypatch):
    real = builtins.__import__

    def refuse(name, *args, **kwargs):
        assert not name.startswith("PIL")
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", refuse)
    save_motion(motion, tmp_path / "walk.npz")
