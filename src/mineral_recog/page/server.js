// Asking the server. Whatever goes wrong comes out as an error with a line for the reader.

const TRIES = 5; // while the server is busy

async function ask(path, options) {
  let response;
  try {
    response = await fetch(path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw Object.assign(new Error("gone"), { key: "gone" });
  }
  let content;
  try {
    content = await response.json();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    content = {}; // not from our server, or cut short
  }
  if (response.ok) return content;
  const busy = response.status === 503;
  const wait = Number(response.headers.get("retry-after")) || 2;
  const known = typeof content.error === "string";
  throw Object.assign(new Error(known ? content.error : ""), { busy, wait, key: known ? null : busy ? "stillBusy" : "gone" });
}

// Ask, and ask again while the server is busy.
async function patiently(path, options, onBusy) {
  for (let tried = 1; ; tried += 1) {
    try {
      return await ask(path, options);
    } catch (error) {
      if (!error.busy || tried === TRIES) throw error;
      onBusy();
      await new Promise((done) => setTimeout(done, 1000 * error.wait * (0.75 + Math.random() / 2)));
    }
  }
}

export const minerals = (language) => ask(`/minerals?lang=${language}`);

export const look = (body, language, heatMap, onBusy) =>
  patiently(
    `/identify?lang=${language}&top=1&heat_map=${heatMap ? "yes" : "no"}`,
    { method: "POST", body, headers: { "content-type": "application/octet-stream" } },
    onBusy,
  );

export const combine = (question, language, signal, onBusy) =>
  patiently(
    `/identify?lang=${language}`,
    { method: "POST", body: JSON.stringify(question), headers: { "content-type": "application/json" }, signal },
    onBusy,
  );
