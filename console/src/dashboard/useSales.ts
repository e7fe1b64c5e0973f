/** The newest orders and their lines, kept up to date. */

import { useQuery } from "@tanstack/react-query";
import type { Schemas } from "ecommerce-client";
import { useState } from "react";

import { CANCELED } from "../choices";
import { Follower } from "./follow";

const INTERVAL_MS = 10_000;

export type Order = Schemas["OrderSchema"];
export type Line = Schemas["OrderDetailSchema"];

export interface Sales {
  /** Orders that are not canceled. */
  orders: Order[];
  lines: Line[];
  isComplete: boolean;
}

/** `from` is the first day, as `2026-11-28`. */
export function useSales(from: string): Sales | undefined {
  const [orders] = useState(() => new Follower<Order>("/orders", { date_from: from }));
  const [lines] = useState(() => new Follower<Line>("/order_details", {}));
  const { data } = useQuery({
    queryKey: ["sales"],
    queryFn: async () => {
      const valid = (await orders.read()).filter(({ status }) => status !== CANCELED);
      return { orders: valid, lines: await lines.read(), isComplete: orders.isComplete };
    },
    refetchInterval: INTERVAL_MS,
    gcTime: 0,
  });
  return data;
}
