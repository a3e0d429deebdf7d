# SPDX-License-Identifier: Apache-2.0
"""Motions in numpy's files: ours, joints, features, results of motion diffusion models, SMPL parameters.

Pickles run code, so those that MDM and others write are opened by an unpickler that knows arrays and nothing else.
"""

import io
import pickle
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from moclip.errors import MoclipError
from moclip.files.amass import is_smpl, motion_of_smpl
from moclip.files.joints import FEATURES_FPS, OUR_LEG, leg_length, motion_of_joints, no_legs, solved
from moclip.files.reading import Given, Reading
from moclip.motion.motion import Motion
from moclip.motion.skeleton import JOINT_COUNT

_NPZ_KEYS = ("rotations", "root_translation", "offsets", "fps", "text", "seed")
_KIT_FPS, _KIMODO_FPS = 12.5, 30.0


@dataclass(frozen=True, kw_only=True)
class FeaturesReading(Reading):
    """features: (T, 263) as the file has them."""

    features: np.ndarray


def damaged(path: Path, why: str) -> MoclipError:
    return MoclipError(f"'{path}' does not hold a motion: {why}.", hint="Write it again.", code="damaged_file")


def read_npz(path: Path, given: Given) -> Reading:
    """Ours, SMPL parameters (AMASS and others), or one array of joints or features."""
    try:
        # Opened here: numpy leaves a file open that turns out to be damaged.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            names = set(arrays.files)
            if set(_NPZ_KEYS) <= names:
                return Reading(_own(path, {name: arrays[name] for name in _NPZ_KEYS}))
            held = {name: arrays[name] for name in names if _is_plain(arrays, name)}
    except (zipfile.BadZipFile, ValueError, EOFError, AttributeError, KeyError, TypeError) as error:
        raise damaged(path, "it is damaged or not an .npz file") from error
    if (held_as := _kimodo(held)) or is_smpl(held):
        return motion_of_smpl(path, held_as or held, given)
    missing = [name for name in _NPZ_KEYS if name not in names]
    if "offsets" in names:  # ours, but damaged
        raise damaged(path, f"it has no {missing[0]}")
    for name in sorted(held, key=lambda n: (n not in ("joints", "positions", "motion", "posed_joints"), n)):
        if _is_joints(held[name]) or held[name].ndim == 2 and held[name].shape[1:] in ((263,), (251,)):
            fps = _rate(held) or (_KIMODO_FPS if name == "posed_joints" else None)
            reading = _of_array(path, held[name], Given(up=given.up, scale=given.scale, fps=given.fps or fps))
            return Reading(reading.motion, (f"Its array '{name}' is taken for the motion.", *reading.notes))
    raise damaged(path, f"it has no {missing[0]} (it has {', '.join(sorted(names)[:8])})")


def _kimodo(held: Mapping[str, np.ndarray]) -> dict[str, np.ndarray] | None:
    """Kimodo's results on SMPL-X's 22 joints as parameters of that body; they have 30 frames a second and Y up."""
    turns, root = held.get("local_rot_mats"), held.get("root_positions")
    if turns is None or root is None or turns.ndim != 4 or turns.shape[1:] != (JOINT_COUNT, 3, 3):
        return None
    return {"body_pose": turns[:, 1:], "global_orient": turns[:, :1], "transl": root,
            "fps": np.array(_rate(held) or _KIMODO_FPS)}  # fmt: skip


def _is_plain(arrays: Any, name: str) -> bool:
    try:
        return arrays[name].dtype.kind in "fiubU"
    except ValueError:  # an array of objects
        return False


def _rate(held: Mapping[str, np.ndarray]) -> float | None:
    for name in ("fps", "mocap_framerate", "mocap_frame_rate", "framerate", "frame_rate"):
        if name in held and held[name].size == 1 and float(held[name]) > 0:
            return float(held[name])
    return None


def _own(path: Path, fields: dict[str, np.ndarray]) -> Motion:
    try:
        fps, text, seed = float(fields.pop("fps")), str(fields.pop("text")), int(fields.pop("seed"))
        return Motion(fps=fps, text=text, seed=seed, **fields)
    except (ValueError, TypeError) as error:
        raise damaged(path, str(error)) from error


def read_npy(path: Path, given: Given) -> Reading:
    """Features (T, 263 or 251), joints (T, 22, 3), or what motion diffusion models write: a dict of many motions."""
    try:
        with path.open("rb") as file:
            array = np.load(file, allow_pickle=False)
    except (ValueError, EOFError) as error:
        content = _without_code(path)
        if content is None:
            raise damaged(path, "it is damaged or not an .npy file") from error
        return _of_results(path, content, given)
    return _of_array(path, array, given)


