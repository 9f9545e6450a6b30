"""What people say for the words of the table of minerals, in English and Chinese.

Each value is a regular expression for a text as `normalise` returns it, without the words around.
"""

from __future__ import annotations

from collections.abc import Mapping

_COLOURS = {
    "white": "whitish|cream|creamy|ivory|milky|snow|米|米色|乳白",
    "grey": "silver|silvery|lead|steel|银|银色",
    "brown": "tan|beige|rust|rusty|chocolate|coffee|bronze|棕|棕色|咖啡色|咖啡",
    "red": "reddish|crimson|scarlet|ruby",
    "pink": "rose|rosy|salmon|magenta|粉|粉色",
    "purple": "violet|lilac|lavender|mauve|purplish|紫罗兰",
    "orange": "橘|橘色",
    "green": "olive|lime|emerald|翠",
    "blue": "blue?ish|azure|turquoise|cyan|青|青色|天蓝",
    "yellow": "gold|golden|brassy|brass|honey|金|金色",
}
_GLOWS = {
    **_COLOURS,
    "none": "no|not|non-?|inert|dark|dead|no reaction|nothing|无|没有|不|不亮|无反应|没有反应",
}
SYNONYMS: Mapping[str, Mapping[str, str]] = {
    # A streak is hardly ever pink or purple, so the list has no such word, and red is the nearest.
    # Minerals harder than the porcelain leave a white powder.
    "streak": {
        **{word: said for word, said in _COLOURS.items() if word not in ("pink", "purple")},
        "white": f"no|none|colou?rless|clear|{_COLOURS['white']}|无|没有|无色",
        "red": f"{_COLOURS['red']}|pink|purpl(?:e|ish)|紫|紫色|{_COLOURS['pink']}"
        f"|{_COLOURS['purple']}",
    },
    "lustre": {
        "vitreous": "glassy",
        "earthy": "dull|无光泽?",
        "submetallic": "semi-?metallic",
        "greasy": "oily",
    },
    "colours": {**_COLOURS, "colourless": "colorless|clear|transparent|water-?clear|透明"},
    "transparency": {
        "transparent": "clear|see-?through|glass-?clear|water-?clear|清澈|完全透明",
        "translucent": "semi-?transparent|semi-?translucent|subtranslucent|lets light through"
        "|milky|cloudy|透光|微透明|亚透明",
        "opaque": "not (?:transparent|translucent)|lets no light through|no light|non-?transparent"
        "|不透光",
    },
    "habit": {
        "prismatic": "prisms?",
        "columnar": "columns?|pillars?",
        "tabular": "tables?|tablets?|slabs?",
        "bladed": "blades?|blade-?like|knife-?like|刀片",
        "platy": "plates?|flak(?:es?|y)|scal(?:es|y)|鳞片|薄片",
        "foliated": "leaf-?like|leafy|leaves|lamellar|sheets?|sheet-?like|页片",
        "micaceous": "mica-?like|mica|books?|云母",
        "acicular": "needles?|needle-?like|针形",
        "fibrous": "fibers?|fibres?|asbestiform|纤维",
        "hair-like": "hairs?|hairy|filiform|capillary|发",
        "radiating": "radial|radiated|stellate|stars?|starbursts?|sprays?|fans?|放射",
        "cubic": "cubes?|立方|正方体",
        "octahedral": "octahedr(?:a|ons?)",
        "dodecahedral": "dodecahedr(?:a|ons?)",
        "rhombohedral": "rhomb(?:s|ohedra|ohedrons?)",
        "pyramidal": "pyramids?|金字塔",
        "bipyramidal": "bipyramids?|dipyramid(?:s|al)",
        "skeletal": "hoppers?|skeletons?",
        "dendritic": "dendrites?|tree-?like|branch(?:ing|ed)|fern-?like|arborescent|树枝",
        "wiry": "wires?|wire-?like",
        "botryoidal": "grape-?like|grapes?|bubbly|globular|mammillary|mamillary|葡萄",
        "reniform": "kidney-?(?:like|shaped)?|肾",
        "stalactitic": "stalactites?|icicles?|钟乳石",
        "nodular": "nodules?|结节",
        "concretions": "concretion|concretionary|结核",
        "oolitic": "ooids?|oolites?|pisolitic|鲕",
        "drusy": "druses?|druzy|晶簇",
        "crusts": "crust|crusty|coatings?|encrust(?:ing|ations?)|films?|皮壳|薄膜",
        "granular": "grains?|grainy|sugary|saccharoidal|颗粒",
        "earthy": "powder(?:y)?|chalky|clay-?like|粉末",
        "massive": "compact|lumps?|lumpy|no (?:crystals?|habit)|致密|块",
    },
    "fracture": {
        "conchoidal": "shell-?like|shelly|glass-?like|like glass|贝壳",
        "subconchoidal": "sub-conchoidal",
        "even": "flat|smooth|level|平|平整",
        "uneven": "irregular|rough|not even|不平坦|不平整|不规则|参差",
        "hackly": "jagged|sharp|锯齿",
        "splintery": "splinters|like wood|wood-?like|裂片|多片",
        "fibrous": "fibers|fibres|纤维",
        "earthy": "crumbly|chalky|土",
    },
    "tenacity": {
        "brittle": "breaks|shatters|crumbles|fragile|脆|易碎|很脆",
        "tough": "hard to break|not break|not breakable|坚韧|韧|难碎",
        "sectile": "cuts(?: with a knife)?|can be (?:cut|sliced)(?: with a knife)?|cuttable|可切"
        "|可切割|能用刀切",
        "malleable": "flattens|can be (?:hammered|flattened|beaten)(?: flat| thin)?|可锤展|可锻|展",
        "ductile": "can be drawn(?: into (?:a )?wires?)?|延|可拉丝",
        "flexible": "bends|bendable|can be bent|bends and stays(?: bent)?|inelastic|挠|可弯曲"
        "|弯曲后不恢复",
        "elastic": "bends and springs? back|springs back|springy|flexible and elastic|弹|能弹回"
        "|弯曲后弹回",
    },
    "fluorescence_long": _GLOWS,
    "fluorescence_short": _GLOWS,
}  # fmt: skip
