"""Parses clauses about what scratches what into a bound of the hardness."""

from __future__ import annotations

import re
from collections.abc import Mapping

# Mohs hardness of common scratch tools, and the words for them.
SCRATCH_TOOLS: Mapping[float, str] = {
    2.5: "finger ?nail|指甲",
    3.5: "copper(?: coin)?|coin|penny|铜币|铜钱|硬币|铜",
    5.5: "(?:window )?glass|(?:pocket ?|pen ?)?knife|玻璃|小刀|刀",
    6.5: "streak ?plate|(?:unglazed )?porcelain|条痕板|素瓷板|瓷板",
}
_NOT = re.compile(r"\b(?:(?:does|do|is|can|will) ?not|(?:does|do|is|ca|wo)n['’]?t)\b")
_TOOLS = "|".join(
    f"(?P<tool{number}>{words})" for number, words in enumerate(SCRATCH_TOOLS.values())
)
_TOOL = f"(?:(?:an?|the|my) )?(?:{_TOOLS})"
_CUT = "(?:划|刻)(?:伤|动|破|得动|(?P<cannot>不动))?"
_MAY = "(?P<no>不|没|未)?(?:能|可以|可|会)?"
_HARDER = (  # the specimen scratches the tool
    f"(?:it )?(?:can |will )?(?P<no>not )?scratch(?:es)? {_TOOL}",
    f"harder than {_TOOL}",
    f"{_MAY}{_CUT}{_TOOL}",
    f"比{_TOOL}硬",
)
_SOFTER = (  # the tool scratches the specimen
    f"(?:it )?(?:is |can )?(?P<no>not )?(?:be )?scratched (?:by|with) {_TOOL}",
    f"{_TOOL} (?:can |will )?(?P<no>not )?scratch(?:es)?(?: it)?",
    f"softer than {_TOOL}",
    f"{_MAY}被{_TOOL}{_CUT}",
    f"{_TOOL}{_MAY}{_CUT}它?",
    f"比{_TOOL}软",
)
_PATTERNS = tuple(
    (re.compile(pattern), harder)
    for patterns, harder in ((_HARDER, True), (_SOFTER, False))
    for pattern in patterns
)


def parse_scratch(clause: str) -> tuple[float, bool] | None:
    """Parse a clause in lower case, such as `does not scratch glass` or `被小刀划动`.

    Returns:
        The Mohs hardness of the tool, and whether the specimen is harder; None if the clause is
        not about scratching.
    """
    clause = _NOT.sub("not", clause)
    for pattern, harder in _PATTERNS:
        if match := pattern.fullmatch(clause):
            groups = match.groupdict()
            is_negated = bool(groups.get("no") or groups.get("cannot"))
            tool = next(n for n in range(len(SCRATCH_TOOLS)) if groups[f"tool{n}"])
            return list(SCRATCH_TOOLS)[tool], harder != is_negated
    return None
