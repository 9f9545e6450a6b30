// All texts of the page, in both languages. Texts with placeholders are functions.

// Format a probability in per cent; never as 0 or 100, since no answer is certain.
function percent(probability) {
  if (probability < 0.001) return unbroken("< 0.1 %");
  if (probability > 0.995) return unbroken("> 99 %");
  return unbroken(`${(100 * probability).toFixed(probability < 0.0995 ? 1 : 0)} %`);
}

const percentChinese = (probability) => percent(probability).replaceAll(NO_BREAK, "");

// Keep a number and its unit on one line.
export function unbroken(message) {
  return message.replaceAll(/([<>]) (?=\d)|(\d) (?=%|g\/cm)/g, `$1$2${NO_BREAK}`);
}

const NO_BREAK = "\u00a0";
const LANGUAGE_KEY = "mineral-recog.language";

// The language that was chosen on an earlier visit, or that of the browser.
export function firstLanguage() {
  let stored = null;
  try {
    stored = localStorage.getItem(LANGUAGE_KEY);
  } catch {} // storage may be forbidden
  if (stored in texts) return stored;
  return navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en";
}

export function rememberLanguage(language) {
  try {
    localStorage.setItem(LANGUAGE_KEY, language);
  } catch {} // then the choice applies to this visit only
}

const TOOLS = { fingernail: "指甲", "copper coin": "铜币", glass: "玻璃", "streak plate": "条痕板" };

