// Groups and projects: one dialog edits whichever row asks for it.

import "./forms.js";
import "./more.js";

document.addEventListener("click", (event) => {
  const button = event.target.closest?.("button[data-edits]");
  const dialog = document.querySelector("dialog[id^=edit]");
  if (!button || !dialog) return;
  const form = dialog.querySelector("form");
  form.dataset.ask = form.dataset.ask.replace(/[^/]*$/, encodeURIComponent(button.dataset.edits));
  for (const field of form.elements) {
    if (!(field.name in button.dataset)) continue;
    field.value = field.dataset.before = button.dataset[field.name];
  }
  dialog.showModal();
});
