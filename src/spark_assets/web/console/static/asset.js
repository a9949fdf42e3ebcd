// The page of an asset: signed links that are made when they are wanted, and the end of an ingestion.

import "./forms.js";
import "./group_choice.js";
import { ask, at, doing, sentence } from "./surface.js";

const form = document.getElementById("link-form");
form?.addEventListener("submit", (event) => {
  event.preventDefault();
  doing(event.submitter, async () => {
    const lifetime = Number(document.getElementById("link-lifetime").value);
    const made = await ask("POST", `/v1/assets/${form.dataset.asset}/links`, { expires_in: lifetime });
    document.getElementById("signed-link").textContent = made.url;
    const time = made.expires_at.slice(0, 16).replace("T", " ");
    document.getElementById("link-until").textContent = sentence(form, "until", { time });
    document.getElementById("link-made").hidden = false;
  });
});

const progress = document.getElementById("progress");
if (progress?.dataset.task) {
  const stream = new EventSource(at(`/v1/tasks/${progress.dataset.task}/events`));
  const share = document.getElementById("share");
  stream.addEventListener("progress", (event) => {
    share.value = JSON.parse(event.data).progress;
  });
  for (const end of ["completed", "failed"]) {
    stream.addEventListener(end, () => {
      stream.close();
      location.reload();
    });
  }
}
