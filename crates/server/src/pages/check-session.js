(() => {
  const prefix = `${document.currentScript.dataset.cookie}=`;
  const state = () => document.cookie.split("; ").find((cookie) => cookie.startsWith(prefix))?.slice(prefix.length) ?? "";
  const hex = (bytes) => Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, "0")).join("");
  // Where the browser keeps cookies from this frame, nobody knows: whoever is told "error" does not sign anybody out.
  const seesCookies = async () => !document.hasStorageAccess || document.hasStorageAccess();

  const answer = async (message, origin) => {
    const [, client, known, salt] = /^(.+) ([0-9a-f]{64})\.([A-Za-z0-9_-]+)$/s.exec(message) ?? [];
    if (!client || !(await seesCookies())) return "error";
    const text = `${client} ${origin} ${state()} ${salt}`;
    const now = hex(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
    return now === known ? "unchanged" : "changed";
  };

  addEventListener("message", async (event) => {
    const { source, origin, data } = event;
    const said = typeof data === "string" ? await answer(data, origin).catch(() => "error") : "error";
    source?.postMessage(said, origin);
  });
})();
