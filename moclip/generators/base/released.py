# SPDX-License-Identifier: Apache-2.0
"""Reading checkpoints as authors released them, and what must be right about one before anything is written."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from moclip.errors import MoclipError
from moclip.nn.checkpoint import save_weights
from moclip.nn.networks import Network

HEAD_WIDTH = 64
"""Of attention heads in released networks, where no opt.txt tells their number."""
TABLES = ("position_enc", "clip_model")
"""Of a transformer's state dict: positions, which are computed, and the text tower, which has a file of its own."""


@dataclass(frozen=True)
class Body:
    """What the width of features tells. folder: the data set's name in the authors' folders."""

    folder: str
    joints: int
    fps: float


BODIES = {263: Body("t2m", 22, 20.0), 251: Body("kit", 21, 12.5)}
"""Of HumanML3D and KIT-ML."""


def refusal(message: str, hint: str) -> MoclipError:
    return MoclipError(message, hint=hint, code="bad_checkpoint")


def _numpy_scalars() -> list[Any]:
    """What torch must know to read the numpy numbers that trainers keep beside tensors, by the names of numpy 1 and 2.

    They are data: nothing of them runs.
    """
    scalar = np.float64(0).__reduce__()[0]
    kinds = [np.dtype(kind).__class__ for kind in ("f8", "f4", "f2", "i8", "i4", "i2", "i1", "u1", "?")]
    names = [(scalar, f"numpy.{core}.multiarray.scalar") for core in ("core", "_core")]
    return [*names, np.dtype, *{kind for kind in kinds if kind is not np.dtype}]


def read_entries(path: Path) -> Mapping[str, Any]:
    """Everything in a checkpoint. Raises MoclipError for a file that is damaged, unsafe or no table of entries."""
    if not path.is_file():
        raise refusal(f"There is no file {path}.", "Check the path.")
    try:
        with torch.serialization.safe_globals(_numpy_scalars()):
            content: Any = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # noqa: BLE001 (torch raises many kinds for a damaged or unsafe file)
        raise refusal(f"The checkpoint {path} is damaged or holds more than tensors.", "Download it again.") from error
    if not isinstance(content, Mapping):
        raise refusal(f"The checkpoint {path} is a {_kind(content)}, not a table of entries.", "Download it again.")
    return content


def read_state(path: Path, entries: Sequence[str], whose: str) -> dict[str, Tensor]:
    """The state dict in the first of these entries that a checkpoint has. Raises MoclipError for other files."""
    content = read_entries(path)
    for entry in entries:
        if entry in content:
            return state_of(content[entry], path, entry)
    raise refusal(f"The checkpoint {path} has no entry {' or '.join(entries)}.", f"Is it {whose}?")


def state_of(value: Any, path: Path, entry: str) -> dict[str, Tensor]:
    """A state dict, checked to be one. Raises MoclipError."""
    if not isinstance(value, Mapping):
        raise refusal(f"The entry {entry} of {path} is a {_kind(value)}, not a table of tensors.", "Download it again.")
    for name, tensor in value.items():
        if not isinstance(name, str) or not isinstance(tensor, Tensor):
            raise refusal(f"{name} in the entry {entry} of {path} is no tensor.", "Download it again.")
        if tensor.is_floating_point() and not torch.isfinite(tensor).all():
            raise refusal(f"The tensor {name} of {path} holds numbers that are not finite.", "Download it again.")
    return {name.removeprefix("module."): tensor for name, tensor in value.items()}


def without_tables(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor for name, tensor in state.items() if not name.startswith(TABLES)}


def read_array(path: Path) -> np.ndarray:
    """Numbers of a .npy file. Raises MoclipError for one that is damaged or holds something else."""
    try:
        array = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise refusal(f"The file {path} is no array of numbers.", "Copy it again.") from error
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "fiu":
        raise refusal(f"The file {path} is no array of numbers.", "Copy it again.")
    return array


