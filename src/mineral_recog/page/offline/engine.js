// Answers in the browser, with the functions of server.js. The networks run in a worker, so that the page stays quick.

import { keepOffline } from "./updates.js";

const kept = keepOffline(); // the files are loaded once, by the service worker, where there is one
const worker = kept.then(() => {
  const started = new Worker(new URL("worker.js", import.meta.url), { type: "module" });
  started.addEventListener("message", ({ data }) => settle(data));
  started.addEventListener("error", () => {
    for (const id of waiting.keys()) settle({ id, error: { key: "noEngine" } });
  });
  return started;
});
const waiting = new Map(); // requests without an answer yet
let requests = 0;

function settle({ id, result, error }) {
  const { resolve, reject } = waiting.get(id);
  waiting.delete(id);
  if (error) reject(Object.assign(new Error(error.message ?? ""), error));
  else resolve(result);
}

async function ask(name, ...parameters) {
  const started = await worker;
  requests += 1;
  const id = requests;
  return new Promise((resolve, reject) => {
    waiting.set(id, { resolve, reject });
    started.postMessage({ id, name, parameters });
  });
}

export const getMinerals = () => ask("minerals");

export const getPhotos = (label) => ask("photos", label);

export async function identifyPhoto(body, language, heatMapOf, onBusy, { crop = null, signal } = {}) {
  return unlessAborted(await ask("identifyPhoto", body, { language, heatMapOf, crop, top: 1 }), signal);
}

export async function identifySpecimen(question, language, signal) {
  return unlessAborted(await ask("identifySpecimen", question, language), signal);
}

function unlessAborted(answer, signal) {
  signal?.throwIfAborted();
  return answer;
}
