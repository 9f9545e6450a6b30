// The files that the field book is exported to.

import { bookAsJson } from "./book_json.js";
import { bookAsCsv, bookAsGeoJson, bookAsPage } from "./book_tables.js";
import { correctionsAsZip } from "./corrections.js";
import { withoutMetadata } from "./metadata.js";

// Of each kind: the name of the file, how it is made, which entries it has (by default all), and how it has photos.
const KINDS = {
  json: { name: "field-book.json", make: bookAsJson, photos: "data" },
  csv: { name: "field-book.csv", make: bookAsCsv },
  geojson: { name: "field-book.geojson", make: bookAsGeoJson, has: (entry) => entry.book.place !== null, lacking: "noPlaces" },
  page: { name: "field-book.html", make: bookAsPage, photos: "data" },
  corrections: { name: "corrections.zip", make: correctionsAsZip, has: (entry) => entry.book.correction !== null, lacking: "noCorrections", photos: "files" },
};

// Make a file of entries; return {name, file, count, leftOut}: `leftOut` photos cannot be freed from their metadata.
// Throws an error whose `key` names its text if no entry belongs into the file.
export async function exportBook(kind, entries, keepMetadata) {
  const { name, make, has = () => true, lacking = "emptyBook", photos } = KINDS[kind];
  const chosen = entries.filter(has);
  if (chosen.length === 0) throw Object.assign(new Error(lacking), { key: lacking });
  const prepared = [];
  let leftOut = 0;
  for (const entry of chosen) {
    const kept = photos === undefined ? entry.photos : await preparePhotos(entry.photos, keepMetadata, photos === "data");
    leftOut += entry.photos.length - kept.length;
    prepared.push({ ...entry, photos: kept });
  }
  return { name, file: await make(prepared), count: chosen.length, leftOut };
}

async function preparePhotos(photos, keepMetadata, asData) {
  const prepared = [];
  for (const photo of photos) {
    const body = keepMetadata ? photo.body : await withoutMetadata(photo.body);
    if (body !== null) prepared.push({ ...photo, body, ...(asData && { data: await dataUrl(body) }) });
  }
  return prepared;
}

const dataUrl = (blob) =>
  new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result);
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(blob);
  });
