# SPDX-License-Identifier: Apache-2.0
"""`Motion`s in files, the format by suffix.

`.npz` keeps everything; `.bvh` is for other programs; `.npy` holds the 263 features of HumanML3D (one frame fewer than
the motion, start at the origin); `.gif`, `.png` and `.mp4` are previews and cannot be read back.
"""

import errno
import io
import os
import tempfile
import zipfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np

from moclip.errors import MoclipError
from moclip.motion import Motion
from moclip.rotations import conjugate, continuous, multiply, rotate, slerp
from moclip.skeleton import JOINT_INDEX, JOINT_NAMES, REST_OFFSETS

FEATURES_FPS = 20.0
_BVH_UNITS = 100.0  # centimetres
_BVH_PRECISION = 1e-6
_OWN_SKELETON_METRES = 0.003  # a fitted skeleton this near to the standard one is the standard one
_NPZ_KEYS = ("rotations", "root_translation", "offsets", "fps", "text", "seed")
_READABLE = (".npz", ".bvh", ".npy")
_WRITABLE = (*_READABLE, ".gif", ".png", ".mp4")


def save_motion(motion: Motion, path: str | Path) -> None:
    """Write a motion; the suffix of `path` chooses the format.

    The file appears whole or not at all: it is written beside its place and then renamed. Raises MoclipError for an
    unknown suffix, a folder that does not exist or cannot be written, or a format whose package is missing.
    """
    path = Path(path)
    suffix = check_writable_suffix(path)
    writers = {".npz": _write_npz, ".bvh": _write_bvh, ".npy": _write_features}
    _atomically(path, lambda temporary: writers.get(suffix, _write_preview)(motion, temporary))


def check_writable_suffix(path: str | Path) -> str:
    """The suffix in lower case. Raises MoclipError when no motion can be written in that format."""
    return _check_suffix(Path(path), _WRITABLE, "written")


def load_motion(path: str | Path) -> Motion:
    """Read a motion from `.npz`, `.bvh` (any skeleton that the joint maps know) or `.npy` (263 features at 20 fps).

    Features hold positions; their rotations are solved. Raises MoclipError for a missing, foreign or damaged file.
    """
    path = Path(path)
    suffix = _check_suffix(path, _READABLE, "read")
    if not path.is_file():
        raise MoclipError(f"There is no file '{path}'.", hint="Check the name and the folder.", code="missing_file")
    readers = {".npz": _read_npz, ".bvh": _read_bvh, ".npy": _read_features}
    try:
        return readers[suffix](path)
    except OSError as error:
        raise MoclipError(
            f"'{path}' cannot be read: {error.strerror or error}.",
            hint="Check its permissions.",
            code="unreadable_file",
        ) from error


def _check_suffix(path: Path, known: tuple[str, ...], done: str) -> str:
    suffix = path.suffix.lower()
    if suffix not in known:
        shown = f"A motion cannot be {done} as '{suffix}'." if suffix else f"'{path.name}' has no suffix."
        raise MoclipError(shown, hint=f"Use one of {', '.join(known)}.", code="bad_suffix")
    return suffix


def _atomically(path: Path, write: Callable[[Path], None]) -> None:
    """Let `write` fill a temporary file in the same folder, then give it its name."""
    if path.is_dir():
        raise MoclipError(f"'{path}' is a folder.", hint="Give the name of a file.", code="unwritable_file")
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.stem}-", suffix=path.suffix, dir=path.parent)
    except OSError as error:
        raise _unwritable(path, error) from error
    os.close(handle)
    temporary = Path(name)
    try:
        write(temporary)
        # mkstemp makes files that only their owner can read; give the rights that a plain open() would.
        mask = os.umask(0)
        os.umask(mask)
        temporary.chmod(0o666 & ~mask)
        os.replace(temporary, path)
    except OSError as error:
        raise _unwritable(path, error) from error
    finally:
        with suppress(FileNotFoundError):
            temporary.unlink()


def _unwritable(path: Path, error: OSError) -> MoclipError:
    full = error.errno in (errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC))
    hint = "Choose a folder that exists and that you may write to."
    return MoclipError(
        f"'{path}' cannot be written: {error.strerror or error}.",
        hint="Free some space, or choose another disk." if full else hint,
        code="unwritable_file",
    )


def _damaged(path: Path, why: str) -> MoclipError:
    return MoclipError(f"'{path}' does not hold a motion: {why}.", hint="Write it again.", code="damaged_file")


# -- npz: everything ---------------------------------------------------------------------------------------------------


def _write_npz(motion: Motion, path: Path) -> None:
    # By way of memory: on a full disk, a zip file that is being written complains once more when it is forgotten.
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        rotations=motion.rotations, root_translation=motion.root_translation, offsets=motion.offsets,
        joints=motion.joints(), fps=np.float64(motion.fps), text=np.str_(motion.text), seed=np.int64(motion.seed),
    )  # fmt: skip
    path.write_bytes(buffer.getbuffer())


