// The chart of a dataset page, drawn from the table beside it: the table is what holds without script.
import * as echarts from "echarts/core";
import { BarChart } from "echarts/charts";
import { AriaComponent, GridComponent, TooltipComponent } from "echarts/components";
import { SVGRenderer } from "echarts/renderers";

echarts.use([BarChart, GridComponent, TooltipComponent, AriaComponent, SVGRenderer]);

function options(data) {
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(name).trim();
  const text = { color: colour("--text-2"), fontFamily: colour("--sans"), fontSize: 13 };
  const names = { type: "category", data: data.labels, axisLabel: text, axisTick: { show: false }, axisLine: { lineStyle: { color: colour("--line-2") } } };
  const counts = { type: "value", minInterval: 1, axisLabel: text, splitLine: { lineStyle: { color: colour("--line") } } };
  const lying = data.kind === "bar";
  return {
    animation: false,
    aria: { enabled: true, label: { description: data.description } },
    grid: { left: 8, right: 40, top: 16, bottom: 8, containLabel: true },
    tooltip: { trigger: "axis", renderMode: "richText", axisPointer: { type: "none" } },
    xAxis: lying ? counts : names,
    yAxis: lying ? { ...names, inverse: true } : counts,
    series: [
      {
        type: "bar",
        data: data.values,
        barCategoryGap: lying ? "38%" : "8%",
        itemStyle: { color: colour("--ink") },
        label: { show: lying, position: "right", ...text, formatter: ({ value }) => value.toLocaleString("en-US") },
      },
    ],
  };
}

function draw() {
  for (const place of document.querySelectorAll("[data-chart]")) {
    const source = document.getElementById(place.dataset.chart);
    if (!source) continue;
    const data = JSON.parse(source.textContent);
    echarts.getInstanceByDom(place)?.dispose();
    if (data.kind === "bar") place.classList.toggle("tall", data.labels.length > 12);
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
