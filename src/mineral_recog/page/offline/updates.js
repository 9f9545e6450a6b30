// The service worker, and the notice of a new version.

import { element } from "../elements.js";
import { firstLanguage, texts } from "../texts.js";

const PATIENCE = 60000; // milliseconds for the first load of the files, all networks included

// Start the service worker; returns a promise that ends once it keeps the files, or if it cannot.
export async function keepOffline() {
  if (!("serviceWorker" in navigator)) return; // pages over http, other than of this machine, have none
  try {
    const registration = await navigator.serviceWorker.register("service_worker.js");
    watch(registration);
    const patience = new Promise((resolve) => setTimeout(resolve, PATIENCE));
    await Promise.race([navigator.serviceWorker.ready, failed(registration), patience]);
  } catch (error) {
    console.warn(error); // it answers all the same, with a network
  }
}

// Wait until the first installation fails, as without storage.
function failed({ installing }) {
  return new Promise((resolve) => {
    installing?.addEventListener("statechange", () => installing.state === "redundant" && resolve());
  });
}

function watch(registration) {
  const tell = () => {
    if (registration.waiting && navigator.serviceWorker.controller) showNotice(registration.waiting);
  };
  tell();
  registration.addEventListener("updatefound", () => registration.installing?.addEventListener("statechange", tell));
}

function showNotice(waiting) {
  if (document.getElementById("new-version")) return;
  const text = texts[firstLanguage()];
  const button = element("button", { type: "button", class: "quiet" }, text.reload);
  button.addEventListener("click", () => {
    navigator.serviceWorker.addEventListener("controllerchange", () => location.reload());
    waiting.postMessage("use new version");
  });
  document.querySelector("main").before(element("p", { id: "new-version", role: "status" }, `${text.newVersion} `, button));
}
