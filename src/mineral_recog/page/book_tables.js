// The field book as CSV, GeoJSON and a page to print. Photos are only in the page.

import { answerOf, dateOf, firstOf, nameOf, placeOf, testsOf } from "./entries.js";
import { texts } from "./texts.js";

const time = (milliseconds) => new Date(milliseconds).toISOString();

// What a table says of an entry.
function rowOf(entry) {
  const first = firstOf(entry);
  const { place, correction, notes, saved } = entry.book;
  return {
    id: entry.id,
    time: time(saved),
    answer: first?.names.en ?? "",
    answer_zh: first?.names.zh ?? "",
    probability: first === null ? "" : Number(first.probability.toFixed(4)),
    none_of_these: entry.answer === null ? "" : entry.answer.none_of_these.is,
    corrected_to: correction?.class ?? "",
    tests: testsOf(entry, "en"),
    notes,
    latitude: place?.latitude ?? "",
    longitude: place?.longitude ?? "",
    accuracy_m: place?.accuracy ?? "",
    photos: entry.photos.length,
    model: entry.photos.find((photo) => photo.answer)?.answer.sightings[0].model ?? "",
  };
}

// A cell of a CSV; a text that a spreadsheet would evaluate gets an apostrophe.
export function cell(value) {
  if (typeof value !== "string") return String(value);
  const safe = /^[=+\-@\t\r\n]/.test(value.trimStart()) || /^[\t\r\n]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

// Rows of cells as CSV; the mark at its start tells spreadsheets that it is UTF-8.
export const makeCsv = (columns, rows) => new Blob([`\ufeff${[columns, ...rows].map((row) => `${row.map(cell).join(",")}\r\n`).join("")}`], { type: "text/csv" });

export function bookAsCsv(entries) {
  const rows = entries.map(rowOf);
  return makeCsv(Object.keys(rows[0]), rows.map(Object.values));
}

// Entries with a place as points.
export function bookAsGeoJson(entries) {
  const features = entries.map((entry) => {
    const { latitude, longitude, ...properties } = rowOf(entry);
    const known = Object.entries(properties).filter(([, value]) => value !== "");
    return { type: "Feature", id: entry.id, geometry: { type: "Point", coordinates: [longitude, latitude] }, properties: Object.fromEntries(known) };
  });
  return new Blob([JSON.stringify({ type: "FeatureCollection", features }, null, 1)], { type: "application/geo+json" });
}

const STYLE = `body { font: 15px/1.45 system-ui, "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif; max-width: 760px; margin: 24px auto; padding: 0 16px; color: #1f2523; }
h1 { font-size: 1.4em; } h2 { font-size: 1.15em; margin: 0 0 4px; }
article { break-inside: avoid; border-top: 1px solid #85897f; padding: 14px 0; }
dl { margin: 0; } dl div { display: flex; gap: 10px; } dt { flex: 0 0 11em; color: #5a635f; } dd { margin: 0; white-space: pre-line; overflow-wrap: anywhere; min-width: 0; }
.photos { display: flex; flex-wrap: wrap; gap: 8px; margin-top: 8px; } .photos img { height: 150px; max-width: 100%; object-fit: contain; }`;

const escaped = (message) => message.replaceAll(/[&<>"']/g, (character) => `&#${character.codePointAt(0)};`);

// "one · other" of a text in both languages, or only one if they are the same.
const both = (of) => [...new Set(["en", "zh"].map(of).filter(Boolean))].join(" · ");

// The field book as a page in both languages, with the photos {data} of each entry.
export function bookAsPage(entries) {
  const title = both((language) => texts[language].book);
  const articles = entries.map((entry) => {
    const { place, correction, notes } = entry.book;
    const facts = [
      ["savedAt", both((language) => dateOf(entry, language))],
      ["answer", both((language) => answerOf(entry, language))],
      ["correctedTo", correction === null ? "" : both((language) => correction.names[language])],
      ["evidence", both((language) => testsOf(entry, language))],
      ["place", place === null ? "" : placeOf(place)],
      ["notes", notes],
    ];
    const lines = facts.filter(([, value]) => value !== "");
    const list = lines.map(([key, value]) => `<div><dt>${escaped(both((language) => texts[language][key]))}</dt><dd>${escaped(value)}</dd></div>`);
    const photos = entry.photos.map(({ data }, number) => `<img src="${escaped(data)}" alt="${escaped(both((language) => texts[language].photo(number + 1)))}">`);
    const heading = escaped(both((language) => nameOf(entry, language)));
    return `<article><h2>${heading}</h2><dl>${list.join("")}</dl><div class="photos">${photos.join("")}</div></article>\n`;
  });
  const head = `<!doctype html>\n<html lang="en">\n<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>${escaped(title)}</title><style>${STYLE}</style></head>\n`;
  return new Blob([head, `<body><main><h1>${escaped(title)}</h1>\n`, ...articles, "</main></body>\n</html>\n"], { type: "text/html" });
}
