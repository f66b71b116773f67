// The form of an agreement: only the sites of the group that lends are offered.
(() => {
  "use strict";
  const sites = document.querySelector("[data-sites]");
  if (!sites) return;
  const direction = document.querySelector("[data-direction]");
  const group = document.querySelector("[data-group]");
  const show = () => {
    const owner = direction.value === "lend" ? sites.dataset.sites : group.value;
    sites.querySelectorAll("[data-owner]").forEach(one => {
      one.hidden = one.dataset.owner !== owner;
      if (one.hidden) one.querySelector("input").checked = false;
    });
  };
  direction.addEventListener("change", show);
  group.addEventListener("change", show);
  show();
})();
