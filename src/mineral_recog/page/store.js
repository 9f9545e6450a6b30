// Specimens in the browser's own storage (IndexedDB): {id, time, photos, book, ...}. Photos are kept as they were
// sent; `book` is null for a specimen that is not in the field book.
// Every function rejects where storage is forbidden or full.

const DATABASE = "mineral-recog";
const SPECIMENS = "specimens";
let database = null; // promise of the open database

function open() {
  database ??= new Promise((resolve, reject) => {
    const request = indexedDB.open(DATABASE, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(SPECIMENS, { keyPath: "id" });
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  database.catch(() => (database = null)); // so that the next call tries again
  return database;
}

// Run a request on the object store; return its result once the transaction is complete.
async function run(mode, makeRequest) {
  const transaction = (await open()).transaction(SPECIMENS, mode);
  const request = makeRequest(transaction.objectStore(SPECIMENS));
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve(request.result);
    transaction.onabort = () => reject(transaction.error ?? request.error);
  });
}

// Save a specimen {id, time, ...}; one with the same id is replaced. A page that is left can still call this.
export const save = (specimen) =>
  run("readwrite", (specimens) => {
    const request = specimens.put(specimen);
    request.transaction.commit?.(); // else it is given up when the page is left
    return request;
  });

// Save a specimen unless there is one with the same id that `mayReplace` refuses to replace; return whether it was
// saved.
export async function saveIf(specimen, mayReplace) {
  let saved = false;
  await run("readwrite", (specimens) => {
    const request = specimens.get(specimen.id);
    request.onsuccess = () => {
      saved = request.result === undefined || mayReplace(request.result);
      if (!saved) return;
      try {
        specimens.put(specimen);
      } catch {
        request.transaction.abort();
      }
    };
    return request;
  });
  return saved;
}

// Return a specimen; undefined if there is none with this id.
export const load = (id) => run("readonly", (specimens) => specimens.get(id));

// Return all specimens, the latest first.
export async function list() {
  const specimens = await run("readonly", (all) => all.getAll());
  return specimens.sort((one, other) => other.time - one.time);
}

export const remove = (id) => run("readwrite", (specimens) => specimens.delete(id));