def _of_array(path: Path, array: np.ndarray, given: Given) -> Reading:
    notes: tuple[str, ...] = ()
    if array.ndim == 0 or array.dtype.kind != "f" or len(array) == 0:
        raise damaged(path, f"it has shape {array.shape}, not (frames, 263) or (frames, 22, 3)")
    if array.ndim in (3, 4) and array.shape[0] == 1 and not _is_joints(array):
        array = array[0]
    if array.ndim == 4 and _is_joints(array[0]):
        notes = (f"It holds {len(array)} motions; the first is read.",)
        array = array[0]
    if not np.isfinite(array).all():
        raise damaged(path, "some of its numbers are not finite")
    if array.ndim == 2 and array.shape[1] == 66 and not given.up:
        array = array.reshape(-1, 22, 3)
    if _is_joints(array):
        motion, told = motion_of_joints(array, given)
    elif array.ndim == 2 and array.shape[1] == 263:
        return FeaturesReading(_of_features(array, given), notes, features=array)
    elif array.ndim == 2 and array.shape[1] == 251:
        motion, told = _of_kit(array, given)
    else:
        raise damaged(path, f"it has shape {array.shape}, not (frames, 263) or (frames, 22, 3)")
    return Reading(motion, (*notes, *told))


def _is_joints(array: np.ndarray) -> bool:
    # SMPL's 24 joints and the 52 of SMPL-H begin with our 22.
    return array.ndim == 3 and array.shape[1] in (22, 24, 52, 55, 77) and array.shape[2] == 3


def _of_features(features: np.ndarray, given: Given) -> Motion:
    from moclip.motion.features import features_to_joints

    return solved(features_to_joints(features), given.fps or FEATURES_FPS)


def _of_kit(features: np.ndarray, given: Given) -> tuple[Motion, tuple[str, ...]]:
    from moclip.files.kit import joints_of_kit
    from moclip.motion.features import features_to_joints

    joints = joints_of_kit(features_to_joints(features) / 1000.0)
    if not leg_length(joints) > 0:
        raise no_legs()
    joints = joints * OUR_LEG / leg_length(joints)
    return solved(joints, given.fps or _KIT_FPS), ("It holds KIT-ML's features; they are taken to our size.",)


_ALLOWED = {
    ("numpy.core.multiarray", "_reconstruct"), ("numpy._core.multiarray", "_reconstruct"),
    ("numpy.core.multiarray", "scalar"), ("numpy._core.multiarray", "scalar"),
    ("numpy", "ndarray"), ("numpy", "dtype"),
}  # fmt: skip


class _ArraysOnly(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ALLOWED:
            raise pickle.UnpicklingError(f"{module}.{name} is no array")
        return super().find_class(module, name)


def _without_code(path: Path) -> Any:
    """What a pickled .npy of one object holds, if that is arrays, numbers and words; else None."""
    npy: Any = np.lib.format  # numpy 1.26 has no types for it
    with path.open("rb") as stream:
        try:
            version = npy.read_magic(stream)
            read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
            _, _, dtype = read(stream)
            if not dtype.hasobject:
                return None
            content = _ArraysOnly(io.BytesIO(stream.read())).load()
        except (ValueError, EOFError, pickle.UnpicklingError, TypeError, AttributeError, IndexError, KeyError):
            return None
    return content.item() if isinstance(content, np.ndarray) and content.size == 1 else content


def _of_results(path: Path, content: Any, given: Given) -> Reading:
    """A dict with `motion` (N, 22, 3, T) and maybe `text` and `lengths`, as MDM writes it, or with SMPL parameters."""
    if not isinstance(content, Mapping):
        raise damaged(path, "it holds objects that are no arrays")
    held = {str(name): np.asarray(value) for name, value in content.items() if value is not None}
    if is_smpl(held):
        return motion_of_smpl(path, held, given)
    motions = held.get("motion")
    if motions is None or motions.ndim != 4 or motions.shape[2] != 3 or motions.shape[1] not in (22, 24):
        raise damaged(path, f"it has no joints (it has {', '.join(sorted(held)[:8])})")
    lengths, text = held.get("lengths"), held.get("text")
    length = int(lengths.reshape(-1)[0]) if lengths is not None and lengths.size else motions.shape[3]
    joints = np.ascontiguousarray(motions[0].transpose(2, 0, 1)[: max(1, length)], dtype=np.float64)
    if not np.isfinite(joints).all():
        raise damaged(path, "some of its numbers are not finite")
    motion, notes = motion_of_joints(joints, Given(up=given.up, scale=given.scale, fps=given.fps or FEATURES_FPS))
    first = (f"It holds {len(motions)} motions; the first is read.",) if len(motions) > 1 else ()
    words = str(text.reshape(-1)[0]) if text is not None and text.size else ""
    return Reading(Motion(motion.fps, motion.rotations, motion.root_translation, motion.offsets, words), first + notes)
