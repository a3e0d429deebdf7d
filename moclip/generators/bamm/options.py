# SPDX-License-Identifier: Apache-2.0
"""How BAMM samples."""

from dataclasses import dataclass

from moclip.errors import MoclipError
from moclip.generators.momask.sampling import Drawing

RULES = ("alternating", "lowest", "confidence")


@dataclass(frozen=True)
class BammOptions:
    """guidance: of the first pass. second_guidance: of the later ones.

    passes: the first goes from left to right; each further one decides a half of the tokens again, in sight of the
    other half. rule: which half. "alternating" is every other token, which the paper found to be best; "confidence" the
    ones that the last pass was least sure of; "lowest" the first ones, as the released code does where ties break by
    index (it means to take the least sure ones, but their scores are lost). restore: a further pass sees the half that
    it keeps as it is; the released code lets it see what it draws in that half's place, and puts the half back at the
    end, so that what the pass saw need not be what is there. Between given codes they are always seen as they are.
    edit_guidance: of the one pass between given codes; 0 ignores the text, as the released code does by mistake.
    temperature and top_share (share of the codes that may be drawn) are the base layer's; the residual layers have
    their own.
    Raises MoclipError for a rule that there is not, or no pass at all.
    """

    guidance: float = 4.0
    second_guidance: float = 3.0
    edit_guidance: float = 3.0
    passes: int = 2
    rule: str = "alternating"
    restore: bool = True
    temperature: float = 1.0
    top_share: float = 1.0
    residual_guidance: float = 5.0
    residual_temperature: float = 1.0
    residual_top_share: float = 0.1

    def __post_init__(self) -> None:
        if self.rule not in RULES:
            raise MoclipError(
                f"BAMM has no rule '{self.rule}' for what is decided again.",
                hint=f"Use {', '.join(RULES)}.",
                code="bad_options",
            )
        if self.passes < 1:
            raise MoclipError(f"BAMM cannot sample in {self.passes} passes.", hint="Use 1 or 2.", code="bad_options")

    @property
    def residual(self) -> Drawing:
        """How the residual layers are drawn, by MoMask's residual transformer."""
        return Drawing(self.residual_guidance, self.residual_temperature, self.residual_top_share)


OFFICIAL = BammOptions(edit_guidance=0.0, rule="lowest", restore=False)
"""What the released code does."""
