// A file on its way in, by tus 1.0 in slices: after a break it goes on from where the server stands, in this page or the next one.

import { Refused, at, guarded, reach } from "./surface.js";

const SLICE = 8 * 1024 * 1024;
const TUS = { "Tus-Resumable": "1.0.0" };
const ATTEMPTS = 8; // in a row without a byte gained
const LONGEST_PAUSE = 15_000; // milliseconds
const KEPT = "spark-assets-upload:";
const FOR_LATER = new Set(["Conflict.UploadBusy", "Conflict.Offset"]);

const encoded = (text) => btoa(String.fromCharCode(...new TextEncoder().encode(text)));
const pathOf = (id) => `/v1/uploads/tus/${encodeURIComponent(id)}`;

/** Under which a begun upload is remembered: the same file, meant to become the same asset. */
function memoryOf(file, fields) {
  return KEPT + JSON.stringify([file.name, file.size, file.lastModified, fields]);
}

async function refusal(answer) {
  const text = await answer.text();
  let body = null;
  try {
    body = JSON.parse(text);
  } catch {
    // An answer to HEAD, or one from a proxy: there is no more to be told than its status.
  }
  return new Refused(answer.status, body, answer.headers.get("retry-after"));
}

async function begin(file, fields, signal) {
  const texts = { ...fields, filename: file.name };
  const note = Object.entries(texts).map(([name, text]) => `${name} ${encoded(text)}`);
  const headers = guarded({ ...TUS, "Upload-Length": String(file.size), "Upload-Metadata": note.join(",") });
  const answer = await reach("/v1/uploads/tus", { method: "POST", headers, signal });
  if (!answer.ok) throw await refusal(answer);
  return answer.headers.get("location").split("/").pop();
}

/** Where the server stands. */
async function look(id, signal) {
  const answer = await reach(pathOf(id), { method: "HEAD", headers: guarded(TUS), signal });
  if (!answer.ok) throw await refusal(answer);
  return { offset: Number(answer.headers.get("upload-offset")), task: answer.headers.get("upload-task"), length: Number(answer.headers.get("upload-length")) };
}

/** An upload of the same file that was begun before and is still there, or a new one. */
async function found(file, fields, signal) {
  const known = localStorage.getItem(memoryOf(file, fields));
  if (known) {
    try {
      const { length, task } = await look(known, signal);
      if (length === file.size && !task) return known;
    } catch (error) {
      if (!(error instanceof Refused) || error.status !== 404) throw error;
    }
  }
  const id = await begin(file, fields, signal);
  localStorage.setItem(memoryOf(file, fields), id);
  return id;
}

/** One slice; `XMLHttpRequest` alone tells how much of it has gone. */
function send(id, slice, offset, tell, signal) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const stop = () => request.abort();
    const end = (settle, value) => {
      signal.removeEventListener("abort", stop);
      settle(value);
    };
    request.open("PATCH", at(pathOf(id)));
    const headers = guarded({ ...TUS, "Upload-Offset": String(offset), "Content-Type": "application/offset+octet-stream" });
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.upload.addEventListener("progress", (event) => tell(offset + event.loaded));
    request.addEventListener("error", () => end(reject, new Refused(0, null)));
    request.addEventListener("abort", () => end(reject, new DOMException("", "AbortError")));
    request.addEventListener("load", () => {
      const answer = { offset: Number(request.getResponseHeader("upload-offset")), task: request.getResponseHeader("upload-task") };
      if (request.status === 204) return end(resolve, answer);
      let body = null;
      try {
        body = JSON.parse(request.responseText);
      } catch {
        // As above: its status says all.
      }
      return end(reject, new Refused(request.status, body, request.getResponseHeader("retry-after")));
    });
    signal.addEventListener("abort", stop);
    request.send(slice);
  });
}

const isPassing = (error) => error instanceof Refused && (error.status === 0 || error.status === 408 || error.status >= 500 || FOR_LATER.has(error.code));

function pause(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    const end = () => {
      clearTimeout(timer);
      removeEventListener("online", end);
      signal.removeEventListener("abort", end);
      if (signal.aborted) reject(new DOMException("", "AbortError"));
      else resolve();
    };
    const timer = setTimeout(end, milliseconds);
    addEventListener("online", end);
    signal.addEventListener("abort", end);
  });
}

/**
 * Send a file; the ID of the task that it has become. `fields`: those of an asset, as texts. `tell(sent)`: so many bytes have gone;
 * `tell(null)`: the connection is gone. Throws Refused, or AbortError once `signal` says so.
 */
export async function upload(file, fields, tell, signal) {
  let id = null;
  let reached = -1;
  let attempt = 0;
  for (;;) {
    try {
      id ??= await found(file, fields, signal);
      let { offset, task } = await look(id, signal);
      attempt = offset > reached ? 0 : attempt;
      reached = Math.max(reached, offset);
      while (!task) {
        tell(offset);
        ({ offset, task } = await send(id, file.slice(offset, offset + SLICE), offset, tell, signal));
      }
      localStorage.removeItem(memoryOf(file, fields));
      return task;
    } catch (error) {
      if (error.name === "AbortError" && id) await giveUp(id, file, fields);
      attempt += 1;
      if (!isPassing(error) || attempt >= ATTEMPTS) throw error;
      if (error.status === 0) tell(null);
      await pause(Math.max(Math.min(500 * 2 ** attempt, LONGEST_PAUSE), (error.retryAfter ?? 0) * 1000), signal);
    }
  }
}

async function giveUp(id, file, fields) {
  localStorage.removeItem(memoryOf(file, fields));
  await reach(pathOf(id), { method: "DELETE", headers: guarded(TUS) }).catch(() => undefined);
}
