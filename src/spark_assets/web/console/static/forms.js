// Forms and buttons that say in their attributes what they ask of our own surface.
//
// <form data-ask="PATCH /v1/groups/ID">   its fields become the JSON body; then the page is shown anew, or `data-then` is gone to
// <button data-ask="DELETE /v1/groups/ID" data-sure="Question?">   likewise, once the question has been answered
//     `data-body` is the JSON that it sends
// <button data-opens="ID">, <button data-closes>   a dialog; a `data-subject` takes the place of `{subject}` in what its form asks,
//                                                  and a `data-subject-name` is told in its elements of that attribute
// <button data-copies="ID" data-copied="Copied.">   the text or the value of that element
//
// A form with `data-secret="FIELD"` shows that field of the answer, which is told this once, in the dialog `secret` before it goes on.
//
// A field may have `data-kind`: `lines` (an array), `json`, `flag`, `number`, `day` (its last moment in UTC), `moment` (in UTC);
// a fieldset `each` (an array of the boxes ticked in it, which have no names of their own). In place of `{id}` in `data-then` stands what is answered under that name.
// What a PATCH does not change is not sent. `data-done` is said on the page that comes then.

import { ask, doing, notify, sentence } from "./surface.js";

const SAID = "spark-assets-said";

/** The value of a field as JSON; null for an empty one. Throws where it cannot be read. */
function valueOf(field) {
  if (field.dataset.kind === "flag") return field.checked;
  if (field.dataset.kind === "each") return ticked(field);
  const text = field.value.trim();
  if (field.dataset.kind === "lines") return text === "" ? null : [...new Set(text.split("\n").map((line) => line.trim()).filter(Boolean))];
  if (text === "") return null;
  if (field.dataset.kind === "number") return Number(text);
  if (field.dataset.kind === "day") return `${text}T23:59:59Z`;
  if (field.dataset.kind === "moment") return `${text.length === 16 ? `${text}:00` : text}Z`;
  if (field.dataset.kind !== "json") return field.value;
  try {
    return JSON.parse(text);
  } catch (error) {
    field.focus();
    throw new Error(sentence(field, "invalid", { reason: error.message }));
  }
}

const ticked = (fieldset) => [...fieldset.querySelectorAll("input:checked")].map((box) => box.value);

/** What a field holds as text, to tell whether it was changed. */
function heldBy(field) {
  if (field.dataset.kind === "each") return JSON.stringify(ticked(field));
  return field.dataset.kind === "flag" ? String(field.checked) : field.value;
}

const fieldsOf = (form) => [...form.elements].filter((field) => field.name && !field.disabled);

function bodyOf(form, method) {
  const body = {};
  for (const field of fieldsOf(form)) {
    if (method === "PATCH" && heldBy(field) === field.dataset.before) continue;
    const value = valueOf(field);
    if (value !== null || method !== "POST") body[field.name] = value;
  }
  return body;
}

/** Show the page that comes after a change, and say there what was done. */
export function goOn(element, answer) {
  if (element.dataset.done) sessionStorage.setItem(SAID, element.dataset.done);
  const then = element.dataset.then?.replace(/\{(\w+)\}/g, (place, key) => encodeURIComponent(answer?.[key] ?? ""));
  if (then) location.assign(then);
  else location.reload();
}

/** Show what is told this once, then go on. */
function reveal(form, answer) {
  const dialog = document.getElementById("secret");
  form.closest("dialog")?.close();
  document.getElementById("secret-text").textContent = answer[form.dataset.secret];
  document.getElementById("secret-id").textContent = answer.id;
  dialog.addEventListener("close", () => goOn(form, answer), { once: true });
  dialog.showModal();
}

async function submit(form, button) {
  const [method, asked] = form.dataset.ask.split(" ");
  const path = asked.replace("{subject}", encodeURIComponent(form.closest("dialog")?.dataset.subject ?? ""));
  const told = form.querySelector("[role=alert]");
  if (told) told.textContent = "";
  if (button) button.disabled = true;
  try {
    const body = bodyOf(form, method);
    if (method === "PATCH" && Object.keys(body).length === 0) return form.closest("dialog")?.close();
    const answer = await ask(method, path, body);
    if (form.dataset.secret) reveal(form, answer);
    else goOn(form, answer);
  } catch (error) {
    if (told) told.textContent = error.message;
    else notify(error.message);
  } finally {
    if (button) button.disabled = false;
  }
}

/** Whether the person means it. `words`: the question; `answer`: what the button that agrees is called. */
export function isSure(words, answer) {
  const dialog = document.getElementById("sure");
  document.getElementById("sure-question").textContent = words;
  document.getElementById("sure-yes").textContent = answer;
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((resolve) => dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true }));
}

function open(dialog, button) {
  dialog.dataset.subject = button.dataset.subject ?? "";
  for (const place of dialog.querySelectorAll("[data-subject-name]")) place.textContent = button.dataset.subjectName ?? "";
  dialog.showModal();
}

async function press(button) {
  const { ask: asked, sure, opens, copies } = button.dataset;
  if (opens) open(document.getElementById(opens), button);
  else if ("closes" in button.dataset) button.closest("dialog").close();
  else if (copies) {
    const source = document.getElementById(copies);
    await doing(button, async () => {
      await copy(source.value ?? source.textContent);
      notify(sentence(button, "copied"));
    });
  } else if (asked && (!sure || (await isSure(sure, button.textContent.trim())))) {
    const body = button.dataset.body && JSON.parse(button.dataset.body);
    await doing(button, async () => goOn(button, await ask(...asked.split(" "), body)));
  }
}

/** Put text on the clipboard; also where the page did not come by HTTPS, and browsers keep the better way closed. */
export async function copy(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const field = document.createElement("textarea");
  field.value = text;
  (document.querySelector("dialog[open]") ?? document.body).append(field);
  field.select();
  document.execCommand("copy");
  field.remove();
}

document.addEventListener("click", (event) => {
  const button = event.target.closest?.("button");
  if (button) press(button);
});
document.addEventListener("submit", (event) => {
  if (!event.target.dataset.ask) return;
  event.preventDefault();
  submit(event.target, event.submitter);
});
for (const form of document.querySelectorAll('form[data-ask^="PATCH"]')) {
  for (const field of fieldsOf(form)) field.dataset.before = heldBy(field);
}
const said = sessionStorage.getItem(SAID);
if (said) {
  sessionStorage.removeItem(SAID);
  notify(said);
}
