// The graph around a node, drawn from the data beside it; the table below holds the same without script. A click walks on.
import * as echarts from "echarts/core";
import { GraphChart } from "echarts/charts";
import { AriaComponent, LegendComponent, TooltipComponent } from "echarts/components";
import { SVGRenderer } from "echarts/renderers";

echarts.use([GraphChart, LegendComponent, TooltipComponent, AriaComponent, SVGRenderer]);

const COLOURS = ["--text", "--ink", "--hue-2", "--hue-3", "--hue-4", "--hue-5", "--hue-6", "--hue-7", "--hue-8"];
const SHAPES = ["diamond", "roundRect", "circle", "triangle", "rect", "diamond", "pin", "rect", "roundRect"];

const COLUMN = 2; // of the kinds; on a phone its nodes have no names, the table has them
const NAMED = 50; // of more nodes than these, the names are in the table only
const LINE = 19, GAP = 4, PAD = 2; // height of a name, how far it stands from its node, and what is free around it, px
const LEGEND = 40, EDGE = 16; // px that the drawing leaves free, above and on the other sides

function options(data, width) {
  const room = Math.max(0.35, Math.min(1, width / 1000));
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(name).trim();
  const text = { color: colour("--text"), fontFamily: colour("--sans"), fontSize: 13 };
  const widthOf = measured();
  const used = [...new Set(data.nodes.map((one) => one.kind))].sort((a, b) => a - b);
  const [centre] = data.nodes;
  return {
    animation: false,
    aria: { enabled: true, label: { description: data.description } },
    tooltip: { renderMode: "richText", confine: true, formatter: ({ data: one }) => one.full ?? one.name },
    legend: { data: used.map((kind) => data.kinds[kind]), top: 0, left: 0, type: "scroll", textStyle: text, icon: undefined },
    series: [
      {
        type: "graph",
        layout: "force",
        force: { initLayout: "circular", repulsion: 420 * room, edgeLength: [60 * room, 140 * room], gravity: 0.1, layoutAnimation: false },
        roam: true,
        draggable: false,
        categories: data.kinds.map((name, n) => ({ name, symbol: SHAPES[n], itemStyle: { color: colour(COLOURS[n]) } })),
        nodes: data.nodes.map((one) => ({ id: one.id, name: one.id, full: one.name, url: one.url, category: one.kind, symbol: SHAPES[one.kind], symbolSize: one === centre ? 30 : 16, cursor: "pointer", label: { show: isNamed(data, one, room) } })),
        links: data.links.map((one) => ({ source: one.source, target: one.target, name: one.name, full: one.name })),
        label: { position: "right", distance: GAP, ...text, backgroundColor: colour("--card"), padding: [0, PAD], formatter: ({ data: one }) => short(one.full, room, widthOf) },
        labelLayout: { hideOverlap: true },
        lineStyle: { color: colour("--line-2"), width: 1.5, curveness: 0.05 },
        emphasis: { focus: "adjacency" },
      },
    ],
  };
}

const isNamed = (data, one, room) => data.nodes.length < NAMED && !(room < 0.6 && one.kind === COLUMN);

function measured() {
  const pen = document.createElement("canvas").getContext("2d");
  pen.font = `13px ${getComputedStyle(document.documentElement).getPropertyValue("--sans")}`;
  return (text) => pen.measureText(text).width;
}

function short(name, room, widthOf) {
  const most = room < 0.6 ? 90 : 170; // px
  if (widthOf(name) <= most) return name;
  const signs = [...name];
  while (signs.length && widthOf(`${signs.join("")}…`) > most) signs.pop();
  return `${signs.join("").trimEnd()}…`;
}

