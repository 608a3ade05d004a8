"use strict";
(() => {
  const shown = document.documentElement.dataset.version;
  async function look() {
    try {
      const answer = await fetch("/version");
      if (answer.ok && await answer.text() !== shown && !document.querySelector("dialog[open]")) location.reload();
    } catch { /* the command was ended; what it has shown stays */ }
  }
  setInterval(look, 3000);
})();
