// The field book: a dialogue with the list of its entries, its search, its exports and its import.

import { exportBook } from "./book_export.js";
import { readBook } from "./book_json.js";
import { element } from "./elements.js";
import { answerOf, contentOf, dateOf, matches, nameOf } from "./entries.js";
import { state, text } from "./state.js";
import { byId } from "./status.js";
import { list, load, remove, saveIf } from "./store.js";

let entries = []; // as they are stored, the latest first
let urls = []; // of the thumbnails
let deleted = null; // the last entry that was deleted
let whenDeleted = async () => {};

async function readEntries() {
  entries = (await list()).filter((entry) => entry.book).sort((one, other) => other.book.saved - one.book.saved);
}

// ---- The list

export async function openBook() {
  say("");
  byId("book-search").value = "";
  byId("book").showModal();
  await refresh();
}

async function refresh() {
  try {
    await readEntries();
  } catch {
    entries = [];
    say(text().noBook);
  }
  showBook();
}

export function showBook() {
  if (!byId("book").open) return;
  urls.forEach((url) => URL.revokeObjectURL(url));
  urls = [];
  const found = entries.filter((entry) => matches(entry, byId("book-search").value.trim()));
  byId("book-list").replaceChildren(...found.map(entryItem));
  byId("book-empty").hidden = found.length > 0;
  byId("book-empty").textContent = entries.length === 0 ? text().emptyBook : text().nothingFound;
  byId("book-search").parentElement.hidden = entries.length === 0;
}

function entryItem(entry) {
  const { language } = state;
  const name = nameOf(entry, language);
  const date = dateOf(entry, language);
  const corrected = entry.book.correction === null ? null : element("span", { class: "note" }, text().answered(answerOf(entry, language)));
  const share = entry.book.correction === null ? answerOf(entry, language) : name;
  const notes = entry.book.notes === "" ? null : element("span", { class: "note notes" }, entry.book.notes);
  const said = element("span", { class: "said" }, element("strong", {}, share), element("span", { class: "note" }, date), corrected, notes);
  const open = element("button", { type: "button", class: "open", "data-open": entry.id }, thumbnail(entry), said);
  const drop = element("button", { type: "button", class: "quiet", "data-delete": entry.id, "aria-label": text().deleteEntry(name, date) }, text().delete);
  return element("li", {}, open, drop);
}

function thumbnail(entry) {
  const photo = entry.photos.find(({ width }) => width > 0);
  if (photo === undefined) return element("span", { class: "no-photo" });
  const url = URL.createObjectURL(photo.body);
  urls.push(url);
  return element("img", { src: url, alt: "", width: "72", height: "72", loading: "lazy" });
}

function say(message, canUndo = false) {
  byId("book-status").textContent = message;
  byId("undo").hidden = !canUndo;
}

async function deleteEntry(id) {
  try {
    await whenDeleted(id);
    deleted = await load(id);
    await remove(id);
  } catch {
    say(text().noBook);
    return;
  }
  await refresh();
  say(text().deleted(nameOf(deleted, state.language)), true);
  byId("undo").focus();
}

async function undo() {
  try {
    await saveIf(deleted, () => false);
    say("");
  } catch {
    say(text().notSaved, true);
    return;
  }
  await refresh();
  byId("book-list").querySelector(`[data-open="${CSS.escape(deleted.id)}"]`)?.focus();
}

// ---- Files

async function exportTo(kind) {
  say(text().exporting);
  try {
    const { name, file, count, leftOut } = await exportBook(kind, entries, byId("keep-metadata").checked);
    const link = element("a", { href: URL.createObjectURL(file), download: name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000); // the browser reads it after the click
    say([text().exported(name, count), leftOut ? text().photosLeftOut(leftOut) : ""].join(" ").trim());
  } catch (error) {
    say(text()[error.key ?? "notExported"]);
  }
}

// Add the entries of a file. An entry that differs from the one here is added beside it.
async function importFrom(file) {
  say(text().importing);
  const counts = { added: 0, known: 0, differing: 0 };
  try {
    for (const entry of await readBook(file)) counts[await add(entry)] += 1;
    say(text().imported(counts));
  } catch (error) {
    say(error.key ? text()[error.key] : text().notImported(counts.added + counts.differing));
  }
  await refresh();
}

async function add(entry) {
  const isNew = () => false; // nothing is replaced
  if (await saveIf(entry, isNew)) return "added";
  const there = await load(entry.id);
  if (there.book && contentOf(there) === contentOf(entry)) return "known";
  // The same id each time, so that a second import of the file adds nothing.
  return (await saveIf({ ...entry, id: `${entry.id.slice(0, 80)}-${entry.time}` }, isNew)) ? "differing" : "known";
}

// ---- Starting

// `onOpen` is called with the id of the entry to open, `onDelete` before an entry is deleted.
export function startBook({ onOpen, onDelete }) {
  whenDeleted = onDelete;
  byId("open-book").addEventListener("click", openBook);
  byId("close-book").addEventListener("click", () => byId("book").close());
  byId("book-search").addEventListener("input", showBook);
  byId("undo").addEventListener("click", undo);
  byId("book-list").addEventListener("click", (event) => {
    const { open, delete: drop } = event.target.closest("button")?.dataset ?? {};
    if (drop !== undefined) deleteEntry(drop);
    if (open === undefined) return;
    byId("book").close();
    onOpen(open);
  });
  byId("exports").addEventListener("click", (event) => event.target.dataset.export && exportTo(event.target.dataset.export));
  byId("import").addEventListener("change", () => {
    const [file] = byId("import").files;
    byId("import").value = "";
    if (file) importFrom(file);
  });
  byId("book").addEventListener("close", () => {
    urls.forEach((url) => URL.revokeObjectURL(url));
    urls = [];
    byId("book-list").replaceChildren();
  });
}