def read_moments(mean: Path, std: Path, features: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Mean and std (F,) float32 by which a network's features were normalised.

    features: how many it reads. Raises MoclipError for files that are damaged, of another width, or hold a std of 0 or
    a number that is not finite.
    """
    arrays = []
    for path in (mean, std):
        array = read_array(path)
        if array.ndim != 1 or not np.isfinite(array).all():
            why = "numbers that are not finite" if array.ndim == 1 else f"an array of shape {array.shape}"
            raise refusal(f"The file {path} holds {why}; a number for each feature belongs there.", "Copy it again.")
        if len(array) != (features or len(array)):
            raise refusal(
                f"The file {path} has {len(array)} features, and the network reads {features}.",
                "Copy the meta folder that belongs to the network.",
            )
        arrays.append(array.astype(np.float32))
    if len(arrays[0]) != len(arrays[1]):
        raise refusal(f"{mean} has {len(arrays[0])} features and {std} has {len(arrays[1])}.", "Copy both again.")
    if not (arrays[1] > 0).all():
        feature = int(np.argmax(arrays[1] <= 0))
        raise refusal(
            f"The std of feature {feature} in {std} is {arrays[1][feature]:g}, not above 0.", "Copy it again."
        )
    return arrays[0], arrays[1]


def body_of(features: int) -> Body:
    """Raises MoclipError for features that are neither HumanML3D's nor KIT-ML's."""
    if features not in BODIES:
        raise refusal(
            f"This checkpoint has {features} features; those of HumanML3D (263) and of KIT-ML (251) can be imported.",
            "Use the checkpoints of one of the two.",
        )
    return BODIES[features]


def read_options(run: Path) -> dict[str, Any]:
    """What a run's opt.txt says; nothing where there is none. Lines are "key: value", as the authors write them."""
    path = run / "opt.txt"
    if not path.is_file():
        return {}
    found: dict[str, Any] = {}
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        name, colon, value = line.partition(":")
        if colon and re.fullmatch(r"\w+", name.strip()):
            found[name.strip()] = _option(value.strip())
    return found


def _option(text: str) -> Any:
    if text in ("True", "False"):
        return text == "True"
    if re.fullmatch(r"[-+]?\d+", text):
        return int(text)
    if re.fullmatch(r"[-+]?(\d+\.\d*|\.\d+|\d+)([eE][-+]?\d+)?", text):
        return float(text)
    return None if text in ("None", "") else text


def count_option(options: Mapping[str, Any], name: str, default: int, run: Path) -> int:
    """A whole number above 0. Raises MoclipError for what is none."""
    value = options.get(name, default)
    if type(value) is not int or value < 1:
        raise refusal(f"The {name} in {run / 'opt.txt'} is {value!r}, not a whole number above 0.", "Copy it again.")
    return value


def heads_of(options: Mapping[str, Any], width: int, run: Path) -> int:
    """Of attention, which no tensor tells. Raises MoclipError for a number that does not divide the width."""
    heads = count_option(options, "n_heads", max(1, width // HEAD_WIDTH), run)
    if width % heads:
        raise refusal(
            f"A width of {width} does not divide among the {heads} heads of {run / 'opt.txt'}.", "Copy it again."
        )
    return heads


def check_fits(network: type[Network], config: Any, state: Mapping[str, Tensor], where: Path) -> None:
    """Raises MoclipError unless the tensors are all that a network of these sizes has. where: their file."""
    with torch.device("meta"):
        made = network(config)
    own = made.state_dict()
    for name, tensor in own.items():
        if name not in state:
            raise refusal(f"The checkpoint {where} lacks the tensor {name}.", "Download it again.")
        if state[name].shape != tensor.shape:
            shapes = f"{tuple(state[name].shape)}, not {tuple(tensor.shape)}"
            raise refusal(f"The tensor {name} of {where} has the shape {shapes}.", "Download it again.")
    foreign = sorted(set(state) - set(own))
    if foreign:
        raise refusal(
            f"The checkpoint {where} has the tensor {foreign[0]}, which a network of its kind does not have.",
            "It may come from a variant that cannot be imported.",
        )


save_exactly = partial(save_weights, kept="float32")
"""Released weights are kept as exactly as they come."""


def count_parts(keys: Iterable[str], prefix: str, position: int) -> int:
    """How many different words stand at this place of the dotted names that begin with `prefix`."""
    return len({key.split(".")[position] for key in keys if key.startswith(prefix)})


def sized(state: Mapping[str, Tensor], name: str, rank: int, where: Path) -> tuple[int, ...]:
    """Shape of a tensor that sizes are read from. Raises MoclipError where it is missing or of another rank."""
    tensor = state.get(name)
    if tensor is None:
        raise refusal(f"The checkpoint {where} lacks the tensor {name}.", "Is it the right file?")
    if tensor.ndim != rank:
        raise refusal(f"The tensor {name} of {where} has the shape {tuple(tensor.shape)}.", "Is it the right file?")
    return tuple(tensor.shape)


def _kind(value: Any) -> str:
    return "tensor" if isinstance(value, Tensor) else type(value).__name__
