// The chart of a dataset page, drawn from the table beside it: the table is what holds without script.
import * as echarts from "echarts/core";
import { BarChart, LineChart } from "echarts/charts";
import { AriaComponent, GridComponent, LegendComponent, TooltipComponent } from "echarts/components";
import { SVGRenderer } from "echarts/renderers";

echarts.use([BarChart, LineChart, GridComponent, LegendComponent, TooltipComponent, AriaComponent, SVGRenderer]);

const COLOURS = ["--ink", "--hue-2", "--hue-3", "--hue-4", "--hue-5", "--hue-6", "--hue-7", "--hue-8"];

function options(data) {
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(name).trim();
  const text = { color: colour("--text-2"), fontFamily: colour("--sans"), fontSize: 13 };
  const names = { type: "category", data: data.labels, axisLabel: text, axisTick: { show: false }, axisLine: { lineStyle: { color: colour("--line-2") } } };
  const whole = data.series.every((one) => one.values.every((value) => value === null || Number.isInteger(value)));
  const counts = { type: "value", minInterval: whole ? 1 : 0, axisLabel: text, splitLine: { lineStyle: { color: colour("--line") } } };
  const several = data.series.length > 1;
  const lying = data.kind === "bar" && !several;
  const gap = data.kind === "time" ? "8%" : "38%";
  return {
    animation: false,
    // several series are told by a pattern besides their colour
    aria: { enabled: true, label: { description: data.description }, decal: { show: several && data.kind !== "line" } },
    grid: { left: 8, right: 40, top: several ? 48 : 16, bottom: 8, containLabel: true },
    tooltip: { trigger: "axis", renderMode: "richText", confine: true, axisPointer: { type: "none" } },
    legend: { show: several, type: "scroll", top: 0, left: 0, textStyle: text },
    xAxis: lying ? counts : names,
    yAxis: lying ? { ...names, inverse: true } : counts,
    series: data.series.map((one, n) => ({
      name: one.name,
      type: data.kind === "line" ? "line" : "bar",
      stack: data.kind === "stacked" ? "all" : undefined,
      symbol: ["circle", "rect", "triangle", "diamond"][n % 4],
      showSymbol: one.values.length < 60,
      data: one.values,
      barCategoryGap: gap,
      lineStyle: { type: ["solid", "dashed", "dotted"][Math.floor(n / 4) % 3] },
      itemStyle: { color: colour(COLOURS[n % COLOURS.length]) },
      label: { show: lying && data.labels.length <= 24, position: "right", ...text, formatter: ({ value }) => value?.toLocaleString("en-US") ?? "" },
    })),
  };
}

function draw() {
  for (const place of document.querySelectorAll("[data-chart]")) {
    const source = document.getElementById(place.dataset.chart);
    if (!source) continue;
    const data = JSON.parse(source.textContent);
    echarts.getInstanceByDom(place)?.dispose();
    if (data.kind === "bar") place.classList.toggle("tall", data.labels.length > 12 && data.series.length === 1);
    const chart = echarts.init(place, null, { renderer: "svg" });
    chart.setOption(options(data));
    if (!place.dataset.drawn) addEventListener("resize", () => echarts.getInstanceByDom(place)?.resize());
    place.dataset.drawn = "1";
  }
}

draw();
document.addEventListener("gongshu:theme", draw);
document.addEventListener("htmx:afterSettle", draw);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
