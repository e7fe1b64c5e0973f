import { DataTable, DateField, NumberInput, SelectInput } from "react-admin";

import { labelOf } from "../choices";
import { OrderField } from "../components/fields";
import { ShopList } from "../components/ShopList";
import { MONEY, money } from "../formats";
import { ReturnActions } from "../orders/ReturnActions";
import { Units } from "../orders/Units";

const STATUSES = ["requested", "approved", "received", "refunded", "rejected"];

const filters = [
  <SelectInput key="status" source="status" choices={STATUSES.map((id) => ({ id, name: labelOf(id) }))} alwaysOn />,
  <NumberInput key="order" source="order_id" label="Order" />,
];

export const returnColumns = [
  <DataTable.Col key="id" source="id" />,
  <DataTable.Col key="order" source="order_id" label="Order" disableSort field={OrderField} />,
  <DataTable.Col key="status" source="status" disableSort render={(one) => labelOf(one.status)} />,
  <DataTable.Col key="reason" source="reason" disableSort />,
  <DataTable.Col key="units" source="lines" label="Units" disableSort field={Units} />,
  <DataTable.NumberCol key="amount" source="amount" disableSort options={MONEY} />,
  <DataTable.Col key="time" source="created_at" label="Time" disableSort>
    <DateField source="created_at" showTime />
  </DataTable.Col>,
  <DataTable.Col key="actions" label="Actions" disableSort>
    <ReturnActions />
  </DataTable.Col>,
];

export const ReturnList = () => (
  <ShopList
    filters={filters}
    click={false}
    primary={(one) => `Order ${one.order_id}: ${labelOf(one.status)}`}
    secondary={(one) => `${money(one.amount)}, ${one.reason}`}
  >
    {returnColumns}
  </ShopList>
);