// The forces tell who is near whom; then the drawing is spread over the room there is, each name stands on the side away from
// what its node is tied to, and nodes whose names would cover each other are moved apart, up and down.
function arrange(chart, data, drawn, width, height) {
  const room = Math.max(0.35, Math.min(1, width / 1000));
  const laid = chart.getModel().getSeriesByIndex(0).getData();
  const widthOf = measured();
  const nodes = data.nodes.map((one, n) => {
    const [x, y] = laid.getItemLayout(n);
    const long = isNamed(data, one, room) ? widthOf(short(one.name, room, widthOf)) + GAP + 2 * PAD : 0;
    return { id: one.id, x, y, long, half: n ? 8 : 15, tied: [] };
  });
  const by = new Map(nodes.map((one) => [one.id, one]));
  for (const { source, target } of data.links) {
    by.get(source)?.tied.push(by.get(target));
    by.get(target)?.tied.push(by.get(source));
  }
  for (const one of nodes) {
    const middle = one.tied.reduce((sum, other) => sum + other.x, 0) / (one.tied.length || 1);
    one.left = one.tied.length > 0 && one.x < middle - 1;
  }
  const side = EDGE + Math.min(Math.max(...nodes.map((one) => one.long)), width / 4);
  spread(nodes, "x", side, width - side);
  spread(nodes, "y", LEGEND + LINE, height - EDGE - LINE);
  part(nodes, LEGEND + LINE, height - EDGE - LINE);
  const [xs, ys] = [nodes.map(({ x }) => x), nodes.map(({ y }) => y)];
  const [left, top] = [Math.min(...xs), Math.min(...ys)];
  chart.setOption({
    series: [
      {
        layout: "none", left, top, width: Math.max(...xs) - left || 1, height: Math.max(...ys) - top || 1,
        nodes: drawn.series[0].nodes.map((one, n) => ({ ...one, x: nodes[n].x, y: nodes[n].y, label: { ...one.label, position: nodes[n].left ? "left" : "right" } })),
      },
    ],
  });
}

function spread(nodes, axis, from, to) {
  const places = nodes.map((one) => one[axis]);
  const [low, high] = [Math.min(...places), Math.max(...places)];
  const scale = Math.min(2, (to - from) / (high - low || 1));
  const start = (from + to - scale * (high - low)) / 2;
  for (const one of nodes) one[axis] = start + scale * (one[axis] - low);
}

function part(nodes, top, bottom) {
  const from = (one) => one.x - one.half - (one.left ? one.long : 0);
  const to = (one) => one.x + one.half + (one.left ? 0 : one.long);
  const tall = (one) => Math.max(one.half, LINE / 2);
  for (let turn = 0, moved = true; moved && turn < 200; turn++) {
    moved = false;
    nodes.forEach((one, n) => {
      for (const other of nodes.slice(n + 1)) {
        const need = tall(one) + tall(other) + 5 - Math.abs(one.y - other.y);
        if (need <= 0 || from(one) >= to(other) || from(other) >= to(one)) continue;
        const [upper, lower] = one.y <= other.y ? [one, other] : [other, one];
        upper.y = Math.max(top, upper.y - need / 2);
        lower.y = Math.min(bottom, lower.y + need / 2);
        moved = true;
      }
    });
  }
}

function draw() {
  for (const place of document.querySelectorAll("[data-graph]")) {
    const data = JSON.parse(document.getElementById(place.dataset.graph).textContent);
    echarts.getInstanceByDom(place)?.dispose();
    const chart = echarts.init(place, null, { renderer: "svg" });
    const drawn = options(data, place.clientWidth);
    chart.setOption(drawn);
    if (data.nodes.length > 1) arrange(chart, data, drawn, place.clientWidth, place.clientHeight);
    chart.on("click", ({ dataType, data: one }) => {
      if (dataType === "node") location.assign(one.url);
    });
    place.dataset.width = place.clientWidth;
  }
}

draw();
document.addEventListener("gongshu:theme", draw);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
addEventListener("resize", () => {
  for (const place of document.querySelectorAll("[data-graph]")) if (place.dataset.width !== String(place.clientWidth)) return draw();
});
