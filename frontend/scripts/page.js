// What pages gain with script: parts that change without a reload (htmx), and selects that act at once.
import htmx from "htmx.org";

htmx.config.includeIndicatorStyles = false; // our policy forbids inline style
htmx.config.allowEval = false;
htmx.config.selfRequestsOnly = true;
window.htmx = htmx;

document.addEventListener("change", (event) => {
  if (event.target.matches("select[data-submit]")) event.target.form.requestSubmit();
});
document.addEventListener("click", (event) => {
  for (const open of document.querySelectorAll("details.pop[open], details.menu[open]"))
    if (!open.contains(event.target)) open.open = false;
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const open of document.querySelectorAll("details.pop[open], details.menu[open]")) {
    open.open = false;
    open.querySelector("summary").focus();
  }
});

// The search box proposes titles while one types; without script it is a plain box.
let typing;
document.addEventListener("input", (event) => {
  const box = event.target;
  if (!box.dataset?.suggest) return;
  clearTimeout(typing);
  typing = setTimeout(async () => {
    const answer = box.value.trim() ? await fetch(`${box.dataset.suggest}?q=${encodeURIComponent(box.value)}`) : null;
    const found = answer?.ok ? (await answer.json()).suggestions : [];
    box.list?.replaceChildren(...found.map(({ title }) => Object.assign(document.createElement("option"), { value: title })));
  }, 150);
});

// Buttons that copy an example: shown only where the browser lets a page copy.
if (navigator.clipboard) for (const button of document.querySelectorAll("[data-copy]")) button.hidden = false;
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
  const said = button.innerHTML;
  button.textContent = button.dataset.done;
  setTimeout(() => { button.innerHTML = said; }, 1500);
});

// filters are folded on a phone
const foldFacets = () => {
  if (matchMedia("(max-width: 720px)").matches)
    for (const one of document.querySelectorAll(".facets > details[open]")) if (!one.querySelector("[aria-current]")) one.open = false;
};
foldFacets();
document.addEventListener("htmx:afterSettle", foldFacets);
