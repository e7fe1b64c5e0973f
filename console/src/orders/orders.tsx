import { DataTable, DateField, DateInput, NumberInput, SelectField, SelectInput } from "react-admin";

import { DELIVERY_METHODS, ORDER_STATUSES, statusName } from "../choices";
import { ClientField, SearchedInput, StatusChip } from "../components/fields";
import { ShopList } from "../components/ShopList";
import { MONEY, money, time } from "../formats";

const Delivery = () => <SelectField source="delivery_method" choices={DELIVERY_METHODS} />;

const filters = [
  <SelectInput key="status" source="status" choices={ORDER_STATUSES} alwaysOn />,
  <SearchedInput key="client" source="client_id" reference="clients" label="Client" optional />,
  <SelectInput key="delivery" source="delivery_method" choices={DELIVERY_METHODS} />,
  <DateInput key="from" source="date_from" label="From" />,
  <DateInput key="to" source="date_to" label="To" />,
  <NumberInput key="bill" source="bill_id" label="Bill" />,
];

export const OrderList = () => (
  <ShopList
    filters={filters}
    exports
    click="show"
    primary={(order) => `#${order.id}: ${money(order.total)}`}
    secondary={(order) => `${statusName(order.status)}, ${time(order.date)}`}
  >
    <DataTable.Col source="id" />
    <DataTable.Col source="date">
      <DateField source="date" showTime />
    </DataTable.Col>
    <DataTable.Col source="client_id" label="Client" disableSort field={ClientField} />
    <DataTable.Col source="status" disableSort render={(order) => <StatusChip status={order.status} />} />
    <DataTable.Col source="delivery_method" label="Delivery" disableSort field={Delivery} />
    <DataTable.NumberCol source="total" disableSort options={MONEY} />
  </ShopList>
);
