// Texts in both languages joined to one. As in identify/fact_text.py.

const joinEnglish = (parts, conjunction) =>
  parts.length > 1 ? `${parts.slice(0, -1).join(", ")} ${conjunction} ${parts.at(-1)}` : parts[0];

// `a, b and c`
export const joinTexts = (texts) => ({
  en: joinEnglish(texts.map((text) => text.en), "and"),
  zh: texts.map((text) => text.zh).join("、"),
});

// `a, b or c`
export function eitherText(texts) {
  const chinese = texts.map((text) => text.zh);
  return {
    en: joinEnglish(texts.map((text) => text.en), "or"),
    zh: chinese.length > 1 ? `${chinese.slice(0, -1).join("、")}或${chinese.at(-1)}` : chinese[0],
  };
}
