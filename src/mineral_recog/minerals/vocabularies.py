"""The words that the table of minerals may contain, in English and Chinese."""

from __future__ import annotations

from collections.abc import Mapping

_COLOURS = {
    "colourless": "无色",
    "white": "白色",
    "grey": "灰色",
    "black": "黑色",
    "brown": "褐色",
    "red": "红色",
    "pink": "粉红色",
    "orange": "橙色",
    "yellow": "黄色",
    "green": "绿色",
    "blue": "蓝色",
    "purple": "紫色",
}
_FLUORESCENCE = {"none": "无荧光", **_COLOURS}  # as people see it, whatever the intensity

# The words of each column, in English and Chinese.
VOCABULARIES: Mapping[str, Mapping[str, str]] = {
    "group": {
        "element": "自然元素",
        "sulfide": "硫化物",
        "sulfosalt": "硫盐",
        "oxide": "氧化物",
        "hydroxide": "氢氧化物",
        "halide": "卤化物",
        "carbonate": "碳酸盐",
        "borate": "硼酸盐",
        "sulfate": "硫酸盐",
        "chromate": "铬酸盐",
        "molybdate": "钼酸盐",
        "tungstate": "钨酸盐",
        "phosphate": "磷酸盐",
        "arsenate": "砷酸盐",
        "vanadate": "钒酸盐",
        "silicate": "硅酸盐",
        "organic": "有机矿物",
    },
    "ima_status": {  # of the International Mineralogical Association
        "approved": "已批准",
        "grandfathered": "沿用",  # described before 1959 and accepted since
        "discredited": "已废除",
        "group": "族",
        "series": "系列",
        "variety": "变种",
        "mineraloid": "准矿物",
        "rock": "岩石",
        "trade name": "商品名",
    },
    "rank": {  # place in the taxonomy, see `taxonomy`; a rock has that of a species
        "group": "族",
        "series": "系列",
        "species": "种",
        "variety": "变种",
    },
    "system": {
        "cubic": "等轴晶系",
        "tetragonal": "四方晶系",
        "hexagonal": "六方晶系",
        "trigonal": "三方晶系",
        "orthorhombic": "斜方晶系",
        "monoclinic": "单斜晶系",
        "triclinic": "三斜晶系",
        "amorphous": "非晶质",
    },
    "habit": {
        "prismatic": "柱状",
        "columnar": "长柱状",
        "tabular": "板状",
        "bladed": "刃片状",
        "platy": "片状",
        "foliated": "叶片状",
        "micaceous": "云母片状",
        "acicular": "针状",
        "fibrous": "纤维状",
        "hair-like": "毛发状",
        "radiating": "放射状",
        "cubic": "立方体",
        "octahedral": "八面体",
        "dodecahedral": "十二面体",
        "rhombohedral": "菱面体",
        "pyramidal": "锥状",
        "bipyramidal": "双锥状",
        "skeletal": "骸晶状",
        "dendritic": "树枝状",
        "wiry": "丝状",
        "botryoidal": "葡萄状",
        "reniform": "肾状",
        "stalactitic": "钟乳状",
        "nodular": "瘤状",
        "concretions": "结核状",
        "oolitic": "鲕状",
        "drusy": "晶簇状",
        "crusts": "皮壳状",
        "granular": "粒状",
        "earthy": "土状",
        "massive": "块状",
    },
    "streak": {  # a colourless streak counts as white
        "white": "白色",
        "grey": "灰色",
        "black": "黑色",
        "brown": "褐色",
        "red": "红色",
        "orange": "橙色",
        "yellow": "黄色",
        "green": "绿色",
        "blue": "蓝色",
    },
    "lustre": {
        "metallic": "金属光泽",
        "submetallic": "半金属光泽",
        "adamantine": "金刚光泽",
        "vitreous": "玻璃光泽",
        "resinous": "树脂光泽",
        "greasy": "油脂光泽",
        "waxy": "蜡状光泽",
        "pearly": "珍珠光泽",
        "silky": "丝绢光泽",
        "earthy": "土状光泽",
    },
    "transparency": {"transparent": "透明", "translucent": "半透明", "opaque": "不透明"},
    "cleavage": {  # of the best direction; "distinct" cleavage counts as good
        "none": "无解理",
        "poor": "不完全解理",
        "good": "中等解理",
        "perfect": "完全解理",
    },
    "colours": _COLOURS,
    "fracture": {
        "conchoidal": "贝壳状断口",
        "subconchoidal": "次贝壳状断口",
        "even": "平坦断口",
        "uneven": "参差状断口",
        "hackly": "锯齿状断口",
        "splintery": "裂片状断口",
        "fibrous": "纤维状断口",
        "earthy": "土状断口",
    },
    "tenacity": {
        "brittle": "脆性",
        "tough": "韧性",
        "sectile": "可切性",
        "malleable": "展性",
        "ductile": "延性",
        "flexible": "挠性",
        "elastic": "弹性",
    },
    "magnetism": {
        "strong": "强磁性",
        "weak": "弱磁性",  # drawn by a strong magnet only
        "none": "无磁性",
    },
    "acid": {  # gas bubbles in dilute hydrochloric acid: cold, or only powdered or warm
        "fizzes": "起泡",
        "fizzes when powdered": "粉末起泡",
        "none": "不起泡",
    },
    "fluorescence_long": _FLUORESCENCE,
    "fluorescence_short": _FLUORESCENCE,
    "hazard": {  # what each means, and what to do: `identify/hazards.py`
        "radioactive": "放射性",
        "toxic dust": "粉尘有毒",
        "toxic touch": "接触有毒",
        "asbestos": "石棉",
        "soluble poison": "可溶性毒物",
    },
}


def english_word(column: str, text: str) -> str | None:
    """Return the English word for a word of a column's closed list in either language, or None."""
    text = text.strip().casefold()
    for english, chinese in VOCABULARIES[column].items():
        if text in (english, chinese):
            return english
    return None
