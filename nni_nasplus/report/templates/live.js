"use strict";
(() => {
  const shown = document.documentElement.dataset.version, KEPT = "nasplus-open";
  const tables = () => [...document.querySelectorAll("details")];

  // What the reader has opened stays open on the page that follows.
  const opened = JSON.parse(sessionStorage.getItem(KEPT) ?? "[]");
  tables().forEach((table, place) => { table.open ||= opened.includes(place); });

  const isRead = () => document.querySelector("dialog[open], [data-mark]:checked") !== null;
  async function look() {
    try {
      const answer = await fetch("/version");
      if (!answer.ok || await answer.text() === shown || isRead()) return;
      sessionStorage.setItem(KEPT, JSON.stringify(tables().flatMap((table, place) => (table.open ? [place] : []))));
      location.reload();
    } catch { /* the command was ended; what it has shown stays */ }
  }
  setInterval(look, 3000);
})();
