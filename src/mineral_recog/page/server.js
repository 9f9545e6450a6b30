// Requests to the server. Every failure becomes an error with a one-line message for the user.

const MAX_TRIES = 5; // while the server is busy
const PHOTO_SECONDS = 60; // until a request with a photo is given up; it may wait in the server's queue
const SECONDS = 20; // of other requests

// The token is in the address that the server prints; the browser does not send this part of an address.
const token = new URLSearchParams(location.hash.slice(1)).get("token") ?? sessionStorage.getItem("token");
if (token) {
  sessionStorage.setItem("token", token);
  history.replaceState(null, "", location.pathname + location.search);
}

// Send a request; give it up after some seconds, or when `signal` aborts it.
async function send(path, { signal, seconds = SECONDS, ...options } = {}) {
  const deadline = new AbortController();
  const timer = setTimeout(() => deadline.abort(), 1000 * seconds);
  const abort = () => deadline.abort();
  signal?.addEventListener("abort", abort);
  const headers = { ...options.headers, ...(token && { authorization: `Bearer ${token}` }) };
  try {
    const response = await fetch(path, { ...options, headers, signal: deadline.signal });
    return await read(response);
  } catch (error) {
    if (signal?.aborted) throw new DOMException("aborted", "AbortError");
    if (deadline.signal.aborted) throw Object.assign(new Error("tooSlow"), { key: "tooSlow" });
    if ("key" in error) throw error;
    throw Object.assign(new Error("noServer"), { key: "noServer" });
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", abort);
  }
}

// Return the content of a response; throw its error.
async function read(response) {
  let content;
  try {
    content = await response.json();
  } catch (error) {
    if (response.ok || error.name === "AbortError") throw error; // incomplete
    content = {}; // not from this server
  }
  if (response.ok) return content;
  const busy = response.status === 503;
  const otherModel = response.status === 409; // than the one that looked at the photos
  const wait = Number(response.headers.get("retry-after")) || 2;
  const hasMessage = typeof content.error === "string";
  const refused = [413, 415, 422].includes(response.status); // what was sent; sending it again would not help
  const key = hasMessage ? null : busy ? "stillBusy" : "noServer";
  throw Object.assign(new Error(hasMessage ? content.error : ""), { busy, otherModel, refused, wait, key, field: content.field ?? null });
}

// Send a request, and repeat it while the server is busy.
async function sendWithRetries(path, options, onBusy) {
  for (let tries = 1; ; tries += 1) {
    try {
      return await send(path, options);
    } catch (error) {
      if (!error.busy || tries === MAX_TRIES) throw error;
      onBusy();
      await new Promise((resolve) => setTimeout(resolve, 1000 * error.wait * (0.75 + Math.random() / 2)));
    }
  }
}

export const getMinerals = (language) => send(`minerals?lang=${language}`);

// Some training photos of a class: {photos: [{photo, thumbnail}]}.
export const getPhotos = (label, language) => send(`photos?${new URLSearchParams({ class: label, lang: language })}`);

// Analyse a photo. `heatMapOf` is the class of the heat map, or null for none; `crop` is where the specimen
// is (left, top, width and height as fractions), or null if the model is to look for it.
export function identifyPhoto(body, language, heatMapOf, onBusy, { crop = null, signal } = {}) {
  const query = new URLSearchParams({ lang: language, top: 1, ...(heatMapOf === null ? { heat_map: "no" } : { heat_map_of: heatMapOf }) });
  if (crop !== null) query.set("crop", crop.join(","));
  const headers = { "content-type": "application/octet-stream" };
  return sendWithRetries(`identify?${query}`, { method: "POST", body, headers, signal, seconds: PHOTO_SECONDS }, onBusy);
}

// Answer about a specimen. An error about evidence has the key of the test as `field`.
export const identifySpecimen = (question, language, signal, onBusy) =>
  sendWithRetries(
    `identify?lang=${language}`,
    { method: "POST", body: JSON.stringify(question), headers: { "content-type": "application/json" }, signal },
    onBusy,
  );
