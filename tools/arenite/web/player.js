// Draws the frames of a drawn experiment (lab/frames.hpp says what they are) and steps through them.
//
//   const player = arenitePlayer(element, frames, {language: "en"})
//   player.show(3)                 the fourth frame
//   player.language("zh")          the sentences of the frames and of the player itself
//
// Without a language it is the one of the nearest lang attribute. Buttons and a slider step, and so
// do the arrow keys, Home, End and the space bar (play, pause): in the player that has the focus, or,
// where nothing has it, in the one nearest to the middle of the window. A cell tells more of itself
// when it is clicked. The looks are in player.css. Nothing but this file and that is needed.
"use strict";

const arenitePlayer = (() => {
  const k_words = {
    en: {
      first: "First step", back: "Back", forward: "Forward", play: "Play", pause: "Pause",
      step: (n, of) => `step ${n} of ${of}`, bytes: n => n === 1 ? "1 byte" : `${grouped(n)} bytes`,
      at: "at", not_shown: "not shown", points: "points to", now: "changed in this step",
      scale: "not to scale",
      used: "used", free: "free", fast: "fast bin", top: "top", header: "header", fence: "fence",
      untouched: "untouched", reserved: "not the process's yet", slab: "slab", metadata: "bookkeeping",
      changed: "overwritten",
    },
    zh: {
      first: "第一步", back: "上一步", forward: "下一步", play: "播放", pause: "暂停",
      step: (n, of) => `第 ${n} 步，共 ${of} 步`, bytes: n => `${grouped(n)} 字节`,
      at: "位于", not_shown: "未画出", points: "指向", now: "本步改变",
      scale: "未按比例",
      used: "已分配", free: "空闲", fast: "fast bin", top: "top", header: "头节点", fence: "栅栏",
      untouched: "未触碰", reserved: "尚未归进程", slab: "slab", metadata: "管理数据",
      changed: "被改写",
    },
  };
  const k_play_milliseconds = 2500;
  const k_most_arrows = 12;  // more of them hide each other: then only the chosen cell's
  const k_svg = "http://www.w3.org/2000/svg";
  const k_icons = {
    first: "M4 4h2v12H4zM14 3l2 2-5 5 5 5-2 2-7-7z", back: "M12 3l2 2-5 5 5 5-2 2-7-7z",
    forward: "M8 3L6 5l5 5-5 5 2 2 7-7z", play: "M6 3v14l11-7z", pause: "M5 4h4v12H5zM11 4h4v12h-4z",
  };
  const players = [];

  const grouped = n => String(n).replace(/\B(?=(\d{3})+$)/g, ",");

  function make(tag, className, ...inside) {
    const element = document.createElement(tag);
    if (className) element.className = className;
    element.append(...inside.filter(part => part !== undefined && part !== null));
    return element;
  }

  function draw(shape, attributes, ...inside) {
    const element = document.createElementNS(k_svg, shape);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...inside);
    return element;
  }

  const icon = name => draw("svg", {viewBox: "0 0 20 20", "aria-hidden": "true"},
                            draw("path", {d: k_icons[name]}));

  // How wide a cell is, against the others: as its bytes, but the long ones ever less so.
  const weight = bytes => bytes <= 64 ? Math.max(bytes, 4) : 64 * (1 + Math.log2(bytes / 64));

  // Whether cells are as wide as they have bytes: where all have the same.
  const isToScale = ({cells = [], bytes}) =>
    cells.every(cell => cell.bytes === cells[0].bytes) && cells.reduce((sum, cell) => sum + cell.bytes, 0) === bytes;

  // How wide a cell begins, so that words of some length stay whole.
  const columns = (...texts) => {
    const longest = Math.max(...texts.filter(Boolean).flatMap(text => text.split(" ")).map(word => word.length));
    return Math.min(Math.max(longest * 0.5 + 0.8, 3.3), 8);
  };

  class Player {
    constructor(element, frames, options) {
      this.frames = frames;
      // Where there is something to see: a heap that nobody has asked for is none yet.
      this.index = Math.max(0, frames.findIndex(frame => (frame.memory || []).some(area => (area.cells || []).length)));
      this.timer = null;
      this.chosen = null;  // "area at" of the cell whose note is shown
      this.words = k_words.en;
      this.root = element;
      this.root.classList.add("arenite-player");
      this.root.tabIndex = 0;
      this.build();
      const near = element.closest("[lang]");
      this.language(options.language || (near ? near.lang : "en"));
      new ResizeObserver(() => this.arrange()).observe(this.stage);
    }

    build() {
      const button = (name, act) => {
        const made = make("button", `ap-button ap-${name}`, icon(name));
        made.type = "button";
        made.addEventListener("click", act);
        return made;
      };
      const step = index => { this.stop(); this.show(index()); };
      this.buttons = {
        first: button("first", () => step(() => 0)),
        back: button("back", () => step(() => this.index - 1)),
        play: button("play", () => this.timer ? this.stop() : this.start()),
        forward: button("forward", () => step(() => this.index + 1)),
      };
      this.slider = make("input", "ap-slider");
      this.slider.type = "range";
      this.slider.min = 0;
      this.slider.max = this.frames.length - 1;
      this.slider.addEventListener("input", () => { this.stop(); this.show(Number(this.slider.value)); });
      this.count = make("span", "ap-count");
      this.bar = make("div", "ap-bar", ...Object.values(this.buttons), this.slider, this.count);
      this.action = make("code");
      this.text = make("p", "ap-text");
      this.text.setAttribute("aria-live", "polite");
      this.arrows = draw("svg", {class: "ap-arrows", "aria-hidden": "true"});
      this.areas = make("div", "ap-areas");
      this.stage = make("div", "ap-stage", this.areas, this.arrows);
      this.note = make("p", "ap-note");
      this.rest = make("div", "ap-rest");
      this.legend = make("p", "ap-legend");
      this.root.replaceChildren(this.bar, make("p", "ap-action", this.action), this.text, this.stage,
                                this.note, this.rest, this.legend);
    }

    language(name) {
      this.name = name && name.toLowerCase().startsWith("zh") ? "zh" : "en";
      this.words = k_words[this.name];
      for (const [key, button] of Object.entries(this.buttons)) {
        button.title = this.words[key];
        button.setAttribute("aria-label", this.words[key]);
      }
      this.slider.setAttribute("aria-label", this.words.step(1, this.frames.length));
      this.drawLegend();
      this.show(this.index);
    }

    start() {
      if (this.index === this.frames.length - 1) this.show(0);
      this.timer = setInterval(() => {
        this.show(this.index + 1);
        if (this.index === this.frames.length - 1) this.stop();
      }, k_play_milliseconds);
      this.showPlaying();
    }

    stop() {
      clearInterval(this.timer);
      this.timer = null;
      this.showPlaying();
    }

    showPlaying() {
      const state = this.timer ? "pause" : "play";
      this.buttons.play.replaceChildren(icon(state));
      this.buttons.play.title = this.words[state];
      this.buttons.play.setAttribute("aria-label", this.words[state]);
    }

    show(index) {
      this.index = Math.min(Math.max(index, 0), this.frames.length - 1);
      this.frame = this.frames[this.index];
      this.before = this.index > 0 ? this.frames[this.index - 1] : null;
      const number = this.index + 1;
      this.slider.value = this.index;
      this.slider.setAttribute("aria-valuetext", this.words.step(number, this.frames.length));
      this.count.textContent = `${number} / ${this.frames.length}`;
      this.buttons.first.disabled = this.buttons.back.disabled = this.index === 0;
      this.buttons.forward.disabled = number === this.frames.length;
      this.showPlaying();
      this.root.dataset.step = number;
      this.action.textContent = this.frame.action;
      this.text.textContent = this.say(this.frame.text);
      this.slots = [];
      this.widest = Math.max(...(this.frame.memory || []).map(area => weight(area.bytes)));
      this.areas.replaceChildren(...(this.frame.memory || []).map(area => this.drawArea(area)));
      this.rest.replaceChildren(...this.drawRest());
      this.showNote();
      this.arrange();
    }

    say(words) {
      return words ? words[this.name] || words.en : "";
    }

    // --- Memory ----------------------------------------------------------------------------------

    drawArea(area) {
      const caption = make("figcaption", "", make("b", "", area.name),
                           ` ${this.words.bytes(area.bytes)}`,
                           area.start ? `, ${this.words.at} ${area.start}` : "",
                           isToScale(area) ? null : make("span", "ap-scale", `, ${this.words.scale}`));
      const strip = make("div", "ap-strip");
      const cells = (area.cells || []).slice();
      const last = cells[cells.length - 1];
      const shown = last ? last.at + last.bytes : 0;
      if (shown < area.bytes) cells.push({at: shown, bytes: area.bytes - shown, kind: "not-shown"});
      strip.style.maxWidth = `max(${5 * cells.length}rem, ${100 * weight(area.bytes) / this.widest}%)`;
      cells.forEach((cell, i) => strip.append(this.drawCell(area, cell, i + 1 === cells.length)));
      return make("figure", "ap-area", caption, strip);
    }

    drawCell(area, cell, isLast) {
      const kind = cell.kind === "not-shown" ? this.words.not_shown : this.words[cell.kind] || cell.kind;
      const box = make("button", `ap-cell ap-${cell.kind}`,
                       make("span", "ap-label", cell.label || kind),
                       make("span", "ap-bytes", grouped(cell.bytes),
                            cell.flags ? make("span", "ap-flags", ` ${cell.flags}`) : null),
                       cell.value ? make("span", "ap-value", cell.value) : null);
      box.type = "button";
      box.title = kind;
      if (cell.changed) box.classList.add("ap-now");
      const key = `${area.name} ${cell.at}`;
      box.addEventListener("click", () => {
        this.chosen = this.chosen === key ? null : key;
        this.showNote();
        this.drawArrows();
      });
      const names = (area.marks || []).filter(mark => mark.at >= cell.at && mark.at < cell.at + cell.bytes);
      const marks = make("div", "ap-marks", ...names.map(mark => make("span", "", `▴${mark.name}`)));
      if (isLast) {
        const ends = (area.marks || []).filter(mark => mark.at === cell.at + cell.bytes);
        marks.append(...ends.map(mark => make("span", "ap-end", `${mark.name}▴`)));
      }
      const slot = make("div", "ap-slot", make("span", "ap-at", `+${grouped(cell.at)}`), box, marks);
      slot.style.flexGrow = weight(cell.bytes);
      slot.style.flexBasis = `${columns(cell.label || kind, cell.value, grouped(cell.bytes), grouped(cell.at))}rem`;
      const start = Number(area.start || 0);
      this.slots.push({slot, box, cell, kind, key, area, start: start + cell.at,
                       end: start + cell.at + cell.bytes});
      return slot;
    }

    showNote() {
      const chosen = this.slots.find(({key}) => key === this.chosen);
      for (const {box, key} of this.slots) box.classList.toggle("ap-chosen", key === this.chosen);
      this.note.hidden = !chosen;
      if (!chosen) return;
      const {cell, kind, area} = chosen;
      const parts = [`${area.name}+${grouped(cell.at)}: ${kind}, ${this.words.bytes(cell.bytes)}`];
      if (cell.link) parts.push(`${this.words.points} ${this.place(Number(cell.link))}`);
      this.note.textContent = `${parts.join(", ")}. ${this.say(cell.note)}`;
    }

    place(address) {
      for (const {area, start, end, cell} of this.slots) {
        if (address >= start && address < end) return `${area.name}+${grouped(cell.at + address - start)}`;
      }
      return `0x${address.toString(16)}`;
    }

    // Rows are as full as they come; the last one is not to be stretched more than the others.
    arrange() {
      for (const strip of this.areas.querySelectorAll(".ap-strip")) {
        strip.querySelectorAll(".ap-filler").forEach(filler => filler.remove());
        const slots = [...strip.children];
        if (slots.length === 0) continue;
        const lastTop = slots[slots.length - 1].offsetTop;
        const grow = some => some.reduce((sum, slot) => sum + Number(slot.style.flexGrow), 0);
        const inLast = slots.filter(slot => slot.offsetTop === lastTop);
        const rows = new Set(slots.map(slot => slot.offsetTop)).size;
        if (rows === 1) continue;
        const usual = grow(slots.filter(slot => slot.offsetTop !== lastTop)) / (rows - 1);
        if (grow(inLast) >= usual) continue;
        const filler = make("i", "ap-filler");
        filler.style.flexGrow = usual - grow(inLast);
        strip.append(filler);
      }
      this.drawArrows();
    }

    // --- Arrows ----------------------------------------------------------------------------------

    drawArrows() {
      const links = this.slots.filter(({cell}) => cell.link);
      const shown = links.length <= k_most_arrows ? links : links.filter(({key}) => key === this.chosen);
      const origin = this.stage.getBoundingClientRect();
      const paths = [];
      for (const from of shown) {
        const address = Number(from.cell.link);
        const to = this.slots.find(({start, end}) => address >= start && address < end);
        if (to) paths.push(this.arrow(from, to, origin));
      }
      this.arrows.setAttribute("viewBox", `0 0 ${origin.width} ${origin.height}`);
      this.arrows.setAttribute("width", origin.width);
      this.arrows.setAttribute("height", origin.height);
      this.arrows.replaceChildren(...paths);
    }

    // From a box's edge to the left corner of another, in a curve that leaves and arrives upright.
    arrow(from, to, origin) {
      const a = from.box.getBoundingClientRect();
      const b = to.box.getBoundingClientRect();
      const ax = a.left + a.width * 0.75 - origin.left;
      const bx = b.left + Math.min(b.width / 2, 34) - origin.left;  // beside the number above it
      const isBelow = b.top > a.bottom;
      const ay = (isBelow ? a.bottom : a.top) - origin.top;
      const isAbove = b.bottom < a.top;
      const by = (isAbove ? b.bottom : b.top) - origin.top;
      const bend = isBelow || isAbove ? Math.max(18, Math.abs(by - ay) * 0.5)
                                      : Math.min(30, 14 + Math.abs(bx - ax) * 0.08);
      const c1 = ay + (isBelow ? bend : -bend);
      const c2 = by + (isAbove ? bend : -bend);
      const up = isAbove ? 1 : -1;  // the head's wings
      const mood = from.key === this.chosen ? " ap-arrow-chosen" : from.cell.changed ? " ap-arrow-now" : "";
      const curve = `M${ax} ${ay}C${ax} ${c1} ${bx} ${c2} ${bx} ${by}`;
      const head = `m-4 ${up * 7}L${bx} ${by}l4 ${up * 7}`;
      return draw("path", {d: curve + head, class: `ap-arrow${mood}`});
    }

    // --- Lists, bits, outputs, figures -----------------------------------------------------------

    drawRest() {
      const earlier = (part, name) =>
        ((this.before && this.before[part]) || []).find(entry => entry.name === name);
      const rest = [];
      for (const list of this.frame.lists || []) {
        const was = earlier("lists", list.name);
        const items = list.items.map(item => {
          const isNew = was && !was.items.includes(item);
          return make("li", isNew ? "ap-now" : "", item);
        });
        rest.push(make("div", "ap-list", make("b", "", list.name), make("ol", "", ...items)));
      }
      for (const bits of this.frame.bits || []) rest.push(this.drawBits(bits, earlier("bits", bits.name)));
      for (const output of this.frame.outputs || []) {
        const lines = (output.lines || []).map(line => make("samp", "", line));
        rest.push(make("div", "ap-output", make("b", "", output.name), make("span", "", output.end), ...lines));
      }
      const figures = Object.entries(this.frame.figures || {}).map(([name, value]) => {
        const was = this.before && this.before.figures ? this.before.figures[name] : undefined;
        const isNow = was !== undefined && was !== value;
        return make("div", isNow ? "ap-now" : "", make("dt", "", name.replaceAll("_", " ")),
                    make("dd", "", grouped(value)));
      });
      if (figures.length) rest.push(make("dl", "ap-figures", ...figures));
      return rest;
    }

    drawBits(bits, was) {
      const rows = bits.rows.map((row, i) => {
        const old = was && was.rows[i];
        return make("div", "ap-word", ...[...row].map((bit, j) => {
          const isNow = old !== undefined && old[j] !== bit;
          return make("i", (bit === "1" ? "ap-one" : "ap-zero") + (isNow ? " ap-now" : ""));
        }));
      });
      const figure = make("div", "ap-bits", make("b", "", bits.name), ...rows);
      figure.setAttribute("role", "img");
      figure.setAttribute("aria-label", `${bits.name}: ${bits.rows.join(" ")}`);
      return figure;
    }

    drawLegend() {
      const kinds = new Set();
      for (const frame of this.frames) {
        for (const area of frame.memory || []) (area.cells || []).forEach(cell => kinds.add(cell.kind));
      }
      this.legend.replaceChildren(...Object.keys(k_words.en).filter(kind => kinds.has(kind)).map(kind =>
        make("span", "", make("i", `ap-cell ap-${kind}`), this.words[kind])));
      if (kinds.size) this.legend.append(make("span", "", make("i", "ap-cell ap-now"), this.words.now));
    }

    key(event) {
      if (event.altKey || event.ctrlKey || event.metaKey || event.target === this.slider) return;
      const steps = {ArrowRight: 1, ArrowLeft: -1, Home: -this.frames.length, End: this.frames.length};
      if (event.key in steps) {
        this.stop();
        this.show(this.index + steps[event.key]);
      } else if (event.key === " " && event.target.tagName !== "BUTTON") {
        this.timer ? this.stop() : this.start();
      } else {
        return;
      }
      event.preventDefault();
    }
  }

  function nearestToTheMiddle() {
    const distance = ({root}) => {
      const box = root.getBoundingClientRect();
      const middle = window.innerHeight / 2;
      return Math.max(box.top - middle, middle - box.bottom, 0);
    };
    return players.filter(({root}) => root.isConnected)
      .sort((a, b) => distance(a) - distance(b))[0];
  }

  document.addEventListener("keydown", event => {
    const player = event.target === document.body
      ? nearestToTheMiddle() : players.find(({root}) => root.contains(event.target));
    if (player) player.key(event);
  });

  return (element, frames, options = {}) => {
    const player = new Player(element, frames, options);
    players.push(player);
    return player;
  };
})();
