"use strict";
// Curves with a cursor and zoom, and filters for tables. No library: some lines of SVG are all it takes.
(() => {
  const { runs, curves } = JSON.parse(document.getElementById("curve-data").textContent);
  const LEFT = 52, RIGHT = 8, TOP = 8, BOTTOM = 22;
  const color = (run) => `var(--c${run % 8})`;

  const element = (name, attributes = {}, parent = null) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (parent) parent.append(made);
    return made;
  };

  const short = (value) => {
    const size = Math.abs(value);
    if (size !== 0 && (size < 1e-3 || size >= 1e6)) return value.toExponential(2).replace(/\.?0+e/, "e");
    return String(Number(value.toPrecision(4)));
  };

  // round numbers between two ends, about `count` of them
  const ticks = (low, high, count) => {
    const raw = (high - low) / count || 1;
    const power = 10 ** Math.floor(Math.log10(raw));
    const step = [1, 2, 5, 10].find((factor) => factor * power >= raw) * power;
    const found = [];
    for (let at = Math.ceil(low / step) * step; at <= high + step * 1e-9; at += step) found.push(Math.abs(at) < step * 1e-9 ? 0 : at);
    return found;
  };

  class Chart {
    constructor(figure) {
      this.figure = figure;
      this.name = figure.dataset.name;
      this.lines = curves[this.name];
      const xs = this.lines.flat().map((point) => point[0]);
      this.all = [Math.min(...xs), Math.max(...xs)];
      if (this.all[0] === this.all[1]) this.all = [this.all[0] - 1, this.all[1] + 1];
      this.view = this.all;
      this.at = null;
      this.log = false;
      this.svg = element("svg", { tabindex: 0, role: "img", "aria-label": this.describe() });
      this.tip = document.createElement("div");
      this.tip.className = "tip";
      this.tip.setAttribute("aria-live", "polite");
      figure.append(this.svg, this.tip);
      if (this.lines.flat().some((point) => point[1] > 0)) this.addLogButton();
      this.listen();
      this.draw();
    }

    describe() {
      const last = this.lines.map((line, run) => (line.length ? `${runs[run]}: last value ${short(line[line.length - 1][1] ?? NaN)}` : ""));
      return `${this.name} over iterations. ${last.filter(Boolean).join(". ")}`;
    }

    addLogButton() {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = "log";
      button.setAttribute("aria-pressed", "false");
      button.setAttribute("aria-label", `Logarithmic scale for ${this.name}`);
      button.addEventListener("click", () => {
        this.log = !this.log;
        button.setAttribute("aria-pressed", String(this.log));
        this.draw();
      });
      this.figure.append(button);
    }

    scale(y) { return this.log ? (y > 0 ? Math.log10(y) : null) : y; }

    visible() {
      const [low, high] = this.view;
      return this.lines.flat().filter(([x, y]) => y !== null && x >= low && x <= high && this.scale(y) !== null).map(([, y]) => this.scale(y));
    }

    draw() {
      this.width = this.svg.clientWidth || 320;
      this.height = this.svg.clientHeight || 200;
      this.svg.setAttribute("viewBox", `0 0 ${this.width} ${this.height}`);
      this.svg.replaceChildren();
      const ys = this.visible();
      let low = ys.reduce((a, b) => Math.min(a, b), Infinity), high = ys.reduce((a, b) => Math.max(a, b), -Infinity);
      if (!ys.length) [low, high] = [0, 1];
      const margin = (high - low) * 0.05 || Math.abs(high) * 0.05 || 0.5;
      this.range = [low - margin, high + margin];
      this.drawGrid();
      const id = `clip-${[...document.querySelectorAll(".chart")].indexOf(this.figure)}`;
      const clip = element("clipPath", { id }, this.svg);
      element("rect", { x: LEFT, y: 0, width: Math.max(0, this.width - LEFT - RIGHT), height: this.height - BOTTOM + 2 }, clip);
      this.lines.forEach((line, run) => this.drawCurve(line, run, id));
      this.cursor = element("g", {}, this.svg);
      this.selection = element("rect", { class: "selection", y: TOP, height: this.height - TOP - BOTTOM, width: 0 }, this.svg);
      this.point();
    }

    x(value) { return LEFT + ((value - this.view[0]) / (this.view[1] - this.view[0])) * (this.width - LEFT - RIGHT); }
    y(value) { return this.height - BOTTOM - ((value - this.range[0]) / (this.range[1] - this.range[0])) * (this.height - TOP - BOTTOM); }
    value(pixel) { return this.view[0] + ((pixel - LEFT) / (this.width - LEFT - RIGHT)) * (this.view[1] - this.view[0]); }

    drawGrid() {
      for (const at of ticks(...this.range, 4)) {
        const y = this.y(at);
        element("line", { class: "grid", x1: LEFT, x2: this.width - RIGHT, y1: y, y2: y }, this.svg);
        element("text", { x: LEFT - 6, y: y + 4, "text-anchor": "end" }, this.svg).textContent = short(this.log ? 10 ** at : at);
      }
      for (const at of ticks(...this.view, Math.max(2, this.width / 90))) {
        const label = element("text", { x: this.x(at), y: this.height - 6, "text-anchor": "middle" }, this.svg);
        label.textContent = at.toLocaleString("en");
      }
    }

    drawCurve(line, run, clip) {
      let path = "", pen = "M";
      for (const [x, raw] of line) {
        const y = raw === null ? null : this.scale(raw);
        if (y === null) { pen = "M"; continue; }
        path += `${pen}${this.x(x).toFixed(1)} ${this.y(y).toFixed(1)}`;
        pen = "L";
      }
      element("path", { class: "curve", d: path, stroke: color(run), "clip-path": `url(#${clip})` }, this.svg);
      if (line.length === 1 && line[0][1] !== null) {
        element("circle", { cx: this.x(line[0][0]), cy: this.y(this.scale(line[0][1]) ?? 0), r: 3, fill: color(run) }, this.svg);
      }
    }

    nearest(line, x) {
      let low = 0, high = line.length - 1;
      while (high - low > 1) { const middle = (low + high) >> 1; if (line[middle][0] < x) low = middle; else high = middle; }
      return Math.abs(line[low][0] - x) <= Math.abs(line[high][0] - x) ? line[low] : line[high];
    }

    // the cursor at this.at, and what the curves say there
    point() {
      this.cursor.replaceChildren();
      if (this.at === null) { this.tip.textContent = ""; return; }
      const found = this.lines.map((line) => (line.length ? this.nearest(line, this.at) : null));
      const anchor = found.filter(Boolean).reduce((a, b) => (Math.abs(b[0] - this.at) < Math.abs(a[0] - this.at) ? b : a));
      const x = this.x(anchor[0]);
      element("line", { class: "cursor", x1: x, x2: x, y1: TOP, y2: this.height - BOTTOM }, this.cursor);
      const parts = [`iteration ${anchor[0].toLocaleString("en")}`];
      this.tip.replaceChildren(document.createTextNode(parts[0]));
      found.forEach((place, run) => {
        if (!place) return;
        const y = place[1] === null ? null : this.scale(place[1]);
        if (y !== null) element("circle", { cx: this.x(place[0]), cy: this.y(y), r: 3.5, fill: color(run) }, this.cursor);
        const text = document.createElement("b");
        text.style.color = color(run);
        text.textContent = ` ${runs.length > 1 ? runs[run] + " " : ""}${place[1] === null ? "not a number" : short(place[1])}`;
        this.tip.append(text);
      });
    }

    show(low, high) {
      const least = (this.all[1] - this.all[0]) / 1e4;
      if (high - low < least) return;
      this.view = [Math.max(this.all[0], low), Math.min(this.all[1], high)];
      this.draw();
    }

    reset() { this.view = this.all; this.draw(); }

    listen() {
      const pixel = (event) => {
        const box = this.svg.getBoundingClientRect();
        return Math.min(this.width - RIGHT, Math.max(LEFT, event.clientX - box.left));
      };
      let begin = null;
      this.svg.addEventListener("pointermove", (event) => {
        this.at = this.value(pixel(event));
        this.point();
        if (begin !== null) {
          this.selection.setAttribute("x", Math.min(begin, pixel(event)));
          this.selection.setAttribute("width", Math.abs(pixel(event) - begin));
        }
      });
      this.svg.addEventListener("pointerdown", (event) => {
        if (event.button !== 0 || event.pointerType === "touch") { this.at = this.value(pixel(event)); this.point(); return; }
        begin = pixel(event);
        this.svg.setPointerCapture(event.pointerId);
      });
      this.svg.addEventListener("pointerup", (event) => {
        if (begin === null) return;
        const ends = [begin, pixel(event)].sort((a, b) => a - b).map((at) => this.value(at));
        const far = Math.abs(pixel(event) - begin) > 5;
        begin = null;
        this.selection.setAttribute("width", 0);
        if (far) this.show(...ends);
      });
      this.svg.addEventListener("pointerleave", () => { if (document.activeElement !== this.svg) { this.at = null; this.point(); } });
      this.svg.addEventListener("dblclick", () => this.reset());
      this.svg.addEventListener("blur", () => { this.at = null; this.point(); });
      this.svg.addEventListener("keydown", (event) => this.key(event));
    }

    key(event) {
      const line = this.lines.reduce((a, b) => (b.length > a.length ? b : a)).filter(([x]) => x >= this.view[0] && x <= this.view[1]);
      const place = this.at === null || !line.length ? -1 : line.indexOf(this.nearest(line, this.at));
      const width = this.view[1] - this.view[0], middle = this.at ?? (this.view[0] + this.view[1]) / 2;
      const stride = event.shiftKey ? 10 : 1;
      switch (event.key) {
        case "ArrowRight": this.at = line[Math.min(line.length - 1, place + stride)]?.[0] ?? null; break;
        case "ArrowLeft": this.at = line[Math.max(0, (place < 0 ? line.length : place) - stride)]?.[0] ?? null; break;
        case "Home": this.at = line[0]?.[0] ?? null; break;
        case "End": this.at = line[line.length - 1]?.[0] ?? null; break;
        case "+": case "=": this.show(middle - width / 4, middle + width / 4); break;
        case "-": this.show(middle - width, middle + width); break;
        case "Escape": this.at = null; this.reset(); break;
        default: return;
      }
      event.preventDefault();
      this.point();
    }
  }

  const legend = document.getElementById("legend");
  runs.forEach((name, run) => {
    if (!legend) return;
    const entry = document.createElement("b");
    entry.style.color = color(run);
    entry.textContent = `\u25cf ${name}\u2002`;
    legend.append(entry);
  });
  const charts = [...document.querySelectorAll(".chart")].map((figure) => new Chart(figure));
  new ResizeObserver(() => charts.forEach((chart) => { if (chart.svg.clientWidth !== chart.width) chart.draw(); })).observe(document.body);

  for (const box of document.querySelectorAll(".filtered")) {
    const rows = [...box.querySelectorAll("tbody tr")];
    box.querySelector("input").addEventListener("input", (event) => {
      const words = event.target.value.toLowerCase();
      for (const row of rows) row.hidden = !row.textContent.toLowerCase().includes(words);
    });
  }
})();
