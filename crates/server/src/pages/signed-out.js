(() => {
  const next = document.getElementById("signed-out-next").href;
  // The window has loaded when every frame has, or has failed to; one that does neither holds nobody up.
  addEventListener("load", () => location.replace(next));
  setTimeout(() => location.replace(next), 5000);
})();
