/** Fields and inputs that several resources share. */

import { Chip } from "@mui/material";
import {
  AutocompleteInput,
  NumberInput,
  ReferenceField,
  ReferenceInput,
  required,
  type NumberInputProps,
} from "react-admin";

import { CANCELED, DELIVERED, IN_PROGRESS, statusName } from "../choices";

export const fullName = (client?: { name: string; lastname: string }) => (client ? `${client.name} ${client.lastname}` : "");

export const ClientField = () => <ReferenceField source="client_id" reference="clients" />;
export const ProductField = () => <ReferenceField source="product_id" reference="products" link="show" />;
export const OrderField = () => <ReferenceField source="order_id" reference="orders" link="show" />;
export const CategoryField = () => <ReferenceField source="category_id" reference="categories" />;

interface ChoiceProps {
  source: string;
  reference: string;
  label: string;
  optional?: boolean;
}

/** A choice among objects by the search of their list. */
export function SearchedInput({ source, reference, label, optional }: ChoiceProps) {
  return (
    <ReferenceInput source={source} reference={reference} sort={{ field: "name", order: "ASC" }}>
      <AutocompleteInput label={label} filterToQuery={searchQuery} validate={optional ? undefined : required()} />
    </ReferenceInput>
  );
}

const searchQuery = (text: string) => ({ q: text });

export function MoneyInput(props: NumberInputProps) {
  return <NumberInput min={0} step={0.01} {...props} />;
}

const COLORS: Record<number, "warning" | "info" | "success" | "default"> = {
  [IN_PROGRESS]: "info",
  [DELIVERED]: "success",
  [CANCELED]: "default",
};

export function StatusChip({ status }: { status: number }) {
  return <Chip size="small" variant="outlined" color={COLORS[status] ?? "warning"} label={statusName(status)} />;
}
