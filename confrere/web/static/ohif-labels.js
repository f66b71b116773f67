// The names on the images: the exam that is read, its prior, or neither.
(() => {
  "use strict";
  // Which study is on which viewport: told to the page, and written on the image.
  const address = new URLSearchParams(location.search);
  const requested = (address.get("StudyInstanceUIDs") || "").split(",");
  const priorsOnly = address.get("shows") === "prior";
  const named = study => {
    const place = requested.indexOf(study);
    if (place < 0) return ["Another study", "#7f1023", "#fff"];
    return place === 0 && !priorsOnly ? ["Current", "#0b3a57", "#cdeaff"] : ["Prior", "#4a3606", "#fde68a"];
  };
  const watchStudies = services => {
    const { viewportGridService, displaySetService } = services;
    const badge = (id, study, date) => {
      const pane = document.querySelector(`[data-viewportid="${CSS.escape(id)}"]`);
      if (!pane) return;
      let mark = pane.querySelector(":scope > .confrere-study");
      if (!mark) {
        mark = document.createElement("div");
        mark.className = "confrere-study";
        mark.style.cssText = "position:absolute;z-index:5;top:6px;left:50%;pointer-events:none;"
          + "transform:translateX(-50%);margin-top:16px;padding:2px 10px;border-radius:6px;"
          + "font:600 12px system-ui,sans-serif;white-space:nowrap";
        pane.append(mark);
      }
      const [word, ground, ink] = named(study);
      mark.style.background = ground;
      mark.style.color = ink;
      mark.textContent = date ? `${word} \u00b7 ${date}` : word;
    };
    const dated = text => {
      const parts = /^(\d{4})(\d\d)(\d\d)$/.exec(text || "");
      return parts ? new Date(+parts[1], parts[2] - 1, +parts[3])
        .toLocaleDateString("en-GB", { day: "numeric", month: "short", year: "numeric" }) : "";
    };
    let before = "";
    const look = () => {
      const studies = new Set();
      viewportGridService.getState().viewports.forEach((viewport, id) => {
        const sets = (viewport.displaySetInstanceUIDs || [])
          .map(uid => displaySetService.getDisplaySetByUID(uid)).filter(Boolean);
        sets.forEach(one => studies.add(one.StudyInstanceUID));
        if (sets.length) {
          const first = sets[0];
          badge(id, first.StudyInstanceUID, dated(first.StudyDate || first.instances?.[0]?.StudyDate));
        }
      });
      const now = [...studies].sort().join();
      if (now && now !== before) window.confrere.say("shown", [...studies]);
      before = now;
    };
    return { look, events: [viewportGridService.EVENTS.GRID_STATE_CHANGED,
      viewportGridService.EVENTS.VIEWPORTS_READY].filter(Boolean)
      .map(event => viewportGridService.subscribe(event, look)) };
  };
  window.confrere.watchStudies = watchStudies;
})();
