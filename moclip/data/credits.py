# SPDX-License-Identifier: Apache-2.0
"""Where recordings come from, and what may be done with what is made of them.

Who made a recording and under which licence is stated: by an index beside the files, or by the user in a credits file.
The name of a file says nothing.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from moclip.errors import MoclipError

SHIPPED = Path(__file__).parent / "recordings.toml"
"""Credits of the collections that the models of this project are trained on, by the names of their folders."""
_NOT_FOR_SALE = re.compile(r"\bNC\b|non-?commercial|research only|no commercial", re.I)
_FOR_SALE = re.compile(
    r"\b(CC0|CC[ -]BY|public domain|MIT|Apache|BSD|Unlicense|ISC|free for all uses|CMU free use)\b", re.I
)


class Credit(NamedTuple):
    """A source of recordings; permissive: what is made of them may be sold. by: whom to thank. keyframed: made by hand,
    not recorded."""

    title: str
    licence: str
    permissive: bool = True
    by: str = ""
    keyframed: bool = False

    @property
    def told(self) -> str:
        """Licence and whom to thank in one line."""
        return f"{self.licence}. {self.by}" if self.by else self.licence


def allows_sale(licence: str) -> bool:
    """Whether a licence of this name is known to allow commercial use; a name that is not known does not."""
    return bool(_FOR_SALE.search(licence)) and not _NOT_FOR_SALE.search(licence)


def share_alike(licence: str) -> bool:
    return bool(re.search(r"\bBY-SA\b|share-?alike", licence, re.I))


def credit_from(stated: Mapping[str, Any], fallback: Credit | None = None) -> Credit | None:
    """The credit that fields of an index or of a credits file state, what they leave out from another one.

    stated: title, licence, credit, commercial (yes or no; else by the licence's name), keyframed. None where neither
    names a licence.
    """
    licence = str(stated.get("licence") or stated.get("license") or "").strip()
    if not licence and fallback is None:
        return None
    before = fallback or Credit("", licence)
    licence = before.licence if fallback else licence
    sale = _yes(stated.get("commercial"), before.permissive if fallback else allows_sale(licence))
    title = stated.get("title") or before.title or stated.get("source_repo") or "recordings without a title"
    by = before.by or str(stated.get("credit") or "").strip()
    return Credit(str(title).strip(), licence, sale, by, _yes(stated.get("keyframed"), before.keyframed))


def _yes(value: Any, otherwise: bool) -> bool:
    if value is None or str(value).strip() == "":
        return otherwise
    return str(value).strip().lower() in ("yes", "true", "1")


def read_credits(path: Path) -> dict[str, Credit]:
    """Name of a folder -> credit of all that lies in it. path: a TOML file, or `shipped` for the project's own.

    Raises MoclipError for a file that is not one.
    """
    hint = 'It is TOML: ["folder"] title = "...", licence = "CC0 1.0", credit = "whom to thank".'
    path = SHIPPED if str(path) == "shipped" else path
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise MoclipError(f"The credits {path} cannot be read: {error}.", hint=hint, code="bad_dataset") from error
    found = {}
    for folder, stated in tables.items():
        credit = credit_from(stated) if isinstance(stated, dict) else None
        if credit is None:
            raise MoclipError(f"The credits {path} give no licence for '{folder}'.", hint=hint, code="bad_dataset")
        found[folder] = credit
    return found


def joint_licence(credits: Iterable[Credit | None]) -> str:
    """The licence that all of these allow together for what is made of them; "unknown" where one is not known."""
    known = list(credits)
    if any(credit is None for credit in known):
        return "unknown"
    licences = [credit.licence for credit in known if credit is not None]
    if not all(credit.permissive for credit in known if credit is not None):
        return "CC BY-NC 4.0"
    if any(share_alike(licence) for licence in licences):
        return "CC BY-SA 4.0"
    return "CC BY 4.0"
