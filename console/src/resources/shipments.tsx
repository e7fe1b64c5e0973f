import { DataTable, DateField, NumberInput, SelectInput } from "react-admin";

import { labelOf } from "../choices";
import { OrderField } from "../components/fields";
import { ShopList } from "../components/ShopList";
import { ShipmentActions } from "../orders/ShipmentActions";
import { Units } from "../orders/Units";

const STATUSES = ["created", "picked_up", "in_transit", "out_for_delivery", "delivered", "failed", "returned"];

const filters = [
  <SelectInput key="status" source="status" choices={STATUSES.map((id) => ({ id, name: labelOf(id) }))} alwaysOn />,
  <NumberInput key="order" source="order_id" label="Order" />,
];

export const shipmentColumns = [
  <DataTable.Col key="id" source="id" />,
  <DataTable.Col key="order" source="order_id" label="Order" disableSort field={OrderField} />,
  <DataTable.Col key="status" source="status" disableSort render={(shipment) => labelOf(shipment.status)} />,
  <DataTable.Col key="carrier" source="carrier" disableSort />,
  <DataTable.Col key="number" source="tracking_number" disableSort />,
  <DataTable.Col key="units" source="lines" label="Units" disableSort field={Units} />,
  <DataTable.Col key="time" source="created_at" label="Time" disableSort>
    <DateField source="created_at" showTime />
  </DataTable.Col>,
  <DataTable.Col key="actions" label="Actions" disableSort>
    <ShipmentActions />
  </DataTable.Col>,
];

export const ShipmentList = () => (
  <ShopList
    filters={filters}
    click={false}
    primary={(shipment) => `Order ${shipment.order_id}: ${labelOf(shipment.status)}`}
    secondary={(shipment) => [shipment.carrier, shipment.tracking_number].filter(Boolean).join(" ")}
  >
    {shipmentColumns}
  </ShopList>
);
