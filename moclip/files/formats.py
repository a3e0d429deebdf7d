# SPDX-License-Identifier: Apache-2.0
"""`Motion`s in files, the format by suffix.

`.npz` keeps everything; `.bvh`, `.glb` and `.gltf` are for other programs; `.npy` holds the 263 features of HumanML3D
(one frame fewer than the motion, start at the origin); `.gif`, `.png` and `.mp4` are previews and cannot be read back.
What others keep in such files is read too: see `moclip.files`.
"""

import errno
import io
import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np

from moclip.errors import MoclipError
from moclip.files.arrays import read_npy, read_npz
from moclip.files.foreign import BvhReading, read_any_bvh
from moclip.files.keep import write_values
from moclip.files.reading import Given, Reading
from moclip.files.smpl import Parameters
from moclip.motion.motion import Motion
from moclip.motion.rotations import slerp

FEATURES_FPS = 20.0
_GLTF = (".glb", ".gltf")
_READABLE = (".npz", ".bvh", ".npy", *_GLTF)
_WRITABLE = (*_READABLE, ".gif", ".png", ".mp4")


def save_motion(motion: Motion, path: str | Path) -> None:
    """Write a motion; the suffix of `path` chooses the format.

    The file appears whole or not at all: it is written beside its place and then renamed. Raises MoclipError for an
    unknown suffix, a folder that does not exist or cannot be written, or a format whose package is missing.
    """
    path = Path(path)
    suffix = check_writable_suffix(path)
    writers = {".npz": _write_npz, ".bvh": _write_bvh, ".npy": _write_features}
    writers |= dict.fromkeys(_GLTF, _write_gltf)
    _atomically(path, lambda temporary: writers.get(suffix, _write_preview)(motion, temporary))


def save_features(features: np.ndarray, path: str | Path) -> None:
    """Write rows (T, 263) as they are, whole or not at all."""
    _atomically(Path(path), lambda temporary: _write_array(features, temporary))


def save_values(reading: BvhReading, values: np.ndarray, path: str | Path, fps: float | None = None) -> None:
    """Write channel values (T, channels) as a BVH file with `reading`'s own HIERARCHY, whole or not at all."""
    _atomically(Path(path), lambda temporary: write_values(reading, values, temporary, fps))


def save_parameters(parameters: Parameters, path: str | Path) -> None:
    """Write a motion of an SMPL body as AMASS has it, whole or not at all."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **parameters.arrays())
    _atomically(Path(path), lambda temporary: _write_bytes(temporary, buffer.getvalue()))


def _write_bytes(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def check_writable_suffix(path: str | Path) -> str:
    """The suffix in lower case. Raises MoclipError when no motion can be written in that format."""
    return _check_suffix(Path(path), _WRITABLE, "written")


def load_motion(path: str | Path) -> Motion:
    """Read a motion from `.npz`, `.bvh` (any body; at 20 fps, but for our own files) or `.npy`: see `read_motion`."""
    return read_motion(path, fps=FEATURES_FPS).motion


def read_motion(path: str | Path, given: Given | None = None, fps: float | None = None) -> Reading:
    """The motion in a file, and what of it was odd or guessed.

    given: what the user knows about the file. fps: of BVH files of other skeletons, None is the file's own rate.
    Features and joints hold positions; their rotations are solved. Raises MoclipError for a missing, foreign or damaged
    file.
    """
    path = Path(path)
    suffix = _check_suffix(path, _READABLE, "read")
    if not path.is_file():
        raise MoclipError(f"There is no file '{path}'.", hint="Check the name and the folder.", code="missing_file")
    try:
        if suffix == ".bvh":
            return read_any_bvh(path, given, fps)
        if suffix in _GLTF:
            from moclip.files.gltf import read_gltf

            return read_gltf(path, given, fps)
        return {".npz": read_npz, ".npy": read_npy}[suffix](path, given or Given())
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


# -- bvh, features, previews -------------------------------------------------------------------------------------------


def _write_bvh(motion: Motion, path: Path) -> None:
    from moclip.files.bvh import write_bvh

    write_bvh(motion, path)


def _write_gltf(motion: Motion, path: Path) -> None:
    from moclip.files.gltf_writing import write_gltf

    write_gltf(motion, path)


def _write_features(motion: Motion, path: Path) -> None:
    _write_array(features_of(motion), path)


def _write_array(array: np.ndarray, path: Path) -> None:
    # By way of memory, too: numpy says of a full disk how many numbers were written, not why.
    buffer = io.BytesIO()
    np.save(buffer, array)
    path.write_bytes(buffer.getbuffer())


def features_of(motion: Motion, rotation_channels: str = "humanml3d") -> np.ndarray:
    """(T-1, 263) float32 at 20 fps, as HumanML3D has them; "local" has joints relative to parents in the 6D channels.

    Raises MoclipError for a single frame.
    """
    from moclip.motion.features import motion_to_features

    motion = at_rate(motion, FEATURES_FPS)
    if motion.frames < 2:
        raise MoclipError("Features need at least two frames.", hint="Save a longer motion.", code="too_short")
    return motion_to_features(motion, rotation_channels).astype(np.float32)


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


def _write_preview(motion: Motion, path: Path) -> None:
    from moclip.files.preview import save_preview

    save_preview(motion, path)