export const texts = {
  en: {
    otherLanguage: "中文",
    title: "What mineral is this?",
    photos: "Photos of one specimen",
    drop: "Drop photos of one specimen here, or paste them.",
    take: "Take a photo",
    choose: "Choose photos",
    takeMore: "Take one more",
    chooseMore: "Add photos",
    newSpecimen: "New specimen",
    photo: (n) => `Photo ${n}`,
    remove: (n) => `Remove photo ${n}`,
    showHeat: (name) => `Show which parts support ${name}`,
    heat: (name) => `The parts of the photo that support ${name} are tinted; the frame marks what the model looked at closely.`,
    answer: "Answer",
    step1: "Fill the frame with the specimen, in daylight. One photo is enough to begin with.",
    step2: "See the likely minerals and their probabilities.",
    step3: "Do the recommended tests, such as streak or density: every result updates the list.",
    knows: (count) => `This model knows ${count} minerals.`,
    working: "Analysing the photo …",
    workingMany: (n) => `Analysing ${n} photos …`,
    busy: "The server is busy; your request is waiting …",
    otherModel: (n) => `Another model answers now: analysing ${n === 1 ? "the photo" : `${n} photos`} again …`,
    percent: (probability) => percent(probability),
    retake: "A sharp photo in daylight that the specimen fills may lead to another answer.",
    closest: "The closest minerals that this model knows, not an answer; the percentages hold only if it is one of them:",
    set: (n, coverage, count) =>
      n === 1
        ? `With ${percent(coverage)} probability the specimen is the marked mineral, if it is one of the ${count} minerals that this model knows.`
        : `With ${percent(coverage)} probability the specimen is one of the ${n} marked minerals, if it is one of the ${count} minerals that this model knows.`,
    alsoMarked: (names) => `Also marked: ${names}.`,
    inSet: "marked",
    moreOf: (n) => `Show all ${n}`,
    fewer: "Show fewer",
    unknown: (names) => `The table of minerals has no facts about ${names}, so physical tests say nothing about them.`,
    byPhoto: (probability) => `${percent(probability)} from the photo alone`,
    noFacts: "The table of minerals has no facts about this mineral.",
    evidence: "Physical tests",
    safety: "Safety",
    next: "Recommended next test",
    enter: "Enter the result",
    scratching: "Hardness: what scratches what?",
    tools: {
      fingernail: "Fingernail",
      "copper coin": "Copper coin",
      glass: "Glass or knife",
      "streak plate": "Streak plate",
    },
    untested: "not tested",
    softer: "scratches it",
    harder: "scratched by it",
    scratches: (tool) => `scratches ${tool}`,
    scratchedBy: (tool) => `scratched by ${tool}`,
    hardness: "Mohs hardness",
    density: "Density, g/cm³",
    streak: "Streak",
    lustre: "Lustre",
    magnetic: "Magnetic?",
    acid: "Fizzes in dilute acid?",
    weaklyMagnetic: "weak: only a strong magnet",
    moreTests: "More tests",
    colours: "Colours as seen",
    transparency: "Transparency",
    habit: "Habit",
    cleavage: "Cleavage",
    cleavage_directions: "Directions of cleavage",
    fracture: "Fracture",
    tenacity: "Tenacity",
    fluorescence_long: "Glow in long-wave UV",
    fluorescence_short: "Glow in short-wave UV",
    tests: {
      hardness: "scratching", streak: "streak", density: "weighing in water", acid: "acid", lustre: "lustre", magnetic: "magnet",
      colours: "colour", transparency: "transparency", habit: "habit", cleavage: "cleavage", cleavage_directions: "directions of cleavage",
      fracture: "fracture", tenacity: "bending and cutting", fluorescence_long: "long-wave UV lamp", fluorescence_short: "short-wave UV lamp",
    },
    weighing: "Density from two weighings",
    weighingHow:
      "Weigh the dry specimen. Then put a glass of water on the scale, set the scale to zero, and hang the specimen into the water by a thread so that it touches nothing: the scale gains the weight of the displaced water. With a scale that it can hang from, read its weight in water instead. Any unit, the same for both. Water harms salts and porous stones.",
    dry: "Dry weight",
    gain: "Gain of the scale",
    wet: "or weight in water",
    weighed: { gain: (dry, gain) => `dry ${dry} gain ${gain}`, wet: (dry, wet) => `dry ${dry} wet ${wet}` },
    yes: "yes",
    no: "no",
    understood: (evidence) => `Understood as: ${evidence}.`,
    clear: "Clear all",
    lookalikes: "Easily confused with it",
    noDifference: (name) => `${name}: the table of minerals has no facts that distinguish the two.`,
    similar: "Similar photos from training",
    privacyOffline: "Photos stay on this device.",
    noEngine: "The files that answer could not be loaded: connect to the network, then load the page again.",
    newVersion: "A new version of this page is ready.",
    reload: "Reload",
    privacy: "Photos are sent to this server only and are not stored.",
    api: "HTTP API",
    noServer: "The server does not answer: check that it is running and that you are connected, then try again.",
    stillBusy: "The server is busy: wait a little, then try again.",
    tooMany: (n) => `At most ${n} photos of one specimen: remove one first.`,
    facts: {
      formula: "Formula", ima: "IMA", group: "Group", strunz: "Nickel–Strunz", system: "Crystal system", habit: "Habit",
      hardness: "Hardness", density: "Density", streak: "Streak", lustre: "Lustre", transparency: "Transparency", colours: "Colours",
      cleavage: "Cleavage", fracture: "Fracture", tenacity: "Tenacity", magnetism: "Magnetism", acid: "In acid",
      fluorescence_long: "In long-wave UV", fluorescence_short: "In short-wave UV", hazard: "Hazard", synonyms: "Also called",
      checked: "These facts", source: "Source",
    },
    directions: (quality, n) => `${quality}, ${n === 1 ? "1 direction" : `${n} directions`}`,
    checked: "checked against two sources",
    notCompared: "from one source, not checked against a second",
    notChecked: "from general knowledge, not checked",
    searchAt: { mindat: "Search mindat.org ↗", wikipedia: "Search Wikipedia ↗" },
    and: ", ",
    colon: ": ",
  },
  zh: {
    otherLanguage: "English",
    title: "这是什么矿物？",
    photos: "同一标本的照片",
    drop: "把同一标本的照片拖到这里，或直接粘贴。",
    take: "拍照",
    choose: "选择照片",
    takeMore: "再拍一张",
    chooseMore: "添加照片",
    newSpecimen: "换一个标本",
    photo: (n) => `照片 ${n}`,
    remove: (n) => `移除照片 ${n}`,
    showHeat: (name) => `显示支持“${name}”的部位`,
    heat: (name) => `照片中支持“${name}”的部位已着色；方框内是模型重点查看的范围。`,
    answer: "结果",
    step1: "在日光下让标本占满画面；一张照片即可开始。",
    step2: "查看可能的矿物及其概率。",
    step3: "完成建议的测试，例如条痕或密度：每项结果都会更新列表。",
    knows: (count) => `本模型认识 ${count} 种矿物。`,
    working: "正在分析照片……",
    workingMany: (n) => `正在分析 ${n} 张照片……`,
    busy: "服务器正忙，您的请求正在等待……",
    otherModel: (n) => `服务器已换用另一个模型，正在重新分析${n === 1 ? "照片" : ` ${n} 张照片`}……`,
    percent: percentChinese,
    retake: "换一张在日光下拍摄、标本占满画面的清晰照片，结果可能不同。",
    closest: "以下是本模型认识的矿物中最接近的几种，并非答案；只有标本属于其中之一时，百分比才成立：",
    set: (n, coverage, count) =>
      n === 1
        ? `若标本属于本模型认识的 ${count} 种矿物，则它有 ${percentChinese(coverage)} 的概率是有标记的这一种。`
        : `若标本属于本模型认识的 ${count} 种矿物，则它有 ${percentChinese(coverage)} 的概率是有标记的 ${n} 种之一。`,
    alsoMarked: (names) => `有标记的还有：${names}。`,
    inSet: "有标记",
    moreOf: (n) => `显示全部 ${n} 种`,
    fewer: "收起",
    unknown: (names) => `矿物表中没有${names}的资料，因此简易测试无法用于判断它们。`,
    byPhoto: (probability) => `仅凭照片为 ${percentChinese(probability)}`,
    noFacts: "矿物表中没有该矿物的资料。",
    evidence: "简易测试",
    safety: "安全提示",
    next: "建议的下一步测试",
    enter: "填写结果",
    scratching: "硬度：谁能划动谁？",
    tools: {
      fingernail: "指甲",
      "copper coin": "铜币",
      glass: "玻璃或小刀",
      "streak plate": "条痕板",
    },
    untested: "未测",
    softer: "能划动它",
    harder: "被它划动",
    scratches: (tool) => `划${TOOLS[tool]}`,
    scratchedBy: (tool) => `被${TOOLS[tool]}划动`,
    hardness: "莫氏硬度",
    density: "密度（克/立方厘米）",
    streak: "条痕",
    lustre: "光泽",
    magnetic: "能被磁铁吸引吗？",
    acid: "遇稀酸起泡吗？",
    weaklyMagnetic: "弱：仅强磁铁能吸引",
    moreTests: "更多测试",
    colours: "看到的颜色",
    transparency: "透明度",
    habit: "形态",
    cleavage: "解理",
    cleavage_directions: "解理组数",
    fracture: "断口",
    tenacity: "韧度",
    fluorescence_long: "长波紫外荧光",
    fluorescence_short: "短波紫外荧光",
    tests: {
      hardness: "刻划", streak: "擦条痕", density: "水中称重", acid: "滴酸", lustre: "看光泽", magnetic: "磁铁", colours: "看颜色",
      transparency: "看透明度", habit: "看形态", cleavage: "看解理", cleavage_directions: "数解理组数", fracture: "看断口",
      tenacity: "弯折或切割", fluorescence_long: "长波紫外灯", fluorescence_short: "短波紫外灯",
    },
    weighing: "用两次称重求密度",
    weighingHow:
      "先称干燥的标本。再把一杯水放在秤上并归零，用细线把标本悬在水中，不碰杯壁和杯底：秤上增加的读数就是排开的水的重量。若标本能挂在秤下称，也可直接读它在水中的重量。单位不限，两次须相同。水会损伤盐类和多孔的石头。",
    dry: "干重",
    gain: "秤的增重",
    wet: "或水中重量",
    weighed: { gain: (dry, gain) => `干重 ${dry} 增重 ${gain}`, wet: (dry, wet) => `干重 ${dry} 水中 ${wet}` },
    yes: "是",
    no: "否",
    understood: (evidence) => `已理解为：${evidence}。`,
    clear: "全部清除",
    lookalikes: "容易与它混淆",
    noDifference: (name) => `${name}：矿物表中没有可以区分两者的资料。`,
    similar: "训练照片中相似的照片",
    privacyOffline: "照片不会离开本设备。",
    noEngine: "识别所需的文件未能载入：请联网后重新载入本页。",
    newVersion: "本页有新版本。",
    reload: "重新载入",
    privacy: "照片只发送到本服务器，不会保存。",
    api: "HTTP 接口",
    noServer: "服务器没有回应：请检查它是否在运行、网络是否连通，然后重试。",
    stillBusy: "服务器正忙：请稍候再试。",
    tooMany: (n) => `同一标本最多 ${n} 张照片：请先移除一张。`,
    facts: {
      formula: "化学式", ima: "IMA", group: "类别", strunz: "施特龙茨分类", system: "晶系", habit: "形态", hardness: "硬度",
      density: "密度", streak: "条痕", lustre: "光泽", transparency: "透明度", colours: "颜色", cleavage: "解理", fracture: "断口",
      tenacity: "韧度", magnetism: "磁性", acid: "遇酸", fluorescence_long: "长波紫外荧光", fluorescence_short: "短波紫外荧光",
      hazard: "危害", synonyms: "别名", checked: "资料核对", source: "来源",
    },
    directions: (quality, n) => `${quality}，${n} 组`,
    checked: "已与两种资料核对",
    notCompared: "来自一种资料，未与另一种核对",
    notChecked: "凭一般知识填写，未经核对",
    searchAt: { mindat: "在 mindat.org 上搜索 ↗", wikipedia: "在维基百科上搜索 ↗" },
    and: "、",
    colon: "：",
  },
};
