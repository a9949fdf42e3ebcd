// The library: one change to many selected assets. Shift selects a stretch, Escape none.

import "./group_choice.js";
import "./more.js";
import { ask, doing, notify, sentence } from "./surface.js";

const AT_ONCE = 500; // assets of one request
const TOLD = 3; // failures that are told one by one
const items = document.getElementById("items");
const selection = document.getElementById("selection");
const count = document.getElementById("count");
const boxes = () => [...items.querySelectorAll('input[name="id"]')];
const chosen = () => boxes().filter((box) => box.checked);
const DONE = { delete: "deleted", restore: "restored", tag: "tagged", untag: "untagged", move: "moved" };
const LEAVES = new Set(["delete", "restore"]);

function showSelection() {
  const number = chosen().length;
  selection.hidden = number === 0;
  count.textContent = sentence(selection, number === 1 ? "one" : "many", { count: number });
}

function select(wanted) {
  for (const box of boxes()) box.checked = wanted;
  showSelection();
}

/** What the change needs to know; null where it has not been said. */
function details(action) {
  if (action === "move") return { group_id: document.getElementById("new-group").value };
  if (action !== "tag" && action !== "untag") return {};
  const field = document.getElementById("new-tag");
  const tag = field.value.trim();
  if (tag) return { tags: [tag] };
  field.focus();
  return null;
}

async function change(button, action) {
  const said = details(action);
  if (said === null) return;
  const ids = chosen().map((box) => box.value);
  let done = 0;
  let failed = 0;
  await doing(button, async () => {
    for (let start = 0; start < ids.length; start += AT_ONCE) {
      const { results } = await ask("POST", "/v1/assets/bulk", { action, ids: ids.slice(start, start + AT_ONCE), ...said });
      for (const { id, status, error } of results) {
        if (status !== "failed") done += 1;
        else if (++failed <= TOLD) notify(sentence(selection, "failed", { id, reason: error.message }));
        if (status !== "failed" && leaves(action)) items.querySelector(`[data-id="${CSS.escape(id)}"]`)?.remove();
      }
    }
  });
  if (done) notify(sentence(selection, DONE[action], { count: done }));
  select(false);
  if (items.children.length === 0) location.reload();
}

/** Whether what was changed is not part of this list any more. */
function leaves(action) {
  return LEAVES.has(action) || (action === "move" && new URLSearchParams(location.search).get("group_id"));
}

if (items && selection) {
  let last = null;
  items.addEventListener("change", showSelection);
  items.addEventListener("click", (event) => {
    const box = event.target.closest('input[name="id"]');
    if (!box) return;
    const all = boxes();
    const [from, to] = [all.indexOf(last), all.indexOf(box)].sort((one, other) => one - other);
    if (event.shiftKey && last && from >= 0) for (const between of all.slice(from, to + 1)) between.checked = box.checked;
    last = box;
    showSelection();
  });
  selection.addEventListener("click", (event) => {
    const action = event.target.closest("button[data-action]")?.dataset.action;
    if (action === "all" || action === "none") select(action === "all");
    else if (action) change(event.target.closest("button"), action);
  });
  selection.addEventListener("submit", (event) => event.preventDefault());
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !selection.hidden && !document.querySelector("dialog[open]")) select(false);
  });
  showSelection();
}
