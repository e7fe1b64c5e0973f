import { Box } from "@mui/material";
import { useRecordContext, type RaRecord } from "react-admin";

import { useProductNames, type Unit } from "./lines";

/** The units of a shipment or a return. */
export function Units() {
  const { lines = [] } = useRecordContext<RaRecord & { lines?: Unit[] }>() ?? {};
  const nameOf = useProductNames(lines);
  return (
    <Box component="ul" sx={{ listStyle: "none", p: 0, m: 0, minWidth: 160 }}>
      {lines.map(({ order_detail_id, quantity }) => (
        <li key={order_detail_id}>{`${quantity} × ${nameOf(order_detail_id)}`}</li>
      ))}
    </Box>
  );
}
