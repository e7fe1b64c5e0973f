/** Lines of orders, and their units in shipments and returns. */

import type { Schemas } from "ecommerce-client";
import { useGetMany, useGetManyReference, type Identifier, type RaRecord } from "react-admin";

export type Unit = Schemas["OrderLine"];
type Line = Schemas["OrderDetailSchema"] & RaRecord;

export function useOrderLines(order: Identifier): Line[] {
  const { data = [] } = useGetManyReference<Line>("order_details", {
    target: "order_id",
    id: order,
    pagination: { page: 1, perPage: 500 },
    sort: { field: "id", order: "ASC" },
  });
  return data;
}

/** Return what is left of the lines once others have taken their units. */
export function unitsLeft(lines: Line[], others: { lines: Unit[] }[]): Unit[] {
  const left = new Map(lines.map(({ id_key, quantity }) => [id_key, quantity]));
  for (const { order_detail_id, quantity } of others.flatMap((other) => other.lines))
    left.set(order_detail_id, (left.get(order_detail_id) ?? 0) - quantity);
  const units = [...left].map(([order_detail_id, quantity]) => ({ order_detail_id, quantity }));
  return units.filter(({ quantity }) => quantity > 0);
}

/** Return a function that names the product of an order line. */
export function useProductNames(units: Unit[]): (detail: number) => string {
  const ids = units.map(({ order_detail_id }) => order_detail_id);
  const { data: lines = [] } = useGetMany<Line>("order_details", { ids }, { enabled: ids.length > 0 });
  const products = lines.flatMap((line) => line?.product_id ?? []);
  const { data: named = [] } = useGetMany("products", { ids: products }, { enabled: products.length > 0 });
  return (detail) => {
    const line = lines.find((one) => one?.id_key === detail);
    return named.find((product) => product?.id === line?.product_id)?.name ?? "…";
  };
}
