// The study page and its two windows: claim, write, sign, and never the wrong patient.
(() => {
  "use strict";
  const told = document.getElementById("exam-data");
  const data = { ...JSON.parse(told.textContent), zone: told.dataset.zone };
  const byId = id => document.getElementById(id);
  const role = document.querySelector("[data-window]")?.dataset.window || "both";
  const frame = byId("viewer");
  const status = byId("status");
  let mode = data.mode;
  window.confrereCountdown(data);
  let leaving = false;
  let wrong = false;

  const tell = (text, bad = false) => {
    if (!status) return;
    status.textContent = text;
    status.classList.toggle("bad", bad);
  };
  const { element, button, notice } = window.confrereParts;
  const stand = (...boxes) => {
    byId("standing")?.replaceChildren(...boxes);
    if (boxes.length) byId("panel").scrollTo({ top: 0 });
  };
  const present = async (background = false) => {
    const headers = { accept: "application/json" };
    if (background) headers["Confrere-Background"] = "yes";
    const answer = await fetch(`/api/items/${data.item}`, { headers }).catch(() => null);
    if (answer?.ok) return answer.json();
    // a lead gave it to another group's reader: this person's group sees it no more
    return answer?.status === 409 ? { gone: (await answer.json().catch(() => ({}))).error } : null;
  };

  // what the server refused: either the hold is over, or another window saved in between
  const refused = async body => {
    const now = await present();
    if (now?.hold?.mine && now.hold.token === editor.state.token) {
      conflict(now.report.draft);
      return;
    }
    stale(now, body.error);
  };
  const conflict = saved => {
    const box = byId("conflict");
    const done = act => () => { box.hidden = true; act(); };
    const mine = editor.text();
    const shown = notice("warn",
      `This draft was changed in another window at ${editor.clock(saved.saved_at)}. Yours is not saved.`,
      button("Show that version", done(() => {
        editor.load(saved);
        stand(notice("", "The other window's text is shown now.",
          button("Copy your text instead", () => navigator.clipboard.writeText(mine))));
        tell(`Draft saved ${editor.clock(saved.saved_at)}`);
      })),
      button("Keep mine", done(() => { editor.state.version = saved.version; editor.save(); })));
    box.replaceChildren(...shown.childNodes);
    box.hidden = false;
    box.scrollIntoView({ block: "nearest" });
    tell("Not saved: changed in another window", true);
  };
  let ended = false;
  const stale = (now, why) => {
    editor.freeze(true);
    enable(false);
    const who = now?.finished_at ? "" : now?.hold && !now.hold.mine ? ` ${now.hold.name} has it now.` : "";
    const again = now && !now.gone && !now.finished_at ? [button("Claim again", claim)] : [];
    const because = now?.state === "external" ? "The site's own report came first and closed this exam." : "Your claim on this exam has ended.";
    stand(notice("stale", `${why || because}${who} `
      + "Your text stays below; it can be copied, not signed.",
    button("Copy the text", async () => {
      await navigator.clipboard.writeText(editor.text());
      tell("Copied");
    }), ...again));
    // word comes twice, by the answer and by the stream; what was said since stands
    if (!ended) tell("Claim ended", true);
    ended = true;
  };
  const editor = window.confrereEditor({ ...data, tell, refused });
  const enable = on => ["sign", "preliminary", "release"].forEach(id => {
    const one = byId(id);
    if (one) one.disabled = !on;
  });

  const claim = async () => {
    const mine = editor.text();
    const { status: code, body } = await editor.send("claim", "POST", {});
    if (code !== 200) {
      stand(notice("stale", body.error || "This exam could not be claimed."));
      return;
    }
    if (mode === "elsewhere") { location.reload(); return; }
    mode = "mine";
    editor.state.token = body.token;
    editor.freeze(false);
    ended = false;
    enable(true);
    stand();
    const other = body.draft.version !== editor.state.version;
    if (other && mine && editor.state.dirty) conflict(body.draft);
    else if (other) editor.load(body.draft);
    if (editor.form) editor.form.hidden = false;
    byId("claim")?.remove();
    if (byId("acts")) byId("acts").hidden = false;
    tell(`Yours until ${editor.clock(body.lease_until)}`);
    windows.say("claimed");
    editor.fields.find(one => one.name === "findings")?.focus();
  };
  const leave = where => { leaving = true; editor.state.dirty = false; location.assign(where); };
  const goOn = async () => {
    const answer = await fetch(`/api/next?after=${data.item}`, { headers: { accept: "application/json" } })
      .then(one => one.json()).catch(() => ({}));
    windows.say("done", { next: answer.item || null });
    if (!answer.url) leave("/worklist");
    else leave(role === "report" ? `${answer.url}/report` : answer.url);
  };
  const sign = async kind => {
    if (!editor.state.token || editor.state.stale) return;
    if (wrong) { byId("mismatch").scrollIntoView(); tell("Not signed: the viewer shows another study", true); return; }
    enable(false);
    await editor.save();
    if (editor.state.stale || !byId("conflict").hidden) { enable(!editor.state.stale); return; }
    tell("Signing…");
    const { status: code, body } = await editor.send("sign", "POST", {
      token: editor.state.token, sections: editor.sections(), kind,
    });
    enable(true);
    if (code === 200 && kind === "final") { editor.state.dirty = false; await goOn(); return; }
    if (code === 200) { editor.state.dirty = false; leave(location.href); return; }
    if (code === 409) { await refused(body); return; }
    const field = editor.fields.find(one => one.name === body.field);
    if (field) field.focus();
    stand(notice("stale", body.error || "Not signed: the server did not answer. Your text is still here."));
    tell("Not signed", true);
  };
  const release = async () => {
    if (!editor.state.token) return;
    await editor.save();
    const { status: code, body } = await editor.send("release", "POST", { token: editor.state.token });
    if (code !== 200) { await refused(body); return; }
    windows.say("done", { next: null });
    leave("/worklist");
  };
  const addendum = async () => {
    const field = byId("addendum-text");
    const made = await fetch(`/api/reports/${data.report}/addendum`, {
      method: "POST", headers: { "content-type": "application/json", accept: "application/json" },
      body: JSON.stringify({ text: field.value, item: mode === "task" ? data.item : null }),
    }).catch(() => null);
    const body = made ? await made.json().catch(() => ({})) : {};
    if (!made?.ok) {
      stand(notice("stale", body.error || "Not signed: the server did not answer."));
      field.focus();
      return;
    }
    if (mode === "task") await goOn();
    else leave(location.href);
  };

  // the other window of this exam
  const follow = item => leave(`/items/${item}/${role}`);
  const apart = said => {
    if (said.item === data.item) return;
    if (role === "viewer") { follow(said.item); return; }
    editor.save().then(saved => {
      if (saved && !editor.state.dirty) follow(said.item);
      else alarm("The viewer's window shows another exam than this report.");
    });
  };
  const windows = window.confrereWindows(data.item, role, {
    opened: said => { if (role !== "both" && said.role !== "both") apart(said); },
    measurements: said => {
      if (role === "report" && said.item === data.item) measurements(said.items);
    },
    shown: said => { if (role === "report" && said.item === data.item) shown(said.items); },
    activity: said => { if (said.item === data.item) active(); },
    asked: said => { if (role === "viewer" && said.item === data.item) windows.say("measurements", { items: measured.all() }); },
    rejoined: said => {
      if (role === "viewer" && said.item === data.item) { leaving = true; window.close(); }
    },
    claimed: said => { if (said.item === data.item && role === "viewer") refresh(); },
    done: said => {
      if (role !== "viewer" || said.item !== data.item) return;
      if (said.next) follow(said.next);
      else { leaving = true; window.close(); leave("/worklist"); }
    },
  });

  // patient safety: a study on the screen that is neither this exam nor one of its priors
  const alarm = words => {
    const box = byId("mismatch");
    box.replaceChildren(element("span", words), button("Show this exam", () => leave(location.href), ""));
    box.hidden = false;
  };
  const shown = uids => {
    const strange = uids.filter(uid => !data.studies.includes(uid) && !Object.hasOwn(data.priors, uid));
    wrong = strange.length > 0;
    if (wrong) alarm("The viewer shows a study that is not this exam's, nor one of this patient's priors. Signing is blocked.");
    else byId("mismatch").hidden = true;
    const prior = uids.find(uid => Object.hasOwn(data.priors, uid));
    const here = uids.some(uid => data.studies.includes(uid));
    const line = byId("shown");
    if (line) line.textContent = `${here ? "Showing this exam" : "This exam is not on the screen"}${prior ? " beside a prior" : ""}`;
    if (role === "viewer") windows.say("shown", { items: uids });
  };

  const measured = window.confrereMeasurements({ data, insert: words => editor.put("", words) });
  const measurements = items => {
    measured.show(items);
    if (role === "viewer") windows.say("measurements", { items: measured.all() });
  };

  // a hold is kept by work in the viewer or the report
  const RENEW = 60_000;
  let renewed = Date.now();
  const active = async () => {
    if (!editor.state.token || editor.state.stale || leaving || role === "viewer") return;
    if (Date.now() - renewed < RENEW) return;
    renewed = Date.now();
    const { status: code, body } = await editor.send("renew", "POST", { token: editor.state.token });
    if (code === 409) await refused(body);
  };
  const worked = () => { if (role === "viewer") windows.say("activity"); else active(); };
  ["pointerdown", "keydown", "wheel"].forEach(kind => addEventListener(kind, worked, { passive: true }));
  if (frame) {
    window.confrereViewer(frame, { measurements, shown, activity: worked, sign: () => sign("final") });
    window.confrereLine(byId("line"), frame);
    byId("compare")?.addEventListener("change", event => {
      const uids = [data.studies[0], event.target.value].filter(Boolean).map(encodeURIComponent).join(",");
      const layout = data.layouts[event.target.value ? "beside" : "alone"];
      const hanging = data.layouts.hanging && `&hanging=${data.layouts.hanging}`;
      frame.src = `/ohif/viewer?StudyInstanceUIDs=${uids}&hangingProtocolId=${layout}&desk=${data.item}${hanging}`;
    });
  }

  // what others did: images that arrive, a colleague who claims, a report from elsewhere
  const refresh = async () => {
    const now = await present(true);
    if (!now || leaving) return;
    if (now.gone) { if (mode === "mine" && !editor.state.stale) stale(now, now.gone); return; }
    const count = document.querySelector("[data-images]");
    if (count) count.textContent = now.image_count;
    if (now.images_complete && byId("arriving")) byId("arriving").hidden = true;
    if (!data.studies.length && now.image_count && !editor.state.dirty) { leave(location.href); return; }
    if (mode === "mine" && !editor.state.stale && (now.finished_at || !now.hold?.mine)) { stale(now, now.moved ? `${now.moved}.` : ""); return; }
    if (mode === "mine" && now.outside && now.outside !== data.outside) {
      data.outside = now.outside;
      stand(notice("warn", `${now.outside}. Its system was told again that you have this exam; telephone before both of you sign.`));
    }
    const holder = now.hold && !now.hold.mine ? now.hold.name : "";
    if (mode !== "mine" && (now.state !== data.state || holder !== data.holder || now.outside !== data.outside) && role !== "viewer") {
      const words = now.finished_at ? "This exam is finished now." : now.outside !== data.outside ? now.outside || "The site has let this exam go." : holder ? `${holder} has this exam now.` : "This exam changed.";
      stand(notice("warn", words, button("Show it", () => leave(location.href))));
    }
  };
  ["worklist", "worklist-around"].forEach(name => document.body.addEventListener(name, event => {
    if ([data.item, "all"].includes(event.detail.item)) refresh();
  }));

  byId("claim")?.addEventListener("click", claim);
  byId("release")?.addEventListener("click", release);
  byId("sign")?.addEventListener("click", () => sign("final"));
  byId("preliminary")?.addEventListener("click", () => sign("preliminary"));
  byId("sign-addendum")?.addEventListener("click", addendum);
  byId("next")?.addEventListener("click", goOn);
  byId("two-windows")?.addEventListener("click", async () => {
    if (!(await editor.save()) && editor.state.dirty) return;
    if (!windows.open()) tell("The browser refused the second window: allow pop-ups for Confrere", true);
  });
  byId("one-window")?.addEventListener("click", async event => {
    event.preventDefault();
    if (!(await editor.save()) && editor.state.dirty) return;
    windows.say("rejoined");
    leave(event.target.href);
  });
  byId("addendum")?.addEventListener("submit", event => event.preventDefault());
  const press = id => { const one = byId(id); if (one && !one.disabled && one.offsetParent) one.click(); };
  const typing = target => target.closest("input, textarea, select, [contenteditable]");
  document.addEventListener("keydown", event => {
    const key = event.key.toLowerCase();
    const does = act => { event.preventDefault(); act(); };
    if (byId("keys")?.open) return;
    if ((event.ctrlKey || event.metaKey) && key === "enter") {
      does(() => press(event.shiftKey ? "preliminary" : byId("sign-addendum") ? "sign-addendum" : "sign"));
    } else if ((event.ctrlKey || event.metaKey) && key === "s") does(() => editor.save());
    else if (event.altKey && key === "m") does(measured.insertLast);
    else if (key === "escape" && typing(event.target)) event.target.blur();
    else if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
    else if (key === "c") does(() => press("claim"));
    else if (key === "x") does(() => press("release"));
    else if (key === "f" || key === "i") does(() => byId(key === "f" ? "s-findings" : "s-impression")?.focus());
    else if (key === "w") does(() => { const one = byId("why-me"); if (one) one.open = !one.open; });
    else if (key === "p") does(() => {
      const one = document.querySelector(".prior");
      if (one) { one.open = !one.open; one.querySelector("summary").focus(); }
    });
  });
  windows.say("opened");
  if (role === "report") windows.say("asked");
  addEventListener("pagehide", () => { leaving = true; });
})();
