// Deciding by keyboard: D goes to the panel, 1 and 2 choose, Ctrl+Enter decides; the button says what it will do.
const form = document.querySelector("form[data-decide]");
if (form) {
  const shown = form.querySelector("[data-effect-shown]");
  const radios = [...form.querySelectorAll("input[name=choice]")];
  const name = () => (shown.textContent = radios.find((one) => one.checked).dataset.effect);
  for (const one of radios) one.addEventListener("change", name);
  name();
  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) return form.requestSubmit();
    if (event.target.matches("input[type=text], textarea, select") || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "d" || event.key === "D") {
      event.preventDefault();
      form.querySelector("textarea").focus();
    }
    const place = Number(event.key) - 1;
    if (radios[place]) {
      radios[place].checked = true;
      name();
      form.querySelector("textarea").focus();
      event.preventDefault();
    }
  });
}
