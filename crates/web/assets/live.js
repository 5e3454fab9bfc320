// Follows a run that is not over: when something has changed, what there is to see is fetched anew and takes the place of
// what was there. Without this script the page shows the same when it is loaded again.
"use strict";
(() => {
  const live = document.getElementById("live");
  const heard = document.getElementById("heard");
  if (!live || !heard || !window.EventSource) return;
  const { stream, part } = live.dataset;
  let source = null;
  let isOver = false;
  let isLoading = false;
  let isOutdated = false;

  // Readers of screens speak what changes here, so the same is not said twice.
  const say = (text) => {
    if (heard.textContent !== text) heard.textContent = text;
  };

  // What somebody has unfolded stays so, and what has the focus keeps it.
  const swap = (text) => {
    const fresh = new DOMParser().parseFromString(text, "text/html").body;
    for (const old of live.querySelectorAll("details[id]")) {
      const now = fresh.querySelector(`#${CSS.escape(old.id)}`);
      if (now) now.open = old.open;
    }
    const focused = live.contains(document.activeElement) ? document.activeElement.id : "";
    live.replaceChildren(...fresh.childNodes);
    if (focused) document.getElementById(focused)?.focus();
    const now = live.querySelector("[data-now]");
    if (now) say(now.dataset.now);
  };

  const load = async () => {
    isOutdated = true;
    if (isLoading) return;
    isLoading = true;
    while (isOutdated) {
      isOutdated = false;
      try {
        const answer = await fetch(part, { credentials: "same-origin" });
        if (!answer.ok) throw new Error(String(answer.status));
        swap(await answer.text());
      } catch {
        stop();
        say("This page does not follow the run any more. Load it again.");
      }
    }
    isLoading = false;
  };

  const stop = () => {
    if (source) source.close();
    source = null;
  };

  const follow = () => {
    if (source || isOver) return;
    source = new EventSource(stream);
    source.addEventListener("changed", load);
    source.addEventListener("over", () => {
      isOver = true;
      stop();
      load();
    });
    source.addEventListener("error", () => {
      // It comes back by itself from all but a refusal.
      if (!source || source.readyState !== EventSource.CLOSED) return;
      source = null;
      say("This page does not follow the run any more. Load it again.");
    });
  };

  // Nobody looks at a page that is hidden.
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) stop();
    else follow();
  });
  if (!document.hidden) follow();
})();
