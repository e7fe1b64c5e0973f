import { useGetMany } from "react-admin";

import { money, number } from "../formats";
import { Panel } from "./Panel";
import type { Seller } from "./periods";
import { RecordTable } from "./RecordTable";

export function TopProducts({ sellers, period }: { sellers: Seller[]; period: string }) {
  const ids = sellers.map(({ product_id }) => product_id);
  const { data: products = [] } = useGetMany("products", { ids }, { enabled: ids.length > 0 });
  const nameOf = (id: number) => products.find((product) => product?.id === id)?.name ?? `Product ${id}`;
  const rows = sellers.map(({ product_id, units, revenue }) => ({
    id: product_id,
    path: `/products/${product_id}/show`,
    cells: [nameOf(product_id), number(units), money(revenue)],
  }));
  return (
    <Panel title={`Top products of ${period}`}>
      <RecordTable columns={["Product", "Units", "Revenue"]} rows={rows} />
    </Panel>
  );
}
