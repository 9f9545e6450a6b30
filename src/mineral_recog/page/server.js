// Requests to the server. Every failure becomes an error with a one-line message for the user.

const MAX_TRIES = 5; // while the server is busy

// The token is in the address that the server prints; the browser does not send this part of an address.
const token = new URLSearchParams(location.hash.slice(1)).get("token") ?? sessionStorage.getItem("token");
if (token) {
  sessionStorage.setItem("token", token);
  history.replaceState(null, "", location.pathname + location.search);
}

async function send(path, options = {}) {
  let response;
  const headers = { ...options.headers, ...(token && { authorization: `Bearer ${token}` }) };
  try {
    response = await fetch(path, { ...options, headers });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw Object.assign(new Error("noServer"), { key: "noServer" });
  }
  let content;
  try {
    content = await response.json();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    content = {}; // not from this server, or incomplete
  }
  if (response.ok) return content;
  const busy = response.status === 503;
  const otherModel = response.status === 409; // than the one that looked at the photos
  const wait = Number(response.headers.get("retry-after")) || 2;
  const hasMessage = typeof content.error === "string";
  throw Object.assign(new Error(hasMessage ? content.error : ""), { busy, otherModel, wait, key: hasMessage ? null : busy ? "stillBusy" : "noServer" });
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

export const identifyPhoto = (body, language, heatMap, onBusy) =>
  sendWithRetries(
    `identify?lang=${language}&top=1&heat_map=${heatMap ? "yes" : "no"}`,
    { method: "POST", body, headers: { "content-type": "application/octet-stream" } },
    onBusy,
  );

export const identifySpecimen = (question, language, signal, onBusy) =>
  sendWithRetries(
    `identify?lang=${language}`,
    { method: "POST", body: JSON.stringify(question), headers: { "content-type": "application/json" }, signal },
    onBusy,
  );
