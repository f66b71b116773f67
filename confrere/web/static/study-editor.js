// The report's text: growing fields, autosave, insertion at the cursor. It knows the hold's
// token and the draft's version; what the server refuses is handed to `refused`.
// window.confrereEditor({item, hold, draft, tell, refused}).
window.confrereEditor = given => {
  "use strict";
  const { item, hold, draft, zone, tell, refused } = given;
  const form = document.getElementById("editor");
  const fields = form ? [...form.querySelectorAll("textarea")] : [];
  const QUIET = 1500; // ms without a key before a draft is saved
  const state = { token: hold?.mine ? hold.token : null, version: draft.version, dirty: false, stale: false };
  let timer = 0;
  let saving = Promise.resolve(true);
  let last = fields.find(one => one.name === "findings");

  const sections = () => Object.fromEntries(fields.map(one => [one.name, one.value]));
  const text = () => fields.filter(one => one.value.trim())
    .map(one => `${one.name.toUpperCase()}:\n${one.value.trim()}`).join("\n\n");
  const grow = one => {
    if (CSS.supports("field-sizing", "content")) return;
    one.style.height = "auto";
    one.style.height = `${one.scrollHeight + 2}px`;
  };
  const clock = at => 
    new Date(at).toLocaleTimeString("en-US", { hourCycle: "h23", timeZone: zone });

  const send = async (path, method, body) => {
    try {
      const answer = await fetch(`/api/items/${item}/${path}`, {
        method, headers: { "content-type": "application/json", accept: "application/json" },
        body: JSON.stringify(body),
      });
      if (answer.redirected && answer.url.includes("/login")) return { status: 401, body: {} };
      return { status: answer.status, body: await answer.json().catch(() => ({})) };
    } catch {
      return { status: 0, body: { error: "No connection to Confrere." } };
    }
  };

  const saveNow = async () => {
    if (!state.token || state.stale || !state.dirty) return !state.stale;
    state.dirty = false;
    tell("Saving…");
    const { status, body } = await send("draft", "PUT", {
      token: state.token, version: state.version, sections: sections(),
    });
    if (status === 200) {
      state.version = body.version;
      if (!state.dirty) tell(`Draft saved ${clock(body.saved_at)}`);
      return true;
    }
    state.dirty = true;
    if (status === 409) {
      await refused(body);
    } else if (status === 401) {
      tell("Not saved: you are signed out. Sign in in another tab; your text stays here.", true);
    } else {
      tell(`Not saved: ${body.error || "the server did not answer"} Trying again.`, true);
      plan(5000);
    }
    return false;
  };
  // one save at a time: the next one must know the version that the last one made
  const save = () => {
    clearTimeout(timer);
    saving = saving.then(saveNow, saveNow);
    return saving;
  };
  const plan = after => {
    clearTimeout(timer);
    timer = setTimeout(save, after);
  };

  const changed = () => {
    state.dirty = true;
    tell("Not saved yet");
    plan(QUIET);
  };
  const put = (name, words) => {
    const field = fields.find(one => one.name === name) || last;
    if (!field || field.readOnly) return;
    const { selectionStart: from, selectionEnd: to, value } = field;
    const gap = from > 0 && !/\s$/.test(value.slice(0, from)) ? " " : "";
    field.setRangeText(gap + words, from, to, "end");
    field.focus();
    grow(field);
    changed();
  };
  const toEnd = one => one.setSelectionRange(one.value.length, one.value.length);
  const load = saved => {
    fields.forEach(one => {
      one.value = saved.sections[one.name] ?? "";
      toEnd(one);
      grow(one);
    });
    state.version = saved.version;
    state.dirty = false;
  };
  const freeze = frozen => {
    state.stale = frozen;
    fields.forEach(one => { one.readOnly = frozen; });
  };

  if (form) {
    form.addEventListener("input", event => { grow(event.target); changed(); });
    form.addEventListener("focusin", event => {
      if (event.target.matches("textarea")) last = event.target;
    });
    form.addEventListener("focusout", () => { if (state.dirty) save(); });
    form.addEventListener("submit", event => event.preventDefault());
    form.addEventListener("click", event => {
      const add = event.target.closest("[data-add]");
      if (add) put(add.dataset.add, add.dataset.text);
    });
    fields.forEach(one => { toEnd(one); grow(one); });
  }
  window.addEventListener("beforeunload", event => { if (state.dirty) event.preventDefault(); });
  return { state, fields, sections, text, save, send, put, load, freeze, clock, form };
};
