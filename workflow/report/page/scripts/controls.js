// What the reader sets: variable, statistic, month, year, baseline, units, zone, pins.

function select(zone) {
  state.zone = zone;
  Object.values(maps).forEach((map) => map.mark(zone, state.pins));
  d3.selectAll("#table tbody tr").classed("selected", ([i]) => i === zone);
  drawZone();
  keepAddress();
}

function setYear(t) {
  state.year = t;
  $("year").value = t;
  drawYear();
  drawZone();
  drawTable();
  if (current().kind === "class") drawCards();
  keepAddress();
}

/** Fill a list with [value, text], and choose one; a list of one thing is hidden with its label. */
function options(id, list, chosen) {
  const select = $(id);
  select.replaceChildren(...list.map(([value, text]) => new Option(text, value, false, `${value}` === `${chosen}`)));
  select.closest(".pick").hidden = list.length < 2;
}

function showControls() {
  const { layers } = data.variables[state.variable], layer = layers[state.layer];
  options("variable", data.variables.map((v, i) => [i, v.label === v.name ? v.name : `${v.label} (${v.name})`]), state.variable);
  options("statistic", layers.map((one, i) => [i, one.statLabel]), state.layer);
  options("period", [["year", "whole year"], ...monthsOf(layer).map((m) => [m, monthName(m)])], state.period);
  options("from", years.map((year) => [year, year]), state.baseline[0]);
  options("to", years.map((year) => [year, year]), state.baseline.at(-1));
  const units = data.variables.flatMap((v) => v.layers).find((one) => one.conversion);
  options("units", units ? [["metric", "metric"], ["US", "US"]] : [], state.units);
  $("modes").hidden = !comparable();
  $("slider").hidden = years.length < 2;
  $("baselines").hidden = !comparable();
  document.querySelector(`input[name=mode][value=${state.mode}]`).checked = true;
  $("year").value = state.year;
  const nothing = data.variables[state.variable].leftOut;
  $("left-out").hidden = !nothing.length;
  $("left-out").textContent = nothing.length ? `Not on this page, for its size, but in zonal_stats.parquet: ${nothing.join(", ")}.` : "";
}

/** Choose what is shown of the data; what does not fit any more is as the page opens. */
function choose(change) {
  Object.assign(state, change);
  const { layers } = data.variables[state.variable];
  if ("variable" in change) state.layer = 0;
  state.layer = Math.min(state.layer, layers.length - 1);
  if (!(state.period in layers[state.layer].periods)) state.period = "year";
  if (!comparable()) state.mode = "value";
  drawAll();
}

let timer = null;
function play(on) {
  clearInterval(timer);
  timer = on ? setInterval(() => setYear(state.year === last ? 0 : state.year + 1), 700) : null;
  $("play").textContent = on ? "Pause" : "Play";
  $("play").setAttribute("aria-pressed", String(on));
}

/** Select the zone with this name or id; Enter also takes a part of it, and lists the zones that have it. */
function find(text, enter) {
  const wanted = text.trim().toLowerCase(), list = $("found");
  const same = (i) => [zones.id[i], zones.label[i]].some((name) => name.toLowerCase() === wanted);
  const exact = wanted ? d3.range(count).find(same) : undefined;
  const some = wanted.length > 1 || enter && wanted ? matches(wanted) : [];
  const one = exact ?? (enter && some.length === 1 ? some[0] : undefined);
  list.replaceChildren();
  $("found-count").textContent = "";
  if (one !== undefined) return select(one);
  if (!some.length) { $("found-count").textContent = wanted.length > 1 ? "No zone has this in its name or id." : ""; return undefined; }
  $("found-count").textContent = some.length > 12 ? `12 of ${zoneCount(some.length)}:` : `${zoneCount(some.length)}:`;
  for (const i of some.slice(0, 12)) {
    const button = Object.assign(document.createElement("button"), { type: "button", className: "link", textContent: `${zones.label[i]} · ${zones.id[i]}` });
    button.onclick = () => { list.replaceChildren(); $("found-count").textContent = ""; $("search").value = ""; select(i); };
    list.appendChild(document.createElement("li")).append(button);
  }
  if (enter) list.querySelector("button").focus();
  return undefined;
}

function drawPins() {
  const pinned = state.pins.includes(state.zone);
  $("pin").textContent = pinned ? "Unpin" : "Pin to compare";
  $("pin").disabled = !pinned && state.pins.length >= MOST_PINS;
  $("pin").hidden = count < 2;
  d3.select("#pins").selectAll("li").data(state.pins, (i) => i).join((enter) => {
    const li = enter.append("li");
    li.append("i");
    li.append("button").attr("type", "button").attr("class", "link").text((i) => zones.label[i]).on("click", (_, i) => select(i));
    li.append("button").attr("type", "button").attr("class", "small").attr("aria-label", (i) => `Unpin ${zones.label[i]}`).text("×").on("click", (_, i) => pin(i));
    return li;
  }).order().select("i").style("background", (_, n) => PIN_COLOURS[n]);
}

function pin(zone) {
  state.pins = state.pins.includes(zone) ? state.pins.filter((i) => i !== zone) : [...state.pins, zone].slice(0, MOST_PINS);
  select(state.zone);
}

const THEMES = ["light dark", "dark", "light"], THEME_NAMES = ["Colours: as the system", "Colours: dark", "Colours: light"];
let theme = 0;
function nextTheme() {
  theme = (theme + 1) % THEMES.length;
  document.documentElement.style.colorScheme = THEMES[theme];
  $("theme").textContent = THEME_NAMES[theme];
}

function listen() {
  const on = (id, event, act) => $(id).addEventListener(event, (e) => act(e.target.value, e));
  on("year", "input", (value) => { play(false); setYear(+value); });
  on("play", "click", () => play(timer === null));
  on("search", "input", (value) => find(value, false));
  on("search", "keydown", (value, event) => { if (event.key === "Enter") find(value, true); });
  on("pin", "click", () => pin(state.zone));
  on("filter", "input", (value) => { state.filter = value; drawTable(); });
  on("more", "click", () => { state.all = true; drawTable(); });
  on("variable", "change", (value) => choose({ variable: +value }));
  on("statistic", "change", (value) => choose({ layer: +value }));
  on("period", "change", (value) => choose({ period: value }));
  on("units", "change", (value) => choose({ units: value }));
  const baseline = () => {
    const [a, b] = d3.extent([+$("from").value, +$("to").value]);
    choose({ baseline: years.filter((year) => year >= a && year <= b) });
  };
  on("from", "change", baseline);
  on("to", "change", baseline);
  on("theme", "click", nextTheme);
  on("save-zone", "click", () => save(nameOf(data.run, currentLayer().stat, `${zones.id[state.zone]}.csv`), csvOf(seriesRows([state.zone, ...others()])), "text/csv"));
  on("save-all", "click", () => save(nameOf(data.run, currentLayer().stat, "all-zones.csv"), csvOf(seriesRows(d3.range(count))), "text/csv"));
  on("save-table", "click", () => save(nameOf(data.run, currentLayer().stat, "ranking.csv"), csvOf(tableRows()), "text/csv"));
  document.querySelectorAll("input[name=mode]").forEach((input) => input.addEventListener("change", () => choose({ mode: input.value })));
  addEventListener("hashchange", () => { if (readAddress(location.hash)) drawAll(); });
  let width = innerWidth;
  addEventListener("resize", () => {
    if (innerWidth === width) return; // a phone shows and hides its address bar
    width = innerWidth;
    Object.values(maps).forEach((map) => map.scalePatterns());
    drawAll();
  });
}
