// Forms that ask for a passkey: they show themselves where the browser has passkeys, and are sent with what it answers.
"use strict";
const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
const text = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
const known = (list) => (list || []).map((one) => ({ ...one, id: bytes(one.id) }));

async function answer(form) {
  const asked = JSON.parse(form.dataset.options);
  asked.challenge = bytes(asked.challenge);
  let shown;
  if (form.dataset.kind === "create") {
    asked.user.id = bytes(asked.user.id);
    asked.excludeCredentials = known(asked.excludeCredentials);
    shown = await navigator.credentials.create({ publicKey: asked });
  } else {
    asked.allowCredentials = known(asked.allowCredentials);
    shown = await navigator.credentials.get({ publicKey: asked });
  }
  const { response } = shown;
  const said = { clientDataJSON: text(response.clientDataJSON) };
  if (response.attestationObject) {
    said.attestationObject = text(response.attestationObject);
    said.transports = response.getTransports ? response.getTransports() : [];
  } else {
    said.authenticatorData = text(response.authenticatorData);
    said.signature = text(response.signature);
    if (response.userHandle) said.userHandle = text(response.userHandle);
  }
  const id = text(shown.rawId);
  return JSON.stringify({ id, rawId: id, type: shown.type, response: said, clientExtensionResults: {} });
}

if (window.PublicKeyCredential) {
  for (const form of document.querySelectorAll("form[data-options]")) {
    const problem = form.querySelector("[data-problem]");
    form.hidden = false;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      problem.hidden = true;
      answer(form).then(
        (json) => {
          form.elements.answer.value = json;
          form.submit();
        },
        () => {
          problem.hidden = false;
        },
      );
    });
  }
}
