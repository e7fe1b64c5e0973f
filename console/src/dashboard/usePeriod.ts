/** The sales of a period that the visitor chooses. */

import { useState } from "react";

import { PERIODS, ordersOf, starts, type Period } from "./periods";
import { useSales, type Line, type Order } from "./useSales";

const LONGEST = PERIODS[PERIODS.length - 1];
const [FIRST_DAY] = starts(LONGEST);

export interface PeriodOfSales {
  period: Period;
  choose: (period: Period) => void;
  orders: Order[];
  lines: Line[];
  isComplete: boolean;
}

export function usePeriod(): PeriodOfSales {
  const [chosen, choose] = useState<Period>();
  const { orders, lines, isComplete } = useSales(FIRST_DAY) ?? { orders: [], lines: [], isComplete: true };
  const isOld = orders.length > 0 && ordersOf(PERIODS[0], orders).length === 0;
  const period = chosen ?? (isOld ? LONGEST : PERIODS[0]); // a shop without new orders shows its older ones
  return { period, choose, orders: ordersOf(period, orders), lines, isComplete };
}
