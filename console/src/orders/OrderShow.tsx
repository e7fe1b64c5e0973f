import {
  DateField,
  FunctionField,
  NumberField,
  ReferenceField,
  SelectField,
  Show,
  SimpleShowLayout,
  usePermissions,
} from "react-admin";

import { DELIVERY_METHODS } from "../choices";
import { ClientField, StatusChip } from "../components/fields";
import { MONEY } from "../formats";
import { OrderActions } from "./OrderActions";
import { OrderHistory } from "./OrderHistory";
import { OrderLines } from "./OrderLines";
import { OrderPayments } from "./OrderPayments";
import { OrderReturns } from "./OrderReturns";
import { OrderShipments } from "./OrderShipments";

/** Parts of the page below the order's fields. */
const SECTIONS = [OrderLines, OrderPayments, OrderShipments, OrderReturns, OrderHistory];

const IN_LINES = { "& .RaSimpleShowLayout-stack": { flexWrap: "wrap", rowGap: 1 } };

export function OrderShow() {
  const { permissions } = usePermissions();
  const isAdmin = permissions !== "client";
  return (
    <Show actions={<OrderActions isAdmin={isAdmin} />}>
      <SimpleShowLayout direction="row" spacing={3} sx={IN_LINES} useFlexGap>
        <FunctionField label="Status" render={(order) => <StatusChip status={order.status} />} />
        <DateField source="date" showTime />
        <FunctionField label="Client" render={() => <ClientField />} />
        <ReferenceField source="bill_id" reference="bills" label="Bill" />
        <SelectField source="delivery_method" label="Delivery" choices={DELIVERY_METHODS} />
        <NumberField source="total" options={MONEY} />
      </SimpleShowLayout>
      {SECTIONS.map((Part) => (
        <Part key={Part.name} isAdmin={isAdmin} />
      ))}
    </Show>
  );
}
