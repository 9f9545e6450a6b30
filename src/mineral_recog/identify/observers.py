"""How people judge what they see of a specimen: which words they confuse, and how often.

The figures are chosen by judgement, not fitted to photos, except PHOTO_WEIGHT.
"""

from __future__ import annotations

from collections.abc import Mapping

BLUNDER_RATE = 0.05  # one test in twenty is misread, mixed up or done on the wrong spot
# Share of specimens that show none of the words that the table lists for their mineral: lists of
# colours and habits are never complete, and a coating or a trace of a metal can glow. Blunders are
# added to it.
UNLISTED_SHARES: Mapping[str, float] = {
    "colours": 0.1,
    "habit": 0.15,
    "fracture": 0.1,
    "fluorescence_long": 0.05,
    "fluorescence_short": 0.05,
}
# Share of specimens that do not show what their mineral can: fine-grained pieces and whole crystals
# have no cleavage to see, and many specimens of a fluorescent mineral do not glow. The outcome is
# then the first of the list, none.
HIDDEN_SHARES: Mapping[str, float] = {
    "cleavage": 0.2,
    "cleavage_directions": 0.2,
    "fluorescence_long": 0.5,
    "fluorescence_short": 0.5,
}
CONFUSION_RATE = 0.2  # share of people who use a word similar to the true one
# Grades without a sharp limit are confused more often: a thick piece of a transparent mineral is
# translucent, a poor direction of cleavage is overlooked, and platy, foliated and micaceous differ
# by the thickness of the sheets.
CONFUSION_RATES: Mapping[str, float] = {
    "transparency": 0.3,
    "habit": 0.4,
    "cleavage": 0.4,
    "cleavage_directions": 0.4,
    "fracture": 0.4,
}
# The photo shows colour and habit already, so that naming them adds little to it: their likelihoods
# have this exponent. With colours named from the pixels of validation photos of MiNet it has the
# lowest log loss, and 1 a higher one than no colours (benchmarks/photo_weight.py). Not measured
# for habit.
PHOTO_WEIGHT = 0.4
PHOTO_WEIGHTS: Mapping[str, float] = {"colours": PHOTO_WEIGHT, "habit": PHOTO_WEIGHT}

_GLOWS = (
    "white blue", "white yellow", "white green", "grey white", "black purple", "brown orange",
    "red orange", "red pink", "pink orange", "orange yellow", "yellow green", "green blue",
    "blue purple", "colourless white",
)  # fmt: skip
SIMILAR: Mapping[str, tuple[str, ...]] = {
    "streak": (
        "white grey", "grey black", "black brown", "brown red", "brown orange", "brown yellow",
        "red orange", "orange yellow", "yellow green", "green blue",
    ),
    "lustre": (
        "metallic submetallic", "submetallic adamantine", "adamantine vitreous",
        "adamantine resinous", "vitreous resinous", "vitreous greasy", "vitreous pearly",
        "resinous greasy", "greasy waxy", "pearly silky", "waxy earthy",
    ),
    "colours": (
        "colourless white", "white grey", "white yellow", "grey black", "black brown", "brown red",
        "brown orange", "brown yellow", "red pink", "red orange", "red purple", "pink purple",
        "orange yellow", "yellow green", "green blue", "blue purple",
    ),
    "transparency": ("transparent translucent", "translucent opaque"),
    "habit": (
        "prismatic columnar", "prismatic bladed", "prismatic pyramidal", "columnar acicular",
        "acicular fibrous", "acicular hair-like", "acicular radiating", "fibrous hair-like",
        "fibrous radiating", "hair-like wiry", "bladed tabular", "tabular platy", "platy foliated",
        "platy micaceous", "foliated micaceous", "cubic rhombohedral", "cubic octahedral",
        "octahedral bipyramidal", "octahedral dodecahedral", "pyramidal bipyramidal",
        "skeletal dendritic", "dendritic wiry", "botryoidal reniform", "botryoidal stalactitic",
        "botryoidal nodular", "reniform nodular", "nodular concretions", "concretions oolitic",
        "oolitic granular", "drusy crusts", "granular massive", "massive earthy",
    ),
    "cleavage": ("none poor", "poor good", "good perfect"),
    "cleavage_directions": ("0 1", "1 2", "2 3", "3 4", "4 5", "4 6", "5 6", "3 6"),
    "fracture": (
        "conchoidal subconchoidal", "subconchoidal uneven", "uneven even", "uneven hackly",
        "uneven earthy", "hackly splintery", "splintery fibrous",
    ),
    "tenacity": (
        "brittle tough", "sectile malleable", "malleable ductile", "flexible elastic",
        "sectile flexible",
    ),
    "fluorescence_long": _GLOWS,
    "fluorescence_short": _GLOWS,
}  # fmt: skip
# P(outcome | fact) of a test done correctly, for each outcome in the order of OUTCOMES.
REACTIONS: Mapping[str, Mapping[str, tuple[float, ...]]] = {
    # yes, weak, no; only a strong magnet draws a weak mineral, and few people have one
    "magnetic": {"strong": (0.9, 0.1, 0.0), "weak": (0.1, 0.4, 0.5), "none": (0.0, 0.0, 1.0)},
    # yes, no; users may or may not powder or warm the mineral
    "acid": {"fizzes": (1.0, 0.0), "fizzes when powdered": (0.5, 0.5), "none": (0.0, 1.0)},
}
