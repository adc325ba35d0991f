// Keeps the page up to date by asking for it again. Without this file it is the same
// page, and does not move.
"use strict";
(() => {
  const every = 5000;
  const main = document.getElementById("status");
  const news = document.getElementById("news");
  const reload = document.getElementById("reload");
  if (!main || !news || !reload) return;

  let paused = false;
  let timer;
  const pause = document.createElement("button");
  pause.type = "button";
  pause.id = "pause";

  const say = (text) => {
    if (news.textContent !== text) news.textContent = text;
  };
  const label = () => {
    pause.textContent = paused ? "Resume" : "Pause";
    say(paused ? "Paused." : "");
  };
  const later = () => {
    clearTimeout(timer);
    if (!paused && !document.hidden) timer = setTimeout(refresh, every);
  };

  async function refresh() {
    try {
      const answer = await fetch("/", {
        cache: "no-store", credentials: "omit", redirect: "error", signal: AbortSignal.timeout(4000),
      });
      if (!answer.ok) throw new Error(String(answer.status));
      const next = new DOMParser().parseFromString(await answer.text(), "text/html");
      const body = next.getElementById("status");
      if (!body) throw new Error("not the page");
      if (paused) return;
      main.replaceChildren(...body.childNodes);
      document.title = next.title;
      document.body.classList.remove("stale");
      say("");
    } catch {
      if (paused) return;
      document.body.classList.add("stale");
      say("redisgate does not answer. What is shown is old.");
    } finally {
      later();
    }
  }

  pause.addEventListener("click", () => {
    paused = !paused;
    label();
    if (paused) clearTimeout(timer);
    else refresh();
  });
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) clearTimeout(timer);
    else if (!paused) refresh();
  });
  reload.replaceWith(pause);
  label();
  later();
})();
