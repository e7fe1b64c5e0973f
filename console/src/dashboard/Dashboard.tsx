import { Box } from "@mui/material";
import { Title, useAuthenticated, usePermissions } from "react-admin";
import type { ReactNode } from "react";

import { LowStock } from "./LowStock";
import { bestSellers } from "./periods";
import { SalesPanel } from "./SalesPanel";
import { HealthPanel, SpeedPanel } from "./ServicePanels";
import { TopProducts } from "./TopProducts";
import { usePeriod } from "./usePeriod";

export function Dashboard() {
  const { isPending } = useAuthenticated();
  return isPending ? null : <Panels />;
}

function Panels() {
  const { permissions } = usePermissions();
  const sales = usePeriod();
  return (
    <Box sx={{ display: "flex", flexDirection: { xs: "column", md: "row" }, gap: 2, mt: 2 }}>
      <Title title="Dashboard" />
      <Column>
        <SalesPanel {...sales} />
        <LowStock />
      </Column>
      <Column>
        <TopProducts sellers={bestSellers(sales.orders, sales.lines)} period={sales.period.name} />
        {permissions !== "client" && (
          <>
            <HealthPanel />
            <SpeedPanel />
          </>
        )}
      </Column>
    </Box>
  );
}

const Column = ({ children }: { children: ReactNode }) => (
  <Box sx={{ display: "flex", flexDirection: "column", gap: 2, flex: 1, minWidth: 0 }}>{children}</Box>
);
