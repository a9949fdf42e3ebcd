// A task, followed to its end: by its stream while the page is in sight, and else by asking now and then.
//
// A browser holds six connections to a server over HTTP/1.1, for all its tabs: a page out of sight leaves them to the others.

import { ask, at } from "./surface.js";

const LOOK_AGAIN = 2000; // milliseconds
const ENDS = ["completed", "failed"];

/** The task when it has ended; null if the stream ends before, or the page goes out of sight. */
function stream(id, tell) {
  return new Promise((resolve) => {
    const events = new EventSource(at(`/v1/tasks/${id}/events`));
    const end = (task) => {
      events.close();
      document.removeEventListener("visibilitychange", leave);
      resolve(task);
    };
    const leave = () => document.hidden && end(null);
    document.addEventListener("visibilitychange", leave);
    events.addEventListener("progress", (event) => tell(JSON.parse(event.data)));
    events.addEventListener("error", () => end(null));
    for (const name of ENDS) events.addEventListener(name, (event) => end(JSON.parse(event.data)));
  });
}

async function look(id, tell) {
  const task = await ask("GET", `/v1/tasks/${id}`);
  if (task.status !== "in_progress") return task;
  tell({ stage: task.stage, progress: task.progress, bytes: task.bytes_received });
  await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN));
  return null;
}

/** The task as it ends; `tell` hears of its stage, progress and bytes. Throws Refused where the server refuses to tell. */
export async function watch(id, tell) {
  for (;;) {
    let task = document.hidden ? null : await stream(id, tell);
    try {
      task ??= await look(id, tell);
    } catch (error) {
      if (error.status !== 0 && error.status < 500 && error.status !== 429) throw error;
      await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN));
    }
    if (task) return task;
  }
}
