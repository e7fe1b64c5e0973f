import { useQuery } from "@tanstack/react-query";
import { unwrap } from "ecommerce-client";

import { shop } from "../api/shop";
import { number } from "../formats";
import { Panel } from "./Panel";
import { RecordTable } from "./RecordTable";

const INTERVAL_MS = 20_000;
const SHOWN = 8;

export function LowStock() {
  const { data = [] } = useQuery({
    queryKey: ["products", "low_stock"],
    queryFn: async () => {
      const params = { query: { limit: SHOWN } };
      return (await unwrap(shop.GET("/products/low_stock", { params }))).data;
    },
    refetchInterval: INTERVAL_MS,
  });
  return (
    <Panel title="Low stock">
      <RecordTable
        columns={["Product", "Stock"]}
        rows={data.map(({ id_key, name, stock }) => ({
          id: id_key,
          path: `/products/${id_key}/show`,
          cells: [name, number(stock)],
        }))}
      />
    </Panel>
  );
}
