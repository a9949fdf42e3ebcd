// One addition: an address or a file, its row on the page, and what becomes of it.

import { size } from "./amounts.js";
import { Refused, ask, at, notify, project, sentence } from "./surface.js";
import { upload } from "./upload.js";
import { watch } from "./watch.js";

const words = document.getElementById("add");
const endings = JSON.parse(words.dataset.endings);
const remedies = JSON.parse(words.dataset.remedies);
const NAME_LENGTH = Number(words.dataset.nameLength);
const ATTEMPTS = 5; // where the server says when to come again

/** What the ending of a name says of the type; empty where it says nothing. */
export function guess(name) {
  return endings[name.split(".").pop().toLowerCase()] ?? "";
}

/** The last part of an address, as a person would write it. */
function nameIn(address) {
  try {
    return decodeURIComponent(new URL(address).pathname.split("/").filter(Boolean).pop() ?? "");
  } catch {
    return "";
  }
}

const withoutEnding = (name) => (guess(name) ? name.slice(0, name.lastIndexOf(".")) : name);
const cut = (text) => [...text].slice(0, NAME_LENGTH).join("").trim();
const newKey = () => [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");

/** A row; `changed` is called whenever its state is another one: listed, waiting, running, done, failed. */
export class Addition {
  #task = null;
  #asked = null;
  #stop = null;

  constructor(source, changed) {
    this.file = source instanceof File ? source : null;
    this.address = this.file ? null : source;
    this.changed = changed;
    this.state = "listed";
    this.group = null;
    const full = this.file ? this.file.name : nameIn(source);
    this.row = document.getElementById("row").content.firstElementChild.cloneNode(true);
    const { row } = this;
    const find = (selector) => row.querySelector(selector);
    this.parts = {
      name: find(".name"), kind: find(".kind select"), status: find(".status"), progress: find("progress"), fault: find(".fault"),
      open: find(".open"), again: find(".again"), cancel: find(".cancel"), remove: find(".remove"),
    };
    this.parts.name.value = cut(withoutEnding(full));
    this.parts.kind.value = guess(full);
    find(".source").textContent = this.file ? `${this.file.name} · ${size(this.file.size)}` : source.slice(0, 300);
    this.parts.cancel.addEventListener("click", () => this.cancel());
    this.#label(full || source);
  }

  #label(name) {
    const { remove, cancel, again, progress } = this.parts;
    for (const [part, word] of [[remove, "remove"], [cancel, "cancel"], [again, "again"], [progress, "progress"]]) {
      part.setAttribute("aria-label", sentence(words, word, { name }));
    }
  }

  /** Where it is not said on its own, the type is that of all. False: nobody says it. */
  settle(type, group) {
    if (type && this.parts.kind.value === "") this.parts.kind.value = type;
    this.group = group;
    const isKnown = this.parts.kind.value !== "";
    if (!isKnown) this.#complain({ message: sentence(words, "noType") });
    return isKnown;
  }

  #become(state, status = "") {
    this.state = state;
    const { name, kind, progress, fault, open, again, cancel, remove } = this.parts;
    const isFree = state === "listed" || state === "failed";
    name.readOnly = !isFree;
    kind.disabled = !isFree;
    progress.hidden = state !== "running";
    cancel.hidden = state !== "running" && state !== "waiting";
    remove.hidden = !isFree && state !== "done";
    again.hidden = state !== "failed";
    open.hidden = state !== "done";
    if (state !== "failed") fault.hidden = true;
    this.row.dataset.state = state;
    this.#say(status);
    this.changed(this);
  }

  #say(text) {
    this.parts.status.textContent = text;
  }

  #complain({ code = "", message = "", reason = "" }) {
    const [text, remedy, title] = this.parts.fault.children;
    title.textContent = code;
    text.textContent = message;
    remedy.textContent = remedies[reason] ?? remedies[code.replace(/^InvalidParameter\./, "")] ?? remedies[code] ?? "";
    this.parts.fault.hidden = false;
  }

  wait() {
    this.#become("waiting", sentence(words, "waiting"));
  }

  /** From here to the end, whatever it is; never throws. */
  async run() {
    if (this.state !== "waiting") return; // it was cancelled
    this.#stop = new AbortController();
    this.parts.progress.removeAttribute("value");
    this.#become("running", sentence(words, "queued"));
    try {
      const { signal } = this.#stop;
      const id = await this.#begin(signal);
      this.#task = id;
      if (signal.aborted) await this.cancel();
      const task = await watch(id, (progress) => this.#show(progress));
      this.#end(task);
    } catch (error) {
      if (error.name === "AbortError") return this.#become("failed", sentence(words, "cancelled"));
      this.#become("failed", sentence(words, "stateFailed"));
      this.#complain(error);
    }
  }

  get #wanted() {
    const { name, kind } = this.parts;
    return { type: kind.value, group_id: this.group, project, ...(name.value.trim() ? { name: name.value.trim() } : {}) };
  }

  /** The ID of the task; what has failed before, and is wanted as it was, is tried again with the bytes that the server still has. */
  async #begin(signal) {
    const wanted = this.#wanted;
    const asked = JSON.stringify(wanted);
    if (this.#task && this.#asked === asked) {
      try {
        return (await this.#patiently(() => ask("POST", `/v1/tasks/${this.#task}/retry`), signal)).id;
      } catch (error) {
        if (!(error instanceof Refused) || (error.status !== 404 && error.status !== 409)) throw error;
      }
    }
    this.#asked = asked;
    if (this.file) return this.#patiently(() => upload(this.file, wanted, (sent) => this.#showSent(sent), signal), signal);
    const key = { "Idempotency-Key": newKey() };
    return (await this.#patiently(() => ask("POST", "/v1/assets", { url: this.address, ...wanted }, key), signal)).id;
  }

  async #patiently(work, signal) {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await work();
      } catch (error) {
        const isPassing = error instanceof Refused && error.retryAfter && attempt < ATTEMPTS;
        if (!isPassing) throw error;
        await new Promise((resolve) => setTimeout(resolve, error.retryAfter * 1000));
        signal.throwIfAborted();
      }
    }
  }

  #showSent(sent) {
    if (sent === null) return this.#say(sentence(words, "broken"));
    this.parts.progress.value = sent / this.file.size;
    return this.#say(sentence(words, "sending", { sent: size(sent), all: size(this.file.size) }));
  }

  #show({ stage, progress, bytes }) {
    this.parts.progress.value = progress;
    const word = sentence(words, stage) || stage;
    this.#say(stage === "fetching" && bytes ? sentence(words, "received", { stage: word, bytes: size(bytes) }) : word);
  }

  #end(task) {
    if (task.status === "completed") {
      this.parts.open.href = at(`/console/assets/${encodeURIComponent(task.asset_id)}?${new URLSearchParams({ project })}`);
      return this.#become("done", sentence(words, "stateDone"));
    }
    this.#become("failed", sentence(words, task.error?.code === "Conflict.Cancelled" ? "cancelled" : "stateFailed"));
    if (task.error?.code !== "Conflict.Cancelled") this.#complain(task.error ?? {});
    return undefined;
  }

  async cancel() {
    if (this.state === "waiting") return this.#become("failed", sentence(words, "cancelled"));
    this.#stop?.abort();
    if (this.#task === null) return undefined;
    return ask("POST", `/v1/tasks/${this.#task}/cancel`).catch((error) => notify(error.message));
  }
}
