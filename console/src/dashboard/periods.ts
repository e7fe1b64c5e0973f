/** Periods of the dashboard, in parts of a day or a month, in UTC as the service counts days. */

import type { Line, Order } from "./useSales";

export interface Period {
  name: string;
  unit: "day" | "month";
  parts: number;
}

export const PERIODS: Period[] = [
  { name: "30 days", unit: "day", parts: 30 },
  { name: "12 months", unit: "month", parts: 12 },
];

export interface Part {
  label: string;
  orders: number;
  revenue: number;
}

export interface Seller {
  product_id: number;
  units: number;
  revenue: number;
}

/** Return the first days of the period's parts, oldest first. */
export function starts({ unit, parts }: Period, now = new Date()): string[] {
  const [year, month, day] = [now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate()];
  const start = (back: number) => (unit === "day" ? Date.UTC(year, month, day - back) : Date.UTC(year, month - back, 1));
  return Array.from({ length: parts }, (_, index) => new Date(start(parts - 1 - index)).toISOString().slice(0, 10));
}

export function ordersOf(period: Period, orders: Order[]): Order[] {
  const [first] = starts(period);
  return orders.filter(({ date }) => date >= first);
}

export function partsOf(period: Period, orders: Order[]): Part[] {
  const length = period.unit === "day" ? 10 : 7;
  const parts = new Map(starts(period).map((start) => [start.slice(0, length), { orders: 0, revenue: 0 }]));
  for (const { date, total } of orders) {
    const part = parts.get(date.slice(0, length));
    if (part) {
      part.orders += 1;
      part.revenue += total;
    }
  }
  return [...parts].map(([label, part]) => ({ label, ...part }));
}

/** Return the products of these orders with the highest revenue. */
export function bestSellers(orders: Order[], lines: Line[], count = 5): Seller[] {
  const counted = new Set(orders.map(({ id_key }) => id_key));
  const sellers = new Map<number, Seller>();
  for (const { order_id, product_id, quantity, price } of lines) {
    if (!counted.has(order_id)) continue;
    const seller = sellers.get(product_id) ?? { product_id, units: 0, revenue: 0 };
    seller.units += quantity;
    seller.revenue += quantity * price;
    sellers.set(product_id, seller);
  }
  return [...sellers.values()].sort((a, b) => b.revenue - a.revenue).slice(0, count);
}
