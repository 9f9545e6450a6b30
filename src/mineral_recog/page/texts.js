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
    yes: "yes",
    no: "no",
    understood: (evidence) => `Understood as: ${evidence}.`,
    clear: "Clear all",
    lookalikes: "Easily confused with it",
    noDifference: (name) => `${name}: the table of minerals has no facts that distinguish the two.`,
    similar: "Similar photos from training",
    privacy: "Photos are sent to this server only and are not stored.",
    api: "HTTP API",
    noServer: "The server does not answer: check that it is running and that you are connected, then try again.",
    stillBusy: "The server is busy: wait a little, then try again.",
    tooMany: (n) => `At most ${n} photos of one specimen: remove one first.`,
    facts: {
      formula: "Formula", group: "Group", strunz: "Nickel–Strunz", system: "Crystal system", hardness: "Hardness", density: "Density",
      streak: "Streak", lustre: "Lustre", transparency: "Transparency", cleavage: "Cleavage", colours: "Colours",
      magnetism: "Magnetism", acid: "In acid", hazard: "Hazard", synonyms: "Also called", source: "Source",
    },
    and: ", ",
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
    yes: "是",
    no: "否",
    understood: (evidence) => `已理解为：${evidence}。`,
    clear: "全部清除",
    lookalikes: "容易与它混淆",
    noDifference: (name) => `${name}：矿物表中没有可以区分两者的资料。`,
    similar: "训练照片中相似的照片",
    privacy: "照片只发送到本服务器，不会保存。",
    api: "HTTP 接口",
    noServer: "服务器没有回应：请检查它是否在运行、网络是否连通，然后重试。",
    stillBusy: "服务器正忙：请稍候再试。",
    tooMany: (n) => `同一标本最多 ${n} 张照片：请先移除一张。`,
    facts: {
      formula: "化学式", group: "类别", strunz: "Nickel–Strunz", system: "晶系", hardness: "硬度", density: "密度", streak: "条痕",
      lustre: "光泽", transparency: "透明度", cleavage: "解理", colours: "颜色", magnetism: "磁性", acid: "遇酸", hazard: "危害",
      synonyms: "别名", source: "来源",
    },
    and: "、",
  },
};
