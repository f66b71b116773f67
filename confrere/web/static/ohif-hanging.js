// How studies are hung: one picture, four series, or the current exam beside its prior, as the
// reader wishes for this modality and body part. The page around the viewer names which of
// `window.confrere.hangings` by the address: ?hanging=<id>.
(() => {
  "use strict";
  // read now: the viewer rewrites its address later
  const address = new URLSearchParams(location.search);
  const asked = address.get("hanging");
  const prior = address.get("StudyInstanceUIDs")?.includes(",");
  const wish = (window.confrere.hangings || []).find(one => one.id === asked);
  const [opening] = wish?.windows || [];
  const choose = index => ({
    studyMatchingRules: [{
      attribute: "studyInstanceUIDsIndex", from: "options", required: true,
      constraint: { equals: { value: index } },
    }],
    seriesMatchingRules: [
      { attribute: "numImageFrames", constraint: { greaterThan: { value: 0 } } },
      // a stack before a scout view
      { attribute: "numImageFrames", weight: 10, constraint: { greaterThan: { value: 3 } } },
      { attribute: "isDisplaySetFromUrl", weight: 20, constraint: { equals: true } },
      ...(wish?.first ? [{
        attribute: "SeriesDescription", weight: 40, constraint: { containsI: wish.first },
      }] : []),
    ],
  });
  const viewport = (id, nth = 0) => ({
    viewportOptions: {
      toolGroupId: "default", viewportType: "stack", allowUnmatchedView: true,
      initialImageOptions: { preset: "middle" },
      // four series show different things: each keeps a window of its own
      syncGroups: nth < 0 ? [] : [
        { type: "voi", id: "confrere-voi", source: true, target: true },
        { type: "zoompan", id: "confrere-zoom", source: true, target: true },
      ],
    },
    displaySets: [{
      id, matchedDisplaySetsIndex: Math.abs(nth),
      ...(opening ? { options: {
        voi: { windowWidth: opening.window, windowCenter: opening.level },
      } } : {}),
    }],
  });
  const protocol = (id, name, [rows, columns], viewports, more = {}) => ({
    id, name, locked: true, isPreset: true, icon: `layout-common-${rows}x${columns}`,
    protocolMatchingRules: [], toolGroupIds: ["default"],
    displaySetSelectors: { current: choose(0) },
    stages: [{
      name: `${rows}x${columns}`,
      viewportStructure: { layoutType: "grid", properties: { rows, columns } }, viewports,
    }],
    ...more,
  });
  const COMPARE = "@confrere/comparePrior";
  const alone = protocol("@confrere/alone", "Current", [1, 1], [viewport("current")]);
  const series = protocol("@confrere/series", "Four series", [2, 2],
    [0, 1, 2, 3].map(nth => viewport("current", -nth)));
  const comparePrior = protocol(COMPARE, "Current | Prior", [1, 2],
    [viewport("current"), viewport("prior")],
    { numberOfPriorsReferenced: 1, displaySetSelectors: { current: choose(0), prior: choose(1) } });
  // the keys 1 to 4 of the viewer set these
  const presets = wish?.windows?.length && wish.modality ? [{
    "cornerstone.windowLevelPresets": { [wish.modality]: { $set: wish.windows.map((one, nth) => ({
      id: `confrere-${nth}`, description: one.name,
      window: String(one.window), level: String(one.level),
    })) } },
  }] : [];
  // Alt+1, Alt+2, Alt+4: lay the pictures out otherwise
  const LAYOUTS = { Digit1: alone.id, Digit2: COMPARE, Digit4: series.id };
  const layoutKeys = commandsManager => {
    const press = event => {
      const protocolId = LAYOUTS[event.code];
      if (!event.altKey || event.ctrlKey || !protocolId) return;
      if (protocolId === COMPARE && !prior) return;
      event.preventDefault();
      commandsManager.run("setHangingProtocol", { protocolId });
    };
    addEventListener("keydown", press);
    return { unsubscribe: () => removeEventListener("keydown", press) };
  };
  Object.assign(window.confrere, {
    COMPARE, protocols: [alone, series, comparePrior], presets, layoutKeys,
  });
})();
