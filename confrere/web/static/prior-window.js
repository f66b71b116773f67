// A prior in a window of its own: never another patient's than the exam that is open.
(() => {
  "use strict";
  const item = document.querySelector("[data-prior-window]").dataset.priorWindow;
  const frame = document.getElementById("viewer");
  document.getElementById("prior")?.addEventListener("change", event => {
    const asked = new URL(frame.src);
    asked.searchParams.set("StudyInstanceUIDs", event.target.value);
    frame.src = asked.href;
  });
  const go = next => { location.assign(next ? `/items/${next}/prior` : "/worklist"); };
  new BroadcastChannel("confrere-reading").addEventListener("message", ({ data }) => {
    if (data?.what === "opened" && data.item !== item) go(data.item);
    if (data?.what === "done" && data.item === item) { if (!data.next) window.close(); go(data.next); }
  });
})();
