// What the browser adds to pages that work without it. One listener per event, on the document; no eval, no inline code.
const announce = (text) => { document.querySelector("#status").textContent = text; };

const copy = async (button) => {
  await navigator.clipboard.writeText(button.dataset.copy);
  announce(`${button.dataset.copy} copied`);
};

// j and k move between rows, only while the focus is inside the queue and never in a field (WCAG 2.1.4).
const moveRow = (event) => {
  const queue = event.target.closest("[data-queue]");
  if (!queue || event.target.closest("input, select, textarea")) return;
  const links = [...queue.querySelectorAll("[data-row-link]")];
  const row = event.target.closest("tr");
  const at = links.findIndex((link) => row?.contains(link));
  links[at + (event.key === "j" ? 1 : -1)]?.focus();
};

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy]");
  if (button) copy(button);
  const toast = event.target.closest("[data-dismiss]");
  if (toast) toast.closest(".notice").remove();
});

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || document.documentElement.dataset.keys === "off") return;
  if (event.key === "j" || event.key === "k") moveRow(event);
});

document.addEventListener("change", (event) => {
  if (event.target.matches("[data-autosubmit] select, [data-autosubmit] input[type=checkbox]")) event.target.form.requestSubmit();
});

// After a refused form the summary of its errors is what must be read next.
document.addEventListener("htmx:afterSwap", (event) => {
  event.target.querySelector?.("[data-error-summary]")?.focus();
});

document.addEventListener("htmx:responseError", (event) => {
  const story = event.detail.xhr.getResponseHeader("X-Correlation-ID") ?? "";
  const template = document.querySelector("#failure").content.cloneNode(true);
  template.querySelector("[data-story]").textContent = story;
  template.querySelector("[data-copy]").dataset.copy = story;
  document.querySelector("#flash").replaceChildren(template);
});

document.querySelector("[data-error-summary]:not([data-sample] *)")?.focus();
