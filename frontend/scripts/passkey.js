// Passkeys: a form with data-passkey asks the browser's authenticator and sends its answer in the field "credential".
// "create" registers, "get" confirms; their options stand in the page. "login" fetches them when it is pressed.
const toBytes = (text) =>
  Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (sign) => sign.charCodeAt(0));
const toText = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

async function optionsOf(form) {
  if (form.dataset.passkey !== "login") return JSON.parse(document.getElementById("passkey-options").textContent).publicKey;
  const answer = await fetch(form.action, { headers: { Accept: "application/json" } });
  if (!answer.ok) throw new Error(`status ${answer.status}`);
  return (await answer.json()).request_options.publicKey;
}

const withBytes = (list) => (list || []).map((one) => ({ ...one, id: toBytes(one.id) }));

async function create(options, form) {
  const alone = form.elements.passwordless.checked; // good for signing in without a password
  const credential = await navigator.credentials.create({
    publicKey: {
      ...options,
      challenge: toBytes(options.challenge),
      user: { ...options.user, id: toBytes(options.user.id) },
      excludeCredentials: withBytes(options.excludeCredentials),
      authenticatorSelection: {
        ...options.authenticatorSelection,
        residentKey: alone ? "required" : "discouraged",
        requireResidentKey: alone,
        userVerification: alone ? "required" : "preferred",
      },
    },
  });
  return answerOf(credential, {
    attestationObject: toText(credential.response.attestationObject),
    transports: credential.response.getTransports?.() ?? [],
  });
}

async function get(options) {
  const credential = await navigator.credentials.get({
    publicKey: {
      ...options,
      challenge: toBytes(options.challenge),
      allowCredentials: withBytes(options.allowCredentials),
    },
  });
  const { authenticatorData, signature, userHandle } = credential.response;
  return answerOf(credential, {
    authenticatorData: toText(authenticatorData),
    signature: toText(signature),
    userHandle: userHandle ? toText(userHandle) : null,
  });
}

function answerOf(credential, response) {
  return {
    id: credential.id,
    rawId: toText(credential.rawId),
    type: credential.type,
    response: { clientDataJSON: toText(credential.response.clientDataJSON), ...response },
    clientExtensionResults: credential.getClientExtensionResults(),
    authenticatorAttachment: credential.authenticatorAttachment,
  };
}

function reason(error, said) {
  if (!window.PublicKeyCredential) return said.none;
  return { SecurityError: said.address, NotAllowedError: said.refused, AbortError: said.refused, InvalidStateError: said.known }[error.name] ?? said.failed;
}

for (const form of document.querySelectorAll("form[data-passkey]")) {
  const notice = form.querySelector("[role=alert]:last-child");
  form.hidden = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = form.querySelector("button[type=submit]");
    button.disabled = true;
    notice.hidden = true;
    try {
      const options = await optionsOf(form);
      form.elements.credential.value = JSON.stringify(await (form.dataset.passkey === "create" ? create(options, form) : get(options)));
      form.submit();
    } catch (error) {
      notice.textContent = reason(error, form.dataset);
      notice.hidden = false;
      button.disabled = false;
    }
  });
}
