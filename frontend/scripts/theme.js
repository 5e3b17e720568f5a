// Light or dark before the first paint: the reader's choice, else the system's (then the style sheet decides alone).
const KEY = "gongshu-theme";
const system = () => (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");

function stored() {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null; // storage is refused: the system's choice stays
  }
}

const current = () => document.documentElement.dataset.theme || system();
if (stored() === "dark" || stored() === "light") document.documentElement.dataset.theme = stored();

document.addEventListener("DOMContentLoaded", () => {
  for (const button of document.querySelectorAll("[data-theme-switch]")) {
    const say = () => (button.textContent = current() === "dark" ? button.dataset.light : button.dataset.dark);
    say();
    button.hidden = false;
    button.addEventListener("click", () => {
      const next = current() === "dark" ? "light" : "dark";
      document.documentElement.dataset.theme = next;
      try {
        localStorage.setItem(KEY, next);
      } catch {
        // the choice then lasts for this page only
      }
      document.dispatchEvent(new CustomEvent("gongshu:theme"));
      for (const other of document.querySelectorAll("[data-theme-switch]"))
        other.textContent = next === "dark" ? other.dataset.light : other.dataset.dark;
    });
  }
});
