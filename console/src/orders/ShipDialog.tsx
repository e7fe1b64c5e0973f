import ShipIcon from "@mui/icons-material/LocalShipping";
import { TextField } from "@mui/material";
import { unwrap } from "ecommerce-client";
import { useState } from "react";

import { once } from "../api/idempotency";
import { shop } from "../api/shop";
import type { Unit } from "./lines";
import { UnitsDialog } from "./UnitsDialog";

/** Ship units of the order that have not shipped yet. */
export function ShipDialog({ order, left }: { order: number; left: Unit[] }) {
  const [carrier, setCarrier] = useState("");
  const [number, setNumber] = useState("");
  const ship = (lines: Unit[]) => {
    const body = { carrier: carrier.trim() || null, tracking_number: number.trim() || null, lines };
    return once(JSON.stringify(["ship", order, body]), (key) => {
      const params = { path: { id_key: order }, header: { "Idempotency-Key": key } };
      return unwrap(shop.POST("/orders/{id_key}/shipments", { params, body }));
    });
  };
  const clear = () => {
    setCarrier("");
    setNumber("");
  };
  return (
    <UnitsDialog label="Ship" icon={<ShipIcon />} left={left} prepare={clear} run={ship} done="The shipment is created">
      <TextField autoFocus margin="dense" label="Carrier" value={carrier} onChange={(e) => setCarrier(e.target.value)} />
      <TextField margin="dense" label="Tracking number" value={number} onChange={(e) => setNumber(e.target.value)} />
    </UnitsDialog>
  );
}
