import { ToggleButton, ToggleButtonGroup, Typography } from "@mui/material";

import { money, number } from "../formats";
import { Bars } from "./Bars";
import { Figures } from "./Figures";
import { Panel } from "./Panel";
import { PERIODS, partsOf } from "./periods";
import type { PeriodOfSales } from "./usePeriod";

export function SalesPanel({ period, choose, orders, isComplete }: PeriodOfSales) {
  const parts = partsOf(period, orders);
  const revenue = orders.reduce((sum, { total }) => sum + total, 0);
  const average = orders.length ? money(revenue / orders.length) : "–";
  const bars = (value: "orders" | "revenue") => parts.map((part) => ({ label: part.label, value: part[value] }));
  const actions = (
    <ToggleButtonGroup
      exclusive
      size="small"
      aria-label="Period"
      value={period.name}
      onChange={(_, name) => choose(PERIODS.find((one) => one.name === name) ?? period)}
    >
      {PERIODS.map(({ name }) => (
        <ToggleButton key={name} value={name}>
          {name}
        </ToggleButton>
      ))}
    </ToggleButtonGroup>
  );
  return (
    <Panel title="Sales" actions={actions}>
      <Figures figures={{ Orders: number(orders.length), Revenue: money(revenue), "Average order": average }} />
      <Bars title={`Revenue per ${period.unit}`} bars={bars("revenue")} format={money} />
      <Bars title={`Orders per ${period.unit}`} bars={bars("orders")} format={number} />
      {!isComplete && <Typography variant="body2">Of the newest 5,000 orders.</Typography>}
    </Panel>
  );
}
