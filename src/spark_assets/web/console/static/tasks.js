// Tasks as they happen. The project's events say when a task has ended; a few of those in progress are followed step by step.
//
// A browser holds six connections to a server over HTTP/1.1, for all its tabs: so few are kept, and none by a page out of sight.

import "./more.js";
import { size } from "./amounts.js";
import { ask, at, doing, project, sentence } from "./surface.js";

const FOLLOWED = 2; // streams of single tasks at once
const PAUSE = 400; // milliseconds: many events together draw the page anew once
const LOOK_AGAIN = 5000; // milliseconds after which to look for tasks that have begun
const NEWS = ["task.completed", "task.failed"];
const found = document.getElementById("found");
const live = document.getElementById("live");
const followed = new Map();
let events = null;
let waiting = null;

const rowOf = (id) => found.querySelector(`tr[data-id="${CSS.escape(id)}"]`);

/** Draw the first part of the list anew; rows behind it stay as they are, unless they are in it. */
async function refresh() {
  const answer = await fetch(location.href);
  if (answer.redirected) return location.reload(); // the session has ended: to the form, and from there back
  if (!answer.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = page.getElementById("found");
  const rows = [...fresh.querySelectorAll("#items > tr")];
  const list = document.getElementById("items");
  if (rows.length === 0 || !list) {
    if (fresh.innerHTML !== found.innerHTML) found.replaceChildren(...[...fresh.childNodes].map((node) => document.adoptNode(node)));
    return follow();
  }
  const focused = document.activeElement?.closest?.("#items tr")?.dataset.id;
  let before = list.firstElementChild;
  for (const row of rows) {
    const known = rowOf(row.dataset.id);
    if (known && known === before) before = known.nextElementSibling;
    const drawn = document.adoptNode(row);
    if (known && known.innerHTML === drawn.innerHTML) list.insertBefore(known, before);
    else {
      known?.remove();
      list.insertBefore(drawn, before);
    }
  }
  if (focused && document.activeElement === document.body) rowOf(focused)?.querySelector("button, a")?.focus();
  return follow();
}

function refreshSoon() {
  waiting ??= setTimeout(() => {
    waiting = null;
    if (!document.hidden) refresh().catch(() => undefined);
  }, PAUSE);
}

function show(id, { stage, progress, bytes }) {
  const row = rowOf(id);
  const bar = row?.querySelector("progress");
  if (!bar) return;
  bar.value = progress;
  const word = row.querySelector("[data-stage]");
  word.textContent = word.dataset[stage] ?? word.textContent;
  if (bytes) row.querySelector("[data-bytes]").textContent = size(bytes);
}

function leave(id) {
  followed.get(id)?.close();
  followed.delete(id);
}

/** Also a row behind the first part, which is not drawn anew, must not seem to go on. */
function ended(id, status) {
  leave(id);
  const row = rowOf(id);
  if (!row) return;
  row.dataset.status = status;
  for (const gone of row.querySelectorAll('progress, [data-stage], [data-act="cancel"]')) gone.remove();
  const word = row.querySelector(".state");
  word.className = `state ${status}`;
  word.textContent = found.dataset[status];
}

/** Follow the first few that are in progress. */
function follow() {
  for (const id of [...followed.keys()]) if (rowOf(id)?.dataset.status !== "in_progress") leave(id);
  for (const { dataset } of found.querySelectorAll('tr[data-status="in_progress"]')) {
    if (followed.size >= FOLLOWED) return;
    if (followed.has(dataset.id)) continue;
    const stream = new EventSource(at(`/v1/tasks/${dataset.id}/events`));
    followed.set(dataset.id, stream);
    stream.addEventListener("progress", (event) => show(dataset.id, JSON.parse(event.data)));
    for (const end of ["completed", "failed"]) {
      stream.addEventListener(end, () => {
        ended(dataset.id, end);
        refreshSoon();
      });
    }
  }
}

function listen() {
  events = new EventSource(at(`/v1/events?${new URLSearchParams({ project })}`));
  events.addEventListener("ready", () => {
    live.textContent = sentence(live, "live");
    refreshSoon();
  });
  events.addEventListener("reset", refreshSoon);
  for (const name of NEWS) events.addEventListener(name, refreshSoon);
  events.addEventListener("error", () => {
    live.textContent = sentence(live, "lost");
    if (events?.readyState === EventSource.CLOSED) setTimeout(attend, LOOK_AGAIN);
  });
}

/** Listen while the page is in sight. */
function attend() {
  events?.close();
  events = null;
  for (const id of [...followed.keys()]) leave(id);
  if (document.hidden) return;
  listen();
  follow();
}

found.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-act]");
  if (!button) return;
  const id = button.closest("tr").dataset.id;
  doing(button, async () => {
    await ask("POST", `/v1/tasks/${id}/${button.dataset.act}`);
    await refresh();
  });
});
document.addEventListener("visibilitychange", attend);
setInterval(() => {
  if (!document.hidden) refreshSoon();
}, LOOK_AGAIN);
addEventListener("pagehide", () => {
  events?.close();
  for (const id of [...followed.keys()]) leave(id);
});
attend();
