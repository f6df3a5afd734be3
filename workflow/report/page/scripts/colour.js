// Colour scales, the patterns of maps, and legends.

const SIGNIFICANT = 0.05, FDR = 0.1;
const INK = "#1f2933", MISSING = "#d4d4d4", HATCH = "#3c4650";
const PIN_COLOURS = ["#c2410c", "#6d28d9", "#a16207", "#be185d"];

function scale(colours, [low, high]) {
  const steps = colours.length - 1;
  const colour = (value) => !has(value) ? MISSING
    : colours[Math.max(0, Math.min(steps, Math.round((value - low) / (high - low) * steps)))];
  return Object.assign(colour, { colours, low, high });
}

function classScale(variable) {
  const of = new Map(variable.classes.map((c) => [c.value, c]));
  return Object.assign((value) => !has(value) ? MISSING : of.get(value)?.colour ?? "#8a94a0", { of });
}
const className = (variable, value) => !has(value) ? "no data"
  : variable.classes.find((c) => c.value === value)?.name ?? `${value}`;

const icon = (inner) => `<svg width="22" height="15" aria-hidden="true">${inner}</svg>`;
// Dark with a light outline, so that it shows on any colour.
const DOT = (at) => `<circle cx="${at}" cy="${at}" r="1.3" fill="${INK}" stroke="#fff" stroke-width="0.7"/>`;
const box = (fill) => icon(`<rect width="22" height="15" fill="${fill}" stroke="${HATCH}" stroke-width="0.5"/>`);
const KEYS = {
  cut: (n) => ({ icon: icon(`<rect width="22" height="15" fill="#fff"/><rect width="22" height="15" fill="url(#hatch)" stroke="${HATCH}"/>`),
    text: `cut by the grid's edge (${number(n, 0)})` }),
  missing: (n) => ({ icon: box(MISSING), text: `no cell or no data (${number(n, 0)})` }),
  significant: (n) => ({ icon: icon('<rect width="22" height="15" fill="#fff"/><rect width="22" height="15" fill="url(#dots)" stroke="#9aa5b1"/>'),
    text: `trend with p < ${SIGNIFICANT} (${number(n, 0)})` }),
  of: (c, n) => ({ icon: box(c.colour), text: `${c.name} (${number(n, 0)})`, colour: c.colour }),
};

function addPatterns() {
  document.body.insertAdjacentHTML("afterbegin", `<svg width="0" height="0" style="position:absolute" aria-hidden="true">
    <defs><pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
    <path d="M0,0V6" stroke="${HATCH}" stroke-width="1.4"/></pattern>
    <pattern id="dots" width="7" height="7" patternUnits="userSpaceOnUse">${DOT(3.5)}</pattern></defs></svg>`);
}

/** Put the legend under a map: a colour bar, unless the scale is one of classes, what it shows, and `keys`. */
function legend(figure, colour, label, values, keys) {
  figure.querySelector(".legend")?.remove();
  const all = d3.select(figure).append("div").attr("class", "legend");
  const bar = all.append("div");
  if (colour.colours) drawBar(bar, figure, colour, label, values);
  bar.append("p").text(label + (data.synthetic ? " · synthetic data" : "")); // for a screenshot of the map alone
  all.append("ul").selectAll("li").data(keys).join("li").html((key) => key.icon).append("span").text((key) => key.text);
}

function drawBar(bar, figure, colour, label, values) {
  const width = Math.max(120, Math.min(320, figure.clientWidth - 40)), thick = 12, tip = 8, n = 64;
  const svg = bar.append("svg").attr("width", width + 2 * tip).attr("height", thick + 20).attr("role", "img")
    .attr("aria-label", `Colour scale: ${label}, ${number(colour.low, 2)} to ${number(colour.high, 2)}`);
  svg.append("g").selectAll("rect").data(d3.range(n)).join("rect")
    .attr("x", (i) => tip + i * width / n).attr("width", width / n + 0.5).attr("height", thick)
    .attr("fill", (i) => colour.colours[Math.round(i / (n - 1) * (colour.colours.length - 1))]);
  const [low, high] = d3.extent(values);
  if (low < colour.low) svg.append("path").attr("d", `M${tip},0v${thick}L0,${thick / 2}z`).attr("fill", colour.colours[0]);
  if (high > colour.high) svg.append("path").attr("d", `M${tip + width},0v${thick}l${tip},${-thick / 2}z`)
    .attr("fill", colour.colours.at(-1));
  const x = d3.scaleLinear([colour.low, colour.high], [tip, tip + width]);
  svg.append("g").attr("transform", `translate(0,${thick})`).call(d3.axisBottom(x).ticks(5).tickSize(4))
    .call((g) => g.select(".domain").remove());
}
