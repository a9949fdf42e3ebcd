// Adding assets: the list of what is wanted, and so many of them at once.

import "./forms.js";
import "./group_choice.js";
import { Addition, guess } from "./additions.js";
import { filesIn } from "./folders.js";
import { ask, notify, project, sentence } from "./surface.js";

const AT_ONCE = 4;
const MOST = 1000; // rows on one page
const form = document.getElementById("add");
const addresses = document.getElementById("addresses");
const files = document.getElementById("files");
const folder = document.getElementById("folder");
const drop = document.getElementById("drop");
const group = document.getElementById("add-group");
const type = document.getElementById("add-type");
const start = document.getElementById("start");
const summary = document.getElementById("summary");
const rows = document.getElementById("rows");
const additions = new Set();
const queue = [];
let running = 0;
let isAwaited = false; // the group that is being made, by an adding that goes on then

const inState = (...states) => [...additions].filter(({ state }) => states.includes(state));

function showSummary() {
  const listed = inState("listed").length;
  start.disabled = listed === 0;
  if (listed) start.textContent = sentence(form, listed === 1 ? "one" : "many", { count: listed });
  const done = inState("done").length;
  const failed = inState("failed").length;
  const all = additions.size - listed;
  summary.textContent = all === 0 ? "" : sentence(form, failed ? "doneAndFailed" : "done", { done, all, failed });
}

function list(source) {
  if (additions.size >= MOST) return false;
  const addition = new Addition(source, showSummary);
  addition.parts.remove.addEventListener("click", () => remove(addition));
  addition.parts.again.addEventListener("click", () => enter(addition));
  additions.add(addition);
  rows.append(addition.row);
  return true;
}

function remove(addition) {
  additions.delete(addition);
  addition.row.remove();
  if (addition.address && addition.state === "listed") {
    addresses.value = linesOf(addresses.value).filter((line) => line !== addition.address).join("\n");
  }
  showSummary();
}

const linesOf = (text) => [...new Set(text.split("\n").map((line) => line.trim()).filter(Boolean))];

/** The rows are what stands in the field, line by line. */
function readAddresses() {
  const lines = linesOf(addresses.value);
  const known = new Map(inState("listed").filter(({ address }) => address).map((addition) => [addition.address, addition]));
  for (const [line, addition] of known) {
    if (lines.includes(line)) continue;
    additions.delete(addition);
    addition.row.remove();
  }
  takeAll(lines.filter((line) => !known.has(line)));
}

function takeAll(sources) {
  if (!sources.every(list)) notify(sentence(form, "tooMany", { count: MOST }));
  showSummary();
}

function takeFiles(chosen) {
  const some = [...chosen];
  for (const file of some) if (file.size === 0) notify(`${file.name}: ${sentence(form, "empty")}`);
  takeAll(some.filter((file) => file.size > 0));
}

/** Of what lies in folders, other files than media are left out, and it is said how many. */
function takeFound([some, areFromFolders]) {
  const media = areFromFolders ? some.filter(({ name, size }) => guess(name) && size > 0) : some;
  if (media.length < some.length) notify(sentence(form, "leftOut", { count: some.length - media.length }));
  takeFiles(media);
}

function enter(addition) {
  if (!addition.settle(type.value, group.value)) return;
  addition.wait();
  queue.push(addition);
  work();
}

async function work() {
  while (running < AT_ONCE && queue.length > 0) {
    running += 1;
    queue.shift().run().finally(() => {
      running -= 1;
      work();
    });
  }
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (!group.value) {
    isAwaited = true;
    return document.getElementById("new-group").showModal();
  }
  const wanted = inState("listed");
  for (const addition of wanted) enter(addition);
  addresses.value = inState("listed").map(({ address }) => address).filter(Boolean).join("\n");
  return wanted[0]?.row.scrollIntoView({ block: "nearest" });
});
addresses.addEventListener("input", readAddresses);
files.addEventListener("change", () => {
  takeFiles(files.files);
  files.value = "";
});
folder.addEventListener("change", () => {
  takeFound([[...folder.files], true]);
  folder.value = "";
});
for (const name of ["dragenter", "dragover"]) {
  addEventListener(name, (event) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    drop.classList.add("over");
  });
}
addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) drop.classList.remove("over");
});
addEventListener("drop", (event) => {
  if (!event.dataTransfer?.types.includes("Files")) return;
  event.preventDefault();
  drop.classList.remove("over");
  filesIn(event.dataTransfer).then(takeFound).catch((error) => notify(error.message));
});
document.getElementById("make-group").addEventListener("submit", async (event) => {
  event.preventDefault();
  const made = event.target;
  const told = made.querySelector("[role=alert]");
  told.textContent = "";
  try {
    const { id, name } = await ask("POST", "/v1/groups", { name: made.elements.name.value, project });
    group.prepend(new Option(name, id, true, true));
    made.reset();
    const goesOn = isAwaited;
    made.closest("dialog").close();
    if (goesOn) form.requestSubmit();
  } catch (error) {
    told.textContent = error.message;
  }
});
document.getElementById("new-group").addEventListener("close", () => {
  isAwaited = false;
});
addEventListener("beforeunload", (event) => {
  if (inState("running", "waiting").some(({ file }) => file)) event.preventDefault();
});
readAddresses();
showSummary();
