// Current and prior scroll together by table position, at an offset that the reader may set.
(() => {
  "use strict";
  // read now: the viewer rewrites its address later
  const desk = new URLSearchParams(location.search).get("desk");
  // position of an image along its own normal, mm (PS3.3 C.7.6.2.1.1); null without a plane
  const along = imageId => {
    const plane = imageId && window.cornerstone.metaData.get("imagePlaneModule", imageId);
    if (!plane?.imagePositionPatient || !plane.imageOrientationPatient) return null;
    const [a, b, c, d, e, f] = plane.imageOrientationPatient;
    const normal = [b * f - c * e, c * d - a * f, a * e - b * d];
    return plane.imagePositionPatient.reduce((sum, mm, axis) => sum + mm * normal[axis], 0);
  };
  const nearest = (viewport, wanted) => {
    let best = -1;
    let distance = Infinity;
    viewport.getImageIds().forEach((id, index) => {
      const here = along(id);
      if (here !== null && Math.abs(here - wanted) < distance) {
        best = index;
        distance = Math.abs(here - wanted);
      }
    });
    return best;
  };

  // The viewer's own "imageslice" link does nothing between studies, whose frames of
  // reference differ. Offsets are kept per viewport: the patient lay elsewhere on the table.
  const linkScroll = ({ cornerstoneViewportService, hangingProtocolService }) => {
    const wired = new WeakSet();
    const offsets = new Map();
    let linked = true;
    let busy = false;
    const compares = () =>
      hangingProtocolService.getActiveProtocol()?.protocol?.id === window.confrere.COMPARE;
    const stacks = () => {
      const engine = cornerstoneViewportService.getRenderingEngine();
      return engine ? engine.getViewports().filter(one => one.type === "stack") : [];
    };
    const offset = one => offsets.get(one.id) ?? 0;
    // windows of one exam on several monitors (?desk=<exam>) scroll together as well
    const channel = desk && new BroadcastChannel(`confrere-scroll-${desk}`);
    const moved = new Map(); // image that each viewport was sent to
    let heard = null; // where the other window is, by the table
    const move = (others, wanted) => {
      busy = true;
      const moves = others.map(one => {
        const index = nearest(one, wanted + offset(one));
        if (index < 0 || index === one.getCurrentImageIdIndex()) return null;
        moved.set(one.id, index);
        return window.cornerstone.utilities.jumpToSlice(one.element, { imageIndex: index });
      });
      return Promise.all(moves).finally(() => { busy = false; });
    };
    const follow = source => {
      // where it was sent is no news to who sent it; once it has left there, it is
      const sent = moved.get(source.id) === source.getCurrentImageIdIndex();
      if (!sent) moved.delete(source.id);
      if (!linked || busy || sent) return;
      const here = along(source.getCurrentImageId());
      if (here === null) return;
      const wanted = here - offset(source);
      channel?.postMessage({ along: wanted });
      if (compares()) move(stacks().filter(one => one.element !== source.element), wanted);
    };
    const listen = changed => channel?.addEventListener("message", ({ data }) => {
      if (typeof data?.along !== "number") {
        const [first] = stacks();
        const here = first && along(first.getCurrentImageId());
        if (typeof here !== "number") return;
        channel.postMessage({ along: here - offset(first) });
        heard ??= here - offset(first);
        changed();
        return;
      }
      const known = heard !== null;
      heard = data.along;
      if (!known) changed();
      if (linked && !busy) move(stacks(), heard);
    });
    const wire = () => stacks().forEach(one => {
      if (wired.has(one.element)) return;
      wired.add(one.element);
      const changed = window.cornerstone.Enums.Events.STACK_NEW_IMAGE;
      one.element.addEventListener(changed, () => follow(one));
    });
    const toggle = () => {
      linked = !linked;
      const [first, ...others] = linked ? stacks() : [];
      const start = first && along(first.getCurrentImageId());
      if (typeof start === "number") {
        if (heard !== null) offsets.set(first.id, start - heard);
        others.forEach(one => {
          const here = along(one.getCurrentImageId());
          if (here !== null) offsets.set(one.id, here - start + offset(first));
        });
      }
      return linked;
    };
    const join = changed => { listen(changed); channel?.postMessage({}); };
    const close = () => channel?.close();
    const possible = () => compares() || heard !== null;
    return { wire, toggle, possible, join, close };
  };

  const addLinkButton = link => {
    const button = document.createElement("button");
    button.type = "button";
    button.style.cssText = "position:fixed;z-index:20;bottom:10px;left:50%;"
      + "transform:translateX(-50%);padding:5px 12px;border-radius:8px;cursor:pointer;"
      + "font:500 12px system-ui,sans-serif;border:1px solid #2a394d";
    const show = linked => {
      button.textContent = linked ? "Scroll linked" : "Scroll free: link at this offset";
      button.setAttribute("aria-pressed", String(linked));
      button.style.background = linked ? "#0e2030" : "#3a2a06";
      button.style.color = linked ? "#a5def9" : "#fde68a";
      button.title = linked
        ? "Scroll the studies apart, then link them again where they show the same level"
        : "Link again with the present difference between the studies";
    };
    show(true);
    button.addEventListener("click", () => show(link.toggle()));
    const press = event => {
      if (!event.altKey || event.ctrlKey || event.code !== "KeyL" || button.hidden) return;
      event.preventDefault();
      show(link.toggle());
    };
    addEventListener("keydown", press);
    document.body.append(button);
    const remove = () => { removeEventListener("keydown", press); button.remove(); };
    return { remove, refresh: () => { button.hidden = !link.possible(); } };
  };
  Object.assign(window.confrere, { linkScroll, addLinkButton });
})();
