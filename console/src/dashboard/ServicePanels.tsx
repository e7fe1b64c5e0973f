import { Alert, Chip, Typography } from "@mui/material";

import { Row } from "../components/Row";
import { number } from "../formats";
import { Bars } from "./Bars";
import { Figures } from "./Figures";
import { Panel } from "./Panel";
import { INTERVAL_SECONDS, SHOWN_READINGS, useHealth, useSpeed } from "./useService";

const COLORS: Record<string, "success" | "warning" | "error"> = { healthy: "success", up: "success", degraded: "warning" };

const StatusOf = ({ name, status }: { name: string; status: string }) => (
  <Chip variant="outlined" color={COLORS[status] ?? (status === "disabled" ? "warning" : "error")} label={`${name}: ${status}`} />
);

export function HealthPanel() {
  const { data: health, error } = useHealth();
  if (error) return <Alert severity="error">The service does not answer</Alert>;
  if (!health) return <Panel title="Health">…</Panel>;
  const { database, redis, db_pool: pool, cache } = health.checks;
  return (
    <Panel title="Health">
      <Row sx={{ mb: 2, gap: 1 }}>
        <StatusOf name="Service" status={health.status} />
        <StatusOf name="Database" status={database.status} />
        <StatusOf name="Redis" status={redis.status} />
      </Row>
      <Figures
        figures={{
          "Database answers in": database.latency_ms == null ? "–" : `${number(database.latency_ms)} ms`,
          "Connections in use": `${pool.checked_out} of ${pool.total_capacity}`,
          "Cache hits since start": `${number(cache.hit_rate_percent)} %`,
        }}
      />
    </Panel>
  );
}

export function SpeedPanel() {
  const readings = useSpeed();
  const last = readings.at(-1);
  const bars = Array.from({ length: SHOWN_READINGS }, (_, index) => ({
    label: `${(SHOWN_READINGS - index) * INTERVAL_SECONDS} s ago`,
    value: readings.at(index - SHOWN_READINGS)?.perSecond ?? 0,
  }));
  const ms = (value?: number) => (value === undefined ? "–" : value === Infinity ? "> 10 s" : `≤ ${number(value)} ms`);
  return (
    <Panel title="Requests">
      <Figures
        figures={{
          "Per second": last ? number(last.perSecond) : "–",
          "Median time": ms(last?.medianMs),
          "95 % within": ms(last?.p95Ms),
          "Cache hits": last?.hitPercent === undefined ? "–" : `${number(last.hitPercent)} %`,
          Errors: last ? number(last.errors) : "–",
        }}
      />
      {last ? (
        <Bars title="Requests per second" bars={bars} format={number} />
      ) : (
        <Typography variant="body2">The first figures come in a few seconds.</Typography>
      )}
    </Panel>
  );
}
