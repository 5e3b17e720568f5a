// The inspection page by keyboard: J goes to the next column that needs a person, Ctrl+Enter confirms all proposals, or
// sends the form in which somebody writes. On a phone the proposals are folded away.
const typing = (target) => target.closest("input:not([type=radio], [type=checkbox]), textarea, select");

document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    const find = (what) => document.querySelector(what);
    const form = event.target.closest("form[data-own]") || find("form[data-confirm]");
    const go = find("[data-go]");
    event.preventDefault();
    if (form) form.requestSubmit();
    else if (go) go.click();
    else find("form[data-own]")?.requestSubmit();
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
  if (event.key === "j" || event.key === "J") next();
});

function next() {
  const rows = [...document.querySelectorAll("tr.ask")];
  if (!rows.length) return;
  const here = rows.findIndex((row) => row === document.activeElement || row.nextElementSibling?.contains(document.activeElement));
  const row = rows[(here + 1) % rows.length];
  const fold = row.closest("details");
  if (fold) fold.open = true;
  const button = row.nextElementSibling?.querySelector("button, a") || row;
  button.focus({ preventScroll: true });
  row.scrollIntoView({ block: "center" });
}

document.querySelector("[data-next]")?.addEventListener("click", (event) => {
  event.preventDefault();
  next();
});

if (matchMedia("(max-width: 720px)").matches)
  for (const fold of document.querySelectorAll("details[data-fold]")) fold.open = !document.querySelector("tr.ask");
document.querySelector("[data-first]")?.focus();
