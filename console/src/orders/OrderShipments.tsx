import { Box, Typography } from "@mui/material";
import { useQuery } from "@tanstack/react-query";
import { unwrap, type Schemas } from "ecommerce-client";
import { DataTable, ResourceContextProvider, useRecordContext, type RaRecord } from "react-admin";

import { asRecord } from "../api/dataProvider";
import { shop } from "../api/shop";
import { labelOf, NEXT_STATUSES } from "../choices";
import { Section } from "../components/Section";
import { time } from "../formats";
import { shipmentColumns } from "../resources/shipments";
import { unitsLeft, useOrderLines } from "./lines";
import { ShipDialog } from "./ShipDialog";

type Tracked = Schemas["TrackedShipment"];

const actions = shipmentColumns.at(-1);
const others = shipmentColumns.filter((column) => !["order", "time"].includes(column.key!) && column !== actions);
const CAME_BACK: string[] = ["failed", "returned"];
const SORT = { field: "id", order: "ASC" } as const;

export function OrderShipments({ isAdmin }: { isAdmin: boolean }) {
  const order = useRecordContext();
  return order ? <Shipments id={Number(order.id)} canShip={isAdmin && order.status in NEXT_STATUSES} /> : null;
}

function Shipments({ id, canShip }: { id: number; canShip: boolean }) {
  const params = { path: { id_key: id } };
  const { data: shipments } = useQuery({
    queryKey: ["orders", "tracking", id],
    queryFn: async () => (await unwrap(shop.GET("/orders/{id_key}/tracking", { params }))).data,
  });
  const lines = useOrderLines(id);
  if (!shipments) return null;
  const left = unitsLeft(lines, shipments.filter(({ status }) => !CAME_BACK.includes(status)));
  return (
    <Section title="Shipments" actions={canShip && left.length > 0 && <ShipDialog order={id} left={left} />}>
      {shipments.length ? (
        <ResourceContextProvider value="shipments">
          <DataTable data={shipments.map((one) => asRecord(one))} sort={SORT} bulkActionButtons={false} rowClick={false}>
            {others}
            <DataTable.Col
              label="Events"
              disableSort
              render={(one) => <Events events={(one as RaRecord & Tracked).events} />}
            />
            {actions}
          </DataTable>
        </ResourceContextProvider>
      ) : (
        <Typography>No shipments</Typography>
      )}
    </Section>
  );
}

const Events = ({ events }: { events: Tracked["events"] }) => (
  <Box component="ol" sx={{ listStyle: "none", p: 0, m: 0, minWidth: 220 }}>
    {events.map(({ id_key, status, location, occurred_at }) => (
      <li key={id_key}>{[labelOf(status), location, time(occurred_at)].filter(Boolean).join(", ")}</li>
    ))}
  </Box>
);
