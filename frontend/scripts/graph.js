// The graph around a node, drawn from the data beside it; the table below holds the same without script. A click walks on.
import * as echarts from "echarts/core";
import { GraphChart } from "echarts/charts";
import { AriaComponent, LegendComponent, TooltipComponent } from "echarts/components";
import { SVGRenderer } from "echarts/renderers";

echarts.use([GraphChart, LegendComponent, TooltipComponent, AriaComponent, SVGRenderer]);

const COLOURS = ["--text", "--ink", "--hue-2", "--hue-3", "--hue-4", "--hue-5", "--hue-6", "--hue-7", "--hue-8"];
const SHAPES = ["diamond", "roundRect", "circle", "triangle", "rect", "diamond", "pin", "rect", "roundRect"];

const COLUMN = 2; // of the kinds; on a phone its nodes have no names, the table has them

function options(data, width) {
  const room = Math.max(0.35, Math.min(1, width / 1000));
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(name).trim();
  const text = { color: colour("--text"), fontFamily: colour("--sans"), fontSize: 13 };
  const most = room < 0.6 ? 8 : 14;
  const short = (name) => (name.length > most ? `${name.slice(0, most - 1)}…` : name);
  const used = [...new Set(data.nodes.map((one) => one.kind))].sort((a, b) => a - b);
  const [centre] = data.nodes;
  return {
    animation: false,
    aria: { enabled: true, label: { description: data.description } },
    tooltip: { renderMode: "richText", confine: true, formatter: ({ data: one }) => one.label0 ?? one.name },
    legend: { data: used.map((kind) => data.kinds[kind]), top: 0, left: 0, type: "scroll", textStyle: text, icon: undefined },
    series: [
      {
        type: "graph",
        layout: "force",
        force: { repulsion: 420 * room, edgeLength: [60 * room, 140 * room], gravity: 0.1, layoutAnimation: false },
        roam: true,
        draggable: false,
        top: 40,
        categories: data.kinds.map((name, n) => ({ name, symbol: SHAPES[n], itemStyle: { color: colour(COLOURS[n]) } })),
        nodes: data.nodes.map((one) => ({ id: one.id, name: one.id, label0: one.name, url: one.url, category: one.kind, symbol: SHAPES[one.kind], symbolSize: one === centre ? 30 : 16, cursor: "pointer", ...(room < 0.6 && one.kind === COLUMN ? { label: { show: false } } : {}) })),
        links: data.links.map((one) => ({ source: one.source, target: one.target, name: one.name, label0: one.name })),
        label: { show: data.nodes.length < 50, position: "right", ...text, formatter: ({ data: one }) => short(one.label0) },
        labelLayout: { hideOverlap: true },
        lineStyle: { color: colour("--line-2"), width: 1.5, curveness: 0.05 },
        emphasis: { focus: "adjacency" },
      },
    ],
  };
}

// the forces may push nodes out of the drawing: it is moved and made small enough to hold them with their names
function fit(chart, width, height) {
  const nodes = chart.getModel().getSeriesByIndex(0).getData();
  const places = Array.from({ length: nodes.count() }, (_, n) => nodes.getItemLayout(n)).filter(Boolean);
  if (places.length < 2) return;
  const [left, top, right, bottom] = [
    Math.min(...places.map(([x]) => x)), Math.min(...places.map(([, y]) => y)),
    Math.max(...places.map(([x]) => x)), Math.max(...places.map(([, y]) => y)),
  ];
  const zoom = Math.min(1, (width - Math.min(160, width / 3.5)) / (right - left || 1), (height - 96) / (bottom - top || 1));
  chart.setOption({ series: [{ center: [(left + right) / 2 + 40, (top + bottom) / 2 - 8], zoom }] });
}

function draw() {
  for (const place of document.querySelectorAll("[data-graph]")) {
    const data = JSON.parse(document.getElementById(place.dataset.graph).textContent);
    echarts.getInstanceByDom(place)?.dispose();
    const chart = echarts.init(place, null, { renderer: "svg" });
    chart.setOption(options(data, place.clientWidth));
    fit(chart, place.clientWidth, place.clientHeight);
    chart.on("click", ({ dataType, data: one }) => {
      if (dataType === "node") location.assign(one.url);
    });
    if (!place.dataset.drawn) addEventListener("resize", () => echarts.getInstanceByDom(place)?.resize());
    place.dataset.drawn = "1";
  }
}

draw();
document.addEventListener("gongshu:theme", draw);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
