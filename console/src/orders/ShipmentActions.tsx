import { MenuItem, TextField } from "@mui/material";
import { unwrap, type Schemas } from "ecommerce-client";
import { useState } from "react";
import { usePermissions, useRecordContext, type RaRecord } from "react-admin";

import { once } from "../api/idempotency";
import { shop } from "../api/shop";
import { labelOf } from "../choices";
import { FormDialog } from "../components/FormDialog";

type Shipment = Schemas["ShipmentSchema"] & RaRecord;
type Event = Schemas["ShipmentEventCreate"]["status"];

const EVENTS: Event[] = ["picked_up", "in_transit", "out_for_delivery", "delivered", "failed", "returned"];
const LAST: string[] = ["delivered", "failed", "returned"];

/** Report what has happened to a shipment, until it has had its last event. */
export function ShipmentActions() {
  const shipment = useRecordContext<Shipment>();
  const { permissions } = usePermissions();
  const [event, setEvent] = useState<Event>("picked_up");
  const [location, setLocation] = useState("");
  if (!shipment || permissions === "client" || LAST.includes(shipment.status)) return null;
  const prepare = () => {
    setEvent(shipment.status === "created" ? "picked_up" : "delivered");
    setLocation("");
  };
  const report = () => {
    const body = { status: event, location: location.trim() || null };
    return once(JSON.stringify(["report", shipment.id_key, body]), (key) => {
      const params = { path: { id_key: shipment.id_key }, header: { "Idempotency-Key": key } };
      return unwrap(shop.POST("/shipments/{id_key}/events", { params, body }));
    });
  };
  return (
    <FormDialog label="Report" prepare={prepare} run={report} done="The event is recorded">
      <TextField select margin="dense" label="Event" value={event} onChange={(e) => setEvent(e.target.value as Event)}>
        {EVENTS.map((one) => (
          <MenuItem key={one} value={one}>
            {labelOf(one)}
          </MenuItem>
        ))}
      </TextField>
      <TextField margin="dense" label="Place" value={location} onChange={(e) => setLocation(e.target.value)} />
    </FormDialog>
  );
}
