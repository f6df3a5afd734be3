// Files for the reader: tables as CSV, figures as SVG and PNG.

function save(name, content, type) {
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(new Blob([content], { type })), download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

const cell = (value) => typeof value === "number" ? (has(value) ? `${+value.toPrecision(12)}` : "")
  : /[",\n\r]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
const csvOf = (rows) => rows.map((row) => row.map(cell).join(",")).join("\r\n") + "\r\n";
const exactly = (value, digits) => has(value) ? +value.toFixed(digits) : NaN;
const nameOf = (...parts) => parts.join("_").replace(/[^\w.-]+/g, "-");

/** Return the rows of some zones: every year of the period shown, or every date. */
function seriesRows(list) {
  const v = current(), months = state.period === "year" ? monthsOf(v.layer) : [];
  const head = [data.zones.idName, "zone", "variable", "statistic", "unit", "date", "value"];
  const pairs = (i) => v.layer.byDate && state.period === "year" ? v.variable.dates.map((date, n) => [date, v.convert([unpack(v.layer.byDate, count)[n][i]])[0]])
    : months.length > 1 ? years.flatMap((year, t) => months.map((m) => [`${year}-${m}`, ofPeriod(m).values[t][i]]))
    : years.map((year, t) => [state.period === "year" ? `${year}` : `${year}-${state.period}`, v.values[t][i]]);
  const text = (value) => v.kind === "class" ? className(v.variable, value) : exactly(value, v.digits + 1);
  return [head, ...list.flatMap((i) => pairs(i).map(([date, value]) =>
    [zones.id[i], zones.label[i], v.variable.name, v.layer.stat, v.unit, date, text(value)]))];
}

function tableRows() {
  const v = current(), list = columns(v).filter((column) => column.key !== "interval");
  const digits = (column) => ["slope", "p"].includes(column.key) ? v.digits + 3 : v.digits + 1;
  const value = (column, i) => { const x = column.value(i); return typeof x === "number" && !["inside", "valid", "p"].includes(column.key) ? exactly(x, digits(column)) : x; };
  const ends = v.p ? [["95 % interval, low", v.low], ["95 % interval, high", v.high], ["q", v.q]] : [];
  return [[...list.map((column) => column.head), ...ends.map(([head]) => head)],
    ...ranked(columns(v)).map(([i]) => [...list.map((column) => value(column, i)), ...ends.map(([head, row]) => exactly(row[i], head === "q" ? 4 : v.digits + 2))])];
}

const STYLED = ["fill", "stroke", "stroke-width", "stroke-dasharray", "stroke-linejoin", "opacity", "font-size", "font-family", "vector-effect"];
/** Return a copy of a drawing that carries its styles, so that it looks the same elsewhere. */
function standalone(svg) {
  const copy = svg.cloneNode(true), from = [svg, ...svg.querySelectorAll("*")], to = [copy, ...copy.querySelectorAll("*")];
  from.forEach((node, i) => {
    if (node.closest("defs") || node.dataset?.zone) return; // zones inherit theirs
    const style = getComputedStyle(node);
    for (const name of STYLED) to[i].style.setProperty(name, style.getPropertyValue(name));
  });
  copy.querySelectorAll(".hit, title").forEach((node) => node.remove());
  copy.querySelectorAll("[tabindex], [role]").forEach((node) => { node.removeAttribute("tabindex"); node.removeAttribute("role"); });
  return copy;
}

/** Return a figure as one SVG text: its title, its drawing, and its legend below. */
function figureSvg(figure) {
  const drawing = figure.querySelector("svg.zones, svg.plot"), legends = figure.querySelector(".legend");
  const { width, height } = drawing.getBoundingClientRect();
  const title = figure.querySelector("figcaption")?.textContent ?? figure.closest("section").querySelector("h2").textContent;
  const ink = getComputedStyle(document.body).color, paper = getComputedStyle(document.body).backgroundColor;
  const out = d3.create("svg").attr("xmlns", "http://www.w3.org/2000/svg").style("font-family", "sans-serif");
  const ground = out.append("rect").attr("fill", paper);
  const lines = wrapped(title, Math.max(30, width / 8));
  lines.forEach((text, i) => out.append("text").attr("x", 8).attr("y", 20 + 18 * i).attr("font-size", 14).attr("font-weight", 600).attr("fill", ink).text(text));
  let y = 12 + 18 * lines.length;
  d3.select(out.node().appendChild(standalone(drawing))).attr("x", 0).attr("y", y).attr("width", width).attr("height", height);
  y += height + 6;
  const bar = legends?.querySelector("div > svg");
  if (bar) {
    d3.select(out.node().appendChild(standalone(bar))).attr("x", 8).attr("y", y);
    y += 36;
  }
  const texts = [...figure.querySelectorAll(".legend p")].map((p) => [null, p.textContent]);
  const keys = [...figure.querySelectorAll(".legend li, .keys li")].map((li) => [li.querySelector("svg"), li.textContent]);
  for (const [mark, text] of [...texts, ...keys]) {
    if (mark) d3.select(out.node().appendChild(standalone(mark))).attr("x", 8).attr("y", y + 2);
    out.append("text").attr("x", mark ? 38 : 8).attr("y", y + 14).attr("font-size", 12).attr("fill", ink).text(text);
    y += 19;
  }
  out.node().insertBefore(document.querySelector("#hatch").closest("defs").cloneNode(true), out.node().firstChild);
  ground.attr("width", width).attr("height", y + 8);
  out.attr("width", width).attr("height", y + 8).attr("viewBox", [0, 0, width, y + 8]);
  return { text: new XMLSerializer().serializeToString(out.node()), width, height: y + 8 };
}

function wrapped(text, most) {
  const lines = [""];
  for (const word of text.split(" ")) (lines.at(-1) + word).length > most ? lines.push(word) : lines.push(`${lines.pop()} ${word}`.trim());
  return lines;
}

function savePng(name, { text, width, height }) {
  const image = new Image(), canvas = document.createElement("canvas"), sharp = 2;
  image.onload = () => {
    canvas.width = width * sharp;
    canvas.height = height * sharp;
    canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
    canvas.toBlob((blob) => save(name, blob, "image/png"));
  };
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
}

/** Put the two buttons under each figure. */
function addFigureButtons() {
  for (const figure of document.querySelectorAll("main figure")) {
    const bar = d3.select(figure.parentNode).insert("p", () => figure.nextSibling).attr("class", "files").attr("data-of", figure.id);
    for (const kind of ["SVG", "PNG"]) {
      bar.append("button").attr("type", "button").attr("class", "small").text(kind)
        .attr("aria-label", `Save this figure as ${kind}: ${figure.dataset.what}`).on("click", () => {
          const name = nameOf(data.run, figure.id, currentLayer().stat, zones.id[state.zone], `${years[state.year]}.${kind.toLowerCase()}`);
          const drawn = figureSvg(figure);
          kind === "SVG" ? save(name, drawn.text, "image/svg+xml") : savePng(name, drawn);
        });
    }
  }
}
