// The next part of a list, put behind this one when its end comes into view; without a script the link leads there.

const list = document.getElementById("items");

async function showMore(link) {
  const answer = await fetch(link.href);
  if (!answer.ok || answer.redirected) return; // a session that has ended leads to the form to sign in
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const item of [...(page.getElementById("items")?.children ?? [])]) {
    if (!item.dataset.id || !list.querySelector(`[data-id="${CSS.escape(item.dataset.id)}"]`)) list.append(document.adoptNode(item));
  }
  const next = page.querySelector(".more a");
  if (next) link.replaceWith(document.adoptNode(next));
  else link.closest(".more").remove();
  watch();
}

const sight = new IntersectionObserver(
  (entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      sight.unobserve(entry.target);
      showMore(entry.target).catch(() => undefined);
    }
  },
  { rootMargin: "800px" },
);

function watch() {
  const link = document.querySelector(".more a");
  if (link && list) sight.observe(link);
}
watch();
