"""Parses clauses about what scratches what into a bound of the hardness."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

Bound = tuple[float | None, float | None]  # lowest and highest value; None where there is none


class Tool(NamedTuple):
    """A scratch tool: the Mohs hardness of its softest and hardest kinds, and its names."""

    softest: float
    hardest: float
    names: str


# Tools that one holds, so that `a knife scratches` means: the specimen.
HAND_TOOLS = (
    Tool(2.5, 2.5, "finger ?nails?|指甲"),
    Tool(3.5, 3.5, "copper(?: coins?)?|coins?|penny|pennies|铜币|铜钱|硬币|铜"),
    Tool(4.5, 4.5, "iron nail|铁钉"),
    Tool(5.5, 5.5, "(?:steel |pocket ?|pen ?)?knife(?: blade)?|小刀|钢?刀片?"),
    Tool(5.5, 6.5, "(?:steel )?needle|steel nail|钢针|钢钉"),
    Tool(6.5, 6.5, "(?:steel |metal )?file|钢?锉刀?"),
)
# Tools that one scratches with the specimen, and minerals of the Mohs scale.
TARGETS = (
    Tool(5.5, 5.5, "(?:window )?glass(?: plate)?|(?:窗户?)?玻璃[板片]?"),
    Tool(5.5, 6.5, "steel|钢[板片铁]?"),
    Tool(6.5, 6.5, "streak ?plate|(?:unglazed )?porcelain|条痕板|素?瓷板"),
    Tool(1.0, 1.0, "talc|滑石"),
    Tool(2.0, 2.0, "gypsum|石膏"),
    Tool(3.0, 3.0, "calcite|方解石"),
    Tool(4.0, 4.0, "fluorite|萤石"),
    Tool(5.0, 5.0, "apatite|磷灰石"),
    Tool(6.0, 6.0, "orthoclase|feldspar|正?长石"),
    Tool(7.0, 7.0, "quartz|石英|水晶"),
    Tool(8.0, 8.0, "topaz|黄玉|托帕石"),
    Tool(9.0, 9.0, "corundum|刚玉"),
    Tool(10.0, 10.0, "diamond|金刚石|钻石"),
)
TOOLS = (*HAND_TOOLS, *TARGETS)


def _names(tools: Sequence[Tool]) -> str:
    names = "|".join(tool.names for tool in tools)
    return f"(?:(?:an?|the|my) )?(?:piece of )?(?P<tool>{names})"


_TOOL, _HAND_TOOL, _TARGET = _names(TOOLS), _names(HAND_TOOLS), _names(TARGETS)
_IT = "(?:it|(?:the |my )?(?:specimen|mineral|sample|stone))"
_CAN = "(?:(?:can|could|will|would|does|did|is) )?"
_BE = "(?:(?:is|was|gets|can|could|will|would) )?"
_NO, _NO_MORE = "(?P<no>not )?", "(?P<no>not |no |不)?"
_ZH_IT = "(?:它|标本|样品|矿物)"
_MAY = "(?P<no>不|没有?|未|无法)?(?:能够?|可以?|会)?"
_CUT = "(?:刻划|划|刻)(?:得?(?:伤|动|破|出划?痕迹?)|(?P<cannot>不(?:伤|动|破|了|出划?痕迹?)))?"
_HARDER = (  # the specimen scratches the tool
    f"(?:{_IT} )?{_CAN}{_NO}(?:able to )?scratch(?:es)? {_TOOL}",
    f"{_IT} scratched {_TOOL}",
    f"{_TOOL} {_BE}{_NO}(?:be )?scratched by {_IT}",
    f"{_TARGET} (?:(?:is|was|gets|can be) |(?P<no>not )(?:be )?)scratched",
    f"(?:{_IT} )?(?:is )?{_NO_MORE}> ?{_TOOL}",
    f"{_ZH_IT}?{_MAY}{_CUT}{_TOOL}",
    f"{_ZH_IT}?{_MAY}在{_TOOL}上{_CUT}",
    f"{_TARGET}{_MAY}被{_ZH_IT}?{_CUT}",
    f"(?P<no>不)?比{_TOOL}(?:更|还)?[硬大高]",
)
_SOFTER = (  # the tool scratches the specimen
    f"(?:{_IT} )?{_BE}{_NO}(?:be )?scratch(?:ed|able) (?:by|with|using) {_TOOL}",
    f"{_TOOL} {_CAN}{_NO}(?:able to )?scratch(?:es|ed)? {_IT}",
    f"{_HAND_TOOL} {_CAN}{_NO}scratch(?:es)?",
    f"(?:{_IT} )?(?:is )?{_NO_MORE}< ?{_TOOL}",
    f"{_ZH_IT}?{_MAY}[被用]{_TOOL}{_CUT}",
    f"用{_TOOL}{_MAY}{_CUT}{_ZH_IT}?",
    f"{_HAND_TOOL}{_MAY}{_CUT}",
    f"{_TOOL}{_MAY}{_CUT}{_ZH_IT}",
    f"(?P<no>不)?比{_TOOL}(?:更|还)?[软小低]",
    f"没有?{_TOOL}硬",
)
PATTERNS = tuple(
    (re.compile(pattern), is_active)
    for patterns, is_active in ((_HARDER, True), (_SOFTER, False))
    for pattern in patterns
)
CONTINUATION = re.compile(f"{_NO}(?P<by>(?:by|with) )?{_TOOL}")
EASILY = re.compile(r"\b(?:easily|readily)\b|(?:很|非常)?(?:容易|轻易|轻松|易)地?")
NEGATION = re.compile(r"\bnot\b|[不没未无]")


class Scratch(NamedTuple):
    """A scratch test.

    Attributes:
        tool: What the specimen was tested with.
        is_active: Whether the specimen was to scratch the tool, and not the tool the specimen.
        is_negated: Whether there was no scratch.
    """

    tool: Tool
    is_active: bool
    is_negated: bool

    def bound(self) -> Bound:
        """Return the bound of the hardness, the weaker one if kinds of the tool differ."""
        is_harder = self.is_active != self.is_negated
        return (self.tool.softest, None) if is_harder else (None, self.tool.hardest)


def parse_scratch(clause: str) -> Scratch | None:
    """Parse a clause as `normalise` returns it, such as `not scratch glass` or `被小刀划动`.

    Returns:
        None if the clause is not about scratching, or negates twice.
    """
    if not NEGATION.search(clause):  # "not easily" says neither yes nor no
        clause = " ".join(EASILY.sub("", clause).split())
    for pattern, is_active in PATTERNS:
        if match := pattern.fullmatch(clause):
            groups = match.groupdict()
            negations = [name for name in ("no", "cannot") if groups.get(name)]
            if len(negations) == 2:
                return None
            return Scratch(_find_tool(groups["tool"]), is_active, bool(negations))
    return None


def continue_scratch(clause: str, previous: Scratch, after_but: bool) -> Scratch | None:
    """Parse a clause without a verb that continues another one, as in `not glass`, `by a knife`.

    Args:
        clause: The clause, as `normalise` returns it.
        previous: The clause before it.
        after_but: Whether the clauses are joined by `but`, which turns `not by a fingernail but
            by a knife` into its opposite.
    """
    match = CONTINUATION.fullmatch(clause)
    if match is None or (match["by"] and previous.is_active):
        return None
    if match["no"]:
        is_negated = True
    elif after_but and not previous.is_negated:
        return None
    else:
        is_negated = previous.is_negated and not after_but
    return Scratch(_find_tool(match["tool"]), previous.is_active, is_negated)


def _find_tool(name: str) -> Tool:
    return next(tool for tool in TOOLS if re.fullmatch(tool.names, name))
