// The worker in which the networks run. It receives {id, name, parameters} and sends {id, result} or {id, error}.

import { Answerer } from "./answerer.js";
import { decodePhoto } from "./photo.js";

const MODEL = new URL("../../model/", import.meta.url);
const UNREADABLE = {
  en: "The browser cannot read this photo: save it as a JPEG, or take another one.",
  zh: "浏览器无法读取这张照片：请另存为 JPEG，或重新拍摄。",
};

async function readFile(name) {
  const response = await fetch(new URL(name, MODEL));
  if (!response.ok) throw new Error(`${name}: ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}

let answerer = new Answerer(readFile);

const answers = {
  minerals: () => answerer.minerals(),
  photos: (label) => answerer.photos(label),
  identifySpecimen: (question, language) => answerer.identifySpecimen(question, language),
  async identifyPhoto(body, options) {
    let photo;
    try {
      photo = await decodePhoto(body);
    } catch {
      throw new UserError(UNREADABLE[options.language]);
    }
    return answerer.identifyPhoto(photo, options);
  },
};

class UserError extends Error {}

self.addEventListener("message", async ({ data: { id, name, parameters } }) => {
  try {
    self.postMessage({ id, result: await answers[name](...parameters) });
  } catch (error) {
    const isForUser = error instanceof UserError || error.name === "EvidenceError";
    if (!isForUser) console.error(error);
    self.postMessage({ id, error: isForUser ? { message: error.message, field: error.field } : { key: "noEngine" } });
    if (!isForUser) answerer = new Answerer(readFile); // the files may be had the next time
  }
});
