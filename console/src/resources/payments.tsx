import { DataTable, DateField, NumberInput, SelectInput, TextField } from "react-admin";

import { labelOf } from "../choices";
import { OrderField } from "../components/fields";
import { ShopList } from "../components/ShopList";
import { MONEY, money } from "../formats";
import { PaymentActions } from "../orders/PaymentActions";

const STATUSES = ["pending", "authorized", "captured", "partially_refunded", "refunded", "failed", "canceled"];
const choices = STATUSES.map((id) => ({ id, name: labelOf(id) }));

const filters = [
  <SelectInput key="status" source="status" choices={choices} alwaysOn />,
  <NumberInput key="order" source="order_id" label="Order" />,
];

export const PaymentList = () => (
  <ShopList
    filters={filters}
    click={false}
    primary={(payment) => money(payment.amount)}
    secondary={(payment) => `Order ${payment.order_id}: ${labelOf(payment.status)}`}
  >
    {paymentColumns}
  </ShopList>
);

export const paymentColumns = [
  <DataTable.Col key="id" source="id" />,
  <DataTable.Col key="order" source="order_id" label="Order" disableSort field={OrderField} />,
  <DataTable.Col key="status" source="status" disableSort render={(payment) => labelOf(payment.status)} />,
  <DataTable.NumberCol key="amount" source="amount" disableSort options={MONEY} />,
  <DataTable.NumberCol key="refunded" source="refunded" disableSort options={MONEY} />,
  <DataTable.Col key="provider" source="provider" disableSort field={TextField} />,
  <DataTable.Col key="time" source="created_at" label="Time" disableSort>
    <DateField source="created_at" showTime />
  </DataTable.Col>,
  <DataTable.Col key="actions" label="Actions" disableSort>
    <PaymentActions />
  </DataTable.Col>,
];
