"use strict";
// Draw boxes on a held picture; the text field below holds them and is what is sent.
(() => {
  const stage = document.getElementById("cleaning");
  const field = document.getElementById("boxes");
  if (!stage) return;
  const image = stage.querySelector("img");
  const canvas = stage.querySelector("canvas");
  const columns = Number(stage.dataset.columns);
  const rows = Number(stage.dataset.rows);
  let start = null;
  let drawn = null;

  const boxes = () => {
    try { return JSON.parse(field.value || "[]"); } catch { return []; }
  };
  const paint = () => {
    canvas.width = columns;
    canvas.height = rows;
    const pen = canvas.getContext("2d");
    pen.fillStyle = "#000d";
    pen.strokeStyle = "#f5b942";
    pen.lineWidth = Math.max(1, columns / 400);
    for (const [x, y, w, h] of [...(field ? boxes() : []), ...(drawn ? [drawn] : [])]) {
      pen.fillRect(x, y, w, h);
      pen.strokeRect(x, y, w, h);
    }
  };
  const at = (event) => {
    const frame = canvas.getBoundingClientRect();
    const x = Math.round(((event.clientX - frame.left) / frame.width) * columns);
    const y = Math.round(((event.clientY - frame.top) / frame.height) * rows);
    return [Math.min(columns, Math.max(0, x)), Math.min(rows, Math.max(0, y))];
  };
  canvas.addEventListener("pointerdown", (event) => {
    if (!field) return;
    start = at(event);
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!start) return;
    const [x, y] = at(event);
    drawn = [Math.min(start[0], x), Math.min(start[1], y), Math.abs(x - start[0]), Math.abs(y - start[1])];
    paint();
  });
  canvas.addEventListener("pointerup", () => {
    if (drawn && drawn[2] > 1 && drawn[3] > 1) field.value = JSON.stringify([...boxes(), drawn]);
    start = drawn = null;
    paint();
  });
  field?.addEventListener("input", paint);
  document.getElementById("undo")?.addEventListener("click", () => {
    field.value = JSON.stringify(boxes().slice(0, -1));
    paint();
  });
  document.getElementById("frame")?.addEventListener("input", (event) => {
    image.src = `${stage.dataset.picture}?number=${event.target.value}`;
    image.alt = `Frame ${event.target.value} of the held object`;
    document.getElementById("frame-said").value = `${event.target.value} of ${stage.dataset.frames}`;
  });
  paint();
})();
