// What the page holds: the photos of the specimen, the answer, the model and the language.

import { firstLanguage, texts } from "./texts.js";

export const state = {
  language: firstLanguage(),
  modelInfo: null, // classes of the model and words of evidence
  // Of the specimen: {name, url, width, height, body, crop, proposed, answer, heat, unsent}. `crop` is where
  // the user says that the specimen is, or null; `proposed` is the square that the model chose by itself, null for
  // the middle; `unsent` is true if the server did not answer about the photo as it is.
  photos: [],
  chosen: null, // the photo shown large
  answer: null,
  showAll: false, // whether all candidates are shown
  // What the field book holds beside: {saved, notes, place, correction}; null if the specimen is not in it.
  book: null,
};

export const text = () => texts[state.language];

export const modelOf = (photoAnswer) => photoAnswer.sightings[0].model;

const classInfo = (label) => state.modelInfo?.classes.find((entry) => entry.class === label);

export const names = (label) => classInfo(label)?.names ?? { en: label, zh: label };

// The name of a class as it stands in a sentence; classes that are no minerals of the table keep their capitals.
export function nameInText(label) {
  const name = names(label)[state.language];
  return classInfo(label)?.mineral != null ? name.charAt(0).toLowerCase() + name.slice(1) : name;
}
