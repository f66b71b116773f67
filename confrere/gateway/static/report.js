// Keep the draft while it is written; never sign by accident
"use strict";
const form = document.querySelector("form[data-draft]");
if (form) {
  const said = form.querySelector(".kept");
  let timer = 0, dirty = false;
  const keep = async () => {
    clearTimeout(timer);
    if (!dirty) return;
    dirty = false;
    const sections = Object.fromEntries(
      [...form.querySelectorAll("textarea")].map((one) => [one.name, one.value]));
    try {
      const answer = await fetch(form.dataset.draft, { method: "POST", body: JSON.stringify(sections) });
      said.textContent = answer.ok ? "Draft kept" : (await answer.json()).message;
      if (!answer.ok) dirty = true;
    } catch { said.textContent = "The gateway does not answer: the draft is only on this page"; dirty = true; }
  };
  form.addEventListener("input", () => {
    dirty = true; said.textContent = "";
    clearTimeout(timer); timer = setTimeout(keep, 1500);
  });
  form.addEventListener("focusout", keep);
  addEventListener("beforeunload", (event) => { if (dirty) event.preventDefault(); });
  form.addEventListener("submit", (event) => {
    const ask = event.submitter && event.submitter.dataset.confirm;
    if (ask && !confirm(ask)) { event.preventDefault(); return; }
    dirty = false; clearTimeout(timer);
  });
}
