// The field book as JSON with its photos, and the check of such a file.

const FORMAT = "mineral-recog field book";
const VERSION = 1;
const MAX_BYTES = 400e6; // browsers hold no much longer text
const MAX_PHOTOS = 16; // of an entry
const DATA_URL = /^data:(image\/[\w.+-]+|application\/octet-stream);base64,([A-Za-z0-9+/]*=*)$/;

// `entries` have photos with {data}, their content as a data URL.
export function bookAsJson(entries) {
  const texts = entries.map(({ photos, ...entry }) =>
    JSON.stringify({
      ...entry,
      photos: photos.map(({ name, data, width, height, crop, proposed, answer }) => ({
        name, width, height, crop, proposed, sightings: answer?.sightings ?? null, data,
      })),
    }),
  );
  const head = JSON.stringify({ format: FORMAT, version: VERSION, exported: new Date().toISOString() }).slice(0, -1);
  return new Blob([head, ',"entries":[\n', texts.join(",\n"), "\n]}\n"], { type: "application/json" });
}

const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
const isText = (value, length) => typeof value === "string" && value.length <= length;
const isNumber = (value, low, high) => Number.isFinite(value) && value >= low && value <= high;
const isNames = (value) => isObject(value) && isText(value.en, 500) && isText(value.zh, 500);
const isBox = (value) => value === null || (Array.isArray(value) && value.length === 4 && value.every((part) => isNumber(part, -1, 2)));

function check(condition) {
  if (!condition) throw Object.assign(new Error("notABook"), { key: "notABook" });
}

// Read a file that `bookAsJson` wrote; return its entries as they are stored. Throws an error whose `key` names
// its text.
export async function readBook(file) {
  if (file.size > MAX_BYTES) throw Object.assign(new Error("bookTooLarge"), { key: "bookTooLarge" });
  let content = null;
  try {
    content = JSON.parse(await file.text());
  } catch {} // refused below
  check(isObject(content) && content.format === FORMAT && Array.isArray(content.entries));
  if (content.version !== VERSION) throw Object.assign(new Error("newerBook"), { key: "newerBook" });
  return content.entries.map(readEntry);
}

function readEntry(entry) {
  check(isObject(entry) && isText(entry.id, 100) && entry.id !== "" && isNumber(entry.time, 0, 8e15));
  check(Array.isArray(entry.photos) && entry.photos.length <= MAX_PHOTOS);
  check(Array.isArray(entry.fields) && entry.fields.every((field) => Array.isArray(field) && field.length === 2 && field.every((part) => isText(part, 200))));
  const photos = entry.photos.map(readPhoto);
  const { id, time, fields } = entry;
  const chosen = Number.isInteger(entry.chosen) ? entry.chosen : 0;
  return { id, time, photos, chosen, answer: isAnswer(entry.answer) ? entry.answer : null, showAll: entry.showAll === true, fields, book: readNotes(entry.book) };
}

function readNotes(book) {
  check(isObject(book) && isNumber(book.saved, 0, 8e15) && isText(book.notes, 100_000));
  const { saved, notes, place, correction } = book;
  check(correction === null || (isObject(correction) && isText(correction.class, 200) && isNames(correction.names)));
  check(place === null || (isObject(place) && isNumber(place.latitude, -90, 90) && isNumber(place.longitude, -180, 180) && isNumber(place.accuracy, 0, 1e8)));
  return {
    saved, notes,
    place: place && { latitude: place.latitude, longitude: place.longitude, accuracy: place.accuracy, time: isNumber(place.time, 0, 8e15) ? place.time : saved },
    correction: correction && { class: correction.class, names: { en: correction.names.en, zh: correction.names.zh } },
  };
}

function readPhoto({ name, width, height, crop, proposed, sightings, data } = {}) {
  check(isText(name, 1000) && isNumber(width, 0, 1e5) && isNumber(height, 0, 1e5) && isBox(crop) && isBox(proposed) && typeof data === "string");
  const [, type, base64] = DATA_URL.exec(data) ?? [];
  check(base64 !== undefined);
  const seen = Array.isArray(sightings) && sightings.length > 0 && sightings.every((sighting) => isObject(sighting) && isText(sighting.model, 200));
  const body = new Blob([Uint8Array.from(atob(base64), (character) => character.charCodeAt(0))], { type });
  return { name, width, height, body, crop, proposed, answer: seen ? { sightings } : null, heat: null, unsent: !seen };
}

// Whether what is shown in the list can be read from an answer; the page asks for a new one when the entry is opened.
const isAnswer = (answer) =>
  isObject(answer) && isObject(answer.none_of_these) && typeof answer.none_of_these.is === "boolean" && Array.isArray(answer.candidates) &&
  answer.candidates.length > 0 && answer.candidates.every((candidate) => isNames(candidate?.names) && isNumber(candidate.probability, 0, 1));
