import { definePlugin } from "@opssight/plugin";
import type { Finding, Series } from "@opssight/plugin";

/** So many values must stand before one that is judged. */
const HISTORY = 5;

export default definePlugin({
  detector(series: Series[], params: { threshold?: number }) {
    const threshold = params.threshold ?? 5;
    return series.flatMap((one, index) => spikes(one, index, threshold));
  },
});

/** Values that are more than `threshold` standard deviations away from the mean of all before them. */
function spikes({ name, ts, values }: Series, seriesIndex: number, threshold: number): Finding[] {
  const findings: Finding[] = [];
  for (let at = HISTORY; at < values.length; at++) {
    const before = values.slice(0, at);
    const mean = before.reduce((sum, value) => sum + value, 0) / at;
    const deviation = Math.sqrt(before.reduce((sum, value) => sum + (value - mean) ** 2, 0) / at);
    const value = values[at] as number;
    const distance = deviation === 0 ? 0 : Math.abs(value - mean) / deviation;
    if (distance > threshold) {
      const moment = ts[at] as number;
      const explanation = `${name} is ${value}, ${distance.toFixed(1)} deviations from ${mean.toFixed(1)}`;
      const score = Math.min(1, distance / (2 * threshold));
      findings.push({ seriesIndex, startAt: moment, endAt: moment, score, kind: "spike", explanation });
    }
  }
  return findings;
}
