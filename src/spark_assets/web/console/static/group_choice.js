// A choice of a group among more than a hundred: what is typed beside it finds them by their names.

import { ask, project } from "./surface.js";

const PAUSE = 250; // milliseconds without a key before the surface is asked

async function find(field, select) {
  const wanted = field.value.trim();
  const query = new URLSearchParams({ limit: "100", project, ...(wanted ? { name: wanted } : {}) });
  const { items } = await ask("GET", `/v1/groups?${query}`);
  if (field.value.trim() !== wanted) return;
  const kept = [...select.options].filter((option) => option.value === "" || (option.selected && !wanted));
  const found = items.filter((group) => kept.every((option) => option.value !== group.id)).map((group) => new Option(group.name, group.id));
  select.replaceChildren(...kept, ...found);
  if (wanted && found.length > 0) select.value = found[0].value;
  select.dispatchEvent(new Event("change", { bubbles: true }));
}

for (const field of document.querySelectorAll("input[data-finds]")) {
  let waiting;
  field.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => find(field, document.getElementById(field.dataset.finds)).catch(() => undefined), PAUSE);
  });
}
