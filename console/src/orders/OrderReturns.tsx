import ReturnIcon from "@mui/icons-material/AssignmentReturn";
import { TextField, Typography } from "@mui/material";
import { unwrap, type Schemas } from "ecommerce-client";
import { useState } from "react";
import { DataTable, ReferenceManyField, useGetManyReference, useRecordContext, type RaRecord } from "react-admin";

import { once } from "../api/idempotency";
import { shop } from "../api/shop";
import { DELIVERED } from "../choices";
import { Section } from "../components/Section";
import { returnColumns } from "../resources/returns";
import { unitsLeft, useOrderLines, type Unit } from "./lines";
import { UnitsDialog } from "./UnitsDialog";

type Return = Schemas["ReturnSchema"] & RaRecord;

const OTHERS = returnColumns.filter(({ key }) => key !== "order");
const ALL = { pagination: { page: 1, perPage: 500 }, sort: { field: "id", order: "ASC" } } as const;

/** Only delivered orders return. Their clients request it, too. */
export function OrderReturns() {
  const order = useRecordContext();
  if (order?.status !== DELIVERED) return null;
  return (
    <Section title="Returns" actions={<RequestReturn order={Number(order.id)} />}>
      <ReferenceManyField reference="returns" target="order_id" perPage={500} sort={ALL.sort}>
        <DataTable bulkActionButtons={false} rowClick={false} empty={<Typography>No returns</Typography>}>
          {OTHERS}
        </DataTable>
      </ReferenceManyField>
    </Section>
  );
}

function RequestReturn({ order }: { order: number }) {
  const [reason, setReason] = useState("");
  const { data: returns } = useGetManyReference<Return>("returns", { target: "order_id", id: order, ...ALL });
  const lines = useOrderLines(order);
  const left = returns ? unitsLeft(lines, returns.filter(({ status }) => status !== "rejected")) : [];
  if (!left.length) return null;
  const request = (lines: Unit[]) => {
    const body = { lines, reason: reason.trim() };
    return once(JSON.stringify(["return", order, body]), (key) => {
      const params = { path: { id_key: order }, header: { "Idempotency-Key": key } };
      return unwrap(shop.POST("/orders/{id_key}/returns", { params, body }));
    });
  };
  const dialog = { label: "Request a return", icon: <ReturnIcon />, done: "The return is requested" };
  return (
    <UnitsDialog {...dialog} left={left} prepare={() => setReason("")} run={request}>
      <TextField
        autoFocus
        required
        margin="dense"
        label="Reason"
        value={reason}
        onChange={(event) => setReason(event.target.value)}
      />
    </UnitsDialog>
  );
}
