// What an entry of the field book says: its name, its date, and whether two versions of it are the same.

import { texts } from "./texts.js";

// What the user entered, as text, to compare two versions of a specimen.
export const contentOf = ({ photos, fields, book }) =>
  JSON.stringify([photos.map(({ name, crop }) => [name, crop]), fields, book?.notes ?? "", book?.place ?? null, book?.correction?.class ?? null]);

// The first candidate {names, probability}; null without an answer, and for "none of these".
export const firstOf = ({ answer }) => (answer === null || answer.none_of_these.is ? null : answer.candidates[0]);

// The name of the mineral: the one that the user says it is, else the answer.
export function nameOf(entry, language) {
  const { correction } = entry.book;
  if (correction !== null) return correction.names[language];
  if (entry.answer === null) return texts[language].noAnswer;
  return firstOf(entry)?.names[language] ?? texts[language].noneOfThese;
}

// The answer as a line, such as "Malachite, 97 %".
export function answerOf(entry, language) {
  const first = firstOf(entry);
  if (first === null) return texts[language][entry.answer === null ? "noAnswer" : "noneOfThese"];
  return `${first.names[language]}${texts[language].comma}${texts[language].percent(first.probability)}`;
}

// The results of tests as the server understood them; "" without any.
export function testsOf(entry, language) {
  const results = entry.answer?.evidence_text?.[language];
  return typeof results === "string" ? results : ""; // an imported answer may hold anything
}

export const dateOf = (entry, language) =>
  new Date(entry.book.saved).toLocaleString(language === "zh" ? "zh-CN" : "en-GB", { dateStyle: "medium", timeStyle: "short" });

export const placeOf = ({ latitude, longitude, accuracy }) => `${latitude.toFixed(5)}, ${longitude.toFixed(5)} (± ${Math.round(accuracy)} m)`;

// Whether an entry has all words of a search in its names, its notes or its results of tests.
export function matches(entry, search) {
  const said = ["en", "zh"].flatMap((language) => [nameOf(entry, language), answerOf(entry, language), testsOf(entry, language), dateOf(entry, language)]);
  const all = [...said, entry.book.notes].join(" ").toLowerCase();
  return search.toLowerCase().split(/\s+/).every((word) => all.includes(word));
}
