# SPDX-License-Identifier: Apache-2.0
"""Model files of SMPL-H and SMPL-X: finding them, and reading them without running what they say."""

import io
import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from moclip.errors import MoclipError

WHERE = {
    "smplh": "https://mano.is.tue.mpg.de (SMPL-H, extended for AMASS: smplh/neutral/model.npz)",
    "smplx": "https://smpl-x.is.tue.mpg.de (SMPLX_NEUTRAL.npz)",
}
FIELDS = ("v_template", "shapedirs", "J_regressor", "kintree_table")
_NAMES = {
    "smplh": ("smplh/{sex}/model.npz", "{sex}/model.npz", "smplh/SMPLH_{SEX}.npz", "SMPLH_{SEX}.npz",
              "smplh/SMPLH_{SEX}.pkl", "SMPLH_{SEX}.pkl"),
    "smplx": ("smplx/SMPLX_{SEX}.npz", "SMPLX_{SEX}.npz", "smplx/SMPLX_{SEX}.pkl", "SMPLX_{SEX}.pkl"),
}  # fmt: skip
"""As their makers and the package smplx call them."""


def find_model(place: Path, kind: str, gender: str) -> Path:
    """The model file of a kind ("smplh", "smplx") for "male", "female" or "neutral". place: a folder, or the one file.

    Raises MoclipError, naming what is looked for and where to get it, when there is none.
    """
    if place.is_file():
        return place
    names = [name.format(sex=gender, SEX=gender.upper()) for name in _NAMES[kind]]
    for name in names:
        if (place / name).is_file():
            return place / name
    told = {"smplh": "SMPL-H", "smplx": "SMPL-X"}[kind]
    raise MoclipError(
        f"There is no {told} model of a {gender} body in {place} (looked for {', '.join(names)}).",
        hint=f"Get it at {WHERE[kind].split(' (')[0]}, where one has to register, and put it there.",
        code="missing_file",
    )


def read_model(path: Path) -> dict[str, Any]:
    """Its `FIELDS`. Raises MoclipError for a file that is missing, damaged or no model."""
    if not path.is_file():
        raise MoclipError(
            f"There is no body model {path}.", hint=f"Get it at {' or '.join(WHERE.values())}.", code="missing_file"
        )
    try:
        if path.suffix.lower() == ".npz":
            with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
                held: Any = {name: arrays[name] for name in FIELDS}
        else:
            held = _Model(io.BytesIO(path.read_bytes()), encoding="latin1").load()
            held = {name: held[name].dense() if isinstance(held[name], _Held) else held[name] for name in FIELDS}
    except (OSError, ValueError, KeyError, EOFError, TypeError, AttributeError, IndexError, ImportError,
            pickle.UnpicklingError, zipfile.BadZipFile) as error:  # fmt: skip
        raise no_model(path, f"it is damaged or has no {', '.join(FIELDS)}") from error
    return dict(held)


def no_model(path: Path, why: str) -> MoclipError:
    return MoclipError(
        f"The file {path} is no model of SMPL-H or SMPL-X: {why}.",
        hint=f"Get one at {' or '.join(WHERE.values())}.",
        code="bad_body_model",
    )


class _Held:
    """What stands in a model's pickle for an array of chumpy's or a matrix of scipy's: its numbers, and no code."""

    def __init__(self, *given: Any):
        self.given = given

    def __setstate__(self, state: Any) -> None:
        self.__dict__.update(state if isinstance(state, Mapping) else {"state": state})

    def dense(self) -> np.ndarray:
        own = self.__dict__
        if "x" in own:
            return np.asarray(own["x"])
        if {"data", "indices", "indptr"} <= own.keys():
            rows, columns = own.get("_shape") or own["shape"]
            matrix = np.zeros((columns, rows))  # scipy's csc, column by column
            for column in range(columns):
                first, end = own["indptr"][column : column + 2]
                np.add.at(matrix[column], own["indices"][first:end], own["data"][first:end])
            return matrix.T
        raise pickle.UnpicklingError("an array is held in a way that is not known")


class _Model(pickle.Unpickler):
    """Reads the official .pkl files: numpy's arrays, and chumpy's and scipy's as `_Held`; it calls nothing else."""

    _ALLOWED = {
        *((f"numpy.{core}.multiarray", name) for core in ("core", "_core") for name in ("_reconstruct", "scalar")),
        ("numpy", "ndarray"), ("numpy", "dtype"), ("_codecs", "encode"),
    }  # fmt: skip

    def find_class(self, module: str, name: str) -> Any:
        if module.split(".")[0] == "chumpy" or (module.startswith("scipy.sparse") and name == "csc_matrix"):
            return _Held
        if (module, name) not in self._ALLOWED:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}")
        return super().find_class(module.replace("numpy._core", "numpy.core"), name) if name != "scalar" else _scalar


_scalar = np.float64(0).__reduce__()[0]
