// Requests to our own surface, with the form token of this session; and words to the person at the page.

const meta = (name) => document.querySelector(`meta[name="${name}"]`)?.content ?? "";

const word = (name) => document.getElementById("notices").dataset[name];

export const project = meta("project");

const root = new URL("../../..", import.meta.url).pathname.replace(/\/$/, ""); // this file is ROOT/console/static/MARK/surface.js

/** One of our own paths as the browser calls it: behind the prefix, if there is one. */
export const at = (path) => `${root}${path}`;

/** What the surface refused: its code, its sentence, and the request it was. */
export class Refused extends Error {
  constructor(status, body, retryAfter = null) {
    super(status === 401 ? word("signedOut") : (body?.error?.message ?? `HTTP ${status}`));
    this.status = status;
    this.retryAfter = retryAfter === null ? null : Number(retryAfter); // seconds
    this.code = body?.error?.code ?? "";
    this.requestId = body?.request_id ?? "";
  }
}

/** The headers of a request that changes something. */
export const guarded = (headers = {}) => ({ "X-Form-Token": meta("form-token"), "X-Project": project, ...headers });

/** Ask the surface; the answer read from JSON, or null where there is none. Throws Refused. */
export async function ask(method, path, body, more = {}) {
  const headers = guarded(body === undefined ? more : { "Content-Type": "application/json", ...more });
  const answer = await reach(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  const text = await answer.text();
  const isJson = answer.headers.get("content-type")?.startsWith("application/json");
  const found = text && isJson ? JSON.parse(text) : null;
  if (!answer.ok) throw new Refused(answer.status, found, answer.headers.get("retry-after"));
  return found;
}

/** What `fetch` answers; where nobody does, it is said in a sentence. */
export async function reach(path, options) {
  try {
    return await fetch(at(path), options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refused(0, { error: { code: "", message: word("unreachable") } });
  }
}

/** The sentence in an element's `data-NAME`, with the values in the places of their names. */
export function sentence(element, name, values = {}) {
  return (element.dataset[name] ?? "").replace(/\{(\w+)\}/g, (place, key) => values[key] ?? place);
}

/** Say something where screen readers hear it too. */
export function notify(text) {
  const said = document.createElement("p");
  said.textContent = text;
  document.getElementById("notices").append(said);
  setTimeout(() => said.remove(), 8000);
}

/** Do something that a button asks for: the button waits meanwhile, and what goes wrong is said. */
export async function doing(button, work) {
  button.disabled = true;
  try {
    return await work();
  } catch (error) {
    notify(error.message);
    return undefined;
  } finally {
    button.disabled = false;
  }
}

// Where the places do not fit beside each other, the one that the page is stands in the middle.
const places = document.querySelector(".places");
const here = places?.querySelector("[aria-current]");
if (here) places.scrollLeft = here.offsetLeft - places.offsetLeft - (places.clientWidth - here.clientWidth) / 2;

for (const select of document.querySelectorAll("select[data-go]")) select.addEventListener("change", () => select.form.submit());
