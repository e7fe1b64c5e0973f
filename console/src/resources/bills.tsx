import { DataTable, DateField, DateInput, SelectField, SelectInput, TextInput, required } from "react-admin";

import { PAYMENT_TYPES } from "../choices";
import { MoneyInput } from "../components/fields";
import { ShopEdit } from "../components/ShopEdit";
import { ShopList } from "../components/ShopList";
import { MONEY, money } from "../formats";

const PaymentType = () => <SelectField source="payment_type" choices={PAYMENT_TYPES} />;

const filters = [
  <SelectInput key="type" source="payment_type" choices={PAYMENT_TYPES} />,
  <DateInput key="from" source="date_from" label="From" />,
  <DateInput key="to" source="date_to" label="To" />,
];

export const BillList = () => (
  <ShopList filters={filters} exports primary={(bill) => bill.bill_number} secondary={(bill) => money(bill.total)}>
    <DataTable.Col source="id" />
    <DataTable.Col source="bill_number" label="Number" disableSort />
    <DataTable.Col source="date" field={DateField} />
    <DataTable.Col source="payment_type" disableSort field={PaymentType} />
    <DataTable.NumberCol source="discount" disableSort options={MONEY} />
    <DataTable.NumberCol source="total" disableSort options={MONEY} />
  </ShopList>
);

/** The total of a checkout's bill follows its lines and its discount, so it is no input. */
export const BillEdit = () => (
  <ShopEdit>
    <TextInput source="bill_number" label="Number" validate={required()} />
    <DateInput source="date" validate={required()} />
    <SelectInput source="payment_type" choices={PAYMENT_TYPES} validate={required()} />
    <MoneyInput source="discount" validate={required()} helperText="While the order is open" />
    <MoneyInput source="total" readOnly />
  </ShopEdit>
);
