/** Figures from the text of `/metrics`. */

export interface Sample {
  name: string;
  labels: Record<string, string>;
  value: number;
}

const LINE = /^([a-z_]+)(?:\{(.*)\})? (\S+)$/;
const LABEL = /(\w+)="((?:[^"\\]|\\.)*)"/g;

export function parse(text: string): Sample[] {
  return text.split("\n").flatMap((line) => {
    const [, name, labels = "", value] = LINE.exec(line) ?? [];
    if (name === undefined) return [];
    const pairs = [...labels.matchAll(LABEL)].map(([, key, text]) => [key, text]);
    return [{ name, labels: Object.fromEntries(pairs), value: Number(value) }];
  });
}

/** Totals since the service started, without the requests of monitors. */
export interface Totals {
  requests: number;
  errors: number;
  hits: number;
  misses: number;
  /** Requests by the upper bound of their duration in seconds. */
  durations: Map<number, number>;
}

const MONITORED = /^\/(health_check|metrics)/;

export function totals(samples: Sample[]): Totals {
  const sum = (name: string, counts: (labels: Sample["labels"]) => boolean = () => true) =>
    samples.reduce((total, one) => (one.name === name && counts(one.labels) ? total + one.value : total), 0);
  const isOwn = ({ route = "" }: Sample["labels"]) => !MONITORED.test(route);
  const durations = new Map<number, number>();
  for (const { name, labels, value } of samples)
    if (name === "http_request_duration_seconds_bucket" && isOwn(labels)) {
      const bound = labels.le === "+Inf" ? Infinity : Number(labels.le);
      durations.set(bound, (durations.get(bound) ?? 0) + value);
    }
  return {
    requests: sum("http_requests_total", isOwn),
    errors: sum("http_requests_total", (labels) => isOwn(labels) && (labels.status ?? "").startsWith("5")),
    hits: sum("cache_hits_total"),
    misses: sum("cache_misses_total"),
    durations,
  };
}

/** Return the bound below which the share of the requests between two readings lies, or undefined without requests. */
export function quantile(before: Totals, after: Totals, share: number): number | undefined {
  const bounds = [...after.durations.keys()].sort((a, b) => a - b);
  const counts = bounds.map((bound) => after.durations.get(bound)! - (before.durations.get(bound) ?? 0));
  const all = counts.at(-1) ?? 0;
  if (all <= 0) return undefined;
  return bounds[counts.findIndex((count) => count >= share * all)];
}
