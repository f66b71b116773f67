// What stands beside the text: buttons and notices, the time left, the viewer's measurements.
(() => {
  "use strict";
  const element = (tag, text = "", className = "") => {
    const made = document.createElement(tag);
    made.textContent = text;
    made.className = className;
    return made;
  };
  const button = (text, act, className = "chip") => {
    const made = element("button", text, className);
    made.type = "button";
    made.addEventListener("click", act);
    return made;
  };
  const notice = (kind, words, ...buttons) => {
    const box = element("div", "", `notice ${kind}`);
    box.setAttribute("role", "alert");
    box.append(element("span", words));
    if (buttons.length) {
      const row = element("div", "", "row");
      row.append(...buttons);
      box.append(row);
    }
    return box;
  };
  window.confrereParts = { element, button, notice };

  // Measurements of this exam and its priors only. `insert` takes the words for the report.
  window.confrereMeasurements = ({ data, insert }) => {
    let kept = [];
    const box = document.getElementById("measurements");
    const isPrior = one => Object.hasOwn(data.priors, one.study);
    const list = (one, part) => (Array.isArray(one.text?.[part]) ? one.text[part] : []);
    const dayOf = uid => {
      const day = data.priors[uid].day;
      return day ? new Date(`${day}T12:00:00`).toLocaleDateString("en-GB",
        { day: "numeric", month: "short", year: "numeric" }) : "unknown date";
    };
    const wording = one => {
      const words = list(one, "primary").join(", ");
      const where = /S:\s*(\d+)\s+I:\s*(\d+)/.exec(list(one, "secondary").join(" "));
      const place = where ? `series ${where[1]}, image ${where[2]}` : "";
      const prior = isPrior(one) ? `prior of ${dayOf(one.study)}` : "";
      const detail = [prior, place].filter(Boolean).join(", ");
      return detail ? `${words} (${detail})` : words;
    };
    const row = one => {
      const made = element("div");
      const what = element("span", `${one.label || one.type || "Measurement"} `);
      what.append(element("b", list(one, "primary").join(", ")));
      if (isPrior(one)) what.append(element("span", "on the prior", "prior-mark"));
      const put = button("Insert", () => insert(wording(one)), "");
      put.setAttribute("aria-label", `Insert ${wording(one)}`);
      made.append(what, element("span", list(one, "secondary").join(" "), "dim"), put);
      return made;
    };
    return {
      all: () => kept,
      insertLast: () => { if (kept.length) insert(wording(kept.at(-1))); },
      show: items => {
        kept = items.filter(one => data.studies.includes(one.study) || isPrior(one));
        const none = element("p", "None yet. Measure in the viewer and it appears here.", "dim");
        if (box) box.replaceChildren(...(kept.length ? kept.map(row) : [none]));
      },
    };
  };

  // Counts down by the server's clock, which may differ from this machine's.
  window.confrereCountdown = ({ due, now }) => {
    const box = document.getElementById("due");
    const place = box?.querySelector("[data-countdown]");
    if (!due || !place) return;
    const skew = Date.parse(now) - Date.now();
    const two = number => String(number).padStart(2, "0");
    const length = seconds => {
      const hours = Math.floor(seconds / 3600);
      const minutes = Math.floor(seconds / 60) % 60;
      if (hours >= 48) return `${Math.floor(hours / 24)} d ${hours % 24} h`;
      return hours ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
    };
    const tick = () => {
      const left = Math.round((Date.parse(due) - Date.now() - skew) / 1000);
      place.textContent = `${left < 0 ? "late by" : "due in"} ${length(Math.abs(left))}`;
      box.classList.toggle("late", left < 0);
      box.classList.toggle("calm", left > 3600);
    };
    tick();
    setInterval(tick, 1000);
  };
})();