def _read_npz(path: Path) -> Motion:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            fields = {name: arrays[name] for name in _NPZ_KEYS}
    except KeyError as error:
        raise _damaged(path, str(error).strip("'\"")) from error
    except (zipfile.BadZipFile, ValueError, EOFError, AttributeError) as error:
        raise _damaged(path, "it is damaged or not an .npz file") from error
    return _motion(path, **fields)


def _motion(path: Path, *, fps: np.ndarray, text: np.ndarray, seed: np.ndarray, **arrays: np.ndarray) -> Motion:
    try:
        return Motion(fps=float(fps), text=str(text), seed=int(seed), **arrays)
    except (ValueError, TypeError) as error:
        raise _damaged(path, str(error)) from error


# -- bvh, features, previews -------------------------------------------------------------------------------------------


def _write_bvh(motion: Motion, path: Path) -> None:
    from moclip.data.bvh import write_bvh

    write_bvh(motion, path)


def _read_bvh(path: Path) -> Motion:
    from moclip.data.bvh import BVH_NAMES, own_feet, read_bvh
    from moclip.data.retarget import load_bvh_motion

    bvh = read_bvh(path)
    names = [BVH_NAMES[joint] for joint in JOINT_NAMES]
    if set(bvh.names) != set(names):
        return load_bvh_motion(path)
    # Our own file: its rotations are ours, it need not be retargeted, resampled or put on the floor.
    order = [bvh.names.index(name) for name in names]
    offsets, rotations = bvh.offsets[order] / _BVH_UNITS, bvh.rotations[:, order]
    offsets[0] = 0
    feet = own_feet(bvh) or {}
    for side in ("left", "right") if feet else ():
        ankle, toe = JOINT_INDEX[f"{side}_ankle"], JOINT_INDEX[f"{side}_foot"]
        offsets[toe] = rotate(conjugate(feet[f"{side}_ankle"]), offsets[toe])
        rotations[:, ankle] = multiply(rotations[:, ankle], feet[f"{side}_ankle"])
        turned = multiply(conjugate(feet[f"{side}_ankle"]), rotations[:, toe])
        rotations[:, toe] = multiply(turned, feet[f"{side}_foot"])
    if np.abs(offsets - REST_OFFSETS).max() < _BVH_PRECISION:
        offsets = REST_OFFSETS
    return Motion(bvh.fps, continuous(rotations), bvh.positions[:, order[0]] / _BVH_UNITS, offsets)


def _write_features(motion: Motion, path: Path) -> None:
    from moclip.features import motion_to_features

    motion = at_rate(motion, FEATURES_FPS)
    if motion.frames < 2:
        raise MoclipError("Features need at least two frames.", hint="Save a longer motion.", code="too_short")
    # By way of memory, too: numpy says of a full disk how many numbers were written, not why.
    buffer = io.BytesIO()
    np.save(buffer, motion_to_features(motion).astype(np.float32))
    path.write_bytes(buffer.getbuffer())


def at_rate(motion: Motion, fps: float) -> Motion:
    """The motion sampled at another rate; a motion of that rate is returned as it is."""
    if abs(motion.fps - fps) < 1e-3:
        return motion
    count = int((motion.frames - 1) / motion.fps * fps + 1e-6) + 1
    times = np.minimum(np.arange(count) * motion.fps / fps, motion.frames - 1)
    before = np.minimum(times.astype(int), max(motion.frames - 2, 0))
    after, share = np.minimum(before + 1, motion.frames - 1), times - before
    turned = slerp(motion.rotations[before], motion.rotations[after], share[:, None])
    root = motion.root_translation
    moved = root[before] + (root[after] - root[before]) * share[:, None]
    return replace(motion, fps=fps, rotations=turned, root_translation=moved)


def _read_features(path: Path) -> Motion:
    from moclip.features import features_to_joints
    from moclip.solver import fit_offsets, solve_rotations

    try:
        features = np.load(path, allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise _damaged(path, "it is damaged or not an .npy file") from error
    if features.ndim != 2 or features.shape[1] != 263 or len(features) == 0 or features.dtype.kind != "f":
        raise _damaged(path, f"it has shape {features.shape}, not (frames, 263)")
    if not np.isfinite(features).all():
        raise _damaged(path, "some of its numbers are not finite")
    joints = features_to_joints(features)
    offsets = fit_offsets(joints)
    if np.abs(offsets - REST_OFFSETS).max() < _OWN_SKELETON_METRES:
        offsets = REST_OFFSETS
    return solve_rotations(joints, offsets=offsets, fps=FEATURES_FPS)


def _write_preview(motion: Motion, path: Path) -> None:
    from moclip.preview import save_preview

    save_preview(motion, path)
