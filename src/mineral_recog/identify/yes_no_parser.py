"""Parses what a user types about a magnet or acid: `yes`, `weak`, `does not fizz`, `微弱起泡`."""

from __future__ import annotations

import re

YES = ("yes", "y", "true", "是", "有", "对")
NO = ("no", "n", "not", "none", "false", "否", "无", "不", "没有", "不是")
_STRENGTH = (
    "(?:(?:very|only|a) )?(?:slight(?:ly)?|weak(?:ly)?|faint(?:ly)?|mild(?:ly)?|little|bit"
    "|somewhat|moderate(?:ly)?|strong(?:ly)?|vigorous(?:ly)?|violent(?:ly)?|slow(?:ly)?|gent(?:le|ly))"
)
_ZH_STRENGTH = (
    "(?:很|较|比较|非常)?"
    "(?:微弱|弱|轻微|稍微?|略微?|有点|有一点|强烈|强|剧烈|猛烈|缓慢|少量)(?:地|的)?"
)
WEAK = re.compile("slight|weak|faint|mild|little|bit|somewhat|弱|轻微|稍|略|有点|有一点|少量")
# A magnet that must be strong means that the mineral is weak.
STRONG_MAGNET = re.compile(
    r"(?:(?:it|is|yes|attracted|drawn|moved|but|only|just|by|to|with|an?)(?: |, ))*"
    r"(?:strong|neodymium|rare[ -]?earth) magnets?(?: only| attracts? it| draws? it)?"
    "|[只仅]?有?[能会]?被?(?:强力?磁铁|钕磁铁|钕铁硼磁铁)才?[能会]?(?:吸(?:引|得?住|得?动))?它?"
)
_FACTS = {
    "magnetic": "magnetic|magnetism|attract(?:s|ed|ion)?|sticks?",
    "acid": "fizz(?:es|ing)?|bubbl(?:es?|ing)|effervesc(?:es?|ing|ent|ence)|reacts?|reaction",
}
_ZH_FACTS = {
    "magnetic": "磁性|吸(?:引|得?住|附|力|得?动)?",
    "acid": "[起冒]?气?泡|发泡|反应",
}
_AGENTS = {"magnetic": "(?:被?磁铁|磁石)", "acid": "(?:[遇滴加与和](?:冷|稀)*盐?酸(?:后|时)?)"}
_SUBJECT = "(?:(?:it|the specimen|an? magnet|magnet|is|does|will) )*"
_FILLER = "(?: (?:it|by|to|in|with|the|an?|my|hand|cold|dilute|hydrochloric|hcl|acid|magnet))*"


def _patterns(test: str) -> tuple[re.Pattern[str], ...]:
    """Return the patterns of English and Chinese texts about a test."""
    agent = _AGENTS[test]
    return (
        re.compile(
            rf"{_SUBJECT}(?P<no>(?:not|no|non|without)[ -]?(?:be )?)?(?P<strength>{_STRENGTH} )?"
            rf"(?:{_FACTS[test]})(?P<strength_after> {_STRENGTH})?{_FILLER}"
            "(?: (?:when|if) powdered)?"
        ),
        re.compile(
            rf"(?:它|标本)?(?:粉末)?{agent}?(?P<no>不|没有?|无|未)?(?:能够?|可以?|会)?"
            rf"(?:产生|发生|具有?|有|显|冒出)?{agent}?(?P<strength>{_ZH_STRENGTH})?"
            rf"(?:{_ZH_FACTS[test]})(?P<cannot>不(?:住|动|起|上))?它?(?P<strength_after>{_ZH_STRENGTH})?"
        ),
        re.compile(f"{_STRENGTH}|{_ZH_STRENGTH}"),
    )


PATTERNS = {test: _patterns(test) for test in _FACTS}


def parse_yes_no_text(test: str, text: str) -> bool | str | None:
    """Return whether a text as `normalise` returns it means yes.

    A negation of a strength, such as `not strongly magnetic`, is not certain, nor are two
    negations.

    Returns:
        True, False, or "weak"; None if none of them is certain.
    """
    if text in YES + NO:
        return text in YES
    if test == "magnetic" and STRONG_MAGNET.fullmatch(text):
        return "weak"
    for pattern in PATTERNS[test]:
        if match := pattern.fullmatch(text):
            groups = match.groupdict()
            given = {name for name, words in groups.items() if words}
            negations = given & {"no", "cannot"}
            if negations and len(given) > 1:
                return None
            return "weak" if not negations and WEAK.search(text) else not negations
    return None
