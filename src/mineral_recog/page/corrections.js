// Entries whose answer was wrong, as a list of labelled photos that `mineral-recog prepare` reads.

import { makeCsv } from "./book_tables.js";
import { firstOf } from "./entries.js";
import { makeZip } from "./zip.js";

export const LIST = "corrections.csv";
const SUFFIXES = { "image/jpeg": "jpg", "image/png": "png", "image/webp": "webp" };

const suffixOf = ({ name, body }) => SUFFIXES[body.type] ?? /\.(jpe?g|png|webp|heic|heif|avif|gif|bmp)$/i.exec(name)?.[1].toLowerCase() ?? "jpg";

// Return a ZIP with the list and the photos in folders named after their classes.
export function correctionsAsZip(entries) {
  const rows = [];
  const files = [];
  for (const entry of entries) {
    const label = entry.book.correction.class;
    const specimen = entry.id.replaceAll(/[^\w-]/g, "-");
    entry.photos.forEach((photo, number) => {
      const path = `${label}/${specimen}-${number + 1}.${suffixOf(photo)}`;
      files.push([path, photo.body]);
      rows.push([path, label, specimen, firstOf(entry)?.names.en ?? ""]);
    });
  }
  return makeZip([[LIST, makeCsv(["path", "label", "specimen", "answered"], rows)], ...files]);
}
