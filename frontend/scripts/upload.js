// Sends a file in pieces: goes on where it stopped after a broken connection, a closed browser or a restarted server.
const PIECE = 4 * 1024 * 1024;
const HEAD = 256 * 1024;
const WAITS = [1, 2, 4, 8, 15]; // seconds between tries; the last one again and again

class Refused extends Error {}

const form = document.querySelector("form[data-upload]");
if (form) {
  const input = form.querySelector("input[type=file]");
  const part = (name) => form.querySelector(`[data-${name}]`);
  const say = form.dataset;
  const token = form.querySelector("[name=csrfmiddlewaretoken]").value;
  let paused = true;
  let sending = null;

  form.addEventListener("dragover", (event) => event.preventDefault());
  form.addEventListener("drop", (event) => {
    event.preventDefault();
    if (event.dataTransfer.files.length !== 1 || !paused) return;
    input.files = event.dataTransfer.files;
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const file = input.files[0];
    if (!file) return tell(say.sayChoose);
    if (file.size > Number(say.limit)) return tell(say.sayLarge);
    paused = false;
    show(true);
    send(file).catch((error) => {
      paused = true;
      show(false);
      tell(error instanceof Refused ? error.message : say.sayFailed);
    });
  });
  part("pause").addEventListener("click", () => {
    paused = true;
    sending?.abort();
  });

  function tell(message) {
    part("error").textContent = message;
    part("error").hidden = !message;
  }

  function show(busy) {
    tell("");
    part("progress").hidden = false;
    part("pause").hidden = !busy;
    part("go").hidden = busy;
    input.disabled = busy;
  }

  async function send(file) {
    const query = new URLSearchParams({ name: file.name, size: file.size });
    let state = await patiently(() => ask("POST", `${say.upload}?${query}`, file.slice(0, HEAD)));
    if (!state) return halt();
    const pieces = `${state.page}/pieces`;
    const began = { at: performance.now(), from: state.received };
    status(state.received ? say.sayResumed : say.saySending);
    while (state.state === "receiving") {
      figures(file, state.received, began);
      const offset = state.received;
      const piece = file.slice(offset, offset + PIECE);
      const progress = (sent) => figures(file, offset + sent, began);
      state = await patiently(
        () => ask("PUT", `${pieces}?offset=${offset}`, piece, progress),
        () => ask("GET", `${state.page}/state`),
      );
      if (!state) return halt();
      status(say.saySending);
    }
    figures(file, file.size, began);
    status(say.sayDone);
    location.assign(state.page);
  }

  function halt() {
    show(false);
    status(say.sayStopped);
  }

  // Tries until it is answered; after a broken connection asks with `first` where things stand. Null when paused.
  async function patiently(attempt, first = attempt) {
    for (let n = 0; !paused; n++) {
      try {
        return await (n ? first : attempt)();
      } catch (error) {
        if (error instanceof Refused) throw error;
        if (paused) break;
        status(say.sayWaiting);
        await new Promise((done) => setTimeout(done, 1000 * WAITS[Math.min(n, WAITS.length - 1)]));
      }
    }
    return null;
  }

  function ask(method, url, body = null, progress = null) {
    return new Promise((done, failed) => {
      const request = new XMLHttpRequest();
      sending = request;
      request.open(method, url);
      request.responseType = "json";
      request.setRequestHeader("X-CSRFToken", token);
      if (body) request.setRequestHeader("Content-Type", "application/octet-stream");
      if (progress) request.upload.onprogress = (event) => progress(event.loaded);
      request.onerror = request.onabort = request.ontimeout = () => failed(new Error("broken"));
      request.onload = () => {
        const answer = request.response;
        if (request.status === 200 && answer?.state) return done(answer);
        if (request.status === 409) return done({ ...answer.error.where, state: "receiving", page: url.split("/pieces")[0] });
        if (request.status === 200) return failed(new Refused(say.sayLogin)); // the sign-in page came instead
        if (answer?.error && request.status !== 423) return failed(new Refused(answer.error.message));
        if ([403, 404, 405].includes(request.status)) return failed(new Refused(say.sayLogin));
        failed(new Error(String(request.status))); // a busy or restarting server: try again
      };
      request.send(body);
    });
  }

  function status(text) {
    if (part("status").textContent !== text) part("status").textContent = text;
  }

  function figures(file, received, began) {
    form.querySelector("progress").value = (100 * received) / file.size;
    const seconds = (performance.now() - began.at) / 1000;
    const speed = (received - began.from) / seconds;
    const left = seconds > 1 && speed > 0 ? Math.ceil((file.size - received) / speed) : 0;
    const later = left > 90 ? say.sayLeftMinutes.replace("#", Math.ceil(left / 60)) : left ? say.sayLeft.replace("#", left) : "";
    part("figures").textContent = `${mb(received)} / ${mb(file.size)} MB ${later}`;
  }

  const mb = (octets) => (octets / 1024 / 1024).toFixed(1);
}
