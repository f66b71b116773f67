// Hears which worklist items changed and tells the page: an event on the body with `detail.item`
// (an id, or "all"): `worklist` for what is offered to or held by this person, and for people
// who read nothing; `worklist-around` for other exams that the person may see.
// Use it as hx-trigger="worklist from:body delay:300ms".
(() => {
  "use strict";
  const light = document.querySelector("[data-live]");
  const show = (state, text) => {
    if (!light) return;
    light.dataset.state = state;
    light.querySelector("[data-live-text]").textContent = text;
  };
  const source = new EventSource("/events");
  source.addEventListener("open", () => show("on", "Live"));
  source.addEventListener("error", () => {
    show("off", source.readyState === EventSource.CLOSED ? "Not live: reload" : "Reconnecting");
  });
  ["worklist", "worklist-around"].forEach(name => source.addEventListener(name, message => {
    document.body.dispatchEvent(new CustomEvent(name, { detail: { item: message.data } }));
  }));
  // nobody sits behind these requests: they must not keep an unattended session alive
  document.addEventListener("htmx:configRequest", event => {
    const cause = event.detail.triggeringEvent;
    if (cause && (cause.type === "worklist" || cause.type === "every")) {
      event.detail.headers["Confrere-Background"] = "yes";
    }
  });
  window.addEventListener("pagehide", () => source.close());
})();
