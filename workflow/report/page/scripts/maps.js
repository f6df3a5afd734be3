// Maps: zones in colours, with the borders of states, hatching, dots, the selected zone, and zoom.

const cut = d3.range(count).filter((i) => zones.inside[i] < 1);
const joined = (list) => list.map((i) => zones.path[i]).join("");
const maps = {};

class ZoneMap {
  /** A map in `figure`; `name` distinguishes its patterns from those of other maps. */
  constructor(figure, name, label) {
    this.figure = figure;
    this.k = 1;
    const pad = 12;
    const svg = d3.select(figure).append("svg").attr("class", "zones").attr("tabindex", 0)
      .attr("viewBox", [-pad, -pad, zones.width + 2 * pad, zones.height + 2 * pad])
      .attr("role", "application").attr("aria-roledescription", "map")
      .attr("aria-label", `${label}. Arrow keys move from zone to zone.`);
    // Patterns are in the map's units; they are scaled so that a stroke is the same on the screen in any map.
    this.hatch = this.pattern(svg, `hatch-${name}`, 45, `<path d="M0,0V7" stroke="${HATCH}" stroke-width="1.3"/>`);
    this.dots = this.pattern(svg, `dots-${name}`, 0, DOT(3.5));
    this.group = svg.append("g");
    this.outline = this.group.append("g").attr("class", "outline");
    this.paths = this.outline.selectAll("path").data(d3.range(count)).join("path")
      .attr("d", (i) => zones.path[i]).attr("data-zone", (i) => i).nodes();
    // Thin enough that borders never hide small zones.
    const thin = Math.max(0.12, Math.min(1, 0.022 * figure.clientWidth / Math.sqrt(count)));
    this.outline.style("stroke-width", `${thin}px`);
    const over = (kind) => this.group.append("path").attr("class", kind);
    this.cut = over("over cut").attr("d", joined(cut)).attr("fill", `url(#hatch-${name})`)
      .attr("stroke", HATCH).attr("stroke-width", 0.6).attr("vector-effect", "non-scaling-stroke");
    this.significant = over("over significant").attr("fill", `url(#dots-${name})`);
    over("over borders").attr("d", zones.borders || null);
    this.pins = this.group.append("g");
    this.halo = over("halo");
    this.selection = over("selected");
    this.svg = svg;
    this.listen();
    this.zooming();
    this.scalePatterns();
  }

  pattern(svg, id, angle, inner) {
    return svg.append("defs").append("pattern").attr("id", id).attr("width", 7).attr("height", 7)
      .attr("patternUnits", "userSpaceOnUse").attr("data-angle", angle).html(inner);
  }

  scalePatterns() {
    const width = this.svg.node().clientWidth || 800;
    const unit = zones.width / Math.min(width, zones.width / zones.height * innerHeight * 0.68 || width) / this.k;
    for (const pattern of [this.hatch, this.dots]) {
      pattern.attr("patternTransform", `scale(${unit}) rotate(${pattern.attr("data-angle")})`);
    }
  }

  listen() {
    const node = this.svg.node();
    const zoneOf = (event) => event.target.dataset?.zone;
    node.addEventListener("pointermove", (event) => {
      const zone = zoneOf(event);
      zone === undefined || event.pointerType === "touch" || !this.tip ? hideTip() : showTip(event, this.tip(+zone));
    });
    node.addEventListener("pointerleave", hideTip);
    node.addEventListener("click", (event) => {
      const zone = zoneOf(event);
      if (zone !== undefined) select(+zone);
    });
    node.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
      if (!step || event.altKey || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      select(neighbour(state.zone, step));
    });
  }

  zooming() {
    // The wheel and one finger scroll the page, as everywhere; Ctrl and wheel, two fingers or the buttons zoom.
    const zoom = d3.zoom().scaleExtent([1, 40])
      .extent([[0, 0], [zones.width, zones.height]]).translateExtent([[0, 0], [zones.width, zones.height]])
      .filter((event) => event.type === "wheel" ? event.ctrlKey
        : event.type.startsWith("touch") ? event.touches.length > 1 || this.k > 1 : !event.button && this.k > 1)
      .on("zoom", ({ transform }) => {
        this.k = transform.k;
        this.group.attr("transform", transform);
        this.svg.style("touch-action", this.k > 1 ? "none" : "pan-y");
        this.scalePatterns();
      });
    this.svg.call(zoom).on("dblclick.zoom", null);
    const buttons = d3.select(this.figure).insert("div", "svg").attr("class", "zoom");
    for (const [text, label, act] of [["+", "Zoom in", () => this.svg.call(zoom.scaleBy, 2)],
      ["−", "Zoom out", () => this.svg.call(zoom.scaleBy, 0.5)],
      ["◎", "Zoom to the selected zone", () => this.svg.call(zoom.transform, this.around(state.zone))],
      ["⌂", "Whole map", () => this.svg.call(zoom.transform, d3.zoomIdentity)]]) {
      buttons.append("button").attr("type", "button").attr("aria-label", label).attr("title", label).text(text).on("click", act);
    }
  }

  /** Return the transform that shows a zone with as much again around it. */
  around(zone) {
    const { x, y, width, height } = this.paths[zone].getBBox();
    const k = Math.max(1, Math.min(40, 0.33 * Math.min(zones.width / width, zones.height / height)));
    return d3.zoomIdentity.translate(zones.width / 2, zones.height / 2).scale(k).translate(-x - width / 2, -y - height / 2);
  }

  /** Colour each zone by values[i]; `tip(i)` gives the tooltip's lines. */
  show(values, colour, label, tip, { significant = [], keys = [] } = {}) {
    this.tip = tip;
    this.paths.forEach((path, i) => path.setAttribute("fill", colour(values[i])));
    this.significant.attr("d", joined(significant) || null);
    const missing = count - finite(values).length;
    legend(this.figure, colour, label, finite(values), [
      ...keys,
      ...(significant.length ? [KEYS.significant(significant.length)] : []),
      ...(cut.length ? [KEYS.cut(cut.length)] : []),
      ...(missing ? [KEYS.missing(missing)] : []),
    ]);
  }

  mark(zone, pins) {
    this.halo.attr("d", zones.path[zone]);
    this.selection.attr("d", zones.path[zone]);
    this.pins.selectAll("path").data(pins).join("path").attr("class", "pinned").attr("d", (i) => zones.path[i])
      .style("stroke", (_, n) => PIN_COLOURS[n]);
  }
}

/** Return the zone nearest to `from` in a direction, with sideways distance counted double. */
function neighbour(from, [dx, dy]) {
  let best = from, least = Infinity;
  for (let i = 0; i < count; i++) {
    const along = (zones.x[i] - zones.x[from]) * dx + (zones.y[i] - zones.y[from]) * dy;
    const across = Math.abs((zones.x[i] - zones.x[from]) * dy) + Math.abs((zones.y[i] - zones.y[from]) * dx);
    const distance = along + 2 * across;
    if (i !== from && along > 0 && across <= along * 1.5 && distance < least) [best, least] = [i, distance];
  }
  return best;
}
